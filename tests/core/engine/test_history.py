"""A server that meets conditions on earlier purchases keeps none: they fail, and the answer says so."""

from __future__ import annotations

from altyn.core.engine import calculate_receipt, same_decision
from altyn.pos.v1 import outcome_pb2, reasons_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.scarce_world import committed, new_world, ruleset, sale
from tests.core.engine.world import SCOPE, World

ASKING = """
promotion: a-first
stage: card
when: {purchase_number: {is: 1}}
reward: [{percent: {rate: 10}}]
---
promotion: b-all
stage: card
reward: [{amount: {off: 1.00}}]
"""
PLAIN = "{promotion: b-all, stage: card, reward: [{amount: {off: 1.00}}]}"


def forecast(world: World, card: str, explain: bool = False) -> outcome_pb2.Outcome:
    request = pos.CalculateReceiptRequest(receipt=sale(1, card=card))
    request.want.explain = explain
    reply = calculate_receipt(world.engine, request.SerializeToString(), SCOPE, 1_800_000_000_000_000)
    return pos.CalculateReceiptResponse.FromString(reply).outcome


def test_condition_on_earlier_purchases_fails_and_the_answer_is_degraded() -> None:
    world = new_world(ASKING)
    for outcome in (forecast(world, "1001"), forecast(world, "1001", True), committed(world, sale(1)).outcome):
        assert outcome.totals.discount_minor == 100
        assert outcome.degraded
        assert reasons_pb2.REASON_HISTORY_NOT_KEPT in outcome.flags
    assert same_decision(world.records[-1].body, ruleset(ASKING))


def test_answer_is_not_degraded_for_nobody_and_by_rules_that_ask_for_nothing() -> None:
    for outcome in (forecast(new_world(ASKING), ""), committed(new_world(PLAIN), sale(1)).outcome):
        assert outcome.totals.discount_minor == 100
        assert not outcome.degraded
        assert reasons_pb2.REASON_HISTORY_NOT_KEPT not in outcome.flags
