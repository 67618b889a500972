"""Pairs of promotions that may meet, what becomes of the two, and what hits a product there and then."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from altyn.admin_api.console import overlaps
from altyn.admin_api.promotions.circumstances import Circumstances
from altyn.admin_api.promotions.overlaps import find_overlaps
from altyn.core.rules.checks.goods import Product
from altyn.core.rules.condition import Attribute
from altyn.core.rules.definition import read_documents
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import STORE, Desk

#: A Wednesday.
NOW = datetime(2027, 1, 13, 9, 0, tzinfo=UTC)
DAY = (NOW.date() - datetime(1970, 1, 1).date()).days
Document = dict[str, Any]


def off(name: str, of: Document | None = None, **more: Any) -> Document:
    return {
        "promotion": name,
        "stage": "item",
        "reward": [{"percent": {"rate": "5", **({"of": of} if of else {})}}],
        **more,
    }


def group(mode: str) -> Document:
    return {"group": {"name": "week", "mode": mode}}


def schedule(**given: Any) -> Document:
    return {"when": {"schedule": given}}


TEA, MILK = {"category": "tea"}, {"category": "milk"}
THREE = [{"multi_buy": {"take": 3, "pay": 2}}]


def met(*documents: Document, count: int = 28, **more: Any) -> list[tuple[str, str, str, str, int]]:
    """(first, second, verdict, why, days from today)."""
    rules = read_documents(list(documents))
    found = find_overlaps(rules.promotions, range(DAY, DAY + count), **more)
    return [(one.first, one.second, one.verdict, one.why, one.day - DAY) for one in found]


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (off("a"), off("b"), ("STACK", "turns")),
        (off("a", TEA), off("b", TEA), ("STACK", "turns")),
        (off("a", TEA), off("b", MILK), None),
        (off("a", TEA), off("b", {"category": "tea", "brand": "x"}), ("STACK", "turns")),
        (off("a", {"category": ["tea", "milk"], "except": [TEA]}), off("b", TEA), None),
        (off("a", **group("BEST")), off("b", **group("BEST")), ("COMPETE", "group")),
        (off("a", **group("FIRST")), off("b", group="week"), ("COMPETE", "group")),
        (off("a", **group("ADD")), off("b", **group("ADD")), ("STACK", "turns")),
        (off("a", exclusive={"over": "STAGE"}), off("b"), ("EXCLUDED", "exclusive")),
        (off("a", exclusive={"over": "STAGE"}), off("b", stage="card"), ("STACK", "turns")),
        (off("a", exclusive={"over": "ALL"}), off("b", stage="card"), ("EXCLUDED", "exclusive")),
        (off("a"), off("b", exclusive={"over": "ALL"}), ("STACK", "turns")),
        (off("a"), off("b", skip_discounted=True), ("EXCLUDED", "skip")),
        (off("a", skip_discounted=True), off("b"), ("STACK", "turns")),
        (off("a", stage="set", reward=THREE), off("b", stage="set", reward=THREE), ("EXCLUDED", "units")),
        (
            off("a", stage="set", reward=THREE),
            off("b", stage="set", reward=[{"multi_buy": {"take": 3, "pay": 2, "share_units": True}}]),
            ("STACK", "turns"),
        ),
        (
            off("a", exclusive={"over": "ALL"}),
            {"promotion": "b", "reward": [{"points": {"asset": "bonus", "percent": "1"}}]},
            ("STACK", "points"),
        ),
        (
            off("a"),
            {"promotion": "b", "stage": "message", "reward": [{"message": {"to": "slip", "text": {"en": "hi"}}}]},
            None,
        ),
    ],
)
def test_verdicts_are_those_of_the_semantics(left: Document, right: Document, wanted: tuple[str, str] | None) -> None:
    found = met(left, right)
    assert [one[2:4] for one in found] == ([wanted] if wanted else [])
    assert [one[:2] for one in found] == ([("a", "b")] if wanted else [])


def test_the_one_whose_turn_is_first_comes_first() -> None:
    assert met(off("a", priority=200), off("b", priority=100))[0][:2] == ("b", "a")
    assert met(off("a", stage="card"), off("b"))[0][:2] == ("b", "a")


@pytest.mark.parametrize(
    ("left", "right", "day"),
    [
        (schedule(to="2027-01-12"), {}, None),
        (schedule(**{"from": "2027-02-09"}), {}, 27),
        (schedule(**{"from": "2027-02-10"}), {}, None),
        (schedule(weekdays=["sat"]), {}, 3),
        (schedule(weekdays=["sat"]), schedule(weekdays=["sun"]), None),
        (schedule(hours=["10:00-12:00"]), schedule(hours=["12:00-14:00"]), None),
        (schedule(hours=["22:00-02:00"], weekdays=["fri"]), schedule(weekdays=["sat"]), 3),
        (schedule(**{"from": "2027-01-15"}), schedule(to="2027-01-15"), 2),
        ({"when": {"store": {"format": "super"}}}, {"when": {"store": {"format": "hyper"}}}, None),
        ({"when": {"store": {"format": "super"}}}, {"when": {"store": {"region": "msk"}}}, 0),
        ({"when": {"customer": {"segment": "vip"}}}, {"when": {"customer": {"segment": "staff"}}}, 0),
        ({"when": {"customer": {"segment": "vip"}}}, {"when": {"customer": {"segment": {"none_of": ["vip"]}}}}, None),
        ({"when": {"customer": {"has_card": True}}}, {"when": {"customer": {"has_card": False}}}, None),
        ({"when": {"receipt_sum": {"below": "100"}}}, {"when": {"receipt_sum": {"from": "100"}}}, None),
    ],
)
def test_they_meet_when_time_place_and_customer_let_them(left: Document, right: Document, day: int | None) -> None:
    found = met(off("a", **left), off("b", **right))
    assert [one[4] for one in found] == ([] if day is None else [day])


def test_what_is_asked_leaves_out_those_it_rules_out() -> None:
    here = off("a", when={"store": {"format": "super"}})
    vip = off("b", when={"customer": {"segment": "vip"}})
    others = off("c", when={"customer": {"segment": {"none_of": ["vip"]}}})
    assert len(met(here, vip, others)) == 2
    assert len(met(here, vip, others, of="c")) == 1
    hyper = Circumstances(place={"id": "s", "format": "hyper", "region": "", "cluster": ""})
    assert met(here, vip, given=hyper) == []
    assert [one[1] for one in met(here, vip, others, given=Circumstances(segment="vip"))] == ["b"]
    noon = (DAY + 3) * 1440 + 720
    assert met(off("a"), off("b"), since={"b": noon})[0][4] == 3
    assert met(off("a"), schedule_of_mornings(), since={"b": noon})[0][4] == 4


def test_catalogue_tells_which_category_a_sku_has() -> None:
    milk = Product({Attribute.SKU: "milk-1", Attribute.CATEGORY: "milk"})
    sku = {"sku": "milk-1", "unit_price": {"from": "10"}}
    assert len(met(off("a", sku), off("b", TEA))) == 1
    assert met(off("a", sku), off("b", TEA), catalogue={"milk-1": milk}) == []
    assert met(off("b", TEA), off("a", sku), catalogue={"milk-1": milk}) == []
    assert len(met(off("a", sku), off("b", MILK), catalogue={"milk-1": milk})) == 1


def test_many_beside_one_another_are_as_two_alone() -> None:
    """What is worked out once for all pairs is worked out anew for two."""
    hours = [None, {"from": "2027-01-20"}, {"hours": ["08:00-12:00"], "to": "2027-01-18"}]
    asks = [None, {"customer": {"segment": "vip"}}, {"customer": {"segment": {"none_of": ["vip"]}}}]
    goods = [None, {"sku": ["x", "y"]}, {"sku": "y", "unit_price": {"from": "10"}}, TEA]
    documents = []
    for at, time in enumerate(hours):
        for way, ask in enumerate(asks):
            for number, of in enumerate(goods):
                parts = [*([{"schedule": time}] if time else []), *([ask] if ask else [])]
                documents.append(off(f"p{at}{way}{number}", of, **({"when": {"all": parts}} if parts else {})))
    alone = {one for pair in combinations(documents, 2) for one in met(*pair)}
    assert set(met(*documents)) == alone and 100 < len(alone) < 36 * 35 // 2


def schedule_of_mornings() -> Document:
    return off("b", **schedule(hours=["08:00-12:00"]))


# THE PAGES


@pytest.fixture
async def chain(desk: Desk) -> Desk:
    desk.office.clock = lambda: NOW
    await desk.put("/v1/stores/s1", json=STORE)
    lines = "\n".join(json.dumps({"sku": f"{one}-1", "title": one, "group_id": one}) for one in ("tea", "milk"))
    await desk.post("/v1/products/import", content=lines, headers={"content-type": "application/x-ndjson"})
    documents = (
        off("tea-a", TEA, **group("BEST")),
        off("tea-b", TEA, **group("BEST")),
        off("sku", {"sku": "milk-1"}, when={"store": {"format": "hyper"}}),
        off("all", exclusive={"over": "ALL"}, **schedule(weekdays=["sat"])),
    )
    for document in documents:
        assert (await desk.post("/v1/promotions?state=ACTIVE", json=document)).status_code == 201
    assert (
        await desk.post("/v1/promotions", json=off("draft", TEA, skip_discounted=True, priority=200))
    ).status_code == 201
    return desk


def pairs(page: Page) -> list[tuple[str, str]]:
    rows = html.unescape(page.html).partition("<tbody>")[2].split("</tr>")[:-1]
    found = [re.findall(r'class="row-title" href="/console/promotions/([^"]+)"', row) for row in rows]
    return [(one[0], one[1]) for one in found]


async def test_page_shows_what_is_in_force_and_links_to_what_hits_the_product(chain: Desk, browser: Browser) -> None:
    page = await browser.get("/console/overlaps")
    assert set(pairs(page)) == {("tea-a", "tea-b"), ("all", "tea-a"), ("all", "tea-b"), ("all", "sku")}
    assert "The group week takes one of them" in page.text and "16.01.2027" in page.text
    assert "/console/products/hits?sku=tea-1&day=2027-01-13" in html.unescape(page.html)
    assert pairs(await browser.get("/console/overlaps?verdict=COMPETE")) == [("tea-a", "tea-b")]
    assert pairs(await browser.get("/console/overlaps?store=s1&verdict=EXCLUDED")) == [
        *(("all", "tea-a"), ("all", "tea-b"))
    ]
    assert pairs(await browser.get("/console/overlaps?group=week")) == [("tea-a", "tea-b")]


async def test_draft_is_looked_at_beside_what_is_in_force(chain: Desk, browser: Browser) -> None:
    page = await browser.get("/console/promotions/draft")
    assert "/console/overlaps?of=draft" in page.html
    page = await browser.get("/console/overlaps?of=draft")
    assert len(pairs(page)) == 3 and all("draft" in pair for pair in pairs(page))
    assert "The second leaves out what has a discount" in page.text
    assert (await browser.get("/console/overlaps?of=nobody")).status == 404


async def test_released_revision_counts_beside_a_draft_of_it(chain: Desk, browser: Browser, desk: Desk) -> None:
    await desk.rows(
        "UPDATE promotions SET state = 'DRAFT', revision = 2, document = $1 WHERE promotion_id = 'tea-b'",
        off("tea-b", MILK),
    )
    assert ("tea-a", "tea-b") in pairs(await browser.get("/console/overlaps"))


async def test_contradicting_groups_bounds_and_odd_questions_are_told(
    chain: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chain.post("/v1/promotions", json=off("first", TEA, **group("FIRST")))
    page = await browser.get("/console/overlaps?of=first")
    assert page.status == 200 and "cannot be published together" in page.text and "group week" in page.text
    for query in ("store=nowhere", "segment=%00", "verdict=x&span=y", "state=ARCHIVED"):
        assert (await browser.get(f"/console/overlaps?{query}")).status == 200
    monkeypatch.setattr(overlaps, "PAIRS_MAX", 1)
    assert "3 more pairs" in (await browser.get("/console/overlaps")).text
    monkeypatch.setattr(overlaps, "PROMOTIONS_MAX", 2)
    assert "Only the first 2 promotions" in (await browser.get("/console/overlaps")).text


async def test_hits_are_those_of_the_day_the_store_and_the_segment(chain: Desk, browser: Browser) -> None:
    await chain.post("/v1/promotions?state=ACTIVE", json=off("vip", TEA, when={"customer": {"segment": "vip"}}))

    async def hits(query: str) -> set[str]:
        page = await browser.get(f"/console/products/hits?{query}")
        assert page.status == 200, page.text
        return set(re.findall(r'class="row-title" href="/console/promotions/([^"]+)"', page.html))

    assert await hits("sku=tea-1") == {"tea-a", "tea-b", "all", "vip"}
    assert await hits("sku=tea-1&day=2027-01-13") == {"tea-a", "tea-b", "vip"}
    assert await hits("sku=tea-1&day=2027-01-16&segment=staff") == {"tea-a", "tea-b", "all"}
    assert await hits("sku=milk-1") == {"sku", "all"}
    assert await hits("sku=milk-1&store=s1") == {"all"}
    for query in ("store=nowhere", "day=x"):
        assert (await browser.get(f"/console/products/hits?sku=tea-1&{query}")).status == 422
