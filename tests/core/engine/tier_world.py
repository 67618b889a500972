"""The small world with tiers: silver from 100.00 of a month, gold from 1,000.00, each to the end of the month after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from altyn.core.engine import Engine, TierSweep, authorize_customer, cancel_receipt, get_balance, replay, return_receipt
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, sale
from tests.core.engine.transfers import family_engine
from tests.core.engine.world import SCOPE, World, cancel

TERMS: dict[str, Any] = {
    "by": "TURNOVER",
    "asset": None,
    "period": "MONTH",
    "days": None,
    "valid_periods": 1,
    "tiers": [{"tier": "silver", "rank": 1, "sum": 100_00}, {"tier": "gold", "rank": 5, "sum": 1000_00}],
}
EPOCH = date(1970, 1, 1)


def tier_engine(**terms: Any) -> Engine:
    engine = family_engine()
    engine.facts.tiers.put(TERMS | terms)
    return engine


def tier_world(**terms: Any) -> World:
    return World(tier_engine(**terms))


def replayed(world: World) -> Engine:
    """By an engine that knows of no tiers: replay decides nothing."""
    engine = family_engine()
    for record in world.records:
        replay(engine, record.seq, record.body)
    return engine


def noon(day: str) -> int:
    """Of the programme's zone, which is three hours ahead."""
    return int(datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=UTC).timestamp()) * 1_000_000


def day_of(number: int) -> str:
    return (EPOCH + timedelta(days=number)).isoformat()


def bought(world: World, number: int, roubles: int, day: str, card: str = "1001") -> pos.CommitReceiptResponse:
    return committed(world, sale(number, price=roubles * 100, card=card), noon(day))


def bought_offline(world: World, number: int, roubles: int, then: str, now: str) -> pos.CommitReceiptResponse:
    receipt = sale(number, price=roubles * 100)
    receipt.mode = receipt_pb2.MODE_OFFLINE
    receipt.utc_offset_minutes = 180
    receipt.local_time_us = noon(then) + 3 * 3_600_000_000
    return committed(world, receipt, noon(now))


def returned(world: World, of: int, number: int, day: str, qty_milli: int = 1000) -> pos.ReturnReceiptResponse:
    request = give_back(refund((1, qty_milli), of=of, number=number), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, noon(day)))


def voided(world: World, of: int, day: str) -> pos.CancelReceiptResponse:
    request = cancel(of, world.next_seq())
    return pos.CancelReceiptResponse.FromString(world.effect(cancel_receipt, request, noon(day)))


def told(world: World, day: str, card: str = "1001") -> str:
    """The tier that a till hears of."""
    asked = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1")
    asked.identity.kind = receipt_pb2.TOKEN_KIND_CARD
    asked.identity.value = card
    answer = authorize_customer(world.engine, asked.SerializeToString(), SCOPE, noon(day))
    return pos.AuthorizeCustomerResponse.FromString(answer.reply).tier


def shown(world: World, day: str, account_id: int = 70) -> tuple[str, str, int, int, str] | None:
    """(tier, its last day, counted, counted before, projected) as the back office sees it."""
    request = ops.GetBalanceRequest(account_id=account_id)
    answer = get_balance(world.engine, request.SerializeToString(), noon(day))
    reply = ops.GetBalanceResponse.FromString(answer.reply)
    if not reply.HasField("tier"):
        return None
    tier = reply.tier
    until = day_of(tier.until_day) if tier.until_day else ""
    return tier.tier, until, tier.counted, tier.counted_before, tier.projected


def given(world: World, day: str, account_id: int = 70) -> tuple[str, str]:
    """By hand: (tier, its last day)."""
    request = ops.GetBalanceRequest(account_id=account_id)
    answer = get_balance(world.engine, request.SerializeToString(), noon(day))
    tier = ops.GetBalanceResponse.FromString(answer.reply).tier
    return tier.given, day_of(tier.given_until_day) if tier.given_until_day else ""


def swept(world: World, day: str) -> int:
    """How many rows the sweep wrote."""
    sweep, count = TierSweep(world.engine), 0
    while (record := sweep.end_tiers(noon(day), 1_000)) is not None:
        world.records.append(record)
        count += 1
    return count
