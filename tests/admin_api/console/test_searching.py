"""The search box: each kind is found by whoever has the right to it, customers only by an exact key."""

from __future__ import annotations

from uuid import UUID

import pytest

from altyn.admin_api.edge.rights import Grant
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_receipt import FIRST, PAST, sold
from tests.admin_api.desk import STORE, TEN, Desk
from tests.admin_api.test_edge import key_with

PHONE, CARD = "+7 916 123-45-67", "2200 1234 5678"


async def search(browser: Browser, text: str) -> Page:
    """What the box shows; it is on every page, and so is its token."""
    page = await browser.get("/console/nothing")
    found = await browser.part("/console/search", [("token", page.value("token")), ("text", text)])
    assert found.status == 200, found.text
    return found


async def find(browser: Browser, text: str) -> Page:
    """Press the button of what the box shows."""
    return await browser.post("/console/search/customer", (await search(browser, text)).fields)


async def test_promotions_by_name_and_id_and_pages_by_name(browser: Browser, desk: Desk) -> None:
    made = await desk.post("/v1/promotions", json={**TEN, "title": {"ru": "Десятка"}})
    assert made.status_code == 201
    assert "Десятка" in (await search(browser, "десят")).text
    assert "Десятка" in (await search(browser, " TEN ")).text
    page = await search(browser, "calen")
    assert 'href="/console/calendar"' in page.html and "Десятка" not in page.text
    browser.language = "ru"
    assert 'href="/console/calendar"' in (await search(browser, "календ")).html
    for evil in ("<b>x</b>", "\0", "x" * 5_000):
        assert "<b>x" not in (await search(browser, evil)).html


async def test_receipt_by_its_place_or_operation_where_it_is_in_reach(
    desk: Desk, browser: Browser, stranger: Browser, schema_dsn: str
) -> None:
    await sold(desk, schema_dsn, list(PAST.records))
    [row] = await desk.rows("SELECT op_id FROM operations WHERE seq = $1", FIRST.seq)
    for text in (str(FIRST.seq), str(UUID(str(row["op_id"])))):
        assert f'href="/console/receipts/{FIRST.seq}"' in (await search(browser, text)).html
    for text in ("99999", "1" * 30, "00000000-0000-0000-0000-000000000000"):
        assert "/console/receipts/" not in (await search(browser, text)).html


@pytest.fixture
async def anna(desk: Desk) -> int:
    card = {"number": CARD}
    made = await desk.post("/v1/customers", json={"name": "Anna", "phone": PHONE, "card": card})
    assert made.status_code == 201, made.text
    customer_id: int = made.json()["customer_id"]
    return customer_id


@pytest.mark.parametrize("text", [PHONE, CARD, "79161234567", "220012345678", "ID"])
async def test_customer_by_all_of_a_key(anna: int, browser: Browser, desk: Desk, text: str) -> None:
    found = await find(browser, str(anna) if text == "ID" else text)
    assert found.status == 200 and f"Customer {anna}" in found.text and "5678" in found.text
    assert "Anna" not in found.text and PHONE not in found.text
    assert text == "ID" or "customers.find" in await desk.deeds()


async def test_part_of_a_key_finds_nobody_and_nothing_is_looked_up_unasked(
    anna: int, browser: Browser, desk: Desk
) -> None:
    for text in (CARD[:-1], PHONE[:-1], "Anna1234"):
        page = await find(browser, text)
        assert page.status == 404, text
    before = await desk.deeds()
    await search(browser, PHONE)
    assert await desk.deeds() == before
    assert "exactly this number" not in (await search(browser, "Anna")).text


async def test_kinds_one_has_no_right_to_are_not_searched(anna: int, stranger: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json={**TEN, "promotion": "t7916123"})
    await desk.put("/v1/stores/s1", json=STORE)
    key = await key_with(desk, "own:read", "promotions:read")
    await stranger.post("/console/sign-in", [("key", key), ("back", "/console/promotions")])
    page = await search(stranger, "7916123")
    assert "t7916123" in page.text and "exactly this number" not in page.text
    assert "/console/jobs" not in (await search(stranger, "job")).html
    assert (await stranger.get("/console/promotions")).html.count('id="search"') == 1
    token = (await stranger.get("/console/promotions")).value("token")
    refused = await stranger.post("/console/search/customer", [("token", token), ("once", "1"), ("text", PHONE)])
    assert refused.status == 403
    stranger.client.cookies.clear()
    stranger.client.cookies.set("altyn_session", await desk.token_of("dan", Grant("STORE_DIRECTOR", "STORE", "s1")))
    page = await search(stranger, "7916123")
    assert "t7916123" not in page.text and "exactly this number" in page.text


async def test_key_without_own_pages_has_no_search_box(stranger: Browser, desk: Desk) -> None:
    key = await key_with(desk, "promotions:read")
    page = await stranger.post("/console/sign-in", [("key", key), ("back", "/console/promotions")])
    assert 'id="search"' not in page.html and 'data-open="search"' not in page.html
