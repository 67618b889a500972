"""The matrix role × call × place, made from the one table of roles: every route of the application is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from altyn.admin_api.app import create_app, edge_routes
from altyn.admin_api.console.routes import page_routes
from altyn.admin_api.edge.rights import ANYWHERE, Grant, Place
from altyn.admin_api.edge.routes import EdgeRoute, Needs
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.people.roles import CONFLICTS, KEYS_ONLY, ROLES, SECOND_FACTOR, Role, conflict_in, rights_of
from tests.admin_api.desk import STORE, Desk
from tests.admin_api.journal import Journal

OPEN = {"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/v1/sessions"}
# Of the console: what shows no more than a form to sign in by. Its pages are admitted as calls are.
CONSOLE_OPEN = {
    "/console",
    "/console/",
    "/console/sign-in",
    "/console/sign-in/oidc",
    "/console/sign-in/oidc/back",
    "/console/sign-out",
    "/console/choose/{what}/{value}",
    "/console/static/{hash}/{name}",
    "/console/{rest:path}",
}
ROUTES: list[tuple[str, str, Needs]] = sorted(
    (
        (method, route.path, route.needs)
        for route in edge_routes()
        for method in route.methods or ()
        if route.needs.scope
    ),
    key=str,
)
REACHES = [Grant("", "NETWORK"), Grant("", "REGION", "msk"), Grant("", "STORE", "here")]
SAMPLES = {
    "{store_id}": "here",
    "{exception_id}": "1-0",
    "{fraud_case_id}": "1-0",
    "{key_id}": "0" * 64,
    "{person_id}": "nobody",
}


def address(path: str, place: Place, store_id: str) -> str:
    """A path whose store is this one; other parts are numbers or unknown names."""
    for name, value in (SAMPLES | {"{store_id}": store_id}).items():
        path = path.replace(name, value)
    path = path.replace("{", "").replace("_id}", "").replace("}", "")
    words = ("customers/customer", "gift-cards/gift_card", "cards/card", "accounts/account", "coupons/code")
    batches = ("card-batches/batch", "coupon-batches/batch", "coupon-exports/export", "gift-card-batches/batch")
    for word in (
        *words,
        *batches,
        "releases/version",
        "fraud-changes/change",
        "rails-changes/change",
        "publishing-alerts/alert",
        "jobs/job",
        "backtests/job",
    ):
        path = path.replace(word, word.partition("/")[0] + "/1")
    return path + (f"?store_id={store_id}" if place is Place.QUERY else "")


def is_let_in(role: Role, needs: Needs, reach: Grant, *, at_home: bool) -> bool:
    """What the table says: the role has the scope, and it holds there."""
    if needs.scope not in ROLES[role]:
        return False
    if reach.reach == "NETWORK" or needs.scope in ANYWHERE or needs.place is Place.OWN:
        return True
    return needs.place is not Place.NETWORK and at_home


async def sent(desk: Desk, method: str, path: str, token: str) -> tuple[int, str]:
    answer = await desk.call(method, path, headers={"authorization": f"Bearer {token}"})
    is_no = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["reason"] if is_no else ""


@pytest.fixture
async def chain(desk: Desk) -> Desk:
    """Two stores in two regions, and an exception and a case of fraud in the first."""
    await desk.put("/v1/stores/here", json=STORE)
    await desk.put("/v1/stores/here/registers/r1", json={})  # a store with registers is not deleted
    await desk.put("/v1/stores/there", json=STORE | {"region": "spb"})
    journal = await Journal.open(desk.office.pool)
    sale = journal.commit(1)
    sale.evidence.fraud.trips.add(rule="many", kind=1, count=5, threshold=4, wants_case=True)
    await journal.append(sale)
    await desk.office.projector.turn()
    for table in ("exceptions", "fraud_cases"):
        await desk.rows(f"UPDATE {table} SET store_id = 'here'")
    return desk


async def test_role_matrix_every_call_is_answered_as_the_table_says(chain: Desk) -> None:
    wrong: list[Any] = []
    for role in Role:
        for reach in REACHES:
            grant = Grant(role.value, reach.reach, reach.place)
            token = await chain.token_of("somebody", grant)
            for method, path, needs in ROUTES:
                for store_id in ("here", "there") if needs.place in (Place.PATH, Place.QUERY) else ("here",):
                    status, reason = await sent(chain, method, address(path, needs.place, store_id), token)
                    if path == "/v1/me/sessions" and status == 204:
                        token = await chain.token_of("somebody", grant)
                    expected = is_let_in(role, needs, reach, at_home=store_id == "here")
                    refused = reason in ("SCOPE_MISSING", "PLACE_FOREIGN")
                    if status in (401, 405, 500) or refused == expected or (status == 403 and expected):
                        wrong.append((role, reach.reach, store_id, method, path, status, reason))
    assert not wrong


async def test_exception_of_another_store_is_refused(chain: Desk) -> None:
    token = await chain.token_of("somebody", Grant("STORE_DIRECTOR", "STORE", "there"))
    assert await sent(chain, "GET", "/v1/exceptions/1-0", token) == (403, "PLACE_FOREIGN")
    assert await sent(chain, "POST", "/v1/exceptions/1-0/resolve", token) == (422, "INVALID")
    resolved = await chain.post(
        "/v1/exceptions/1-0/resolve", json={"note": "done"}, headers={"authorization": f"Bearer {token}"}
    )
    assert (resolved.status_code, resolved.json()["reason"]) == (403, "PLACE_FOREIGN")
    assert await chain.rows("SELECT FROM exception_resolutions") == []


async def test_list_of_stores_holds_those_in_reach(chain: Desk) -> None:
    for reach, place, expected in (
        ("NETWORK", "", ["here", "there"]),
        ("REGION", "spb", ["there"]),
        ("STORE", "here", ["here"]),
        ("STORE", "nowhere", []),
    ):
        token = await chain.token_of("somebody", Grant("STORE_DIRECTOR", reach, place))
        listed = await chain.get("/v1/stores", headers={"authorization": f"Bearer {token}"})
        assert [store["store_id"] for store in listed.json()["stores"]] == expected


def test_every_route_of_the_application_is_in_the_matrix_or_known_to_be_open(desk: Desk) -> None:
    def flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
        for route in routes:
            included = getattr(route, "original_router", None)
            yield from flat(included.routes) if included else (route,)

    matrix, others = {(method, path) for method, path, _ in ROUTES}, set()
    for route in flat(create_app(desk.office).routes):
        assert isinstance(route, Route | APIRoute), f"{route} is no route with a path and methods"
        found = {(method, route.path) for method in route.methods or ()}
        if not isinstance(route, EdgeRoute) or not found <= matrix:
            others.add(route.path)
    assert others == OPEN | CONSOLE_OPEN | {page.path for page in page_routes()}
    assert len(ROUTES) > 100


def test_every_scope_belongs_to_a_role_or_to_keys_alone() -> None:
    given = frozenset[str]().union(*ROLES.values())
    assert given | KEYS_ONLY == set(SCOPES)
    assert not given & KEYS_ONLY
    assert set(ROLES) == set(Role)
    assert set(SCOPES) >= ANYWHERE | SECOND_FACTOR


def test_table_keeps_what_each_role_must_not() -> None:
    """Said apart from the table, so that a slip of the pen in it is noticed."""
    writing = {scope for scope in SCOPES if not scope.endswith(":read") and scope not in ("own:write",)}
    assert ROLES[Role.AUDITOR] & writing == {"customers:personal"}
    business = {"promotions:write", "releases:publish", "coupons:write", "coupons:issue", "segments:write"}
    assert not ROLES[Role.ADMINISTRATOR] & (business | {"customers:personal", "customers:read", "audit:read"})
    assert not ROLES[Role.MARKETER] & {"releases:publish", "coupons:issue", "customers:personal", "customers:read"}
    assert not ROLES[Role.CALL_CENTRE] & {"accounts:approve", "customers:personal", "segments:read", "cards:issue"}
    assert not ROLES[Role.MARKETING_DIRECTOR] & {"accounts:adjust", "accruals:write", "customers:personal"}
    assert [role for role in Role if "cards:issue" in ROLES[role]] == [Role.MARKETING_DIRECTOR]
    assert [role for role in Role if "catalogue:write" in ROLES[role]] == [Role.MARKETING_DIRECTOR]
    assert [role for role in Role if "accounts:approve" in ROLES[role]] == [Role.MARKETING_DIRECTOR]
    assert [role for role in Role if "tiers:give" in ROLES[role]] == [Role.CALL_CENTRE]
    assert [role for role in Role if "tiers:approve" in ROLES[role]] == [Role.MARKETING_DIRECTOR]
    assert not ROLES[Role.STORE_DIRECTOR] & {"promotions:write", "accounts:adjust", "accounts:read"}
    assert not ROLES[Role.SALES_DIRECTOR] & {"promotions:write", "releases:publish", "customers:read"}
    assert not ROLES[Role.ANTIFRAUD] & {"releases:publish", "accounts:adjust", "promotions:write"}
    assert [role for role in Role if "people:write" in ROLES[role]] == [Role.ADMINISTRATOR]


def test_roles_that_conflict_are_found_and_one_of_a_newer_version_gives_nothing() -> None:
    for pair in CONFLICTS:
        assert conflict_in(pair) == sorted(pair)
    assert conflict_in([Role.MARKETER, Role.MARKETING_DIRECTOR]) == []
    assert rights_of([Grant("EMPEROR", "NETWORK")]) == {}
    assert rights_of([Grant("MARKETER", "GALAXY")])["promotions:read"].covers("here", "msk") is False


async def test_place_that_the_handler_forgot_to_ask_about_is_refused(
    chain: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nothing(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr("altyn.admin_api.edge.call.Call.at_store", say_nothing)
    token = await chain.token_of("somebody", Grant("STORE_DIRECTOR", "STORE", "here"))
    assert await sent(chain, "GET", "/v1/exceptions/1-0", token) == (500, "INTERNAL")
