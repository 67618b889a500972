"""Signing in and out: a login, a password and, when it is set up, a code, for a token that ends by itself.

A token is 256 random bits behind ``s_``; its SHA-256 is kept. A session ends half an hour after it was last used, at
the latest 12 h after it began, and at once when the person is blocked or signed out. Attempts are counted before
anything is looked at, so guesses sent together gain nothing; from the fifth failure on each one delays the next, up to
a minute: guessing is hopeless and nobody is locked out by a stranger. It must never tell whether a login exists.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import asyncpg

from altyn.admin_api.edge.audit import Deed, append_deeds
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant, Owes, Person, Rights
from altyn.admin_api.people import passwords, repository, totp
from altyn.admin_api.people.errors import SignInDelayed, SignInRefused
from altyn.admin_api.people.roles import needs_second_factor, rights_of

TOKEN_PREFIX = "s_"
TOKEN_BYTES = 32
IDLE = timedelta(minutes=30)
LIFE = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=90)
LOGIN_CHARS_MAX = 100
REFUSED = "login, password or code is not right"

FREE_FAILURES = 5
DELAY = timedelta(seconds=1)
DELAY_MAX = timedelta(minutes=1)
FAILURES_FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``token`` is shown this once; the session ends at ``expires_at`` at the latest."""

    token: str = field(repr=False)
    person: Person
    expires_at: datetime


async def sign_in(office: Office, *, login: str, password: str, code: str = "", request_id: str = "") -> SignedIn:
    """Begin a session. ``code`` is needed once a second factor is set up: its own, or a recovery code. Raises
    SignInRefused, SignInDelayed, Busy.
    """
    person_id, now = login.strip().lower()[:LOGIN_CHARS_MAX], office.clock()
    await begin_attempt(office, person_id, now)
    async with office.connected() as connection:
        row = await repository.find_person(connection, office.tenant, person_id) if "\0" not in person_id else None
    known_hash = row["password_hash"] if row and row["state"] == "ACTIVE" else None
    if not await passwords.is_right(known_hash, password[: passwords.CHARS_MAX + 1]):
        raise SignInRefused(REFUSED)
    async with office.connected() as connection, connection.transaction():
        row = await repository.find_person(connection, office.tenant, person_id, to_change=True)
        if row is None or row["state"] != "ACTIVE" or row["password_hash"] != known_hash:
            raise SignInRefused(REFUSED)  # changed while the password was looked at
        deeds: list[Deed] = []
        if row["factor_is_set"] and not await _take_code(connection, office, row, code, now):
            if not await _take_recovery_code(connection, office, person_id, code, now):
                raise SignInRefused(REFUSED)
            deeds.append(Deed("people.use_recovery_code", "person", person_id))
        await end_attempts(connection, office.tenant, person_id)
        await repository.forget_sessions(connection, office.tenant, now - KEPT)
        request_id = request_id or "sign-in"
        await append_deeds(
            connection, office.tenant, deeds, actor=f"person:{person_id}", request_id=request_id, now=now
        )
        return await begin_session(connection, office.tenant, row, now=now, request_id=request_id)


async def begin_session(
    connection: asyncpg.Connection[Any],
    tenant: str,
    row: asyncpg.Record,
    *,
    now: datetime,
    request_id: str,
    by_provider: bool = False,
    has_second_factor: bool = False,
) -> SignedIn:
    """A session for somebody who has proved who they are; audited. To be called last in a transaction.
    ``has_second_factor``: the provider has asked for one.
    """
    token, session_id = TOKEN_PREFIX + secrets.token_hex(TOKEN_BYTES), secrets.token_hex(8)
    grants = (await repository.grants_of(connection, tenant, [row["person_id"]]))[row["person_id"]]
    expires_at = now + LIFE
    await repository.insert_session(
        connection,
        tenant,
        session_id,
        hash_token(token),
        row["person_id"],
        now,
        expires_at,
        by_provider,
        has_second_factor,
    )
    proofs = {"by_provider": by_provider, "has_second_factor": has_second_factor}
    person = _person(dict(row) | proofs, grants, session_id)
    deed = Deed("sessions.start", "session", session_id, after={"by_provider": True} if by_provider else None)
    await append_deeds(connection, tenant, [deed], actor=person.actor, request_id=request_id, now=now)
    return SignedIn(token, person, expires_at)


async def who(office: Office, token: str) -> Person | None:
    """Whose live session this is; being asked keeps it alive."""
    async with office.connected() as connection:
        return await person_of(connection, office.tenant, token, office.clock())


async def person_of(connection: asyncpg.Connection[Any], tenant: str, token: str, now: datetime) -> Person | None:
    """``who`` on a connection that is not in a transaction."""
    if not token.startswith(TOKEN_PREFIX) or not token.isascii():
        return None
    row = await repository.find_session(connection, tenant, hash_token(token), now, IDLE)
    if row is None:
        return None
    if now - row["seen_at"] > SEEN_EVERY:
        await repository.see_session(connection, tenant, row["session_id"], now)
    return _person(dict(row), tuple(Grant(*one) for one in row["grants"]), row["session_id"])


async def sign_out(office: Office, token: str, *, request_id: str = "") -> None:
    """End the session, if it is one."""
    now = office.clock()
    async with office.connected() as connection:
        person = await person_of(connection, office.tenant, token, now)
        if person is None:
            return
        async with connection.transaction():
            await repository.end_sessions(
                connection, office.tenant, person.person_id, now, session_id=person.session_id
            )
            deed = Deed("sessions.end", "session", person.session_id)
            await append_deeds(
                connection, office.tenant, [deed], actor=person.actor, request_id=request_id or "sign-out", now=now
            )


def hash_token(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def owes(row: Mapping[str, Any], rights: Rights) -> Owes:
    """What somebody has to do first. Whom a provider has let in has proved to it what they owe."""
    if row["password_is_given"] and not row["by_provider"]:
        return Owes.PASSWORD
    is_proved = row["has_second_factor"] if row["by_provider"] else row["factor_is_set"]
    return Owes.SECOND_FACTOR if needs_second_factor(rights) and not is_proved else Owes.NOTHING


def _person(row: Mapping[str, Any], grants: tuple[Grant, ...], session_id: str) -> Person:
    rights = rights_of(grants)
    return Person(row["person_id"], row["name"], grants, rights, session_id, owes(row, rights))


async def begin_attempt(office: Office, login: str, now: datetime) -> None:
    """Count a failure before a secret is looked at, on a connection of its own. Raises SignInDelayed."""
    login_hash = hash_login(login)
    async with office.connected() as connection:
        count = await repository.begin_attempt(
            connection,
            office.tenant,
            login_hash,
            now,
            forgotten_after=FAILURES_FORGOTTEN_AFTER,
            free_count=FREE_FAILURES,
            delay=DELAY,
            delay_max=DELAY_MAX,
        )
        if count is not None:
            return
        until = await repository.closed_until(connection, office.tenant, login_hash) or now
    wait_s = max(1, ceil((until - now).total_seconds()))
    raise SignInDelayed(f"too many attempts failed; try again in {wait_s} s", retry_after_s=wait_s)


async def end_attempts(connection: asyncpg.Connection[Any], tenant: str, login: str) -> None:
    """The secret was right: failures are forgotten."""
    await repository.forget_attempts(connection, tenant, hash_login(login))


def hash_login(login: str) -> bytes:
    return hashlib.sha256(login.encode(errors="replace")).digest()


async def _take_code(
    connection: asyncpg.Connection[Any], office: Office, row: asyncpg.Record, code: str, now: datetime
) -> bool:
    secret = totp.secret_of(office.pepper, office.tenant, row["person_id"], row["factor_salt"])
    step = totp.step_of(secret, code.strip(), now, row["factor_step"])
    return step is not None and await repository.take_step(connection, office.tenant, row["person_id"], step)


async def _take_recovery_code(
    connection: asyncpg.Connection[Any], office: Office, person_id: str, code: str, now: datetime
) -> bool:
    code_hash = totp.hash_recovery_code(office.pepper, office.tenant, person_id, code)
    return await repository.take_recovery_code(connection, office.tenant, person_id, code_hash, now)
