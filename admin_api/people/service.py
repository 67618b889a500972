"""Use cases of people: who may sign in, with which roles; one's own password and second factor.

Nobody changes their own roles, state or second factor, whatever their roles are; the last administrator of the whole
network stays. Whatever takes something away from somebody ends their sessions. Passwords given to people are shown
once and must be changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import passwords, repository, sessions, totp
from altyn.admin_api.people.errors import (
    CodeWrong,
    EmailTaken,
    LastAdministrator,
    NotForOneself,
    PasswordWrong,
    PersonExists,
    PersonUnknown,
    RolesConflict,
    SecondFactorSet,
    SecondFactorUnset,
    SessionUnknown,
)
from altyn.admin_api.people.roles import conflict_in


async def add_person(call: Call, *, person_id: str, name: str, grants: Sequence[Grant], email: str = "") -> str:
    """Let somebody in; the password to give them. Raises PersonExists, EmailTaken, RolesConflict."""
    check_grants(grants)
    await _require_free(call, email)
    password = passwords.new_password()
    password_hash = await passwords.hash_password(password)
    if not await repository.insert_person(
        call.connection, call.tenant, person_id, name, email, password_hash, call.actor, call.now
    ):
        raise PersonExists(f"{person_id} is somebody already", path="person_id")
    await repository.put_grants(call.connection, call.tenant, person_id, grants, call.actor, call.now)
    call.record("people.add", "person", person_id, after={"grants": told(grants)})
    call.answer_is_secret = True
    return password


async def change_email(call: Call, *, person_id: str, email: str) -> None:
    """Make this the address an identity provider finds them by; what it knew of them is forgotten, their sessions end.
    Raises NotForOneself, PersonUnknown, EmailTaken.
    """
    row = await _other_person(call, person_id)
    if row["email"] == email:
        return
    await _require_free(call, email)
    await repository.change_person(
        call.connection, call.tenant, person_id, email=email, oidc_issuer="", oidc_subject=""
    )
    ended = await repository.end_sessions(call.connection, call.tenant, person_id, call.now)
    told_before, told_after = ({"has_email": bool(one)} for one in (row["email"], email))  # the address is personal
    call.record("people.email", "person", person_id, before=told_before, after=told_after | {"sessions_ended": ended})


async def change_grants(call: Call, *, person_id: str, grants: Sequence[Grant]) -> None:
    """Make these the roles. Raises NotForOneself, PersonUnknown, RolesConflict, LastAdministrator."""
    await _other_person(call, person_id)
    check_grants(grants)
    before = (await repository.grants_of(call.connection, call.tenant, [person_id]))[person_id]
    if set(before) == set(grants):
        return
    await repository.put_grants(call.connection, call.tenant, person_id, grants, call.actor, call.now)
    await _require_administrator(call)
    call.record("people.grant", "person", person_id, before={"grants": told(before)}, after={"grants": told(grants)})


async def change_state(call: Call, *, person_id: str, state: str) -> None:
    """Block somebody, or let them in again. Raises NotForOneself, PersonUnknown, LastAdministrator."""
    row = await _other_person(call, person_id)
    if row["state"] == state:
        return
    await repository.change_person(call.connection, call.tenant, person_id, state=state)
    if state == "BLOCKED":
        await _require_administrator(call)
        await repository.end_sessions(call.connection, call.tenant, person_id, call.now)
    call.record("people.state", "person", person_id, before={"state": row["state"]}, after={"state": state})


async def reset_password(call: Call, *, person_id: str) -> str:
    """A new password to give them; their sessions end. Raises NotForOneself, PersonUnknown."""
    await _other_person(call, person_id)
    password = passwords.new_password()
    await repository.change_person(
        call.connection,
        call.tenant,
        person_id,
        password_hash=await passwords.hash_password(password),
        password_is_given=True,
    )
    ended = await repository.end_sessions(call.connection, call.tenant, person_id, call.now)
    call.record("people.reset_password", "person", person_id, after={"sessions_ended": ended})
    call.answer_is_secret = True
    return password


async def reset_second_factor(call: Call, *, person_id: str) -> None:
    """Forget the second factor of somebody who lost it; their sessions end. Raises NotForOneself, PersonUnknown."""
    row = await _other_person(call, person_id)
    await repository.change_person(
        call.connection, call.tenant, person_id, factor_salt=None, factor_is_set=False, factor_step=0
    )
    await repository.put_recovery_codes(call.connection, call.tenant, person_id, (), call.now)
    ended = await repository.end_sessions(call.connection, call.tenant, person_id, call.now)
    told_before = {"has_second_factor": row["factor_is_set"]}
    call.record("people.reset_second_factor", "person", person_id, before=told_before, after={"sessions_ended": ended})


async def end_sessions(call: Call, *, person_id: str) -> None:
    """Sign somebody out everywhere. Raises PersonUnknown."""
    await _person(call, person_id)
    ended = await repository.end_sessions(call.connection, call.tenant, person_id, call.now)
    call.record("people.end_sessions", "person", person_id, after={"sessions_ended": ended})


async def end_session(call: Call, *, session_id: str) -> None:
    """End one session of somebody. Raises SessionUnknown."""
    person_id = await repository.person_of_session(call.connection, call.tenant, session_id[:64])
    if person_id is None:
        raise SessionUnknown("there is no such session", path="session_id")
    await repository.end_sessions(call.connection, call.tenant, person_id, call.now, session_id=session_id)
    call.record("sessions.end", "session", session_id, after={"person_id": person_id})


async def sign_out(call: Call, *, everywhere: bool) -> None:
    """End one's own session, or all of them. Raises PersonNeeded."""
    person = call.signed_in()
    only = None if everywhere else person.session_id
    ended = await repository.end_sessions(call.connection, call.tenant, person.person_id, call.now, session_id=only)
    call.record("sessions.end", "session", person.session_id, after={"sessions_ended": ended})


async def change_own_password(call: Call, office: Office, *, present: str, new: str) -> None:
    """Other sessions end. Raises PersonNeeded, PasswordWrong, PasswordWeak."""
    person = call.signed_in()
    row = await _person(call, person.person_id)
    passwords.check_strength(new, person.person_id)
    await _prove(call, office, row, present)
    if new == present:
        raise passwords.PasswordWeak("take another password than the present one", path="new")
    await repository.change_person(
        call.connection,
        call.tenant,
        person.person_id,
        password_hash=await passwords.hash_password(new),
        password_is_given=False,
    )
    ended = await repository.end_sessions(
        call.connection, call.tenant, person.person_id, call.now, but=person.session_id
    )
    call.record("people.change_password", "person", person.person_id, after={"sessions_ended": ended})


async def begin_second_factor(call: Call, office: Office, *, password: str) -> bytes:
    """The secret of a new second factor, to be confirmed. Raises PersonNeeded, SecondFactorSet, PasswordWrong."""
    person = call.signed_in()
    row = await _person(call, person.person_id)
    if row["factor_is_set"]:
        raise SecondFactorSet("there is a second factor; an administrator resets it")
    await _prove(call, office, row, password)
    salt = secrets.token_bytes(totp.SALT_BYTES)
    await repository.change_person(call.connection, call.tenant, person.person_id, factor_salt=salt)
    call.record("people.begin_second_factor", "person", person.person_id)
    call.answer_is_secret = True
    return totp.secret_of(office.pepper, call.tenant, person.person_id, salt)


async def confirm_second_factor(call: Call, pepper: bytes, *, code: str) -> None:
    """From now on a sign-in needs a code. Raises PersonNeeded, SecondFactorSet, CodeWrong."""
    person = call.signed_in()
    row = await _person(call, person.person_id)
    if row["factor_is_set"]:
        raise SecondFactorSet("it is confirmed already")
    if row["factor_salt"] is None:
        raise CodeWrong("begin with POST /v1/me/second-factor", path="code")
    secret = totp.secret_of(pepper, call.tenant, person.person_id, row["factor_salt"])
    step = totp.step_of(secret, code, call.now, row["factor_step"])
    if step is None:
        raise CodeWrong("this is not the code of now; look at the clock of your telephone", path="code")
    await repository.change_person(call.connection, call.tenant, person.person_id, factor_is_set=True, factor_step=step)
    call.record("people.set_second_factor", "person", person.person_id)


async def make_recovery_codes(call: Call, office: Office, *, password: str) -> list[str]:
    """New codes that open once each in place of the second factor's; older ones open nothing any more. Raises
    PersonNeeded, SecondFactorUnset, PasswordWrong.
    """
    person = call.signed_in()
    row = await _person(call, person.person_id)
    if not row["factor_is_set"]:
        raise SecondFactorUnset("set up a second factor first: POST /v1/me/second-factor")
    await _prove(call, office, row, password)
    codes = totp.new_recovery_codes()
    hashes = [totp.hash_recovery_code(office.pepper, call.tenant, person.person_id, one) for one in codes]
    await repository.put_recovery_codes(call.connection, call.tenant, person.person_id, hashes, call.now)
    call.record("people.make_recovery_codes", "person", person.person_id)
    call.answer_is_secret = True
    return codes


def check_grants(grants: Iterable[Grant]) -> None:
    """Raises RolesConflict."""
    conflict = conflict_in(one.role for one in grants)
    if conflict:
        raise RolesConflict(f"nobody is {' and '.join(conflict)} at once", path="grants")


def told(grants: Iterable[Grant]) -> list[dict[str, str]]:
    """Roles as the audit log tells them."""
    return [asdict(one) for one in sorted(set(grants), key=astuple)]


async def _person(call: Call, person_id: str) -> asyncpg.Record:
    row = await repository.find_person(call.connection, call.tenant, person_id, to_change=True)
    if row is None:
        raise PersonUnknown(f"nobody has the login {person_id}", path="person_id")
    return row


async def _require_free(call: Call, email: str) -> None:
    if email and await repository.has_email(call.connection, call.tenant, email):
        raise EmailTaken("somebody has this address already", path="email")


async def _other_person(call: Call, person_id: str) -> asyncpg.Record:
    if call.person and call.person.person_id == person_id:
        raise NotForOneself("somebody else must do this", path="person_id")
    return await _person(call, person_id)


async def _require_administrator(call: Call) -> None:
    """Whoever came in by a person's session leaves one behind; a key may take the last one away."""
    if call.person and not await repository.administrators(call.connection, call.tenant):
        raise LastAdministrator("nobody could grant roles any more", path="person_id")


async def _prove(call: Call, office: Office, row: asyncpg.Record, password: str) -> None:
    """A session that was stolen is no place to guess the password either. Raises PasswordWrong, SignInDelayed."""
    await sessions.begin_attempt(office, row["person_id"], call.now)
    if not await passwords.is_right(row["password_hash"], password):
        raise PasswordWrong("the present password is not this", path="password")
    await sessions.end_attempts(call.connection, call.tenant, row["person_id"])


def person_out(row: asyncpg.Record, grants: Iterable[Grant]) -> dict[str, Any]:
    """What is told of somebody."""
    return {
        **{
            name: row[name]
            for name in ("person_id", "name", "email", "state", "password_is_given", "created_at", "created_by")
        },
        "seen_at": row.get("seen_at"),
        "has_provider": row["oidc_subject"] != "",
        "has_second_factor": row["factor_is_set"],
        "grants": [asdict(one) for one in grants],
    }
