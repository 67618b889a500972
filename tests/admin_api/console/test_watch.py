"""Exceptions and fraud as pages: found by filters, decided by one or by two, each by their right and their stores."""

from __future__ import annotations

import httpx
import pytest

from altyn.admin_api.app import create_app
from altyn.admin_api.console import exceptions, fraud
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.edge.rights import Grant
from altyn.pos.v1 import reasons_pb2
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import STORE, Desk
from tests.admin_api.journal import Journal
from tests.admin_api.test_decisions import projected, server, world
from tests.admin_api.test_fraud import tripped
from tests.core.engine.scarce_world import balance
from tests.core.engine.world import World

__all__ = ["server", "world"]
ONE = "/console/exceptions/2-0"


async def person(desk: Desk, name: str, *grants: Grant) -> Browser:
    """A browser of somebody with these roles, of antifraud without any."""
    transport = httpx.ASGITransport(create_app(desk.office), raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://console")
    client.cookies.set("altyn_session", await desk.token_of(name, *(grants or (Grant("ANTIFRAUD", "NETWORK"),))))
    return Browser(client)


async def sent(browser: Browser, address: str, act: str, **typed: str) -> Page:
    page = await browser.get(address)
    return await browser.post(f"{address}/{act}", page.changed(typed))


def test_reasons_people_choose_from_are_those_of_the_contract() -> None:
    for name in exceptions.REASONS:
        assert f"REASON_{name}" in reasons_pb2.Reason.keys()  # noqa: SIM118 - an enum wrapper, not a mapping
        assert all(texts_in(language).has(f"exception.reason.{name}") for language in LANGUAGES)


# EXCEPTIONS


async def test_exception_is_found_taken_for_good_and_told_when_the_tables_hold_it(
    browser: Browser, desk: Desk, world: World
) -> None:
    page = await browser.get("/console/exceptions?reason=NOT_RESERVED")
    assert "Spent without a hold" in page.text and f'href="{ONE}"' in page.html
    assert f'href="{ONE}"' not in (await browser.get("/console/exceptions?reason=DEBT_BOOKED")).html
    before = balance(world)[0]
    page = await sent(browser, ONE, "decide", choice="APPLY", note="the shop says so")
    assert page.path == f"{ONE}?wait_seq=3" and balance(world)[0] == before - 2500
    assert "The decision is in the journal" in page.text and "<textarea" not in page.html
    await projected(desk, world)
    page = await browser.get(page.path)
    assert "What was spent is taken: place 3 of the journal." in page.text and "the shop says so" in page.text
    assert "every 1s" not in page.html and "<textarea" not in page.html
    assert "Nothing here waits" in (await browser.get("/console/exceptions")).text
    assert f'href="{ONE}"' in (await browser.get("/console/exceptions?state=RESOLVED")).html


async def test_more_than_one_decides_alone_waits_for_another_who_sees_what_was_asked(desk: Desk, world: World) -> None:
    anna, boris = await person(desk, "anna"), await person(desk, "boris")
    asked = await sent(anna, ONE, "decide", choice="APPLY", note="the shop says so")
    assert "asks to take 25.00 RUB" in asked.text and "somebody else has to agree" in asked.text
    assert 'value="APPLY"' not in asked.html and 'value="REJECT"' in asked.html
    again = await anna.post(f"{ONE}/decide", asked.changed({"choice": "APPLY", "note": "once more"}))
    assert again.status == 403 and "Somebody else decides on what you asked for." in again.text
    seen = await boris.get(ONE)
    assert "asks to take 25.00 RUB" in seen.text and "the shop says so" in seen.text and 'value="APPLY"' in seen.html
    before = balance(world)[0]
    await sent(boris, ONE, "decide", choice="APPLY", note="I have seen the slip")
    assert balance(world)[0] == before - 2500


async def test_note_is_needed_and_kept_when_the_server_declines(browser: Browser, desk: Desk, world: World) -> None:
    page = await sent(browser, ONE, "decide", choice="REJECT", note="x")
    assert page.status == 422 and page.value("note") == "x" and "note" in page.text
    assert (await sent(browser, ONE, "decide", choice="REJECT", note="no slip")).status == 200
    page = await sent(browser, ONE, "decide", choice="APPLY", note="after all")
    assert page.status == 409 and "It was decided otherwise before." in page.text
    assert page.value("note") == "after all" and balance(world)[0] == 7075
    for unknown in ("9-0", "x", "1-0-0", "9" * 30):
        assert (await browser.get(f"/console/exceptions/{unknown}")).status == 404


async def test_what_is_not_decided_is_resolved_by_a_note_and_opened_again(browser: Browser, desk: Desk) -> None:
    journal = await Journal.open(desk.office.pool)
    await journal.append(journal.commit(1))
    await desk.office.projector.turn()
    one = "/console/exceptions/1-0"
    page = await sent(browser, one, "resolve", note="<b>goods</b> added")
    assert "Resolved" in page.text and "<b>" not in page.html and "<b>goods</b> added" in page.text
    page = await sent(browser, one, "reopen", note="a mistake")
    assert "Open" in page.text and (await desk.deeds())[-2:] == ["exceptions.resolve", "exceptions.reopen"]


async def test_store_director_begins_with_his_store_and_sees_no_other(desk: Desk, world: World) -> None:
    [row] = await desk.rows("SELECT store_id FROM exceptions")
    for store_id in (row["store_id"], "s9"):
        await desk.put(f"/v1/stores/{store_id}", json=STORE)
    own = await person(desk, "vera", Grant("STORE_DIRECTOR", "STORE", row["store_id"]))
    page = await own.get("/console/exceptions")
    assert f'href="{ONE}"' in page.html and page.value("store_id") == row["store_id"]
    assert (await own.get(ONE)).status == 200 and (await own.get("/console/exceptions?store_id=s9")).status == 403
    other = await person(desk, "oleg", Grant("STORE_DIRECTOR", "STORE", "s9"))
    assert f'href="{ONE}"' not in (await other.get("/console/exceptions")).html
    assert (await other.get(ONE)).status == 403
    token = (await own.get(ONE)).changed({"choice": "REJECT", "note": "not mine"})
    assert (await other.post(f"{ONE}/decide", token)).status == 403 and balance(world)[0] == 7075
    assert "/console/fraud" not in (await other.get("/console/overview")).html


@pytest.mark.parametrize("query", ["from_day=2027-02-31", "reason=NOBODY", "state=MAYBE", "before=1"])
async def test_filter_that_cannot_be_is_told(browser: Browser, query: str) -> None:
    page = await browser.get(f"/console/exceptions?{query}")
    assert page.status == 422 and 'role="alert"' in page.html


# FRAUD


async def test_case_is_found_and_decided_once(browser: Browser, desk: Desk) -> None:
    journal = await Journal.open(desk.office.pool)
    await journal.append(tripped(journal, 1, ("many", 5, True)), tripped(journal, 2, ("quick", 2, True)))
    await desk.office.projector.turn()
    for language in LANGUAGES:
        browser.language, texts = language, texts_in(language)
        page = await browser.get("/console/fraud/cases")
        assert texts("value.fraud-cases.title") in page.text and texts("value.kind.CARD_RECEIPTS") in page.text
        assert all(texts.has(f"value.{area}.{one}") for area, one in [("kind", kind) for kind in fraud.FraudKind])
    browser.language = "en"
    page = await browser.get("/console/fraud/cases?cashier_id=c1")
    assert "/console/fraud/cases/1-0" in page.html and "/console/fraud/cases/2-0" not in page.html
    one = "/console/fraud/cases/1-0"
    assert "Reached 5 Allowed 4" in (await browser.get(one)).text
    page = await sent(browser, one, "decide", choice="MAYBE", note="a family")
    assert page.status == 422 and page.value("note") == "a family"
    page = await sent(browser, one, "decide", choice="HONEST", note="a family")
    assert "Honest" in page.text and "<textarea" not in page.html
    assert "1-0" not in (await browser.get("/console/fraud/cases")).html
    again = await browser.post(f"{one}/decide", (await browser.get("/console/fraud/cases/2-0")).form(choice="FRAUD"))
    assert again.status in (409, 422)


async def test_rule_is_proposed_by_one_and_acts_when_another_approves(desk: Desk) -> None:
    olga, igor = await person(desk, "olga"), await person(desk, "igor", Grant("SALES_DIRECTOR", "NETWORK"))
    page = await olga.get("/console/fraud/rules")
    typed = {"rule": "many", "kind": "CARD_RECEIPTS", "threshold": "4", "becomes": "ACTIVE", "reason": "found in May"}
    wrong = await olga.post("/console/fraud/rules", page.changed(typed))
    assert wrong.status == 422 and "actions" in wrong.text and wrong.value("threshold") == "4"
    fields = [*wrong.fields, ("actions", "TAG"), ("actions", "CASE")]
    page = await olga.post("/console/fraud/rules", fields)
    assert "many found in May Many receipts of a card Day 4 0 0 Make a case, Tag it On Waits for another" in page.text
    own = await olga.post("/console/fraud/rules/1/approve", page.form())
    assert own.status == 403 and "Somebody else approves what you proposed." in own.text
    page = await igor.get("/console/fraud/rules")
    assert 'name="rule"' not in page.html
    page = await igor.post("/console/fraud/rules/1/approve", page.form())
    assert "On Active" in page.text and "Waits for another" not in page.text
    [rule] = (await desk.get("/v1/fraud-rules")).json()["rules"]
    assert (rule["rule"], rule["threshold"], rule["actions"], rule["state"]) == ("many", 4, ["CASE", "TAG"], "ACTIVE")
