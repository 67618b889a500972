"""Pages of events, points for many, families and batches: seen, asked for, approved by another, in both languages."""

from __future__ import annotations

import csv

import httpx
import pytest

from altyn.admin_api.app import create_app
from altyn.admin_api.console.sections import SECTIONS
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.console.value import Section
from altyn.admin_api.edge.rights import Grant
from tests.admin_api.console.browser import Browser
from tests.admin_api.console.test_watch import person
from tests.admin_api.desk import Desk
from tests.admin_api.test_edge import key_with
from tests.admin_api.test_gift_cards import SERIES
from tests.admin_api.test_tiers import TIERS
from tests.admin_api.value import lay_customers


@pytest.fixture(autouse=True)
async def chain(desk: Desk) -> None:
    await lay_customers(desk)


async def other(desk: Desk, *scopes: str) -> Browser:
    """Signed in with a key of somebody else."""
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(desk.office), raise_app_exceptions=False), base_url="http://console"
    )
    second = Browser(client)
    key = await key_with(desk, *scopes)
    await second.post("/console/sign-in", [("key", key), ("back", "/console/promotions")])
    return second


async def sent(browser: Browser, section: str, **typed: str) -> str:
    page = await browser.get(f"/console/value/{section}")
    assert page.status == 200, page.text
    return (await browser.post(f"/console/value/{section}", page.form(**typed))).text


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.name)
async def test_every_page_is_drawn_in_both_languages_and_leads_to_the_others(
    browser: Browser, section: Section
) -> None:
    for language in LANGUAGES:
        browser.language = language
        texts = texts_in(language)
        page = await browser.get(section.address)
        assert page.status == 200, page.text
        assert texts("value.none") in page.text
        for one in SECTIONS:
            assert f'href="{one.address}"' in page.html and texts(f"value.{one.name}.short") in page.text
            assert all(texts.has(f"value.field.{name}") for name, _ in one.columns)
            assert all(texts.has(f"value.field.{name.name}") for name in one.fields)
            assert all(texts.has(f"value.act.{act.name}") for act in one.acts)


async def test_event_is_typed_in_whole_points_and_another_approves(browser: Browser, desk: Desk) -> None:
    text = await sent(
        browser, "events", event="birthday", kind="BIRTHDAY", asset="bonus", points="12.50", expires_days="10"
    )
    assert "Birthday Once a year 12.50 bonus Waits for another" in text
    found = (await desk.get("/v1/events/birthday")).json()
    assert (found["points"], found["expires"]) == (1250, {"days": 10})
    page = await browser.get("/console/value/events")
    own = await browser.post("/console/value/events/birthday/approve", page.form())
    assert own.status == 403 and "Somebody else approves what you proposed." in own.text
    second = await other(desk, "events:read", "accounts:approve")
    page = await second.get("/console/value/events")
    assert page.status == 200 and "Define an event" not in page.text
    assert "Active" in (await second.post("/console/value/events/birthday/approve", page.form())).text
    page = await browser.get("/console/value/events")
    assert "Stopped" in (await browser.post("/console/value/events/birthday/stop", page.form())).text
    assert (await desk.deeds())[-1] == "events.stop"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"points": "1.234"}, "points 1.234 is no number of points"),
        ({"points": "5", "days_before": "x"}, "x is no whole number"),
        ({"points": "5", "days_before": "3"}, "days_before is of a BIRTHDAY"),
        ({"points": "5", "event": "a/b"}, "an identifier has no slash"),
        ({"points": "0"}, "points"),
    ],
)
async def test_what_cannot_be_is_told_with_what_was_typed(
    browser: Browser, desk: Desk, typed: dict[str, str], says: str
) -> None:
    page = await browser.get("/console/value/events")
    given = {"event": "visit", "kind": "SURVEY", "asset": "bonus"} | typed
    answer = await browser.post("/console/value/events", page.changed(given))
    assert answer.status == 422 and says in answer.text
    assert answer.value("points") == typed["points"] and answer.value("kind") == "SURVEY"
    assert (await desk.get("/v1/events")).json() == {"events": []}


async def test_points_for_a_list_are_proposed_stopped_and_shown_while_they_move(browser: Browser, desk: Desk) -> None:
    text = await sent(
        browser, "accruals", title="Jubilee", reason="jubilee", asset="bonus", points="5", customer_ids="1, 2\n3"
    )
    assert "Jubilee 5.00 bonus" in text and "Waits for another" in text
    second = await other(desk, "accruals:read", "accounts:approve")
    page = await second.get("/console/value/accruals")
    page = await second.post("/console/value/accruals/1/approve", page.form())
    assert "Waiting" in page.text and "every 2s" in page.html
    part = await browser.get("/console/value/accruals", hx_request="true")
    assert part.html.lstrip().startswith("<div") and "Jubilee" in part.text
    page = await browser.get("/console/value/accruals")
    stopped = await browser.post("/console/value/accruals/1/cancel", page.form())
    assert "Stopped" in stopped.text and "every 2s" not in stopped.html
    assert "It had ended before." in (await browser.post("/console/value/accruals/1/cancel", stopped.form())).text


async def test_tier_by_hand_is_asked_by_one_person_and_given_by_another(desk: Desk) -> None:
    await desk.put("/v1/tiers", json=TIERS)
    olga = await person(desk, "olga", Grant("CALL_CENTRE", "NETWORK"))
    igor = await person(desk, "igor", Grant("MARKETING_DIRECTOR", "NETWORK"))
    text = await sent(olga, "tiers", account_id="10", tier="gold", until="2027-12-31", reason="first member")
    assert "10 gold 2027-12-31 first member Waits for another person:olga" in text
    assert "10 – – by mistake Waits for another" in await sent(olga, "tiers", account_id="10", reason="by mistake")
    page = await igor.get("/console/value/tiers")
    assert 'action="/console/value/tiers"' not in page.html
    page = await igor.post("/console/value/tiers/1/approve", page.form())
    assert "10 gold 2027-12-31 first member Done" in page.text
    page = await igor.post("/console/value/tiers/2/reject", page.form())
    assert "by mistake Rejected" in page.text
    assert (await desk.deeds())[-4:] == ["tiers.ask", "tiers.ask", "tiers.give", "tiers.reject"]


async def test_family_is_made_and_joined_on_one_form(browser: Browser, desk: Desk) -> None:
    assert "Ivanovs 1 1 Done" in await sent(browser, "families", customer_id="1", title="Ivanovs")
    text = await sent(browser, "families", customer_id="2", family_id="1", reason="asked for")
    assert "1 , 2 joins In progress" in text
    again = await sent(browser, "families", customer_id="2", family_id="1", reason="asked for")
    assert "The customer is in a family already." in again or "Something is being done" in again
    await desk.rows("UPDATE account_acts SET state = 'REFUSED', refusal = 'MERGE_CYCLE' RETURNING 1")
    assert "Refused The account leads back to itself." in (await browser.get("/console/value/families")).text


async def test_print_run_is_ordered_by_one_and_its_file_goes_to_another(browser: Browser, desk: Desk) -> None:
    await desk.put("/v1/assets/gift", json={"kind": "MONEY"})
    await desk.put("/v1/gift-card-series/plastic", json=SERIES)
    assert "plastic First 3 Ordered" in await sent(browser, "gift-cards", series="plastic", title="First", count="3")
    page = await browser.get("/console/value/gift-cards")
    assert "somebody else" in (await browser.post("/console/value/gift-cards/1/issue", page.form())).text
    second = await other(desk, "gift_cards:read", "gift_cards:issue")
    page = await second.get("/console/value/gift-cards")
    answer = await second.send("/console/value/gift-cards/1/issue", page.form())
    assert (answer.status_code, answer.headers["content-disposition"]) == (201, "attachment")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert len(rows) == 3 and all(row["number"].startswith("9900") for row in rows)
    assert "Made" in (await browser.get("/console/value/gift-cards")).text


async def test_serials_are_made_by_batch_and_pages_follow(browser: Browser, desk: Desk) -> None:
    series = {"kind": "UNIQUE", "template": "AL-##########?", "origin": "SERIAL", "starts_at": "2026-01-01T00:00:00Z"}
    made = await desk.put("/v1/coupon-series/serials", json=series)
    assert made.status_code == 200, made.text
    text = await sent(browser, "coupons", series="serials", title="First", count="10")
    assert "serials First Serials 10 Active" in text
    for number in range(26):
        await desk.post("/v1/coupon-series/serials/serials", json={"title": f"batch {number}", "count": 1})
    page = await browser.get("/console/value/coupons")
    assert "batch 25" in page.text and "First" not in page.text and "?at=3" in page.html
    assert "First" in (await browser.get("/console/value/coupons?at=3")).text


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.name)
async def test_navigation_leads_to_the_first_page_one_may_see(desk: Desk, section: Section) -> None:
    narrow = await other(desk, "promotions:read", section.reads)
    page = await narrow.get("/console/promotions")
    assert f'href="{section.address}"' in page.html and page.html.count('href="/console/value/') == 1
    page = await narrow.get(section.address)
    assert page.status == 200 and "<form" not in page.html.partition('id="rows"')[2].partition("</main>")[0]


async def test_who_may_see_none_of_them_is_not_led_there(desk: Desk) -> None:
    nobody = await other(desk, "promotions:read")
    assert "/console/value" not in (await nobody.get("/console/promotions")).html
    assert (await nobody.get("/console/value/events")).status == 403
