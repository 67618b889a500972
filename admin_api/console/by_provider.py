"""Coming in by the identity provider: off to it, and back. The acts are those of ``people.by_provider``.

The browser keeps a secret of this one sign-in for ten minutes, and the page it wanted. A "no" is told over the form to
sign in by, which stays open to everybody.
"""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from altyn.admin_api.console import who
from altyn.admin_api.console.pages import Shell, guarded, local_path, shell_of
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.edge.routes import office_of, refusal_of, request_id_of
from altyn.admin_api.people import by_provider

COOKIE = "altyn_oidc"
COOKIE_PATH = "/console/sign-in"
COOKIE_CHARS_MAX = 4_096
PAGE_CHARS_MAX = 1_000
PARTS_MAX = 10


async def begin(request: Request) -> Response:
    """Off to the provider."""
    shell, request_id = shell_of(request), request_id_of(request)
    back = local_path(request.query_params.get("back", "")[:PAGE_CHARS_MAX])
    try:
        address, secret = await by_provider.begin(office_of(request))
    except Exception as error:
        return guarded(_told(shell, refusal_of(error), back), request_id)
    response = RedirectResponse(address, 303)
    kept = f"{secret}.{base64.urlsafe_b64encode(back.encode()).decode()}"
    _keep(response, request, kept, int(by_provider.STATE_LIFE.total_seconds()))
    return guarded(response, request_id)


async def finish(request: Request) -> Response:
    """Back from it: a session, or the form with a word."""
    shell, request_id, office = shell_of(request), request_id_of(request), office_of(request)
    secret, back = _kept(request)
    given = dict(list(request.query_params.items())[:PARTS_MAX])
    try:
        made = await by_provider.finish(office, secret, given, request_id=request_id)
        response: Response = RedirectResponse(back, 303)
        who.keep_session(response, made.token, request)
    except Exception as error:
        response = _told(shell, refusal_of(error), back)
    _keep(response, request, "", 0)
    return guarded(response, request_id)


def _told(shell: Shell, refusal: Refusal, back: str) -> Response:
    key = f"refused.reason.{refusal.reason}"
    says = f"{shell.texts(key) if shell.texts.has(key) else refusal.message} ({refusal.reason})"
    told = {"back": back, "says": says, "login": "", "by_key": False, "by_provider": refusal.reason != "OIDC_OFF"}
    return shell.show("sign_in.html", refusal.status_code, **told)


def _kept(request: Request) -> tuple[str, str]:
    """(secret, the page that was wanted); empty when the browser keeps none."""
    cookie = request.cookies.get(COOKIE, "")
    secret, _, packed = cookie.partition(".") if len(cookie) <= COOKIE_CHARS_MAX else ("", "", "")
    try:
        return secret, local_path(base64.urlsafe_b64decode(packed).decode())
    except (binascii.Error, ValueError):
        return secret, local_path("")


def _keep(response: Response, request: Request, value: str, seconds: int) -> None:
    # Lax: the provider sends the browser back by a link of another site.
    response.set_cookie(
        COOKIE, value, max_age=seconds, path=COOKIE_PATH, secure=who.is_https(request), httponly=True, samesite="lax"
    )
