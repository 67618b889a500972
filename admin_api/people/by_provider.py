"""Signing in by an identity provider: authorization code with PKCE, begun and finished by the same browser.

Nothing is kept between the two but a secret in the browser's cookie: state, nonce and verifier are made of it, and the
state is signed with the time. A state is taken once, before anything is asked of the provider. People are found by the
name the provider has for them, the first time by an e-mail address it has verified; nobody is made here. It must never
let in somebody who is blocked, nor without a second factor where one is owed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.edge.audit import Deed, append_deeds
from altyn.admin_api.edge.office import Office
from altyn.admin_api.people import repository
from altyn.admin_api.people.errors import LastAdministrator
from altyn.admin_api.people.groups import Table, grants_after
from altyn.admin_api.people.provider import Identity, Provider
from altyn.admin_api.people.provider_errors import (
    OidcDenied,
    OidcEmailUnverified,
    OidcGroupsMissing,
    OidcIssuerWrong,
    OidcOff,
    OidcPersonUnknown,
    OidcSecondFactorMissing,
    OidcStateUnknown,
    OidcStateUsed,
    PersonBlocked,
)
from altyn.admin_api.people.roles import needs_second_factor, rights_of
from altyn.admin_api.people.service import check_grants, told
from altyn.admin_api.people.sessions import KEPT, SignedIn, begin_session

ACTOR = "oidc"
SECRET_BYTES = 32
STATE_LIFE = timedelta(minutes=10)
PART_CHARS_MAX = 4_096
_WORD = re.compile(r"[a-z_]{1,40}")


async def begin(office: Office) -> tuple[str, str]:
    """(where to send the browser, the secret it keeps). Raises OidcOff, OidcAway, OidcIssuerWrong, Busy."""
    provider = provider_of(office)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    state = _state(office, secret, int(office.clock().timestamp()))
    verifier = _made(secret, "verifier", state)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return await provider.address(state=state, nonce=_made(secret, "nonce", state), challenge=challenge), secret


async def finish(office: Office, secret: str, given: Mapping[str, str], *, request_id: str) -> SignedIn:
    """A session for whom the provider vouches for. ``given``: what it sent the browser back with. Raises the refusals
    of ``provider_errors``, RolesConflict, LastAdministrator, Busy.
    """
    provider, now, state = provider_of(office), office.clock(), given.get("state", "")
    if not _is_ours(office, secret, state, now):
        raise OidcStateUnknown("this browser has not begun that, or more than ten minutes ago", path="state")
    async with office.connected() as connection:
        taken = await repository.take_state(
            connection,
            office.tenant,
            hashlib.sha256(state.encode()).digest(),
            now,
            forgotten_before=now - 2 * STATE_LIFE,
        )
    if not taken:
        raise OidcStateUsed("this answer of the provider was taken before", path="state")
    if given.get("iss", provider.terms.issuer) != provider.terms.issuer:  # RFC 9207
        raise OidcIssuerWrong("another provider has answered", path="iss")
    code, error = given.get("code", ""), given.get("error", "")
    if error or not 0 < len(code) <= PART_CHARS_MAX:
        why = error if _WORD.fullmatch(error) else "no"
        raise OidcDenied(f"the provider said {why}", path="error")
    identity = await provider.identity(
        code=code, verifier=_made(secret, "verifier", state), nonce=_made(secret, "nonce", state)
    )
    async with office.connected() as connection, connection.transaction():
        return await _let_in(connection, office, provider, identity, now, request_id)


def provider_of(office: Office) -> Provider:
    """Raises OidcOff."""
    if office.provider is None:
        raise OidcOff("no identity provider is configured: ALTYN_OIDC_ISSUER")
    return office.provider


async def _let_in(
    connection: asyncpg.Connection[Any],
    office: Office,
    provider: Provider,
    identity: Identity,
    now: datetime,
    request_id: str,
) -> SignedIn:
    row, deeds = await _found(connection, office.tenant, provider.terms.issuer, identity)
    if row["state"] != "ACTIVE":
        raise PersonBlocked("you are blocked here; ask an administrator")
    deeds += await _take_roles(connection, office.tenant, office.roles_of_groups, identity, row["person_id"], now)
    grants = (await repository.grants_of(connection, office.tenant, [row["person_id"]]))[row["person_id"]]
    is_owed = row["factor_is_set"] or needs_second_factor(rights_of(grants))
    if is_owed and not identity.has_second_factor:
        raise OidcSecondFactorMissing("the provider does not say that it asked for a second factor", path="amr")
    await repository.forget_sessions(connection, office.tenant, now - KEPT)
    await append_deeds(connection, office.tenant, deeds, actor=ACTOR, request_id=request_id, now=now)
    return await begin_session(
        connection,
        office.tenant,
        row,
        now=now,
        request_id=request_id,
        by_provider=True,
        has_second_factor=identity.has_second_factor,
    )


async def _found(
    connection: asyncpg.Connection[Any], tenant: str, issuer: str, identity: Identity
) -> tuple[asyncpg.Record, list[Deed]]:
    """By the provider's name for them, else by the address: then that name is kept."""
    row = await repository.find_by_subject(connection, tenant, issuer, identity.subject)
    if row is not None:
        return row, []
    if not identity.email:
        raise OidcEmailUnverified("the provider vouches for no e-mail address of yours", path="email_verified")
    row = await repository.find_by_email(connection, tenant, identity.email, issuer)
    if row is None:
        raise OidcPersonUnknown("nobody here has your e-mail address; ask an administrator", path="email")
    if row["state"] == "ACTIVE":
        await repository.change_person(
            connection, tenant, row["person_id"], oidc_issuer=issuer, oidc_subject=identity.subject
        )
    return row, [Deed("people.bind_provider", "person", row["person_id"], after={"issuer": issuer})]


async def _take_roles(
    connection: asyncpg.Connection[Any],
    tenant: str,
    table: Table,
    identity: Identity,
    person_id: str,
    now: datetime,
) -> list[Deed]:
    """Give and take what the groups say. Raises OidcGroupsMissing, RolesConflict, LastAdministrator."""
    if not table:
        return []
    if identity.groups is None:
        raise OidcGroupsMissing("roles come from groups, and the provider's token tells none", path="groups")
    before = (await repository.grants_of(connection, tenant, [person_id]))[person_id]
    after = grants_after(table, identity.groups, before)
    if after == set(before):
        return []
    check_grants(after)
    administrators = await repository.administrators(connection, tenant)
    await repository.put_grants(connection, tenant, person_id, after, ACTOR, now)
    if administrators and not await repository.administrators(connection, tenant):
        raise LastAdministrator("your groups make you no administrator, and you are the last one", path="groups")
    return [Deed("people.grant", "person", person_id, {"grants": told(before)}, {"grants": told(after)})]


def _state(office: Office, secret: str, at_s: int) -> str:
    signature = hmac.new(office.pepper, f"oidc state\0{office.tenant}\0{secret}\0{at_s}".encode(), "sha256").hexdigest()
    return f"{at_s}.{signature}"


def _is_ours(office: Office, secret: str, state: str, now: datetime) -> bool:
    at, _, _ = state.partition(".")
    if not (secret and secret.isascii() and state.isascii() and at.isdecimal() and len(at) < 12):
        return False
    age_s = now.timestamp() - int(at)
    return hmac.compare_digest(state, _state(office, secret, int(at))) and -1 <= age_s <= STATE_LIFE.total_seconds()


def _made(secret: str, purpose: str, state: str) -> str:
    """64 characters that only this browser's secret gives: a nonce, or a verifier (RFC 7636)."""
    return hmac.new(secret.encode(), f"{purpose}\0{state}".encode(), "sha256").hexdigest()
