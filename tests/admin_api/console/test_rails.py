"""Guard rails on the pages: proposed by one, approved by another, overridden with a reason; alerts, until seen."""

from __future__ import annotations

from tests.admin_api.console.browser import Browser
from tests.admin_api.console.test_receipt import sold
from tests.admin_api.console.test_reviewing import REVIEW, People, people, press, state
from tests.admin_api.desk import TEN, Desk
from tests.cli.backtest.test_backtest import PAST

__all__ = ["people"]
RAILS = "/console/rails"
ALERT = """
INSERT INTO publishing_alerts (tenant, kind, promotion_id, occasion, told, raised_at)
VALUES ('demo', $1, 'ten', $1, $2, now())
"""
DEEP = TEN | {"reward": [{"percent": {"rate": "80", "of": {"sku": "loaf"}}}]}


async def test_rails_are_proposed_in_percent_and_approved_by_another(people: People, desk: Desk) -> None:
    page = await people["dora"].get(RAILS)
    assert page.value("receipt_discount_max_ppm") == "70" and page.value("hour_budget_minor") == "0"
    wrong = await people["dora"].post(RAILS, page.form(price_floor_ppm="much", reason="spring"))
    assert wrong.status == 422 and wrong.value("price_floor_ppm") == "much" and wrong.value("reason") == "spring"
    typed = page.form(receipt_discount_max_ppm="62,5", hour_budget_minor="1500.50", reason="spring")
    made = await people["dora"].post(RAILS, typed)
    assert made.status == 200 and "waits for somebody else" in made.text and "62.5" in made.text
    [change] = (await desk.get("/v1/rails-changes")).json()["changes"]
    assert (change["value"]["receipt_discount_max_ppm"], change["value"]["hour_budget_minor"]) == (625_000, 150_050)
    address = f"{RAILS}/{change['change_id']}/approve"
    refused = await people["dora"].post(address, made.form())
    assert refused.status == 403 and "somebody else approves it" in refused.text
    page = await people["sam"].get(RAILS)
    assert f'action="{RAILS}"' not in page.html, "who approves does not propose"
    await people["sam"].post(address, page.form())
    assert (await desk.get("/v1/rails")).json()["receipt_discount_max_ppm"] == 625_000


async def test_broken_rail_is_shown_with_its_receipts_and_overridden_with_a_reason(
    people: People, desk: Desk, schema_dsn: str
) -> None:
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/assets/bonus", json={})
    assert (await desk.post("/v1/promotions", json=DEEP)).status_code == 201
    await press(people["mary"], "submit")
    page = await people["dora"].get(REVIEW)
    assert "Too much off a receipt" in page.text and "70 % allowed" in page.text and "/console/receipts/" in page.html
    assert 'name="override_reason"' in page.html
    refused = await press(people["dora"], "approve")
    assert refused.status == 409 and "nobody has said why it may" in refused.text
    for login in ("dora", "dave"):
        await press(people[login], "approve", override_reason="a day of bread")
    assert await state(desk) == "APPROVED"
    page = await people["mary"].get(REVIEW)
    assert "Guard rails overridden: a day of bread" in page.text


async def test_alerts_stand_on_the_overview_and_the_promotion_until_somebody_has_seen_them(
    people: People, browser: Browser, desk: Desk
) -> None:
    await desk.post("/v1/promotions", json=TEN)
    ratio = {"why": "RATIO", "found": 912_000, "allowed": 100_000, "receipts_count": 23, "discount_minor": 1}
    near = {"measure": "amount", "window": "day", "used": 80_000, "cap": 100_000, "used_ppm": 800_000}
    await desk.rows(ALERT, "STOPPED", ratio)
    await desk.rows(ALERT, "BUDGET_NEAR", near)
    for address in ("/console/overview", "/console/promotions/ten", REVIEW, RAILS):
        page = await browser.get(address)
        assert "A promotion was stopped by itself." in page.text and "91.2 %" in page.text, address
        assert ("80 % are used: 800.00 of 1,000.00" in page.text and "Ten percent" in page.text) or address == RAILS
    page = await people["mary"].get("/console/promotions/ten")
    assert "/acknowledge" not in page.html
    page = await people["sam"].get(REVIEW)
    [alert, _] = (await desk.get("/v1/publishing-alerts")).json()["alerts"][::-1]
    back = await people["sam"].post(
        f"/console/publishing-alerts/{alert['alert_id']}/acknowledge", page.changed({"back": REVIEW})
    )
    assert back.path == REVIEW and "stopped by itself" not in back.text and "A budget runs out" in back.text
