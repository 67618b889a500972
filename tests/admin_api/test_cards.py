"""Cards: one by one and by print run, through their states, to their customers."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from altyn.admin_api.cards.numbers import check_template, count_of_numbers, luhn_digit, number_of
from altyn.core.engine.identity import card_hash, qr_token
from tests.admin_api.desk import PEPPER, Desk
from tests.admin_api.journal import Journal
from tests.admin_api.test_customers import CARD, newcomer

SERIES = {"title": "Plastic 2027", "template": "2900########?", "card_type": "gold"}


async def test_card_number_is_on_one_card_only(desk: Desk) -> None:
    await newcomer(desk)
    taken = await desk.post("/v1/cards", json={"number": CARD})
    assert (taken.status_code, taken.json()["reason"]) == (409, "CARD_EXISTS")
    twin = await desk.post("/v1/customers", json={"card": {"number": CARD}})
    assert twin.json()["reason"] == "CARD_EXISTS"
    assert len(await desk.rows("SELECT FROM customers")) == 1


async def test_card_without_a_customer_has_an_account_of_its_own(desk: Desk) -> None:
    anonymous = (await desk.post("/v1/cards", json={"number": "55501", "is_active": False})).json()
    assert (anonymous["customer_id"], anonymous["state"]) == (None, "NEW")
    made = await newcomer(desk)
    second = (await desk.post("/v1/cards", json={"number": "55502", "customer_id": made["customer_id"]})).json()
    assert second["account_id"] == made["account_id"] != anonymous["account_id"]
    assert (await desk.post("/v1/cards", json={"number": "55503", "customer_id": 999})).json()[
        "reason"
    ] == "CUSTOMER_UNKNOWN"


async def test_card_goes_through_its_states(desk: Desk) -> None:
    card = (await desk.post("/v1/cards", json={"number": "55501", "is_active": False})).json()
    path = f"/v1/cards/{card['card_id']}"

    async def told(verb: str, **body: object) -> tuple[str | None, str | None, str | None]:
        answer = (await desk.post(f"{path}/{verb}", json=body)).json()
        return answer.get("state"), answer.get("block_reason"), answer.get("reason")

    assert await told("block", reason="stolen parcel") == ("BLOCKED", "stolen parcel", None)
    assert await told("activate") == (None, None, "CARD_STATE")
    assert await told("unblock", reason="found again") == ("NEW", "", None)
    assert await told("activate") == ("ACTIVE", "", None)
    assert await told("activate") == (None, None, "CARD_STATE")
    assert await told("block", reason="lost") == ("BLOCKED", "lost", None)
    assert await told("block", reason="again") == (None, None, "CARD_STATE")
    assert await told("unblock", reason="found") == ("ACTIVE", "", None)
    new = (await desk.post(f"{path}/replace", json={"number": "55509", "reason": "lost"})).json()
    assert (new["state"], new["account_id"]) == ("ACTIVE", card["account_id"])
    assert (await desk.get(path)).json()["state"] == "CLOSED"
    assert await told("close", reason="for good") == (None, None, "CARD_STATE")
    assert (await desk.get("/v1/cards/999")).json()["reason"] == "CARD_UNKNOWN"
    rows = (await desk.get("/v1/audit?object_kind=card&action=cards.unblock")).json()["rows"]
    assert [(row["before"]["state"], row["after"]["state"], row["after"]["reason"]) for row in rows] == [
        ("BLOCKED", "ACTIVE", "found"),
        ("BLOCKED", "NEW", "found again"),
    ]


async def issued(desk: Desk, count: int, series: str = "plastic") -> httpx.Response:
    return await desk.post(f"/v1/card-series/{series}/batches", json={"title": "first run", "count": count})


async def test_print_run_tells_numbers_once_and_keeps_hashes(desk: Desk) -> None:
    assert (await issued(desk, 1)).json()["reason"] == "CARD_SERIES_UNKNOWN"
    await desk.put("/v1/card-series/plastic", json=SERIES)
    answer = await issued(desk, 300)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(answer.text.splitlines()))
    numbers = [row["card_number"] for row in rows]
    assert len(set(numbers)) == 300
    assert all(len(one) == 13 and one.startswith("2900") and luhn_digit(one[:-1]) == one[-1] for one in numbers)
    kept = await desk.rows("SELECT card_id, number_hash, last4, state, card_type FROM cards ORDER BY card_id")
    assert [tuple(row) for row in kept] == [
        (int(row["card_id"]), card_hash(PEPPER, row["card_number"]), row["card_number"][-4:], "NEW", "gold")
        for row in rows
    ]
    stored = await desk.rows("SELECT body FROM admin_answers UNION ALL SELECT after::text::bytea FROM audit_log")
    assert not [row for row in stored if row["body"] and numbers[0].encode() in row["body"]]
    [batch] = (await desk.get("/v1/card-series/plastic/batches")).json()["batches"]
    assert (batch["cards_count"], batch["title"]) == (300, "first run")
    page = (await desk.get(f"{answer.headers['location']}&limit=200")).json()
    rest = (await desk.get(f"{answer.headers['location']}&after={page['next_after']}")).json()
    assert [one["card_id"] for one in page["cards"] + rest["cards"]] == [row["card_id"] for row in kept]
    assert (await desk.get("/v1/card-series/plastic")).json()["cards"] == {"NEW": 300}


async def test_card_series_closed_or_nearly_used_up_issues_nothing(desk: Desk) -> None:
    await desk.put("/v1/card-series/tiny", json={"template": "77####"})
    assert (await issued(desk, 900, "tiny")).status_code == 201
    assert (await issued(desk, 200, "tiny")).json()["reason"] == "CARD_NUMBERS_SCARCE"
    changed = await desk.put("/v1/card-series/tiny", json={"template": "77####", "state": "CLOSED"})
    assert (changed.json()["state"], changed.json()["cards"]) == ("CLOSED", {"NEW": 900})
    assert (await issued(desk, 1, "tiny")).json()["reason"] == "CARD_SERIES_CLOSED"
    rows = (await desk.get("/v1/audit?object_kind=card_series&limit=1")).json()["rows"]
    assert (rows[0]["before"]["state"], rows[0]["after"]["state"]) == ("ACTIVE", "CLOSED")


async def test_anonymous_card_is_attached_unless_it_has_points(desk: Desk) -> None:
    made = await newcomer(desk)
    anonymous = (await desk.post("/v1/cards", json={"number": "55501"})).json()
    path = f"/v1/cards/{anonymous['card_id']}/attach"
    attached = (await desk.post(path, json={"customer_id": made["customer_id"]})).json()
    assert (attached["customer_id"], attached["account_id"]) == (made["customer_id"], made["account_id"])
    again = await desk.post(path, json={"customer_id": made["customer_id"]})
    assert again.json()["reason"] == "CARD_NOT_ANONYMOUS"
    # The small server knows the account 7 alone, and keeps its points.
    await desk.rows("SELECT setval('account_ids', 6)")
    full = (await desk.post("/v1/cards", json={"number": "55507"})).json()
    assert full["account_id"] == 7
    await desk.post("/v1/accounts/7/adjustments", json={"asset": "bonus", "points": 5, "reason": "welcome"})
    refused = await desk.post(f"/v1/cards/{full['card_id']}/attach", json={"customer_id": made["customer_id"]})
    assert (refused.status_code, refused.json()["reason"]) == (409, "CARD_HAS_POINTS")
    registered = (await desk.post("/v1/customers", json={"name": "Ivan", "registers_card_id": full["card_id"]})).json()
    assert (registered["account_id"], [one["card_id"] for one in registered["cards"]]) == (7, [full["card_id"]])


@pytest.mark.parametrize("template", ["29##?", "2900#### ?", "####?1", "2900####a", "#" * 41, "290012345"])
def test_card_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"random digit"):
        check_template(template)


def test_card_number_of_a_template_passes_luhn() -> None:
    assert number_of("7992739871?", lambda: "0") == "79927398713"
    drawn = iter("9273")
    assert number_of("79####9871?", lambda: next(drawn)) == "79927398713"
    assert count_of_numbers("2900########?") == 10**8


async def virtual_card(desk: Desk) -> int:
    made = await newcomer(desk)
    card = await desk.post(
        "/v1/cards", json={"number": "77001", "customer_id": made["customer_id"], "kind": "VIRTUAL", "card_type": "app"}
    )
    assert card.json()["kind"] == "VIRTUAL"
    return int(card.json()["card_id"])


async def test_token_of_a_virtual_card_identifies_it_at_the_till(desk: Desk) -> None:
    card_id = await virtual_card(desk)
    made = (await desk.post(f"/v1/cards/{card_id}/token")).json()
    ends_at = datetime.fromisoformat(made["expires_at"])
    assert timedelta(seconds=45) < ends_at - datetime.now(UTC) <= timedelta(seconds=60)
    ends_us = int(ends_at.timestamp()) * 1_000_000
    tokens = {qr_token(PEPPER, card_id, ends_us, nonce.to_bytes(2, "big")) for nonce in range(1 << 16)}
    assert made["token"] in tokens
    assert (await desk.post(f"/v1/cards/{card_id}/token")).json()["token"] != made["token"]


async def test_token_is_refused_for_cards_that_have_none(desk: Desk) -> None:
    card_id = await virtual_card(desk)
    plastic = (await desk.post("/v1/cards", json={"number": "55501"})).json()["card_id"]
    answer = await desk.post(f"/v1/cards/{plastic}/token")
    assert (answer.status_code, answer.json()["reason"]) == (409, "CARD_NOT_VIRTUAL")
    await desk.post(f"/v1/cards/{card_id}/block", json={"reason": "lost phone"})
    assert (await desk.post(f"/v1/cards/{card_id}/token")).json()["reason"] == "CARD_STATE"
    assert (await desk.post("/v1/cards/999/token")).json()["reason"] == "CARD_UNKNOWN"


async def test_replaced_virtual_card_stays_virtual(desk: Desk) -> None:
    card_id = await virtual_card(desk)
    new = (await desk.post(f"/v1/cards/{card_id}/replace", json={"number": "77002", "reason": "new phone"})).json()
    assert (new["kind"], new["card_type"], new["state"]) == ("VIRTUAL", "app", "ACTIVE")
    assert (await desk.post(f"/v1/cards/{card_id}/token")).json()["reason"] == "CARD_STATE"


async def test_replaced_card_keeps_account_and_history(desk: Desk) -> None:
    made = await newcomer(desk)
    await desk.put("/v1/assets/bonus", json={})
    [old] = (await desk.get(f"/v1/cards?customer_id={made['customer_id']}")).json()["cards"]
    journal = await Journal.open(desk.office.pool)
    await journal.append(journal.accrual(1, account_id=old["account_id"], points=100))
    answer = await desk.post(f"/v1/cards/{old['card_id']}/replace", json={"number": "55509", "reason": "lost"})
    assert answer.json()["account_id"] == old["account_id"]
    await journal.append(journal.accrual(2, account_id=old["account_id"], points=200))
    await desk.office.projector.turn()
    entries = (await desk.get(f"/v1/accounts/{answer.json()['account_id']}/entries")).json()["entries"]
    assert [(one["seq"], one["points"]) for one in entries] == [(2, 200), (1, 100)]
    cards = (await desk.get(f"/v1/cards?customer_id={made['customer_id']}")).json()["cards"]
    assert [(one["state"], one["block_reason"]) for one in cards] == [("CLOSED", "lost"), ("ACTIVE", "")]
