"""Who sits before the console: the one place that knows how people come in.

For now by a key of the admin API: the browser gets a session that names the key, never the key itself, signed and for
a working day. A revoked key ends its sessions at once. Invariants: the cookie is HttpOnly and SameSite; a token
against forged forms belongs to one session. It must never log or show a key.
"""

from __future__ import annotations

import base64
import hmac
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.routes import credential_of

SESSION = "altyn_session"
SESSION_S = 12 * 3600
COOKIE_CHARS_MAX = 400


@dataclass(frozen=True, slots=True)
class Visitor:
    """``actor`` is who the audit log names; ``token`` must come with every form."""

    actor: str
    title: str
    scopes: frozenset[str]
    token: str


async def visitor_of(request: Request, office: Office, connection: asyncpg.Connection[Any]) -> Visitor | None:
    """Who holds the request's session; None: somebody has to come in first."""
    cookie = request.cookies.get(SESSION, "")
    key_id = _read(office, cookie)
    if key_id is None:
        return None
    row = await connection.fetchrow(
        "SELECT title, scopes FROM api_keys WHERE tenant = $1 AND key_id = $2 AND revoked_at IS NULL",
        office.tenant,
        key_id,
    )
    if row is None:
        return None
    return Visitor(key_id, row["title"], frozenset(row["scopes"]), _signature(office, "form", cookie))


async def names_of_actors(connection: asyncpg.Connection[Any], tenant: str) -> dict[str, str]:
    """What people call those whom the audit log names."""
    rows = await connection.fetch("SELECT key_id, title FROM api_keys WHERE tenant = $1", tenant)
    return {row["key_id"]: row["title"] for row in rows}


async def sign_in(
    request: Request, response: Response, office: Office, connection: asyncpg.Connection[Any], key: str
) -> bool:
    """Open a session for the owner of a key; False when nobody has such a key."""
    found = await credential_of(connection, office.tenant, key)
    if found is None:
        return False
    told = f"{found[0]}.{int(time.time()) + SESSION_S}"
    cookie = base64.urlsafe_b64encode(told.encode()).decode() + "." + _signature(office, "session", told)
    _keep(response, SESSION, cookie, request, SESSION_S)
    return True


def sign_out(request: Request, response: Response) -> None:
    _keep(response, SESSION, "", request, 0)


def _keep(response: Response, name: str, value: str, request: Request, seconds: int) -> None:
    is_https = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    response.set_cookie(name, value, max_age=seconds, path="/console", secure=is_https, httponly=True, samesite="lax")


def _read(office: Office, cookie: str) -> str | None:
    """The key's id of a cookie of ours that is still good."""
    packed, _, signature = cookie.partition(".")
    if len(cookie) > COOKIE_CHARS_MAX or not cookie.isascii():
        return None
    try:
        told = base64.urlsafe_b64decode(packed).decode()
    except ValueError:
        return None
    if not hmac.compare_digest(signature, _signature(office, "session", told)):
        return None
    key_id, _, until = told.rpartition(".")
    return key_id if int(until) > time.time() else None


def _signature(office: Office, purpose: str, text: str) -> str:
    return hmac.new(office.pepper, f"console {purpose}\0{text}".encode(), "sha256").hexdigest()
