"""Who may come in: people with their roles and sessions, keys of the API and of registers. The acts are the areas' own.

What is shown once, a password or a key, is answered by the form that made it and never read again. It must never
decide who may: an area's "no" is shown over what was asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.console.value import PAGE_SIZE, Act, Field, Rows, Section, Tab, add_sections
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.problems import Refusal, invalid_from
from altyn.admin_api.edge.rights import network_rights
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.keys import repository as keys_rows
from altyn.admin_api.keys import service as keys
from altyn.admin_api.keys.schemas import KeyIn
from altyn.admin_api.people import repository, service, sessions
from altyn.admin_api.people.errors import PersonUnknown
from altyn.admin_api.people.roles import CONFLICTS, KEYS_ONLY, ROLES, ReachKind, Role, needs_second_factor
from altyn.admin_api.people.schemas import EmailIn, GrantIn, GrantsIn, PersonIn, StateIn
from altyn.admin_api.stores import repository as stores_rows
from altyn.admin_api.stores import service as stores
from altyn.admin_api.stores.errors import RegisterKeyUnknown

ADDRESS = "/console/people"
SHOWN_MAX = 5_000
REGISTER_KEYS_SHOWN_MAX = 1_000_000
ID: TypeAdapter[str] = TypeAdapter(Id)
TABS = (
    Tab("people", "people:read", ADDRESS),
    Tab("sessions", "people:read", "/console/sessions"),
    Tab("roles", "people:read", "/console/roles"),
    Tab("api-keys", "keys:read", "/console/api-keys"),
    Tab("register-keys", "stores:read", "/console/register-keys"),
    Tab("audit", "audit:read", "/console/audit"),
)

pages = Pages()


# PEOPLE


async def _people(visit: Visit, at: int | None) -> Rows:
    """``at``: how many come before."""
    first = min(at or 0, SHOWN_MAX)
    call = visit.call
    found = (await repository.list_people(call.connection, call.tenant, "", first + PAGE_SIZE + 1))[first:]
    shown = found[:PAGE_SIZE]
    grants = await repository.grants_of(call.connection, call.tenant, [row["person_id"] for row in shown])
    rows = [
        service.person_out(row, grants[row["person_id"]])
        | {"roles": sorted({one.role for one in grants[row["person_id"]]})}
        for row in shown
    ]
    return rows, first + PAGE_SIZE if len(found) > PAGE_SIZE else None


async def _add_person(visit: Visit, given: dict[str, Any]) -> Response:
    roles = {name: given.pop(name) for name in ("role", "reach", "place") if name in given}
    asked = PersonIn(**given, grants=[GrantIn(**roles)] if "role" in roles else [])
    grants = [one.grant() for one in asked.grants]
    password = await service.add_person(
        visit.call, person_id=asked.person_id, name=asked.name, grants=grants, email=asked.email
    )
    return _given(visit, "password", asked.person_id, password, f"{ADDRESS}/{asked.person_id}")


PEOPLE = Section(
    name="people",
    path="/people",
    reads="people:read",
    writes="people:write",
    key="person_id",
    columns=(
        ("person_id", "link"),
        ("name", "text"),
        ("roles", "words"),
        ("state", "state"),
        ("has_second_factor", "yes"),
        ("has_provider", "yes"),
        ("seen_at", "moment"),
    ),
    fields=(
        Field("person_id"),
        Field("name", is_needed=False),
        Field("email", is_needed=False),
        Field("role", "choice", tuple(Role), is_needed=False),
        Field("reach", "choice", tuple(ReachKind)),
        Field("place", is_needed=False),
    ),
    rows=_people,
    make=_add_person,
)


@pages.get("/people/{person_id}", "people:read")
async def show_person(visit: Visit) -> Response:
    return await _person_page(visit)


@pages.act("/people/{person_id}/grant", "people:write")
async def grant(visit: Visit) -> Response:
    """One role more."""

    async def act(login: str) -> None:
        told = {name: visit.field(name).strip() for name in ("role", "reach", "place")}
        await _regrant(visit, login, lambda held: {*held, GrantIn.model_validate(told).grant()})

    return await _acted(visit, act)


@pages.act("/people/{person_id}/ungrant", "people:write")
async def ungrant(visit: Visit) -> Response:
    """One role less."""

    async def act(login: str) -> None:
        told = tuple(visit.field(name) for name in ("role", "reach", "place"))
        await _regrant(visit, login, lambda held: {one for one in held if (one.role, one.reach, one.place) != told})

    return await _acted(visit, act)


@pages.act("/people/{person_id}/email", "people:write")
async def change_email(visit: Visit) -> Response:
    return await _acted(
        visit,
        lambda login: service.change_email(
            visit.call, person_id=login, email=EmailIn(email=visit.field("email").strip()).email
        ),
    )


@pages.act("/people/{person_id}/state", "people:write")
async def change_state(visit: Visit) -> Response:
    return await _acted(
        visit,
        lambda login: service.change_state(
            visit.call, person_id=login, state=StateIn(state=visit.field("state")).state
        ),
    )


@pages.act("/people/{person_id}/password", "people:write")
async def reset_password(visit: Visit) -> Response:
    """The new one, shown this once."""

    async def act(login: str) -> Response:
        password = await service.reset_password(visit.call, person_id=login)
        return _given(visit, "password", login, password, f"{ADDRESS}/{login}")

    return await _acted(visit, act)


@pages.act("/people/{person_id}/second-factor", "people:write")
async def reset_second_factor(visit: Visit) -> Response:
    return await _acted(visit, lambda login: service.reset_second_factor(visit.call, person_id=login))


@pages.act("/people/{person_id}/end-sessions", "people:write")
async def end_sessions(visit: Visit) -> Response:
    return await _acted(visit, lambda login: service.end_sessions(visit.call, person_id=login))


async def _regrant(visit: Visit, login: str, change: Callable[[Any], Any]) -> None:
    held = (await repository.grants_of(visit.call.connection, visit.call.tenant, [login]))[login]
    asked = GrantsIn(
        grants=[GrantIn(role=Role(one.role), reach=ReachKind(one.reach), place=one.place) for one in change(held)]
    )
    await service.change_grants(visit.call, person_id=login, grants=[one.grant() for one in asked.grants])


async def _acted(visit: Visit, act: Callable[[str], Awaitable[Response | None]]) -> Response:
    """Do it, and back to the person; a "no" is shown there."""
    login = visit.request.path_params["person_id"][:64]
    try:
        async with visit.call.connection.transaction():
            made = await act(login)
    except ValidationError as error:
        raise Redrawn(await _person_page(visit, invalid_from(RequestValidationError(error.errors())))) from None
    except PersonUnknown:
        raise
    except Refusal as refusal:
        raise Redrawn(await _person_page(visit, refusal)) from None
    return visit.go(f"{ADDRESS}/{login}") if made is None else made


async def _person_page(visit: Visit, refusal: Refusal | None = None) -> Response:
    login, call = visit.request.path_params["person_id"][:64].replace("\0", ""), visit.call
    row = await repository.find_person(call.connection, call.tenant, login)
    if row is None:
        raise PersonUnknown(f"nobody has the login {login}", path="person_id")
    return visit.show(
        "person.html",
        refusal.status_code if refusal else 200,
        tabs=_tabs(visit),
        section=PEOPLE,
        one=row,
        grants=(await repository.grants_of(call.connection, call.tenant, [login]))[login],
        live=await repository.live_sessions(call.connection, call.tenant, login, call.now, sessions.IDLE),
        is_self=call.person is not None and call.person.person_id == login,
        roles=tuple(Role),
        reaches=tuple(ReachKind),
        refusal=refusal,
    )


# SESSIONS


async def _sessions(visit: Visit, at: int | None) -> Rows:
    """``at``: how many come before."""
    first, call = min(at or 0, SHOWN_MAX), visit.call
    found = await repository.all_live_sessions(
        call.connection, call.tenant, call.now, sessions.IDLE, first, PAGE_SIZE + 1
    )
    rows = [{**row, "state": "ACTIVE", "way_in": _way_in(row)} for row in found[:PAGE_SIZE]]
    return rows, first + PAGE_SIZE if len(found) > PAGE_SIZE else None


def _way_in(row: Any) -> str:
    return "PROVIDER" if row["by_provider"] else "PASSWORD"


async def _end_session(visit: Visit, key: str) -> None:
    await service.end_session(visit.call, session_id=key)


SESSIONS = Section(
    name="sessions",
    path="/sessions",
    reads="people:read",
    writes="people:write",
    key="session_id",
    columns=(
        ("person_id", "text"),
        ("way_in", "word"),
        ("started_at", "moment"),
        ("seen_at", "moment"),
        ("expires_at", "moment"),
    ),
    fields=(),
    rows=_sessions,
    acts=(Act("end", "people:write", "logout", ("ACTIVE",), _end_session),),
)


# ROLES


@pages.get("/roles", "people:read")
async def show_roles(visit: Visit) -> Response:
    """The table: who may do what."""
    rights = {role: network_rights(scopes) for role, scopes in ROLES.items()}
    return visit.show(
        "roles.html",
        tabs=_tabs(visit),
        roles=tuple(ROLES),
        scopes=[(scope, says, [scope in ROLES[role] for role in ROLES]) for scope, says in SCOPES.items()],
        needing=[role for role, of in rights.items() if needs_second_factor(of)],
        conflicts=[sorted(pair) for pair in CONFLICTS],
        keys_only=KEYS_ONLY,
        here_tab="/console/roles",
    )


# KEYS OF THE API


async def _keys(visit: Visit, at: int | None) -> Rows:
    found = await keys_rows.list_keys(visit.call.connection, visit.call.tenant)
    first = min(at or 0, len(found))
    newest = found[::-1][first : first + PAGE_SIZE]
    rows = [{**row, "state": "ACTIVE" if row["revoked_at"] is None else "REVOKED"} for row in newest]
    return rows, first + PAGE_SIZE if len(found) > first + PAGE_SIZE else None


async def _issue(visit: Visit, given: dict[str, Any]) -> Response:
    asked = KeyIn(**given)
    key = await keys.issue_key(visit.call, title=asked.title, scopes=asked.scopes)
    return _given(visit, "key", asked.title, key, API_KEYS.address)


async def _revoke(visit: Visit, key: str) -> None:
    await keys.revoke_key(visit.call, key_id=key[:64])


API_KEYS = Section(
    name="api-keys",
    path="/api-keys",
    reads="keys:read",
    writes="keys:write",
    key="key_id",
    columns=(
        ("title", "text"),
        ("key_id", "text"),
        ("scopes", "many"),
        ("state", "state"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    fields=(Field("title"), Field("scopes", "choices", tuple(SCOPES))),
    rows=_keys,
    make=_issue,
    acts=(Act("revoke", "keys:write", "x", ("ACTIVE",), _revoke),),
)


# KEYS OF REGISTERS


async def _register_keys(visit: Visit, at: int | None) -> Rows:
    first = min(at or 0, REGISTER_KEYS_SHOWN_MAX)
    found = await stores_rows.all_keys(visit.call.connection, visit.call.tenant, first, PAGE_SIZE + 1)
    rows = [{**row, "state": "REVOKED" if row["revoked"] else "ACTIVE"} for row in found[:PAGE_SIZE]]
    return rows, first + PAGE_SIZE if len(found) > PAGE_SIZE else None


async def _issue_register_key(visit: Visit, given: dict[str, Any]) -> Response:
    place = {name: ID.validate_python(given.get(name, "")) for name in ("store_id", "register_id")}
    key, _ = await stores.issue_key(visit.call, **place)
    return _given(visit, "key", f"{place['store_id']} · {place['register_id']}", key, REGISTER_KEYS.address)


async def _revoke_register_key(visit: Visit, key: str) -> None:
    is_hash = len(key) == 64 and set(key) <= set("0123456789abcdef")
    found = (
        await stores_rows.find_key(visit.call.connection, visit.call.tenant, bytes.fromhex(key)) if is_hash else None
    )
    if found is None:
        raise RegisterKeyUnknown("there is no such key", path="key_id")
    place = {name: found[name] for name in ("store_id", "register_id")}
    await stores.revoke_key(visit.call, **place, key_id=key)


REGISTER_KEYS = Section(
    name="register-keys",
    path="/register-keys",
    reads="stores:read",
    writes="stores:write",
    key="key_id",
    columns=(
        ("store_id", "text"),
        ("register_id", "text"),
        ("credential", "word"),
        ("key_id", "short"),
        ("state", "state"),
        ("expires_at", "moment"),
        ("changed_at", "moment"),
    ),
    fields=(Field("store_id"), Field("register_id")),
    rows=_register_keys,
    make=_issue_register_key,
    acts=(Act("revoke", "stores:write", "x", ("ACTIVE",), _revoke_register_key),),
)


def _given(visit: Visit, what: str, whose: str, secret: str, back: str) -> Response:
    """What is shown this once."""
    return visit.show("given.html", what=what, whose=whose, secret=secret, back=back)


def _tabs(visit: Visit) -> list[Tab]:
    return [one for one in TABS if visit.shell.may(one.reads)]


add_sections(pages, (PEOPLE, SESSIONS, API_KEYS, REGISTER_KEYS), TABS)
