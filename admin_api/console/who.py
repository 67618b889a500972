"""Who sits before the console: the one place that knows how people come in.

People come in by login, password and code: the cookie is their session's token (``altyn.admin_api.people.sessions``).
Who has a key of the API comes in by it: that cookie names the key, never holds it, signed and for a working day; a
revoked key ends it at once. Invariants: the cookie is HttpOnly and SameSite; a token against forged forms belongs to
one session. It must never log or show a password, a key or a session's token.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import network_rights
from altyn.admin_api.edge.routes import Caller, credential_of
from altyn.admin_api.people import sessions

SESSION = "altyn_session"
SESSION_S = 12 * 3600
COOKIE_CHARS_MAX = 400


@dataclass(frozen=True, slots=True)
class Visitor:
    """``title`` is what people call them; ``token`` must come with every form."""

    caller: Caller
    title: str
    token: str = field(repr=False)

    @property
    def actor(self) -> str:
        """Whom the audit log names."""
        return self.caller.actor

    def may(self, scope: str) -> bool:
        """Whether anything of this scope is open to them."""
        person = self.caller.person
        return scope in self.caller.rights and (person is None or person.may(scope))


async def visitor_of(request: Request, office: Office, connection: asyncpg.Connection[Any]) -> Visitor | None:
    """Who holds the request's session; None: somebody has to come in first. Not for an open transaction."""
    cookie = request.cookies.get(SESSION, "")
    if not cookie.isascii() or len(cookie) > COOKIE_CHARS_MAX:
        return None
    token = _signature(office, "form", cookie)
    person = await sessions.person_of(connection, office.tenant, cookie, office.clock())
    if person is not None:
        return Visitor(Caller(person.actor, person.rights, person), person.name, token)
    row = await connection.fetchrow(
        "SELECT key_id, title, scopes FROM api_keys WHERE tenant = $1 AND key_id = $2 AND revoked_at IS NULL",
        office.tenant,
        _key_of(office, cookie),
    )
    return None if row is None else Visitor(Caller(row["key_id"], network_rights(row["scopes"])), row["title"], token)


async def names_of_actors(connection: asyncpg.Connection[Any], tenant: str) -> dict[str, str]:
    """What people call those whom the audit log names."""
    rows = await connection.fetch(
        "SELECT key_id AS actor, title AS name FROM api_keys WHERE tenant = $1"
        " UNION ALL SELECT 'person:' || person_id, name FROM people WHERE tenant = $1",
        tenant,
    )
    return {row["actor"]: row["name"] for row in rows}


async def sign_in(request: Request, response: Response, office: Office, given: Mapping[str, str]) -> bool:
    """Open a session for a person, or for the owner of a key; False when nobody has such a key. Raises SignInRefused,
    SignInDelayed, Busy.
    """
    if key := given.get("key", "").strip():
        return await _sign_in_by_key(request, response, office, key)
    login, password, code = (given.get(name, "") for name in ("login", "password", "code"))
    made = await sessions.sign_in(office, login=login, password=password, code=code.strip())
    _keep(response, made.token, request, SESSION_S)
    return True


async def sign_out(request: Request, response: Response, office: Office) -> None:
    await sessions.sign_out(office, request.cookies.get(SESSION, ""))
    _keep(response, "", request, 0)


async def _sign_in_by_key(request: Request, response: Response, office: Office, key: str) -> bool:
    async with office.connected() as connection:
        caller = await credential_of(connection, office, key)
    if caller is None or caller.person is not None:
        return False
    told = f"{caller.actor}.{int(office.clock().timestamp()) + SESSION_S}"
    cookie = base64.urlsafe_b64encode(told.encode()).decode() + "." + _signature(office, "session", told)
    _keep(response, cookie, request, SESSION_S)
    return True


def keep_session(response: Response, token: str, request: Request) -> None:
    """Give the browser a session that was begun elsewhere."""
    _keep(response, token, request, SESSION_S)


def is_https(request: Request) -> bool:
    """Whether the browser came by HTTPS, itself or through a proxy."""
    return request.headers.get("x-forwarded-proto", request.url.scheme) == "https"


def _keep(response: Response, value: str, request: Request, seconds: int) -> None:
    response.set_cookie(
        SESSION, value, max_age=seconds, path="/console", secure=is_https(request), httponly=True, samesite="lax"
    )


def _key_of(office: Office, cookie: str) -> str:
    """The key's id in a cookie of ours that is still good; else empty."""
    packed, _, signature = cookie.partition(".")
    try:
        told = base64.urlsafe_b64decode(packed).decode()
    except ValueError:
        return ""
    if not hmac.compare_digest(signature, _signature(office, "session", told)):
        return ""
    key_id, _, until = told.rpartition(".")
    return key_id if int(until) > office.clock().timestamp() else ""


def _signature(office: Office, purpose: str, text: str) -> str:
    return hmac.new(office.pepper, f"console {purpose}\0{text}".encode(), "sha256").hexdigest()
