"""Gift cards in the back office: series, print runs that two people make, blocking, what a server says of a card."""

from __future__ import annotations

import csv
from typing import Any

import httpx
import pytest

from altyn.admin_api.edge.rights import Grant
from altyn.core.engine.identity import gift_card_hash, pin_hash
from altyn.core.facts import Facts
from altyn.core.facts.gift_cards import GiftSeriesFact
from altyn.infra.zones import ensure_zone
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from tests.admin_api.desk import PEPPER, TENANT, Desk, SmallServer

SERIES: dict[str, Any] = {
    "title": "Plastic",
    "template": "9900####################?",
    "asset": "gift",
    "currency": "RUB",
    "pin_digits": 4,
    "valid_days": 365,
}


@pytest.fixture(autouse=True)
async def plastic(desk: Desk) -> None:
    assert (await desk.put("/v1/assets/gift", json={"kind": "MONEY"})).json()["kind"] == "MONEY"
    answer = await desk.put("/v1/gift-card-series/plastic", json=SERIES)
    assert (answer.status_code, answer.json()["series_no"], answer.json()["cards_count"]) == (200, 1, 0)


async def other(desk: Desk) -> dict[str, str]:
    """Headers of somebody who may issue, and has ordered nothing."""
    token = await desk.token_of("gina", Grant("MARKETING_DIRECTOR", "NETWORK"))
    return {"authorization": f"Bearer {token}"}


async def ordered(desk: Desk, count: int = 3, series: str = "plastic") -> int:
    answer = await desk.post(f"/v1/gift-card-series/{series}/batches", json={"title": "first", "count": count})
    assert answer.status_code == 201, answer.text
    batch_id: int = answer.json()["batch_id"]
    return batch_id


async def issued(desk: Desk, count: int = 3) -> list[dict[str, str]]:
    answer = await desk.post(f"/v1/gift-card-batches/{await ordered(desk, count)}/issue", headers=await other(desk))
    assert answer.status_code == 201, answer.text
    return list(csv.DictReader(answer.text.splitlines()))


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("reason", "")


async def test_print_run_is_made_by_somebody_else_and_told_once(desk: Desk) -> None:
    batch_id = await ordered(desk)
    assert said(await desk.post(f"/v1/gift-card-batches/{batch_id}/issue")) == (403, "FOUR_EYES")
    assert await desk.rows("SELECT FROM gift_cards") == []
    headers = await other(desk) | {"idempotency-key": "run"}
    answer = await desk.post(f"/v1/gift-card-batches/{batch_id}/issue", headers=headers)
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [len(row["number"]) for row in rows] == [25] * 3 and all(len(row["pin"]) == 4 for row in rows)
    kept = await desk.rows("SELECT gift_card_id, number_hash, pin_hash, last4 FROM gift_cards ORDER BY gift_card_id")
    assert [tuple(row) for row in kept] == [
        (
            int(row["gift_card_id"]),
            gift_card_hash(PEPPER, row["number"]),
            pin_hash(PEPPER, row["number"], row["pin"]),
            row["number"][-4:],
        )
        for row in rows
    ]
    assert said(await desk.post(f"/v1/gift-card-batches/{batch_id}/issue", headers=headers)) == (
        409,
        "ANSWER_SHOWN_ONCE",
    )
    again = headers | {"idempotency-key": "another"}
    assert said(await desk.post(f"/v1/gift-card-batches/{batch_id}/issue", headers=again)) == (
        409,
        "GIFT_BATCH_ISSUED",
    )
    for table in ("audit_log", "admin_answers", "gift_cards"):
        told = await desk.rows(f"SELECT to_jsonb(one)::text AS told FROM {table} AS one")
        assert not [row for row in told if rows[0]["number"] in row["told"]]
    batch = (await desk.get(f"/v1/gift-card-batches/{batch_id}")).json()
    assert (batch["state"], batch["issued_by"] == batch["ordered_by"]) == ("ISSUED", False)
    assert len((await desk.get(f"/v1/gift-card-batches/{batch_id}/cards?limit=2")).json()["cards"]) == 2


async def test_series_refuses_points_few_numbers_and_other_money_once_cards_are_made(desk: Desk) -> None:
    await desk.put("/v1/assets/bonus", json={})
    answer = await desk.put("/v1/gift-card-series/wrong", json=SERIES | {"asset": "bonus"})
    assert said(answer) == (422, "GIFT_ASSET_WRONG")
    assert said(await desk.put("/v1/assets/gift", json={"kind": "POINTS"})) == (409, "KIND_FIXED")
    short = SERIES | {"template": "99######", "pin_digits": 0}
    await desk.put("/v1/gift-card-series/short", json=short)
    few = await desk.post("/v1/gift-card-series/short/batches", json={"count": 1})
    assert said(few) == (409, "GIFT_NUMBERS_SCARCE")
    await issued(desk)
    await desk.put("/v1/assets/second", json={"kind": "MONEY"})
    for change in ({"asset": "second"}, {"currency": "KZT"}):
        answer = await desk.put("/v1/gift-card-series/plastic", json=SERIES | change)
        assert said(answer) == (409, "GIFT_SERIES_FIXED")
    blocked = await desk.put("/v1/gift-card-series/plastic", json=SERIES | {"state": "BLOCKED"})
    assert (blocked.json()["state"], blocked.json()["cards_count"]) == ("BLOCKED", 3)
    answer = await desk.post("/v1/gift-card-series/plastic/batches", json={"count": 1})
    assert said(answer) == (409, "GIFT_SERIES_BLOCKED")


async def test_card_is_told_as_the_server_has_it(desk: Desk, server: tuple[str, SmallServer]) -> None:
    small = server[1]
    [row, *_] = await issued(desk)
    path = f"/v1/gift-cards/{row['gift_card_id']}"
    assert (await desk.get(path)).json()["state"] == "NEW"
    hashed = gift_card_hash(PEPPER, row["number"])[:16]
    account_id = (await desk.get(path)).json()["account_id"]
    small.coupons[hashed] = ops.CouponState(use=ops.COUPON_USE_USED)
    assert (await desk.get(path)).json()["state"] == "FINISHED"
    lot = ops.LotBalance(lot_id=1, initial_points=900, remaining_points=700, expires_at_us=1_800_000_000_000_000)
    small.balances[account_id] = ops.AssetBalance(asset="gift", active_points=500, hold_points=200, lots=[lot])
    found = (
        await desk.post("/v1/gift-cards/find", json={"number": f" {row['number'][:4]}-{row['number'][4:]}"})
    ).json()
    assert (found["state"], found["balance_minor"], found["held_minor"]) == ("ACTIVE", 500, 200)
    assert found["expires_at"] == "2027-01-15T08:00:00Z"
    assert said(await desk.post("/v1/gift-cards/find", json={"number": "1"})) == (404, "GIFT_CARD_UNKNOWN")
    reason = {"reason": "stolen"}
    assert (await desk.post(f"{path}/block", json=reason)).json()["state"] == "BLOCKED"
    assert said(await desk.post(f"{path}/block", json=reason)) == (409, "GIFT_CARD_STATE")
    assert (await desk.post(f"{path}/unblock", json=reason)).json()["state"] == "ACTIVE"
    assert (await desk.get(f"{path}/entries")).json()["entries"] == []
    assert (await desk.deeds())[-3:] == ["gift_cards.find", "gift_cards.block", "gift_cards.unblock"]


async def test_feed_brings_series_cards_blocks_and_money_to_the_server(desk: Desk) -> None:
    facts = Facts()
    ensure_zone(facts.zones, "Europe/Moscow")
    feed = FactsFeed(TENANT, facts, Credentials())
    rows = await issued(desk)
    async with desk.office.connected() as connection:
        await feed.pull(connection)
        assert (len(facts.gift_cards), facts.assets["gift"].kind) == (3, "MONEY")
        assert facts.gift_cards.series(1) == GiftSeriesFact(1, "plastic", "gift", "RUB", 365, False)
        hashed = gift_card_hash(PEPPER, rows[0]["number"])
        card = facts.gift_cards.card(hashed)
        assert card is not None
        assert (card.last4, card.is_blocked) == (rows[0]["number"][-4:], False)
        assert card.pin_hash == pin_hash(PEPPER, rows[0]["number"], rows[0]["pin"])[:16]
        await desk.post(f"/v1/gift-cards/{rows[0]['gift_card_id']}/block", json={"reason": "stolen"})
        await desk.put("/v1/gift-card-series/plastic", json=SERIES | {"state": "BLOCKED", "pin_digits": 0})
        await feed.pull(connection)
        card = facts.gift_cards.card(hashed)
        assert card is not None and card.is_blocked
        series = facts.gift_cards.series(1)
        assert series is not None and series.is_blocked
