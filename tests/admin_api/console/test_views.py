"""Named views: filters somebody keeps, for themselves or for everybody of the programme."""

from __future__ import annotations

import re

import pytest

from altyn.admin_api.promotions import views
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_reviewing import People, people
from tests.admin_api.desk import TEN, Desk

__all__ = ["people"]

DRAFTS = "/console/promotions?state=DRAFT&stage=item"


async def keep(browser: Browser, address: str, name: str, **typed: str) -> Page:
    """Save the filters of a page under a name, as its form does."""
    page = await browser.get(address)
    filters = {key: value for key, value in page.fields if key.startswith("filter.")}
    fields = [(key, page.value(key)) for key in ("token", "once", "way")]
    return await browser.post("/console/views", [*fields, *filters.items(), ("name", name), *typed.items()])


async def act(browser: Browser, page: Page, verb: str, **typed: str) -> Page:
    """A button of the view that is picked on the page."""
    view = re.findall(r"/console/views/(\d+)/default", page.html)[0]
    fields = [(key, page.value(key)) for key in ("token", "once", "way")]
    return await browser.post(f"/console/views/{view}/{verb}", [*fields, *typed.items()])


def named(page: Page) -> list[str]:
    return re.findall(r'class="menu-name">([^<]*)<', page.html)


async def test_filters_are_kept_picked_renamed_and_deleted(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await keep(browser, DRAFTS, "Item <drafts>")
    assert page.path.startswith("/console/promotions?state=DRAFT&stage=item&view=")
    assert named(page) == ["Item &lt;drafts&gt;"]
    other = await browser.get("/console/calendar")
    assert re.search(r'href="/console/calendar\?stage=item&amp;state=DRAFT&amp;view=\d+"', other.html)
    page = await act(browser, page, "rename", name="Drafts")
    assert named(page) == ["Drafts"]
    page = await act(browser, page, "delete")
    assert named(page) == []
    assert (await desk.deeds())[-3:] == [f"promotion_views.{verb}" for verb in ("save", "rename", "delete")]


async def test_same_name_takes_the_new_filters(browser: Browser, desk: Desk) -> None:
    first = await keep(browser, DRAFTS, "Mine")
    again = await keep(browser, "/console/promotions?state=ACTIVE", "Mine")
    assert named(again) == ["Mine"]
    assert first.path.partition("view=")[2] == again.path.partition("view=")[2]
    [row] = await desk.rows("SELECT filters FROM promotion_views")
    assert row["filters"] == {"state": "ACTIVE"}


async def test_default_is_what_one_begins_with(browser: Browser, desk: Desk) -> None:
    await keep(browser, DRAFTS, "Mine", default="1")
    page = await browser.get("/console/promotions")
    assert "stage=item&state=DRAFT&view=" in page.path
    assert "view=" in (await browser.get("/console/calendar")).path
    assert (await browser.get("/console/promotions?view=0")).path.endswith("?view=0")
    page = await act(browser, page, "default", default="0")
    assert (await browser.get("/console/promotions")).path == "/console/promotions"
    page = await act(browser, page, "default", default="1")
    await act(browser, page, "delete")
    assert (await browser.get("/console/promotions")).path == "/console/promotions"


async def test_own_view_is_seen_by_nobody_else_and_a_shared_one_by_all(people: People) -> None:
    await keep(people["mary"], DRAFTS, "Mary's")
    await keep(people["mary"], DRAFTS, "Ours", shared="1")
    assert named(await people["mary"].get("/console/promotions")) == ["Mary&#39;s", "Ours"]
    page = await people["sam"].get("/console/promotions?view=2")
    assert named(page) == ["Ours"] and "/rename" not in page.html and 'name="shared"' not in page.html
    page = await act(people["sam"], page, "default", default="1")
    assert (await people["sam"].get("/console/promotions")).path.endswith("view=2")
    for verb in ("rename", "delete"):
        assert (await act(people["sam"], page, verb, name="Mine now")).status == 403
        foreign = await people["dora"].post(f"/console/views/1/{verb}", [*page_keys(await people["dora"].get(DRAFTS))])
        assert foreign.status == 404 and "no such view" in foreign.text
    assert (await keep(people["sam"], DRAFTS, "Sam's", shared="1")).status == 403
    page = await act(
        people["dora"], await people["dora"].get("/console/promotions?view=2"), "rename", name="All drafts"
    )
    assert named(page) == ["All drafts"]


def page_keys(page: Page) -> list[tuple[str, str]]:
    return [(key, page.value(key)) for key in ("token", "once")] + [("name", "mine")]


async def test_name_that_is_taken_or_none_is_refused(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep(browser, DRAFTS, "One")
    page = await keep(browser, DRAFTS, "Two")
    refused = await act(browser, page, "rename", name="One")
    assert refused.status == 409 and "Another view has this name" in refused.text
    for name in ("", " ", "x" * 61):
        assert (await keep(browser, DRAFTS, name)).status == 422
    monkeypatch.setattr(views, "OWN_MAX", 2)
    full = await keep(browser, DRAFTS, "Three")
    assert full.status == 409 and "too many views" in full.text
    assert (await keep(browser, DRAFTS, "Two")).status == 200


async def test_filters_nobody_knows_are_not_kept(browser: Browser, desk: Desk) -> None:
    page = await browser.get(DRAFTS)
    fields = [(key, page.value(key)) for key in ("token", "once", "way")]
    typed = [("name", "Odd"), ("filter.state", "NONSENSE"), ("filter.other", "x"), ("filter.text", "tea\0")]
    await browser.post("/console/views", [*fields, *typed])
    [row] = await desk.rows("SELECT filters FROM promotion_views")
    assert row["filters"] == {}
