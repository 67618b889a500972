"""Limits and budgets through Reserve, Commit, Cancel and the time-out: a budget is passed only by what is told."""

from __future__ import annotations

import random

import pytest

from altyn.core.engine import calculate_receipt, cancel_receipt, same_decision
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import read_counter
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2
from tests.core.engine.scarce_world import (
    HOLD_US,
    committed,
    expired,
    new_world,
    replayed,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, SCOPE, World, cancel

AMOUNT, TIMES = 2, 1
CUSTOMER, PROMOTION = 1, 3
DAY, ALWAYS = 1, 5
CAP = 5000
BUDGET = ("ten", AMOUNT, PROMOTION, ALWAYS, 0, 0)
RULES = """
promotion: ten
stage: item
reward: [{percent: {rate: 10}}]
limits: [{budget: 50.00}]
"""
ONCE = """
promotion: once
stage: item
reward: [{percent: {rate: 10}}]
limits: [{per: customer, window: day, times: 1}]
"""
TODAY = 20775  # 2026-11-18 in Moscow
DAY_US = 86_400_000_000


def exceptions(reply: pos.CommitReceiptResponse) -> list[str]:
    return [reasons_pb2.Reason.Name(reason).removeprefix("REASON_") for reason in reply.exceptions]


def overshoot(world: World) -> int:
    records = [journal.Record.FromString(record.body) for record in world.records]
    return sum(change.overshoot for record in records for change in record.effects.counters)


def proven(world: World, text: str) -> None:
    rules = ruleset(text)
    for record in world.records:
        if journal.Record.FromString(record.body).request.HasField("receipt"):
            assert same_decision(record.body, rules)
    assert state_digest(replayed(world, text).book) == state_digest(world.engine.book)


def test_reserve_holds_the_budget_and_a_commit_settles_it() -> None:
    world = new_world(RULES)
    assert reserved(world, sale(1, price=30000)).outcome.totals.discount_minor == 3000
    assert read_counter(world.engine.book, BUDGET) == (0, 3000)
    assert reserved(world, sale(2, price=30000)).outcome.totals.discount_minor == 2000
    # The same receipt sees its own part as free.
    assert reserved(world, sale(1, price=30000), op_no=1).outcome.totals.discount_minor == 3000
    committed(world, sale(1, price=30000))
    assert read_counter(world.engine.book, BUDGET) == (3000, 2000)
    world.effect(cancel_receipt, cancel(2, world.next_seq()))
    assert read_counter(world.engine.book, BUDGET) == (3000, 0)
    proven(world, RULES)


def test_commit_without_a_token_or_hold_takes_only_what_is_left() -> None:
    world = new_world(RULES)
    assert committed(world, sale(1, price=40000)).outcome.totals.discount_minor == 4000
    reply = committed(world, sale(2, price=40000))
    assert (reply.outcome.totals.discount_minor, exceptions(reply)) == (1000, [])
    assert read_counter(world.engine.book, BUDGET) == (CAP, 0)
    proven(world, RULES)


def test_price_a_token_promised_stands_and_its_excess_is_told() -> None:
    world = new_world(RULES)
    request = pos.CalculateReceiptRequest(receipt=sale(1, price=40000))
    token = pos.CalculateReceiptResponse.FromString(
        calculate_receipt(world.engine, request.SerializeToString(), SCOPE, NOW_US)
    ).calc_token
    committed(world, sale(2, price=40000))
    reply = committed(world, sale(1, price=40000), token=token)
    assert reply.outcome.totals.discount_minor == 4000
    assert exceptions(reply) == ["OVERSHOOT"]
    assert read_counter(world.engine.book, BUDGET) == (8000, 0)
    assert overshoot(world) == 3000
    proven(world, RULES)


def test_price_of_a_hold_that_ran_out_stands_too() -> None:
    world = new_world(RULES)
    reserved(world, sale(1, price=40000))
    expired(world, NOW_US + HOLD_US)
    later = NOW_US + HOLD_US + 1
    committed(world, sale(2, price=50000), later)
    reply = committed(world, sale(1, price=40000), later)
    assert reply.outcome.totals.discount_minor == 4000
    assert exceptions(reply) == ["HOLD_EXPIRED", "OVERSHOOT"]
    assert overshoot(world) == 4000
    proven(world, RULES)


def test_once_a_day_is_once_by_the_stores_own_date() -> None:
    world = new_world(ONCE)
    key = ("once", TIMES, CUSTOMER, DAY, 7, TODAY)
    assert committed(world, sale(1)).outcome.totals.discount_minor == 1000
    assert read_counter(world.engine.book, key) == (1, 0)
    assert committed(world, sale(2)).outcome.totals.discount_minor == 0
    # 23:59 and 00:01 in Moscow
    midnight = (TODAY + 1) * DAY_US - 3 * 3_600_000_000
    assert committed(world, sale(3), midnight - 60_000_000).outcome.totals.discount_minor == 0
    assert committed(world, sale(4), midnight + 60_000_000).outcome.totals.discount_minor == 1000
    proven(world, ONCE)


def test_limit_per_customer_gives_nothing_to_nobody() -> None:
    reply = committed(new_world(ONCE), sale(1, card=""))
    assert reply.outcome.totals.discount_minor == 0


@pytest.mark.parametrize("seed", range(6))
def test_budget_is_never_exceeded_at_any_step_of_a_walk(seed: int) -> None:
    draw = random.Random(seed)
    world, now = new_world(RULES), NOW_US
    open_receipts: dict[int, int] = {}
    for step in range(120):
        now += draw.randrange(0, 200_000_000)
        expired(world, now)
        act = draw.choice(("reserve", "reserve", "commit", "commit", "cancel", "again"))
        if act == "reserve" or not open_receipts:
            price = draw.choice((1_000, 5_000, 12_345))
            if reserved(world, sale(step + 1, price=price), now).status == 1:
                open_receipts[step + 1] = price
        else:
            number = draw.choice(sorted(open_receipts))
            of = sale(number, price=open_receipts[number])
            if act == "again":
                reserved(world, of, now, op_no=step + 1)
            elif act == "commit":
                committed(world, of, now)
                del open_receipts[number]
            else:
                world.effect(cancel_receipt, cancel(number, world.next_seq()), now)
                del open_receipts[number]
        used, held = read_counter(world.engine.book, BUDGET)
        assert used >= 0 and held >= 0
        assert used + held - overshoot(world) <= CAP
    assert read_counter(world.engine.book, BUDGET)[0] > 0
    proven(world, RULES)


def test_snapshot_carries_what_is_counted_and_held() -> None:
    world = new_world(RULES)
    committed(world, sale(1, price=10000))
    reserved(world, sale(2, price=10000))
    head = SnapshotHead(world.engine.last_seq, 1, NOW_US, 1, bytes(32))
    image = b"".join(write_snapshot(world.engine.book, Operations(), head))
    assert read_counter(load_snapshot(image)[1], BUDGET) == (1000, 1000)


@pytest.mark.parametrize("seed", range(3))
def test_64_registers_never_spend_more_than_the_budget(seed: int) -> None:
    world, order = new_world(RULES), list(range(64))
    random.Random(seed).shuffle(order)
    sales = [sale(1, price=7_000, register=f"r{number}") for number in order]
    won = [reserved(world, one).outcome.totals.discount_minor for one in sales]
    # 7 × 7.00, the last kopecks to one more, and nothing to the others.
    assert sorted(won, reverse=True) == [700] * 7 + [100] + [0] * 56
    random.Random(seed + 1).shuffle(sales)
    for one in sales:
        assert committed(world, one).status == 1
    assert (read_counter(world.engine.book, BUDGET), overshoot(world)) == ((CAP, 0), 0)
    proven(world, RULES)
