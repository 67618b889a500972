"""The frame around the pages: coming in and going out, language and colours, addresses nobody answers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from altyn.admin_api.console import who
from altyn.admin_api.console.pages import (
    THEMES,
    ForgedForm,
    Shell,
    guarded,
    local_path,
    read_form,
    refused_page,
    require_same_origin,
    shell_of,
)
from altyn.admin_api.console.texts import LANGUAGES
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.problems import NotFound, Refusal
from altyn.admin_api.edge.routes import office_of, refusal_of, request_id_of
from altyn.admin_api.people.errors import SignInDelayed, SignInRefused

CHOSEN_S = 365 * 24 * 3600
SIGN_IN_BYTES_MAX = 4_096
OVERVIEW_SCOPE = "own:read"
#: What may be chosen without a session: cookie, values.
CHOICES = {"language": ("altyn_language", tuple(LANGUAGES)), "theme": ("altyn_theme", THEMES)}


async def front(request: Request) -> Response:
    """The overview; a key that was not given the right to it works on promotions."""
    office = office_of(request)
    async with office.connected() as connection:
        visitor = await who.visitor_of(request, office, connection)
    sees = visitor is None or visitor.caller.person is not None or visitor.may(OVERVIEW_SCOPE)
    return guarded(RedirectResponse("/console/overview" if sees else "/console/promotions", 303))


async def sign_in_page(request: Request) -> Response:
    back = local_path(request.query_params.get("back", ""))
    told = {"says": "", "login": "", "by_key": False, "by_provider": office_of(request).provider is not None}
    return guarded(shell_of(request).show("sign_in.html", back=back, **told))


async def sign_in(request: Request) -> Response:
    """Open a session, or show the form again with a word."""
    shell, request_id = shell_of(request), request_id_of(request)
    try:
        require_same_origin(request)
        given = dict(await read_form(request, SIGN_IN_BYTES_MAX))
        back, office = local_path(given.get("back", "")), office_of(request)
        response: Response = RedirectResponse(back, 303)
        try:
            is_refused = not await who.sign_in(request, response, office, given)
        except (SignInRefused, SignInDelayed) as refusal:
            return guarded(_sign_in_again(shell, office, back, given, refusal), request_id)
        if is_refused:
            response = _sign_in_again(shell, office, back, given, SignInRefused(""), "sign_in.refused_key")
    except Exception as error:
        response = refused_page(shell, refusal_of(error), request_id)
    return guarded(response, request_id)


def _sign_in_again(
    shell: Shell, office: Office, back: str, given: Mapping[str, str], refusal: Refusal, key: str = "sign_in.refused"
) -> Response:
    """The form with a word, and without what was secret."""
    says = shell.texts("sign_in.delayed", seconds=refusal.retry_after_s) if refusal.retry_after_s else shell.texts(key)
    told = {"back": back, "says": says, "login": given.get("login", ""), "by_key": bool(given.get("key"))}
    return shell.show("sign_in.html", refusal.status_code, by_provider=office.provider is not None, **told)


async def sign_out(request: Request) -> Response:
    try:
        require_same_origin(request)
    except ForgedForm as error:
        return guarded(refused_page(shell_of(request), error, request_id_of(request)))
    response = RedirectResponse("/console/sign-in", 303)
    await who.sign_out(request, response, office_of(request))
    return guarded(response)


async def choose(request: Request) -> Response:
    """Keep the language or the colours a visitor likes, and go back."""
    cookie, values = CHOICES.get(request.path_params["what"], ("", ()))
    value = request.path_params["value"]
    response = RedirectResponse(local_path(request.query_params.get("back", "")), 303)
    if value in values:
        response.set_cookie(cookie, value, max_age=CHOSEN_S, path="/console", httponly=True, samesite="lax")
    return guarded(response)


async def nowhere(request: Request) -> Response:
    """An address of the console nobody answers."""
    shell, office = shell_of(request), office_of(request)
    async with office.connected() as connection:
        shell.visitor = await who.visitor_of(request, office, connection)
    return guarded(refused_page(shell, NotFound(request.url.path), request_id_of(request)))
