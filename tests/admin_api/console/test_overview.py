"""The first page: sums of the last days by hand, budgets as the tills left them, each part by its right."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from altyn.admin_api.edge.rights import NETWORK, Grant
from altyn.admin_api.overview import service
from altyn.admin_api.overview.service import Budget
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_receipt import sold
from tests.admin_api.desk import STORE, TEN, Desk
from tests.admin_api.test_edge import key_with
from tests.cli.backtest.test_backtest import PAST

EVENING = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


@pytest.fixture
async def shop(desk: Desk, schema_dsn: str) -> Desk:
    """The evening of the third day of the small shop."""
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/assets/bonus", json={"title": {"en": "Bonus"}})
    await desk.put("/v1/stores/s1", json=STORE)
    desk.office.clock = lambda: EVENING
    return desk


def charts(page: Page) -> dict[str, list[dict[str, Any]]]:
    """Rows of the charts by their labels."""
    found = re.findall(r'data-chart="([^"]*)" role="img" aria-label="([^"]*)"', page.html)
    return {label: json.loads(html.unescape(spec))["rows"] for spec, label in found}


async def test_today_and_the_days_before_are_those_of_the_receipts(browser: Browser, shop: Desk) -> None:
    page = await browser.get("/console/")
    assert page.path == "/console/overview"
    [told] = await shop.rows(
        "SELECT sum(to_pay_minor)::bigint AS to_pay, sum(discount_minor)::bigint AS discount FROM receipts"
        " WHERE business_date = '2026-11-20'"
    )
    for text in ("Receipts today 9 yesterday 9", f"Turnover today {told['to_pay'] / 100:,.2f} RUB"):
        assert text in page.text, text
    assert f"Discounts today {told['discount'] / 100:,.2f} RUB" in page.text
    drawn = charts(page)
    assert drawn["Turnover"][0]["values"][-1] == told["to_pay"] and len(drawn["Turnover"][0]["values"]) == 30
    strangers, members = (row["values"] for row in drawn["Receipts"])
    assert [one + other for one, other in zip(strangers, members, strict=True)][-4:] == [0, 9, 9, 9]
    assert "Points given: bonus" in drawn and "Points given today: bonus" in page.text


async def test_points_given_are_those_of_the_ledger(shop: Desk) -> None:
    [told] = await shop.rows(
        "SELECT sum(points)::bigint AS points FROM ledger_entries JOIN receipts USING (seq)"
        " WHERE kind = 1 AND ledger_entries.account_id > 0"
    )
    async with shop.office.connected() as connection:
        call = type("Call", (), {"connection": connection, "tenant": "demo"})()
        lately = await service.lately(call, NETWORK, EVENING.date())
    scale, values = lately.points["bonus"]
    assert (scale, sum(values)) == (2, told["points"]) and told["points"] > 0


async def test_budget_that_is_spent_is_told_with_what_the_tills_counted(browser: Browser, shop: Desk) -> None:
    page = await browser.get("/console/overview")
    assert "38.00 of 38.00" in page.text and "spent" in page.text and "budget-full" in page.html
    async with shop.office.connected() as connection:
        call = type("Call", (), {"connection": connection, "tenant": "demo"})()
        assert await service.budgets(call) == [Budget("bakery", "amount", "always", 3_800, 3_800)]


@pytest.mark.parametrize(("used", "look"), [(799_999, ""), (800_000, "budget-near"), (1_000_000, "budget-full")])
async def test_budget_near_its_end_looks_so(
    browser: Browser, shop: Desk, monkeypatch: pytest.MonkeyPatch, used: int, look: str
) -> None:
    async def one(_: object) -> list[Budget]:
        return [Budget("<b>tea", "amount", "month", used, 1_000_000)]

    monkeypatch.setattr(service, "budgets", one)
    shown = (await browser.get("/console/overview")).html
    assert f'class="budget{" " + look if look else ""}"' in shown and "<b>tea" not in shown


async def test_budget_over_its_cap_is_full_and_one_with_nothing_used_is_empty() -> None:
    assert Budget("a", "amount", "always", 150, 100).used_ppm == 1_000_000
    assert Budget("a", "amount", "always", 0, 100).used_ppm == 0


async def test_shop_without_a_past_says_so(browser: Browser) -> None:
    page = await browser.get("/console/overview")
    assert page.status == 200 and "Nothing has been sold yet." in page.text and charts(page) == {}
    assert "No server has reported lately." in page.text and "Nothing waits." in page.text


async def test_servers_are_asked_again_while_the_page_is_open(browser: Browser, shop: Desk) -> None:
    await shop.rows(
        "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version)"
        " VALUES ('demo', 'one', $1, $1, 1), ('demo', 'old', $1, $2, 1)",
        EVENING,
        EVENING - timedelta(minutes=5),
    )
    page = await browser.get("/console/overview")
    assert "release 1 in 1 of 1" in page.text and 'hx-trigger="every 5s"' in page.html
    part = await browser.get("/console/overview/servers", hx_request="true")
    assert "one" in part.text and "not seen since" in part.text and "<html" not in part.html


def interval(number: int, *calls: dict[str, Any]) -> dict[str, Any]:
    at = EVENING - timedelta(seconds=5 * number)
    return {"at": at.isoformat(), "elapsed_ms": 5_000, "calls": list(calls)}


def called(method: str, count: int, refused: int, p50_us: int, p99_us: int) -> dict[str, Any]:
    return {"method": method, "calls_count": count, "refused_count": refused, "p50_us": p50_us, "p99_us": p99_us}


async def test_server_tells_how_fast_it_answers(browser: Browser, shop: Desk) -> None:
    pulse = [
        interval(2, called("CommitReceipt", 10, 0, 900, 2_000)),
        interval(1),
        interval(0, called("CalculateReceipt", 1_234, 0, 310, 1_250), called("CommitReceipt", 51, 3, 1_100, 4_560)),
    ]
    await shop.rows(
        "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, pulse)"
        " VALUES ('demo', '<one>', $1, $1, 1, $2), ('demo', 'old', $1, $3, 1, $2)",
        EVENING,
        pulse,
        EVENING - timedelta(minutes=5),
    )
    page = await browser.get("/console/overview/servers", hx_request="true")
    assert "Calculate 246.8 0.31 1.25" in page.text and "Commit refused: 3 10.2 1.10 4.56" in page.text
    assert page.text.count("Commit refused: 3") == 1 and "<one>" not in page.html
    [(label, rows)] = charts(page).items()
    assert label.startswith("Time within which 99 % of the calls to") and len(rows) == 2
    assert [row["values"] for row in rows] == [[None, None, 1_250], [2_000, None, 4_560]]
    assert '"names":["22:59:50","22:59:55","23:00:00"]' in html.unescape(page.html)
    told = (await shop.get("/v1/servers")).json()["servers"]
    assert [len(one["pulse"]) for one in told] == [3, 3]
    assert told[0]["pulse"][2]["calls"][1] == called("CommitReceipt", 51, 3, 1_100, 4_560)


async def test_server_that_nobody_calls_says_so(browser: Browser, shop: Desk) -> None:
    await shop.rows(
        "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, pulse)"
        " VALUES ('demo', 'one', $1, $1, 1, $2)",
        EVENING,
        [interval(0)],
    )
    page = await browser.get("/console/overview/servers", hx_request="true")
    assert "Nobody calls just now." in page.text and charts(page) == {}


async def test_promotion_in_review_waits_here(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    assert (await desk.post("/v1/promotions/ten/submit", json={})).status_code == 200
    page = await browser.get("/console/overview")
    assert "Ten percent" in page.text and "/console/promotions/ten/review" in page.html


@pytest.mark.parametrize(
    ("role", "sums", "rules", "servers"),
    [
        ("MARKETER", True, True, False),
        ("MARKETING_DIRECTOR", True, True, True),
        ("SALES_DIRECTOR", True, True, True),
        ("STORE_DIRECTOR", True, False, False),
        ("CALL_CENTRE", True, False, False),
        ("AUDITOR", True, True, True),
        ("ADMINISTRATOR", False, False, True),
        ("ANTIFRAUD", True, True, False),
    ],
)
async def test_each_role_sees_the_parts_it_has_the_right_to(
    stranger: Browser, shop: Desk, role: str, sums: bool, rules: bool, servers: bool
) -> None:
    stranger.client.cookies.set("altyn_session", await shop.token_of("somebody", Grant(role, "NETWORK")))
    page = await stranger.get("/console/overview")
    assert page.status == 200
    shown = ("Turnover" in charts(page), "Budgets" in page.text, "Processing servers" in page.text)
    assert shown == (sums, rules, servers)


async def test_role_in_a_store_sees_the_sums_of_that_store_alone(stranger: Browser, shop: Desk) -> None:
    await shop.put("/v1/stores/other", json=STORE | {"region": "spb"})
    for grant, shows in (
        (Grant("STORE_DIRECTOR", "STORE", "s1"), True),
        (Grant("STORE_DIRECTOR", "REGION", "msk"), True),
        (Grant("STORE_DIRECTOR", "STORE", "other"), False),
        (Grant("STORE_DIRECTOR", "REGION", "spb"), False),
    ):
        stranger.client.cookies.set("altyn_session", await shop.token_of("anna", grant))
        page = await stranger.get("/console/overview")
        assert ("Receipts today 9" in page.text) == shows, grant


async def test_key_without_the_right_begins_at_the_promotions(stranger: Browser, desk: Desk) -> None:
    key = await key_with(desk, "promotions:read")
    page = await stranger.post("/console/sign-in", [("key", key), ("back", "/console/")])
    assert page.path == "/console/promotions"


async def test_person_who_owes_a_password_is_led_to_it(stranger: Browser, desk: Desk) -> None:
    stranger.client.cookies.set("altyn_session", await desk.token_of("anna", Grant("MARKETER", "NETWORK")))
    await desk.rows("UPDATE people SET password_is_given = true WHERE person_id = 'anna'")
    assert (await stranger.get("/console/")).path == "/console/me"
