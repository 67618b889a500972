"""The header: every page has its place in it, and nobody sees one that is closed to them."""

from __future__ import annotations

import pytest

from altyn.admin_api.console.bulk import ACTS
from altyn.admin_api.console.navigation import MENUS, menus_for
from altyn.admin_api.console.routes import page_routes
from altyn.admin_api.console.texts import texts_in
from altyn.admin_api.people.roles import ROLES, Role
from tests.admin_api.console.browser import Browser
from tests.admin_api.desk import Desk
from tests.admin_api.test_edge import key_with

#: Pages that are come to from another one, and parts of pages.
ELSEWHERE = {
    "/console/audit-chain",
    "/console/me",
    "/console/overview/servers",
    "/console/promotions/new",
    "/console/releases/new",
    *(f"/console/promotion-acts/{act}" for act in ACTS),
}


def names(scopes: frozenset[str], path: str = "/console/") -> dict[str, list[str]]:
    shown = menus_for(scopes.__contains__, path)
    return {one.menu.name: [entry.text for entry in one.entries] for one in shown}


def test_every_page_has_its_place_and_the_right_that_opens_it() -> None:
    pages = {one.path: one.needs.scope for one in page_routes() if one.method == "GET" and "{" not in one.path}
    entries = {one.address: one.reads for menu in MENUS for one in menu.entries}
    assert entries == {path: scope for path, scope in pages.items() if path not in ELSEWHERE}
    assert set(pages) > ELSEWHERE


def test_every_word_of_the_header_is_a_text() -> None:
    texts = texts_in("en")
    for menu in MENUS:
        assert texts.has(f"nav.{menu.name}")
        assert all(texts.has(one.text) for one in menu.entries)


def test_menus_are_those_of_ones_rights() -> None:
    assert names(frozenset()) == {}
    assert names(frozenset({"jobs:read"})) == {"operations": ["nav.jobs"]}
    director = names(ROLES[Role.STORE_DIRECTOR])
    assert director["operations"] == ["value.exceptions.short"]
    assert "promotions" not in director
    assert set(names(ROLES[Role.AUDITOR])) == {one.name for one in MENUS if one.entries}


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/console/promotions", "list.title"),
        ("/console/promotions/ten/history", "list.title"),
        ("/console/promotionsx", None),
        ("/console/fraud/rules", "value.fraud-rules.short"),
        ("/console/value/coupons", "value.coupons.short"),
        ("/console/me", None),
    ],
)
def test_one_entry_at_most_is_where_one_is(path: str, here: str | None) -> None:
    found = [one.here.text for one in menus_for(lambda scope: True, path) if one.here]
    assert found == ([here] if here else [])


async def test_header_of_a_key_has_what_it_may_read(stranger: Browser, desk: Desk) -> None:
    key = await key_with(desk, "promotions:read", "jobs:read")
    page = await stranger.post("/console/sign-in", [("key", key), ("back", "/console/promotions")])
    assert 'href="/console/jobs" title="Jobs"' in page.html
    assert 'href="/console/products/hits">' in page.html
    assert "/console/releases" not in page.html and "/console/receipts" not in page.html
    assert page.html.partition("</header>")[0].count('aria-current="page"') == 1
    lost = await stranger.get("/console/nothing")
    assert lost.status == 404 and 'href="/console/jobs"' in lost.html


async def test_lost_stranger_is_shown_no_menu(stranger: Browser) -> None:
    assert "shell-link" not in (await stranger.get("/console/nothing")).html
