"""The way of a promotion to the tills on the pages: who is offered which act, and what it does when it is pressed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from altyn.admin_api.app import create_app
from altyn.admin_api.console.reviewing import SCOPES
from altyn.admin_api.edge.rights import Grant
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import RECEIPT, STORE, TEN, Desk
from tests.admin_api.test_publishing import CompilerHere

TEN_PAGE, REVIEW = "/console/promotions/ten", "/console/promotions/ten/review"
ROLES = {"mary": "MARKETER", "dora": "MARKETING_DIRECTOR", "dave": "MARKETING_DIRECTOR", "sam": "SALES_DIRECTOR"}
NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)

People = dict[str, Browser]


@pytest.fixture
async def people(desk: Desk) -> AsyncIterator[People]:
    """A marketer, two who approve, and one who only stops; each with a browser of their own."""
    desk.office.compiler, desk.office.clock = CompilerHere(), lambda: NOW
    await desk.put("/v1/stores/s1", json=STORE)
    async with AsyncExitStack() as stack:
        found = {}
        for login, role in ROLES.items():
            transport = httpx.ASGITransport(create_app(desk.office), raise_app_exceptions=False)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://console"))
            client.cookies.set("altyn_session", await desk.token_of(login, Grant(role, "NETWORK")))
            found[login] = Browser(client)
        yield found


def offered(page: Page) -> set[str]:
    """Acts of the review the page has buttons for."""
    return set(re.findall(r'class="act act-(\w+)"', page.html)) - {"shadow"}


def turned(page: Page) -> set[str]:
    return set(re.findall(r'name="state" value="(\w+)"', page.html))


async def press(browser: Browser, act: str, **typed: str) -> Page:
    """An act's form of the review page, as a browser sends it."""
    page = await browser.get(REVIEW)
    return await browser.post(f"/console/promotions/ten/{act}", page.changed(typed))


async def submitted(people: People, desk: Desk) -> None:
    page = await people["mary"].get("/console/promotions/new?card=blank")
    source = "promotion: ten\ntitle: {en: Ten percent}\nstage: item\nreward: [{percent: {rate: 10}}]"
    kept = [one for one in page.fields if one[0] in ("token", "once")]
    typed = [*kept, ("mode", "yaml"), ("source", source), ("then", "submit")]
    page = await people["mary"].post("/console/promotions", typed)
    assert page.status == 200 and page.path == REVIEW, page.text
    assert await state(desk) == "REVIEW"


async def state(desk: Desk) -> str:
    return str((await desk.get("/v1/promotions/ten")).json()["state"])


async def test_author_submits_another_approves_and_publishes(people: People, desk: Desk) -> None:
    page = await people["mary"].get("/console/promotions/new?card=points-percent")
    assert "Save and submit for review" in page.text and "Save and publish" not in page.text
    await submitted(people, desk)
    page = await people["dora"].get(REVIEW)
    assert "In review" in page.text and "Waits for approval: 0 of 1 given" in page.text
    assert "Expected discount, at the deepest 10 %" in page.text and "The tills do not have it yet" in page.text
    assert offered(page) == {"approve", "reject", "withdraw"}
    page = await press(people["dora"], "approve")
    assert page.path == REVIEW and "Approved" in page.text and await state(desk) == "APPROVED"
    page = await press(people["dora"], "publish")
    assert page.path == "/console/releases/1" and "In force" in page.text and await state(desk) == "ACTIVE"
    page = await people["mary"].get(TEN_PAGE)
    assert "Live at the tills" in page.text and offered(page) == set() and turned(page) == set()
    assert {"promotions.submit", "promotions.approve", "promotions.publish"} <= set(await desk.deeds())


async def test_authors_approval_is_refused_in_words(people: People, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    await press(people["dora"], "submit")
    page = await people["dora"].get(REVIEW)
    says = "You wrote or submitted this: somebody else approves it."
    assert offered(page) == {"reject", "withdraw"} and says in page.text
    refused = await people["dora"].post("/console/promotions/ten/approve", page.fields)
    assert refused.status == 403 and "FOUR_EYES" in refused.text and says in refused.text
    people["dora"].language = "ru"
    russian = await people["dora"].post("/console/promotions/ten/approve", page.changed({"once": "again"}))
    assert "согласовывает кто-то другой" in russian.text
    assert await state(desk) == "REVIEW"
    assert offered(await people["dave"].get(REVIEW)) == {"approve", "reject", "withdraw"}


async def test_rejection_shows_its_reason_to_the_author(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    refused = await press(people["dora"], "reject", reason=" ")
    assert refused.status == 422 and "Something is missing" in refused.text and await state(desk) == "REVIEW"
    await press(people["dora"], "reject", reason="<b>too deep</b> for tea")
    for address in (TEN_PAGE, REVIEW):
        page = await people["mary"].get(address)
        assert "rejected it on" in page.text and "<b>too deep</b> for tea" in page.text and "<b>too" not in page.html
        assert offered(page) == {"submit"}
    assert turned(await people["mary"].get(TEN_PAGE)) == {"ARCHIVED"}
    await press(people["mary"], "submit")
    page = await people["mary"].get(REVIEW)
    assert "Review 2" in page.text and "Earlier reviews Review 1 Rejected" in page.text


async def test_double_submit_acts_once(people: People, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await people["mary"].get(REVIEW)
    sends = (people["mary"].send("/console/promotions/ten/submit", page.fields) for _ in range(2))
    answers = await asyncio.gather(*sends)
    assert [answer.headers["location"] for answer in answers] == [REVIEW] * 2
    assert (await desk.deeds()).count("promotions.submit") == 1


async def test_approval_is_of_what_was_looked_at(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    seen = await people["dora"].get(REVIEW)
    page = await people["mary"].get(TEN_PAGE)
    changed = page.changed({"doc.reward.0.percent.rate|word": "12", "then": "submit"})
    await people["mary"].post(TEN_PAGE, changed)
    refused = await people["dora"].post("/console/promotions/ten/approve", seen.fields)
    assert refused.status == 412 and "changed the promotion since you looked at it" in refused.text
    assert await state(desk) == "REVIEW"


async def test_what_loses_money_is_not_submitted_and_stays_as_typed(people: People, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await people["mary"].get(TEN_PAGE)
    rate = "doc.reward.0.percent.rate|word"
    page = await people["mary"].post(TEN_PAGE, page.changed({rate: "100", "then": "submit"}))
    assert page.status == 422 and page.value(rate) == "100" and "to mend" in page.text
    assert (await desk.get("/v1/promotions/ten")).json()["revision"] == 1


async def test_differences_of_sample_receipts_are_shown_and_accepted(people: People, desk: Desk) -> None:
    made = await desk.put("/v1/receipt-cases/tea", json={"receipt": RECEIPT})
    assert made.status_code == 200, made.text
    await submitted(people, desk)
    page = await people["dora"].get(REVIEW)
    assert "One receipt was tried" in page.text and "totals.to_pay_minor" in page.text
    refused = await press(people["dora"], "approve")
    assert refused.status == 409 and "nobody has accepted that" in refused.text
    await press(people["dora"], "approve", accepts_differences="1")
    assert await state(desk) == "APPROVED"


async def test_scheduled_waits_is_taken_off_and_stopped(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    await press(people["dora"], "approve")
    refused = await press(people["dora"], "publish", effective_at="soon")
    assert refused.status == 422
    await press(people["dora"], "publish", effective_at="2027-02-01T00:00")
    page = await people["dora"].get(TEN_PAGE)
    assert "In force at the tills from 01 Feb 2027, 00:00" in page.text
    assert offered(page) == {"unschedule", "suspend"} and "Save and submit" not in page.text
    await press(people["dora"], "unschedule")
    await press(people["dora"], "publish")
    page = await people["sam"].get(TEN_PAGE)
    assert offered(page) == {"suspend"}
    await press(people["sam"], "suspend", reason="wrong price")
    assert await state(desk) == "SUSPENDED"
    assert offered(await people["sam"].get(TEN_PAGE)) == set()
    assert offered(await people["dora"].get(TEN_PAGE)) == {"resume"}
    await press(people["dora"], "resume")
    assert await state(desk) == "ACTIVE"


async def test_draft_beside_what_is_released_says_so(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    await press(people["dora"], "approve")
    await press(people["dora"], "publish")
    page = await people["mary"].get(TEN_PAGE)
    page = await people["mary"].post(TEN_PAGE, page.changed({"doc.reward.0.percent.rate|word": "12"}))
    assert "Draft" in page.text and "Revision 4 goes on at the tills" in page.text
    assert offered(page) == {"submit"} and turned(page) == set()
    assert offered(await people["sam"].get(TEN_PAGE)) == {"suspend"}
    page = await people["mary"].get(REVIEW)
    assert "<del>10</del>" in page.html and "<ins>12</ins>" in page.html


async def test_acts_that_are_not_offered_change_nothing(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    for act, following in {"approve": "APPROVED", "publish": "ACTIVE", "suspend": "SUSPENDED"}.items():
        page = await people["dora"].get(REVIEW)
        before = (await desk.get("/v1/promotions/ten")).json()
        for other in SCOPES.keys() - offered(page):
            typed = page.changed({"once": f"{act} {other}", "reason": "none at all"})
            await people["dora"].post(f"/console/promotions/ten/{other}", typed)
        assert (await desk.get("/v1/promotions/ten")).json() == before
        await press(people["dora"], act, reason="none at all")
        assert await state(desk) == following


async def test_review_too_old_offers_no_approval(people: People, desk: Desk) -> None:
    await submitted(people, desk)
    desk.office.clock = lambda: NOW + timedelta(hours=73)
    token = await desk.token_of("dave", Grant("MARKETING_DIRECTOR", "NETWORK"))
    people["dave"].client.cookies.set("altyn_session", token)
    page = await people["dave"].get(REVIEW)
    assert offered(page) == {"reject", "withdraw"} and "submitted too long ago" in page.text


async def test_key_keeps_the_short_way_and_does_not_approve(people: People, browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await browser.get(TEN_PAGE)
    assert "Save and publish" in page.text and turned(page) == {"ACTIVE", "ARCHIVED"}
    await press(people["mary"], "submit")
    page = await browser.get(TEN_PAGE)
    assert "approve" not in offered(page) and "A key does not approve" in page.text and turned(page) == {"ARCHIVED"}


async def test_four_eyes_off_is_told(people: People, desk: Desk) -> None:
    changed = await desk.put("/v1/publishing", json={"four_eyes": False})
    assert changed.status_code == 200, changed.text
    await desk.post("/v1/promotions", json=TEN)
    await press(people["dora"], "submit")
    page = await people["dora"].get(REVIEW)
    assert "approve" in offered(page) and "Four eyes are switched off" in page.text
    await press(people["dora"], "approve")
    assert await state(desk) == "APPROVED"
