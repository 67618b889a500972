"""Sample receipts on the pages: kept from "try it", watched by publishing, recorded anew when the change is meant."""

from __future__ import annotations

import os
import secrets

import httpx
import pytest
from playwright.async_api import Route, async_playwright, expect

from altyn.admin_api.app import create_app
from altyn.admin_api.edge.rights import Grant
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_reviewing import REVIEW, People, people, press, state
from tests.admin_api.console.test_story import CHROMIUM
from tests.admin_api.desk import RECEIPT, STORE, TEN, Desk

__all__ = ["people"]
CASES = "/console/receipt-cases"


async def kept(browser: Browser, page: Page, **changed: str) -> Page:
    """The button below what was tried, as htmx sends it: the whole form, with a key of the button's own."""
    fields = [one for one in page.changed(changed) if one[0] not in ("once",) and not one[0].startswith("try.line.")]
    for name, value in (("sku", "milk"), ("category", ""), ("price", "100"), ("quantity", "2")):
        fields.append((f"try.line.{name}", changed.get(f"try.line.{name}", value)))
    return await browser.part(CASES, [*fields, ("once", secrets.token_hex(8))])


@pytest.fixture
async def page(browser: Browser, desk: Desk) -> Page:
    await desk.put("/v1/stores/s1", json=STORE)
    return await browser.get("/console/promotions/new?card=small-receipt-points")


async def cases_of(desk: Desk) -> list[dict[str, object]]:
    return list((await desk.get("/v1/receipt-cases")).json()["cases"])


async def test_receipt_that_was_tried_is_kept_with_one_click(browser: Browser, desk: Desk, page: Page) -> None:
    tried = await browser.part("/console/promotions/try", page.fields)
    assert 'hx-post="/console/receipt-cases"' in tried.html
    at = {"try.at": "2027-01-05T12:00", "try.store": "s1"}
    assert "It is watched now." in (await kept(browser, page, **at)).text
    assert (await kept(browser, page, **at)).status == 200
    [case] = await cases_of(desk)
    assert case["title"] == "milk", "the same receipt is one case"
    told: dict[str, dict[str, object]] = case["expected"]  # type: ignore[assignment]
    assert (told["totals"]["gross_minor"], told["totals"]["discount_minor"]) == (20_000, 0)
    saved = await browser.post("/console/promotions", page.form(then="stay"))
    assert saved.status == 200, "the button's key is not the form's, which is saved by its own"
    listed = await browser.get(CASES)
    assert "milk" in listed.text and "As recorded" in listed.text


async def test_receipt_that_cannot_be_read_is_not_kept_and_says_why(browser: Browser, desk: Desk, page: Page) -> None:
    wrong = await kept(browser, page, **{"try.line.price": "1,2,3"})
    assert wrong.status == 422 and "It could not be kept" in wrong.text and "line[1].price" in wrong.text
    assert await cases_of(desk) == []


async def test_case_that_differs_is_shown_with_its_places_and_recorded_anew(browser: Browser, desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    made = await desk.put("/v1/receipt-cases/tea", json={"receipt": RECEIPT, "title": "Tea"})
    assert made.status_code == 200, made.text
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    refused = await desk.post("/v1/releases", json={})
    assert (refused.status_code, refused.json()["reason"]) == (409, "CASES_DIFFER"), (
        "a key publishes no surprise either"
    )
    page = await browser.get("/console/releases/new?checked=1")
    assert 'name="accepts_differences"' in page.html and "tea" in page.text
    assert (await desk.post("/v1/releases", json={"accepts_differences": True})).status_code == 201
    listed = await browser.get(CASES)
    assert "Differs in" in listed.text
    page = await browser.get(f"{CASES}/tea")
    assert "totals.to_pay_minor" in page.text and "10000" in page.text and "9000" in page.text
    after = await browser.post(f"{CASES}/tea/record", page.form())
    assert after.path == f"{CASES}/tea" and "As recorded" in after.text
    assert [deed for deed in await desk.deeds() if deed.startswith("receipt_cases")] == ["receipt_cases.put"] * 2


async def test_case_is_renamed_and_deleted(browser: Browser, desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/receipt-cases/tea", json={"receipt": RECEIPT})
    page = await browser.get(f"{CASES}/tea")
    renamed = await browser.post(f"{CASES}/tea", page.form(title="Morning tea"))
    assert "Morning tea" in renamed.text
    [case] = await cases_of(desk)
    assert (case["title"], case["revision"]) == ("Morning tea", 2)
    refused = await browser.post(f"{CASES}/tea", renamed.form(title="x" * 201))
    assert refused.status == 422
    gone = await browser.post(f"{CASES}/tea/delete", renamed.form())
    assert gone.path == CASES and await cases_of(desk) == []
    assert (await browser.get(f"{CASES}/tea")).status == 404


async def test_review_shows_each_case_and_records_those_anew_that_were_meant(people: People, desk: Desk) -> None:
    await desk.put("/v1/receipt-cases/tea", json={"receipt": RECEIPT, "title": "Morning tea"})
    await desk.post("/v1/promotions", json=TEN)
    await press(people["mary"], "submit")
    page = await people["dora"].get(REVIEW)
    assert f'href="{CASES}/tea"' in page.html and "Morning tea" in page.text
    assert "record these receipts anew" not in page.text
    refused = await press(people["dora"], "approve")
    assert refused.status == 409, "a differing case needs a decision"
    await press(people["dora"], "approve", accepts_differences="1")
    await press(people["dora"], "publish")
    assert await state(desk) == "ACTIVE"
    page = await people["mary"].get(REVIEW)
    assert "record these receipts anew" in page.text
    after = await people["mary"].post(f"{CASES}/record", page.fields)
    assert after.path == CASES and "Differs" not in after.text


async def test_who_only_reads_is_not_offered_acts(people: People, desk: Desk) -> None:
    await desk.put("/v1/receipt-cases/tea", json={"receipt": RECEIPT})
    page = await people["sam"].get(f"{CASES}/tea")
    assert page.status == 200 and "/record" not in page.html and "/delete" not in page.html
    refused = await people["sam"].post(f"{CASES}/tea/delete", page.form(once="1"))
    assert refused.status == 403 and len(await cases_of(desk)) == 1


@pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium")
async def test_button_below_what_was_tried_keeps_it_in_a_browser(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.post("/v1/promotions", json=TEN)
    transport = httpx.ASGITransport(create_app(desk.office), raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://console") as client,
        async_playwright() as all_of,
    ):
        client.cookies.set("altyn_session", await desk.token_of("mary", Grant("MARKETER", "NETWORK")))

        async def answer(route: Route) -> None:
            """As the back office would on a socket."""
            asked = route.request
            headers = {name: value for name, value in asked.headers.items() if name != "cookie"}
            given = await client.request(asked.method, asked.url, headers=headers, content=asked.post_data_buffer)
            await route.fulfill(status=given.status_code, headers=dict(given.headers), body=given.content)

        browser = await all_of.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(locale="en-US")
        page.set_default_timeout(60_000)
        await page.route("**/*", answer)
        await page.goto("http://console/console/promotions/ten")
        await page.locator("text=Keep as a sample receipt").click()
        await expect(page.locator("#case")).to_contain_text("It is watched now.", timeout=60_000)
        await browser.close()
    assert len(await cases_of(desk)) == 1
