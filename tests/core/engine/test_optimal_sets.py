"""Nudges and OPTIMAL groups through the calls: told before payment, flagged, journalled, taken back."""

from __future__ import annotations

from altyn.core.engine import calculate_receipt, return_receipt, same_decision
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2, receipt_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, new_world, ruleset, sale
from tests.core.engine.world import SCOPE, World, line, receipt

CLOCK_US = 1_800_000_000_000_000
NUDGING = """
promotion: from-150
title: {en: "5 % off"}
stage: receipt
when: {receipt_sum: {from: 150.00}}
reward: [{percent: {rate: 5}}]
messages: {nudge: {en: "{{ distance }} more: {{ promotion }}", ru: "Ещё {{ distance }}"}}
"""
SETS = """
promotion: three-for-two
stage: set
group: {name: sets, mode: OPTIMAL}
priority: 1
reward: [{multi_buy: {take: 3, pay: 2}}]
---
promotion: four-together
stage: set
group: sets
priority: 2
reward: [{bundle: {parts: [{quantity: 2}, {quantity: 2}], amount: 150.00}}]
"""


def calculated(world: World, of: receipt_pb2.Receipt, explain: bool = False) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of)
    request.want.explain = explain
    reply = calculate_receipt(world.engine, request.SerializeToString(), SCOPE, CLOCK_US)
    assert isinstance(reply, bytes)
    return pos.CalculateReceiptResponse.FromString(reply)


def milk(units: int) -> receipt_pb2.Receipt:
    return receipt(line(1, "milk", 10000, units * 1000), number=1)


def test_forecast_nudges_in_every_language_and_a_committed_sale_does_not() -> None:
    world = new_world(NUDGING)
    told = calculated(world, sale(1)).outcome.nudges
    assert [(row.promotion_id, row.distance_minor, row.distance_milli, row.language, row.text) for row in told] == [
        ("from-150", 5000, 0, "en", "50.00 more: 5 % off"),
        ("from-150", 5000, 0, "ru", "Ещё 50.00"),
    ]
    assert not committed(world, sale(1)).outcome.nudges
    assert same_decision(world.records[-1].body, ruleset(NUDGING))


def test_best_sets_are_journalled_told_and_taken_back_unit_by_unit() -> None:
    """Seven at 100.00: a block of three gives 100.00, the set of four 150.00; 450.00 for seven units."""
    world = new_world(SETS)
    explained = {row.promotion_id: row for row in calculated(world, milk(7), explain=True).outcome.explain.rules}
    assert {name: (row.applications, row.greedy) for name, row in explained.items()} == {
        "three-for-two": (1, False),
        "four-together": (1, False),
    }
    assert committed(world, milk(7)).outcome.totals.to_pay_minor == 45000
    assert same_decision(world.records[-1].body, ruleset(SETS))
    paid_back = []
    for number, units in enumerate((1, 3, 3), start=901):
        request = give_back(refund((1, units * 1000), number=number), world.next_seq())
        reply = pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, CLOCK_US))
        paid_back.append(reply.outcome.lines[0].net_minor)
    # 45000 × k ÷ 7: 6428, 25714, 45000
    assert paid_back == [6428, 19286, 19286]


def test_sale_with_too_many_combinations_is_flagged() -> None:
    """1000 units: 334 × 251 combinations."""
    world = new_world(SETS)
    assert list(calculated(world, milk(1000)).outcome.flags) == [reasons_pb2.REASON_NOT_SEARCHED]
    assert reasons_pb2.REASON_NOT_SEARCHED in committed(world, milk(1000)).outcome.flags
    assert same_decision(world.records[-1].body, ruleset(SETS))
