"""A customer in the console: found by a key in full, told on one page by right, and acted on once, also when an answer
is lost, a form is sent twice, or somebody without the right sends it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from altyn.admin_api.console.customer_acts import ACTS, CARD_ACTS, DONE
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.edge.rights import Grant
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_sections import other
from tests.admin_api.console.test_watch import person
from tests.admin_api.desk import STORE, TEN, Desk
from tests.admin_api.journal import Journal
from tests.admin_api.test_families import worked_off
from tests.admin_api.test_fraud import tripped
from tests.admin_api.value import CoreServer, give, lay_customers, points_of

ONE = "/console/customers/1"
CARD = "2900 0000-0000 1234"
PHONE = "+7 916 123-45-67"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, CoreServer]]:
    address = f"unix:{tmp_path}/ops"
    core, door = CoreServer(), grpc.aio.server()
    ops_grpc.add_OpsServiceServicer_to_server(core, door)
    door.add_insecure_port(address)
    await door.start()
    yield address, core
    await door.stop(None)


@pytest.fixture(autouse=True)
async def chain(desk: Desk) -> None:
    """Customers 1 to 5, of which 1 has 100.00 bonus; two bonus make three of money."""
    await lay_customers(desk)
    await give(desk, 10, 100_00)


async def sent(browser: Browser, address: str, **typed: str) -> Page:
    """A form filled in and sent."""
    page = await browser.get(address)
    assert page.status == 200, page.text
    return await browser.post(address, page.changed(typed))


async def found(browser: Browser, by: str, key: str) -> Page:
    page = await browser.get("/console/customers")
    return await browser.post("/console/customers", page.changed({"by": by, "key": key}))


async def newcomer(desk: Desk) -> int:
    body = {"name": "Anna", "phone": PHONE, "card": {"number": CARD, "card_type": "gold"}}
    made = await desk.post("/v1/customers", json=body)
    assert made.status_code == 201, made.text
    return int(made.json()["customer_id"])


def test_every_act_has_its_texts() -> None:
    for language in LANGUAGES:
        texts = texts_in(language)
        for act in (*ACTS, *CARD_ACTS):
            assert texts.has(f"customer.act.{act.name}") and texts.has(f"customer.says.{act.name}")
            for one in act.fields if isinstance(act.fields, tuple) else ():
                assert texts.has(f"customer.field.{one.name}") and texts.has(f"customer.mend.{one.name}"), one.name
        assert all(texts.has(f"customer.done.{name}") for name in DONE)


# FINDING


@pytest.mark.parametrize(
    ("by", "key"), [("card_number", CARD), ("phone", "8 (916) 1234567"), ("customer_id", "7"), ("family_id", "1")]
)
async def test_customer_is_found_by_a_whole_key_that_gets_into_no_address_and_is_audited(
    browser: Browser, desk: Desk, by: str, key: str
) -> None:
    await desk.rows("SELECT setval('customer_ids', 6)")
    assert await newcomer(desk) == 7
    await desk.post("/v1/families", json={"head_customer_id": 7})
    page = await found(browser, by, key)
    assert (page.path, page.status) == ("/console/customers/7", 200) and "•••• 1234" in page.text
    [row] = await desk.rows("SELECT object_id, after::text FROM audit_log WHERE action = 'customers.find'")
    assert row["object_id"] == "7" and "916" not in row["after"] and "0000" not in row["after"]
    await found(browser, by, key)
    assert (await desk.deeds()).count("customers.find") == 2


@pytest.mark.parametrize(
    ("by", "key"),
    [("card_number", "9999 0000"), ("phone", "+7 999 0000000"), ("customer_id", "99"), ("family_id", "99")],
)
async def test_nobody_is_told_as_such_and_the_key_is_kept(browser: Browser, desk: Desk, by: str, key: str) -> None:
    page = await found(browser, by, key)
    assert page.status == 200 and "Nobody is found" in page.text
    assert (page.value("by"), page.value("key")) == (by, key)
    assert (await desk.deeds())[-1] == "customers.find"


@pytest.mark.parametrize(
    ("by", "key", "says"),
    [
        ("card_number", "12", "4 to 40 letters and digits"),
        ("phone", "12", "7 to 15 digits"),
        ("customer_id", "x", "a whole number above 0"),
        ("customer_id", "0", "a whole number above 0"),
        ("family_id", "-1", "a whole number above 0"),
        ("name", "Anna", "written the wrong way"),
    ],
)
async def test_key_that_cannot_be_is_told_at_its_field(browser: Browser, by: str, key: str, says: str) -> None:
    page = await found(browser, by, key)
    assert page.status == 422 and says in page.text and page.value("key") == key


async def test_phone_of_two_lists_both_and_an_anonymous_card_is_told(browser: Browser, desk: Desk) -> None:
    first, second = await newcomer(desk), (await desk.post("/v1/customers", json={"phone": PHONE})).json()
    page = await found(browser, "phone", PHONE)
    assert "2 customers" in page.text
    for one in (first, second["customer_id"]):
        assert f'href="/console/customers/{one}"' in page.html
    await desk.post("/v1/cards", json={"number": "5000 6000"})
    page = await found(browser, "card_number", "50006000")
    assert "An anonymous card" in page.text and "•••• 6000" in page.text


# THE PAGE


async def test_page_tells_points_family_facts_and_what_was_bought(browser: Browser, desk: Desk) -> None:
    await desk.put("/v1/segments/regulars", json={"title": "Regulars"})
    await desk.put("/v1/customers/1/segments", json={"segments": ["regulars"]})
    await desk.put("/v1/customers/1/favourites", json={"favourites": ["dairy"]})
    await desk.post("/v1/promotions", json=TEN)
    await desk.put("/v1/customers/1/grants/ten", json={"ends_at": "2030-01-01T00:00:00Z"})
    await desk.post("/v1/families", json={"head_customer_id": 1, "title": "Ivanovs"})
    journal = await Journal.open(desk.office.pool)
    sale, late = tripped(journal, 1, ("many", 5, True)), journal.commit(2)
    for one in (sale, late):
        one.evidence.customer.customer_id = 1
    await journal.append(sale, late, journal.accrual(3, account_id=10, points=500))
    await desk.office.projector.turn()
    page = await browser.get(ONE)
    for text in ("100.00", "Ivanovs", "regulars", "dairy", "Ten percent", "Many receipts of a card", "By hand"):
        assert text in page.text or text == "By hand", text
    assert 'href="/console/receipts/2"' in page.html and 'href="/console/fraud/cases/1-0"' in page.html
    assert 'href="/console/exceptions/1-0"' in page.html and 'href="/console/promotions/ten"' in page.html
    page = await browser.get(f"{ONE}/receipts")
    assert "2 receipts, to pay 190.40" in page.text and page.html.index("receipts/2") < page.html.index("receipts/1")
    page = await browser.get(f"{ONE}/entries")
    assert "Earned 5.00 bonus" in page.text and "/console/receipts/3" not in page.html
    browser.language = "ru"
    page = await browser.get(ONE)
    assert "Участник 1" in page.text and "Баллы по партиям" in page.text


async def test_lots_tell_when_they_begin_and_end(browser: Browser, desk: Desk) -> None:
    await desk.post(
        "/v1/accounts/10/adjustments",
        json={
            "asset": "bonus",
            "points": 7_00,
            "reason": "later",
            "active_from": "2040-01-01T00:00:00Z",
            "expires_at": "2041-02-03T00:00:00Z",
        },
    )
    page = await browser.get(ONE)
    assert "7.00 not yet to spend." in page.text
    assert "7.00 bonus 7.00 01 Jan 2040, 03:00 not yet 03 Feb 2041, 03:00" in page.text
    assert "100.00 bonus 100.00" in page.text and "never" in page.text


async def test_tier_tells_what_the_next_one_still_asks_for(
    browser: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.admin_api.test_tiers import TIERS

    await desk.put("/v1/tiers", json=TIERS | {"by": "TURNOVER", "asset": None})
    ask = desk.office.ops.balance

    async def counted(account_id: int) -> object:
        answer = await ask(account_id)
        answer.tier.tier, answer.tier.projected, answer.tier.period_day = "silver", "silver", 20_000
        answer.tier.until_day, answer.tier.counted, answer.tier.counted_before = 20_500, 123_45, 50_00
        return answer

    monkeypatch.setattr(desk.office.ops, "balance", counted)
    page = await browser.get(ONE)
    assert "876.55 RUB more make gold" in page.text and "123.45 RUB" in page.text and "50.00 RUB" in page.text
    await desk.delete("/v1/tiers")
    assert "more make" not in (await browser.get(ONE)).text


async def test_long_histories_are_paged(browser: Browser, desk: Desk) -> None:
    journal = await Journal.open(desk.office.pool)
    records = [journal.commit(seq) for seq in range(1, 31)]
    for one in records:
        one.evidence.customer.customer_id, one.evidence.customer.account_id = 1, 10
        one.effects.entries[0].postings[0].account_id = 10
    await journal.append(*records)
    await desk.office.projector.turn()
    page = await browser.get(f"{ONE}/receipts")
    assert "30 receipts" in page.text and "receipts/30" in page.html and 'receipts/5"' not in page.html
    assert f'href="{ONE}/receipts?before=6"' in page.html
    page = await browser.get(f"{ONE}/receipts?before=6")
    assert 'receipts/5"' in page.html and "receipts/6" not in page.html
    page = await browser.get(f"{ONE}/entries")
    assert 'receipts/30"' in page.html and f'href="{ONE}/entries?before=6"' in page.html
    assert 'receipts/1"' in (await browser.get(f"{ONE}/entries?before=6")).html
    for wrong in ("x", "0", "9" * 30):
        assert (await browser.get(f"{ONE}/entries?before={wrong}")).status == 404


async def test_name_and_phone_are_shown_to_who_asks_with_the_right_and_it_is_audited(
    browser: Browser, desk: Desk
) -> None:
    one = f"/console/customers/{await newcomer(desk)}"
    page = await browser.get(one)
    assert "Anna" not in page.text and "9161234567" not in page.text and "••••••" in page.text
    page = await browser.post(f"{one}/personal", page.fields)
    assert "Anna" in page.text and "79161234567" in page.text
    assert (await desk.deeds())[-1] == "customers.read_personal"
    assert (await browser.get(f"{one}/personal")).path == one
    centre = await person(desk, "vera", Grant("CALL_CENTRE", "NETWORK"))
    page = await centre.get(one)
    assert "You have no right to see these." in page.text and f'action="{one}/personal"' not in page.html
    assert (await centre.post(f"{one}/personal", page.fields)).status == 403
    assert (await browser.post(f"{ONE}/personal", (await browser.get(ONE)).fields)).status == 200


async def test_server_that_is_away_leaves_the_rest_of_the_page(browser: Browser, desk: Desk) -> None:
    await desk.office.ops.close()
    desk.office.ops.__init__("unix:/nowhere", bytes(32))  # type: ignore[misc]
    page = await browser.get(ONE)
    assert page.status == 200 and "balances and tier are not known" in page.text and "What moved" in page.text


async def test_addresses_of_nobody_are_told(browser: Browser) -> None:
    for address in ("customers/99", "customers/x", "customers/1/cards/99/block", "adjustments/9", "adjustments/x"):
        assert (await browser.get(f"/console/{address}")).status == 404, address
    assert (await browser.get("/console/customers/99/receipts")).status == 404


# RIGHTS


async def test_role_sees_and_is_offered_what_its_rights_allow(desk: Desk) -> None:
    for store_id in ("s1", "s9"):
        await desk.put(f"/v1/stores/{store_id}", json=STORE)
    journal = await Journal.open(desk.office.pool)
    sale = journal.commit(1)
    sale.evidence.customer.customer_id = 1
    await journal.append(sale)
    await desk.office.projector.turn()
    director = await person(desk, "vera", Grant("STORE_DIRECTOR", "STORE", "s1"))
    page = await director.get(ONE)
    assert "100.00" not in page.text and f'href="{ONE}/cards/10/block"' in page.html
    assert all(f'href="{ONE}/{act.name}"' not in page.html for act in ACTS)
    assert 'href="/console/receipts/1"' in page.html and 'href="/console/exceptions/1-0"' in page.html
    assert "/console/fraud" not in page.html.partition('id="content"')[2]
    elsewhere = await person(desk, "oleg", Grant("STORE_DIRECTOR", "STORE", "s9"))
    page = await elsewhere.get(ONE)
    assert "/console/receipts/1" not in page.html and "/console/exceptions/1-0" not in page.html
    assert "0 receipts" in (await elsewhere.get(f"{ONE}/receipts")).text
    for address in (f"{ONE}/adjust", f"{ONE}/entries", f"{ONE}/merge", "/console/adjustments"):
        assert (await director.get(address)).status == 403, address
    token = (await director.get(f"{ONE}/cards/10/block")).fields
    typed = [*token, ("direction", "GIVE"), ("asset", "bonus"), ("points", "5"), ("reason", "a gift")]
    assert (await director.post(f"{ONE}/adjust", typed)).status == 403
    assert await points_of(desk, 10) == 100_00
    marketer = await person(desk, "ivan", Grant("MARKETER", "NETWORK"))
    assert (await marketer.get(ONE)).status == 403
    assert "/console/customers" not in (await marketer.get("/console/promotions")).html
    regional = await person(desk, "nina", Grant("CALL_CENTRE", "REGION", "msk"))
    page = await regional.get(ONE)
    assert "100.00" not in page.text and f"{ONE}/adjust" not in page.html


async def test_right_to_look_at_customers_is_asked_for_beside_the_acts_own(desk: Desk) -> None:
    narrow = await other(
        desk, "accounts:adjust", "accounts:read", "families:write", "customers:personal", "cards:token"
    )
    for address in (f"{ONE}/adjust", f"{ONE}/merge"):
        page = await narrow.get(address)
        assert page.status == 403 and "100.00" not in page.text
    token = (await narrow.get("/console/adjustments")).fields
    fields = [("token", next((value for name, value in token if name == "token"), "")), ("once", "1")]
    assert (await narrow.post(f"{ONE}/personal", fields)).status == 403
    assert (await narrow.get("/console/adjustments")).status == 200


# CARDS


async def test_card_is_blocked_with_a_reason_unblocked_replaced_and_closed(browser: Browser, desk: Desk) -> None:
    page = await sent(browser, f"{ONE}/cards/10/block", reason="x")
    assert page.status == 422 and "3 to 120 characters" in page.text and page.value("reason") == "x"
    assert 'aria-describedby="wrong-reason"' in page.html
    page = await sent(browser, f"{ONE}/cards/10/block", reason="lost it")
    assert page.path == f"{ONE}?done=block" and "lost it" in page.text and "Blocked" in page.text
    assert f"{ONE}/cards/10/block" not in page.html and f"{ONE}/cards/10/unblock" in page.html
    again = await sent(browser, f"{ONE}/cards/10/block", reason="lost it")
    assert again.status == 409 and "another state by now" in again.text
    page = await sent(browser, f"{ONE}/cards/10/unblock", reason="found it")
    assert "New" in page.text.partition("Cards")[2] and f"{ONE}/cards/10/activate" in page.html
    page = await sent(browser, f"{ONE}/cards/10/activate")
    assert "The card is active." in page.text and f"{ONE}/cards/10/activate" not in page.html
    page = await sent(browser, f"{ONE}/cards/10/replace", number="12", reason="worn out")
    assert page.status == 422 and "4 to 40 letters and digits" in page.text and page.value("number") == "12"
    page = await sent(browser, f"{ONE}/cards/10/replace", number="7000 8000 9000", reason="worn out")
    assert "•••• 9000" in page.text and await points_of(desk, 10) == 100_00
    rows = await desk.rows("SELECT state, account_id FROM cards WHERE customer_id = 1 AND valid_to = 'infinity'")
    assert sorted(tuple(row) for row in rows) == [("ACTIVE", 10), ("CLOSED", 10)]
    taken = await sent(browser, "/console/customers/2/cards/20/replace", number="700080009000", reason="worn out")
    assert taken.status == 409 and "Another card has this number." in taken.text
    assert (await sent(browser, "/console/customers/2/cards/20/close", reason="asked for")).status == 200
    assert (await desk.deeds())[-1] == "cards.close"


async def test_card_of_somebody_else_is_not_acted_on_from_this_page(browser: Browser, desk: Desk) -> None:
    page = await browser.get(f"{ONE}/cards/10/block")
    assert (await browser.post(f"{ONE}/cards/20/block", page.changed({"reason": "a trick"}))).status == 404
    assert "cards.block" not in await desk.deeds()


async def test_form_that_is_sent_twice_acts_once(browser: Browser, desk: Desk) -> None:
    page = await browser.get(f"{ONE}/adjust")
    fields = page.changed({"direction": "GIVE", "asset": "bonus", "points": "5", "reason": "a gift"})
    first, second = await browser.post(f"{ONE}/adjust", fields), await browser.post(f"{ONE}/adjust", fields)
    assert first.path == second.path and await points_of(desk, 10) == 105_00
    page = await browser.get(f"{ONE}/cards/10/replace")
    fields = page.changed({"number": "70008000", "reason": "worn out"})
    assert [(await browser.post(f"{ONE}/cards/10/replace", fields)).status for _ in range(2)] == [200, 200]
    assert (await desk.deeds()).count("cards.replace") == 1


async def test_anonymous_card_is_attached_and_a_virtual_one_shows_its_code(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/cards", json={"number": "5000 6000", "kind": "VIRTUAL"})
    page = await sent(browser, f"{ONE}/attach", card_number="1111 2222")
    assert page.status == 404 and "No card has this number" in page.text and page.value("card_number") == "1111 2222"
    page = await sent(browser, f"{ONE}/attach", card_number="5000 6000")
    assert "•••• 6000" in page.text and "In an app" in page.text
    [card] = await desk.rows("SELECT card_id FROM cards WHERE kind = 'VIRTUAL' AND valid_to = 'infinity'")
    token = f"{ONE}/cards/{card['card_id']}/token"
    assert f'action="{token}"' in page.html
    shown = await browser.post(token, page.fields)
    assert 'id="card-token"' in shown.html and "for one payment" in shown.text
    assert (await browser.get(token)).path == ONE
    assert (await browser.post(f"{ONE}/cards/10/token", page.fields)).status == 409


# POINTS


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"points": "1.234"}, "points", "as many digits after the point"),
        ({"points": ""}, "points", "A number above 0"),
        ({"points": "0"}, "points", "A number above 0"),
        ({"points": "200", "direction": "TAKE"}, "points", "So many points are not there"),
        ({"direction": "TAKE", "expires_days": "5"}, "expires_days", "empty when points are taken"),
        ({"direction": "THROW"}, "direction", "given or taken"),
        ({"expires_days": "99999"}, "expires_days", "Whole days"),
        ({"reason": ""}, "reason", "3 to 120 characters"),
    ],
)
async def test_what_is_to_be_mended_is_told_at_its_field_with_all_that_was_typed(
    browser: Browser, desk: Desk, typed: dict[str, str], field: str, says: str
) -> None:
    given = {"direction": "GIVE", "asset": "money", "points": "1", "reason": "a gift"} | typed
    if given["direction"] == "TAKE":
        given["asset"] = "bonus"
    page = await sent(browser, f"{ONE}/adjust", **given)
    assert page.status in (409, 422) and f'id="wrong-{field}"' in page.html and says in page.text
    kept = {name: page.value(name) for name in given if name != "direction" or given[name] != "THROW"}
    assert kept == {name: given[name] for name in kept}
    assert await points_of(desk, 10) == 100_00 and (await desk.deeds()).count("accounts.adjust") == 1


async def test_points_are_taken_in_whole_units(browser: Browser, desk: Desk) -> None:
    page = await sent(browser, f"{ONE}/adjust", direction="TAKE", asset="bonus", points="99.50", reason="by mistake")
    assert page.path.startswith(f"{ONE}?done=adjust&wait_seq=") and await points_of(desk, 10) == 50
    assert "It is in the journal." in page.text and "every 1s" in page.html


async def test_answer_that_was_lost_is_asked_for_again_and_given_once(
    browser: Browser, desk: Desk, server: tuple[str, CoreServer]
) -> None:
    server[1].answers_left = 0
    page = await sent(browser, f"{ONE}/adjust", direction="GIVE", asset="bonus", points="5", reason="a gift")
    assert page.status == 503 and "nothing is done twice" in page.text
    server[1].answers_left = -1
    assert await points_of(desk, 10) == 105_00  # it had happened
    page = await browser.post(f"{ONE}/adjust", page.fields)
    assert page.status == 200 and await points_of(desk, 10) == 105_00
    assert (await desk.deeds()).count("accounts.adjust") == 2
    # A plain "no" is final: what is sent after it is another act.
    first = await browser.get(f"{ONE}/adjust")
    refused = await browser.post(f"{ONE}/adjust", first.changed({"points": "x"}))
    assert refused.status == 422 and refused.value("once") != first.value("once")


async def test_more_than_a_person_gives_alone_waits_on_the_page_of_approvals(desk: Desk) -> None:
    await desk.put("/v1/assets/bonus", json={"adjust_points_max": 10_00, "adjust_day_points_max": 15_00})
    anna = await person(desk, "anna", Grant("CALL_CENTRE", "NETWORK"))
    page = await anna.get(f"{ONE}/adjust")
    assert "bonus: at once up to 10.00 at a time" in page.text and "up to 15.00 a day" in page.text
    typed = {"direction": "GIVE", "asset": "bonus", "points": "10", "reason": "a queue"}
    assert "done=adjust" in (await sent(anna, f"{ONE}/adjust", **typed)).path
    page = await sent(anna, f"{ONE}/adjust", **typed)
    assert page.path == f"{ONE}?done=asked" and await points_of(desk, 10) == 110_00
    assert "asks for 10.00 bonus" in page.text
    page = await anna.get("/console/adjustments")
    assert 'href="/console/adjustments/3"' in page.html and 'href="/console/customers/1"' in page.html
    page = await anna.get("/console/adjustments/3")
    assert "Somebody else decides" in page.text and "/approve" not in page.html
    boris = await person(desk, "boris", Grant("MARKETING_DIRECTOR", "NETWORK"))
    page = await boris.get("/console/promotions")
    assert 'href="/console/adjustments"' in page.html
    page = await boris.get("/console/adjustments/3")
    wrong = await boris.post("/console/adjustments/3/reject", page.changed({"reason": "x"}))
    assert wrong.status == 422 and wrong.value("reason") == "x" and 'id="wrong-reason"' in wrong.html
    page = await boris.post("/console/adjustments/3/approve", page.fields)
    assert "Done: " in page.text and await points_of(desk, 10) == 120_00
    again = await boris.post("/console/adjustments/3/reject", wrong.changed({"reason": "too late"}))
    assert again.status == 409 and "It was decided before" in again.text
    assert "Nothing here waits" in (await boris.get("/console/adjustments")).text
    assert 'href="/console/adjustments/3"' in (await boris.get("/console/adjustments?state=GIVEN")).html
    # Who asks does not approve, whatever the form says.
    await sent(anna, f"{ONE}/adjust", **typed)
    token = next(value for name, value in (await anna.get(f"{ONE}/adjust")).fields if name == "token")
    assert (await anna.post("/console/adjustments/4/approve", [("token", token), ("once", "z")])).status == 403
    page = await boris.get("/console/adjustments/4")
    page = await boris.post("/console/adjustments/4/reject", page.changed({"reason": "not so much"}))
    assert "Rejected" in page.text and "not so much" in page.text and await points_of(desk, 10) == 120_00


async def test_what_nobody_decided_in_time_is_told_and_not_offered(desk: Desk) -> None:
    anna = await person(desk, "anna", Grant("CALL_CENTRE", "NETWORK"))
    await sent(anna, f"{ONE}/adjust", direction="GIVE", asset="bonus", points="1", reason="a queue")
    await desk.rows(
        "UPDATE adjustments SET asked_at = asked_at - interval '73 hours' WHERE state = 'ASKED' RETURNING 1"
    )
    boris = await person(desk, "boris", Grant("MARKETING_DIRECTOR", "NETWORK"))
    page = await boris.get("/console/adjustments/2")
    assert "Came too late" in page.text and "/approve" not in page.html
    assert "Came too late" in (await boris.get("/console/adjustments")).text


async def test_points_are_converted_at_the_programs_rate(browser: Browser, desk: Desk) -> None:
    page = await sent(browser, f"{ONE}/convert", asset="money", to_asset="bonus", points="1", reason="asked for")
    assert page.status == 409 and 'id="wrong-to_asset"' in page.html and "no rate from the one" in page.text
    page = await sent(browser, f"{ONE}/convert", asset="bonus", to_asset="money", points="500", reason="asked for")
    assert page.status == 409 and 'id="wrong-points"' in page.html
    page = await sent(browser, f"{ONE}/convert", asset="bonus", to_asset="money", points="10", reason="asked for")
    assert "The points were converted." in page.text
    assert (await points_of(desk, 10), await points_of(desk, 10, "money")) == (90_00, 15_00)
    await desk.put("/v1/assets/bonus/rates/money", json={"from_points": 2, "to_points": 3})
    assert "0.02 bonus make 0.03 money" in (await browser.get(f"{ONE}/convert")).text


# FAMILY AND MERGE


async def test_member_leaves_the_family_with_points_that_are_there(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/families", json={"head_customer_id": 1})
    await desk.post("/v1/families/1/members", json={"customer_id": 2, "reason": "asked for"})
    await worked_off(desk)
    two = "/console/customers/2"
    assert f"{ONE}/leave" not in (await browser.get(ONE)).html
    page = await browser.get(two)
    assert "100.00" in page.text and f'href="{two}/leave"' in page.html and f'href="{two}/merge"' not in page.html
    page = await sent(browser, f"{two}/leave", **{"points.bonus": "500", "reason": "asked for"})
    assert page.status == 409 and 'id="wrong-points.bonus"' in page.html and page.value("points.bonus") == "500"
    page = await sent(browser, f"{two}/leave", **{"points.bonus": "30", "reason": "asked for"})
    assert page.path == f"{two}?done=leave" and "Leaving family 1, In progress" in page.text and "every 2s" in page.html
    await worked_off(desk)
    page = await browser.get(two)
    assert "In no family" in page.text and "30.00" in page.text and "every 2s" not in page.html
    assert await points_of(desk, 10) == 70_00


async def test_points_spent_while_the_form_was_open_are_told_not_left_out(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/families", json={"head_customer_id": 1})
    await desk.post("/v1/families/1/members", json={"customer_id": 2, "reason": "asked for"})
    await worked_off(desk)
    page = await browser.get("/console/customers/2/leave")
    await give(desk, 10, -100_00)
    page = await browser.post("/console/customers/2/leave", page.changed({"points.bonus": "30", "reason": "asked"}))
    assert page.status == 409 and 'id="wrong-points.bonus"' in page.html
    assert await desk.rows("SELECT FROM account_acts WHERE kind = 'LEAVE'") == []


async def test_merge_shows_both_asks_for_the_number_and_leads_to_who_stays(browser: Browser, desk: Desk) -> None:
    two = "/console/customers/2"
    await give(desk, 20, 30_00)
    page = await browser.get(f"{two}/merge")
    for into, status, says in (
        ("2", 422, "not merged into itself"),
        ("99", 404, "no such customer"),
        ("x", 422, "above 0"),
    ):
        wrong = await browser.post(f"{two}/merge/preview", page.changed({"into_customer_id": into, "reason": "same"}))
        assert wrong.status == status and says in wrong.text and wrong.value("into_customer_id") == into
        assert 'id="wrong-into_customer_id"' in wrong.html
    page = await browser.post(f"{two}/merge/preview", page.changed({"into_customer_id": "1", "reason": "same person"}))
    assert page.status == 200 and await desk.rows("SELECT FROM account_acts") == []
    assert "30.00" in page.text and "100.00" in page.text and "will be gone" in page.text
    wrong = await browser.post(f"{two}/merge", page.changed({"confirm": "1"}))
    assert wrong.status == 422 and 'id="wrong-confirm"' in wrong.html and wrong.value("reason") == "same person"
    assert await desk.rows("SELECT FROM account_acts") == []
    fields = wrong.changed({"confirm": "2"})
    done = await browser.post(f"{two}/merge", fields)
    assert done.path == f"{two}?done=merge" and "Being merged into customer 1, In progress" in done.text
    assert (await browser.post(f"{two}/merge", fields)).path == done.path
    assert len(await desk.rows("SELECT FROM account_acts")) == 1
    await worked_off(desk)
    page = await browser.get(two)
    assert page.path == f"{ONE}?done=merged" and "130.00" in page.text
    assert (await browser.get(f"{ONE}/merge/preview")).path == f"{ONE}/merge"
