"""The edge of the console: every page passes here once, as every JSON call passes ``edge.routes``.

Order: size, same origin, session, scope, token of the form, transaction, the page's function, audit rows, commit,
wake-up, headers. Invariants: an act (POST that writes) needs a token of this session and happens once however often it
is sent; nothing leaves without the security headers; every "no" is a page in the shell, in the visitor's language.
It must never let a page do what the visitor's scopes do not allow.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from altyn.admin_api.console.render import render
from altyn.admin_api.console.texts import LANGUAGES, Texts, texts_in, wanted_language
from altyn.admin_api.console.uploads import UPLOAD_BYTES_MAX, Upload, is_upload, read_upload
from altyn.admin_api.console.who import Visitor, names_of_actors, visitor_of
from altyn.admin_api.edge import problems
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import ANYWHERE, PasswordGiven, Place, SecondFactorMissing
from altyn.admin_api.edge.routes import Needs, admit, needs, office_of, perform, read_body, refusal_of, request_id_of
from altyn.admin_api.program.repository import find_program

FORM_BYTES_MAX = 4 << 20  # a document of 1 MiB, percent-encoded
FORM_FIELDS_MAX = 20_000
PAGE_TIMEOUT_S = 60.0
ACTOR_CHARS = 12
THEMES = ("light", "dark")
SIGN_IN = "/console/sign-in"
OWN_PAGE = "/console/me"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

log = structlog.get_logger(__name__)


class ForgedForm(problems.Refusal):
    """The form does not come from a page of this session."""

    status_code = 403
    reason = "FORM_FORGED"


class Redrawn(Exception):
    """A form that cannot be taken is shown again with what was typed; whatever was begun is undone."""

    def __init__(self, response: Response) -> None:
        super().__init__("the form is shown again")
        self.response = response


@dataclass(slots=True)
class Shell:
    """What all pages are drawn with."""

    texts: Texts
    theme: str
    request: Request
    visitor: Visitor | None = None
    zone: str = "UTC"
    currency: str = ""
    exponent: int = 2
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def menus(self) -> Sequence[Any]:
        """The header's, as ``navigation`` shows them to this visitor."""
        shown: Sequence[Any] = self.request.app.state.menus_for(self.may, self.request.url.path)
        return shown

    def show(self, template: str, status: int = 200, /, **given: Any) -> Response:
        """A page, or a part of one."""
        frame = {"t": self.texts, "shell": self, "visitor": self.visitor, "languages": LANGUAGES}
        return HTMLResponse(render(template, **frame, **given), status)

    @property
    def path(self) -> str:
        """Where the visitor is, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def is_part(self) -> bool:
        """The browser replaces a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def money(self, minor: int) -> str:
        return self.texts.decimal(minor, self.exponent)

    def moment(self, at: Any) -> str:
        return self.texts.moment(at, self.zone)

    def who(self, actor: str) -> str:
        """How people call somebody the audit log names."""
        return self.names.get(actor) or actor[:ACTOR_CHARS]

    def may(self, scope: str) -> bool:
        return self.visitor is not None and self.visitor.may(scope)


@dataclass(slots=True)
class Visit:
    """One page while it is made. ``fields`` are a form's, in the order of the page."""

    office: Office
    call: Call
    shell: Shell
    fields: list[tuple[str, str]] = field(default_factory=list, repr=False)
    #: The file of the form, of pages that take one.
    upload: Upload | None = None

    @property
    def request(self) -> Request:
        return self.shell.request

    @property
    def t(self) -> Texts:
        return self.shell.texts

    def field(self, name: str, otherwise: str = "") -> str:
        return next((value for key, value in self.fields if key == name), otherwise)

    def asked(self, name: str) -> str:
        """A value of the address, without blanks around."""
        return self.request.query_params.get(name, "").strip()

    def holds(self, scope: str) -> bool:
        """Whether they may do this to what belongs to no store."""
        return scope in self.call.scopes or (scope in ANYWHERE and self.shell.may(scope))

    def show(self, template: str, status: int = 200, /, **given: Any) -> Response:
        return self.shell.show(template, status, **given)

    def go(self, address: str) -> Response:
        """On to another page, which is then read."""
        return RedirectResponse(address, 303)


Page = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the console."""

    path: str
    method: str
    page: Page
    needs: Needs

    async def answer(self, request: Request) -> Response:
        return await answer_page(request, self.page, self.needs)


class Pages:
    """The pages of one part of the console."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(self, path: str, scope: str, place: Place = Place.NETWORK) -> Callable[[Page], Page]:
        """A page that is read."""
        return self._route("GET", path, scope, writes=False, timeout_s=PAGE_TIMEOUT_S, place=place)

    def ask(self, path: str, scope: str) -> Callable[[Page], Page]:
        """A part that is made from a form and changes nothing."""
        return self._route("POST", path, scope, writes=False, timeout_s=PAGE_TIMEOUT_S)

    def look(self, path: str, scope: str) -> Callable[[Page], Page]:
        """A page that is made from a form and changes nothing but the audit log, each time it is sent."""
        return self._route("POST", path, scope, writes=True, once=False, timeout_s=PAGE_TIMEOUT_S)

    def act(
        self,
        path: str,
        scope: str,
        timeout_s: float = PAGE_TIMEOUT_S,
        place: Place = Place.NETWORK,
        *,
        has_file: bool = False,
    ) -> Callable[[Page], Page]:
        """A form that changes something, once; ``has_file``: one comes with it."""
        bytes_max = UPLOAD_BYTES_MAX if has_file else FORM_BYTES_MAX
        return self._route("POST", path, scope, writes=True, timeout_s=timeout_s, place=place, bytes_max=bytes_max)

    def _route(
        self,
        method: str,
        path: str,
        scope: str,
        *,
        writes: bool,
        timeout_s: float,
        place: Place = Place.NETWORK,
        once: bool | None = None,
        bytes_max: int = FORM_BYTES_MAX,
    ) -> Callable[[Page], Page]:
        def marked(page: Page) -> Page:
            mark = needs(scope, writes=writes, once=once, place=place, body_bytes_max=bytes_max, timeout_s=timeout_s)
            needed: Needs = mark(lambda: None).needs  # type: ignore[attr-defined]
            self.routes.append(Route("/console" + path, method, page, needed))
            return page

        return marked


async def answer_page(request: Request, page: Page, mark: Needs) -> Response:
    """Everything around a page."""
    request_id, shell = request_id_of(request), shell_of(request)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            async with asyncio.timeout(mark.timeout_s):
                response = await _in_transaction(shell, page, mark, request_id)
        except Redrawn as again:
            response = again.response
        except (PasswordGiven, SecondFactorMissing):
            response = _to(shell, OWN_PAGE)
        except Exception as error:
            response = refused_page(shell, refusal_of(error), request_id)
    return guarded(response, request_id)


def guarded(response: Response, request_id: str = "") -> Response:
    """The response with what every page carries."""
    response.headers.update(HEADERS)
    if request_id:
        response.headers["x-request-id"] = request_id
    return response


def shell_of(request: Request) -> Shell:
    language = wanted_language(request.cookies.get("altyn_language"), request.headers.get("accept-language", ""))
    theme = request.cookies.get("altyn_theme", "")
    return Shell(texts_in(language), theme if theme in THEMES else "light", request)


def require_same_origin(request: Request) -> None:
    """A form of another site is told by the browser itself. Raises ForgedForm."""
    origin = request.headers.get("origin")
    foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if foreign or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
        raise ForgedForm("the form was sent by another site")


async def read_form(request: Request, bytes_max: int = FORM_BYTES_MAX) -> list[tuple[str, str]]:
    """The fields of a form. Raises TooLarge, Invalid."""
    body = await read_body(request, bytes_max)
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, encoding="utf-8", errors="strict"
        )
    except UnicodeDecodeError:
        raise problems.Invalid("the form is not UTF-8") from None
    except ValueError:
        raise problems.TooLarge(f"more than {FORM_FIELDS_MAX} fields") from None


async def _in_transaction(shell: Shell, page: Page, mark: Needs, request_id: str) -> Response:
    request, office = shell.request, office_of(shell.request)
    fields: list[tuple[str, str]] = []
    upload: Upload | None = None
    if request.method == "POST":
        require_same_origin(request)
        if mark.body_bytes_max == UPLOAD_BYTES_MAX and is_upload(request):
            fields, upload = await read_upload(request)
        else:
            fields = await read_form(request)
    async with office.connected() as connection:
        await _let_in(shell, office, connection)
        if shell.visitor is None:
            return _to_sign_in(shell)
        call = await admit(connection, office, shell.visitor.caller, mark, request)
        call.request_id = request_id
        visit = Visit(office, call, shell, fields, upload)
        if request.method == "POST" and not hmac.compare_digest(
            visit.field("token").encode(), shell.visitor.token.encode()
        ):
            raise ForgedForm("the form belongs to another session")
        if mark.once:
            visit.call.body = repr([one for one in fields if one[0] != "token"]).encode()
            if upload is not None:
                visit.call.body += hashlib.sha256(upload.content).digest()
            if not visit.field("once"):
                raise ForgedForm("the form has no key of its own")
            visit.call.idempotency_key = "console " + visit.field("once")[:64]

        async def handle(_: Request) -> Response:
            return await page(visit)

        async with connection.transaction(readonly=not mark.writes):
            response = await perform(request, handle, mark, visit.call)
    if visit.call.feed.version:
        await office.wake(visit.call.feed.version)
    return response


async def _let_in(shell: Shell, office: Office, connection: asyncpg.Connection[Any]) -> None:
    """Who asks, and how the program writes money and times."""
    shell.visitor = await visitor_of(shell.request, office, connection)
    shell.names = await names_of_actors(connection, office.tenant)
    program = await find_program(connection, office.tenant)
    shell.zone, shell.currency, shell.exponent = program["zone"], program["currency"], program["exponent"]


def _to(shell: Shell, address: str) -> Response:
    """On to another page, whatever the browser is about to replace."""
    if shell.is_part:
        return Response(status_code=401, headers={"hx-redirect": address})
    return RedirectResponse(address, 303)


def _to_sign_in(shell: Shell) -> Response:
    """Somebody has to come in first, and comes back where he was."""
    back = shell.path if shell.request.method == "GET" and not shell.is_part else "/console/"
    return _to(shell, f"{SIGN_IN}?back={quote(back, safe='')}")


def refused_page(shell: Shell, refusal: problems.Refusal, request_id: str) -> Response:
    """A "no" as a page of the shell, or as a note over the page it belongs to."""
    told = {"refusal": refusal, "request_id": request_id}
    if shell.is_part:
        response = shell.show("refused_part.html", refusal.status_code, **told)
        response.headers.update({"hx-retarget": "#notes", "hx-reswap": "innerHTML"})
        return response
    return shell.show("refused.html", refusal.status_code, **told)


def local_path(asked: str) -> str:
    """A place of the console to go back to; anything else is its front page."""
    is_ours = asked.startswith("/console/") and "\\" not in asked and asked.isprintable()
    return asked if is_ours and not urlsplit(asked).netloc else "/console/"
