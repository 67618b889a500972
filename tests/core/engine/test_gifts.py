"""Gifts and multipliers of other promotions through the calls: promised, limited, decided again, taken back."""

from __future__ import annotations

from altyn.core.engine import calculate_receipt, cancel_receipt, return_receipt, same_decision
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_counter
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, new_world, replayed, reserved, ruleset, sale
from tests.core.engine.world import NOW_US, SCOPE, World, cancel, line

TIMES, CUSTOMER, ALWAYS = 1, 1, 5
ONCE = ("mug", TIMES, CUSTOMER, ALWAYS, 7, 0)
RULES = """
promotion: mug
title: {en: "A mug"}
when: {receipt_sum: {from: 100.00}}
limits: [{per: customer, window: always, times: 1}]
reward: [{gift: {sku: [mug-red, mug-blue], text: {en: "Hand over: {{ promotion }}", ru: "Вручите кружку"}}}]
"""
DOUBLED = """
promotion: earn
reward: [{points: {asset: bonus, percent: 3}}]
---
promotion: twice
when: {coupon: {series: spring}}
messages: {slip: {en: "Twice the points"}}
reward: [{multiplier: {times: 2, promotion: earn}}]
"""


def calculated(world: World, of: receipt_pb2.Receipt, explain: bool = False) -> outcome_pb2.Outcome:
    request = pos.CalculateReceiptRequest(receipt=of)
    request.want.explain = explain
    reply = calculate_receipt(world.engine, request.SerializeToString(), SCOPE, NOW_US)
    assert isinstance(reply, bytes)
    return pos.CalculateReceiptResponse.FromString(reply).outcome


def with_mug(number: int) -> receipt_pb2.Receipt:
    made = sale(number)
    mug = line(2, "mug-blue", 1)
    mug.flags.gift = True
    made.lines.append(mug)
    return made


def promised(outcome: outcome_pb2.Outcome) -> list[tuple[str, int, list[str], int, int]]:
    return [(row.promotion_id, row.reward_no, list(row.skus), row.quantity, row.taken) for row in outcome.gifts]


def proven(world: World, text: str) -> None:
    for record in world.records:
        assert same_decision(record.body, ruleset(text))
    assert state_digest(replayed(world, text).book) == state_digest(world.engine.book)


def test_gift_is_promised_reserved_and_booked_once_a_customer() -> None:
    world = new_world(RULES)
    told = calculated(world, sale(1))
    assert promised(told) == [("mug", 0, ["mug-red", "mug-blue"], 1, 0)]
    assert [(row.channel, row.language, row.text, row.promotion_id) for row in told.gifts[0].messages] == [
        (outcome_pb2.CHANNEL_CASHIER, "en", "Hand over: A mug", "mug"),
        (outcome_pb2.CHANNEL_CASHIER, "ru", "Вручите кружку", "mug"),
    ]
    assert told.reserve_required
    assert promised(reserved(world, with_mug(1)).outcome) == [("mug", 0, ["mug-red", "mug-blue"], 1, 1)]
    assert read_counter(world.engine.book, ONCE) == (0, 1)
    assert not reserved(world, sale(2)).outcome.gifts
    # What the receipt holds itself is free for it.
    assert promised(committed(world, with_mug(1)).outcome) == [("mug", 0, ["mug-red", "mug-blue"], 1, 1)]
    assert read_counter(world.engine.book, ONCE) == (1, 0)
    assert not calculated(world, sale(3)).gifts
    proven(world, RULES)


def test_gift_of_a_cancelled_receipt_may_be_promised_again() -> None:
    world = new_world(RULES)
    reserved(world, sale(1))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert read_counter(world.engine.book, ONCE) == (0, 0)
    assert calculated(world, sale(2)).gifts


def test_gift_counts_until_everything_is_back() -> None:
    world = new_world(RULES)
    committed(world, with_mug(1))
    world.effect(return_receipt, give_back(refund((1, 1000), number=901), world.next_seq()), NOW_US)
    assert read_counter(world.engine.book, ONCE) == (1, 0)
    world.effect(return_receipt, give_back(refund((2, 1000), number=902), world.next_seq()), NOW_US)
    assert read_counter(world.engine.book, ONCE) == (0, 0)
    assert calculated(world, sale(3)).gifts


def test_explanation_says_that_the_gift_was_given_before() -> None:
    world = new_world(RULES)
    committed(world, sale(1))
    (row,) = calculated(world, sale(2), explain=True).explain.rules
    assert (row.promotion_id, row.stage, row.verdict) == ("mug", outcome_pb2.STAGE_MESSAGE, outcome_pb2.VERDICT_LIMIT)


def test_code_that_multiplies_is_used_by_a_commit_and_free_again_after_a_return() -> None:
    world = new_world(DOUBLED)
    told = calculated(world, sale(1, None, "AAA"), explain=True)
    assert [(row.promotion_id, row.stage, row.verdict) for row in told.explain.rules] == [
        ("earn", outcome_pb2.STAGE_ACCRUAL, outcome_pb2.VERDICT_APPLIED),
        ("twice", outcome_pb2.STAGE_RATE, outcome_pb2.VERDICT_APPLIED),
    ]
    reserved(world, sale(1, None, "AAA"))
    outcome = committed(world, sale(1, None, "AAA")).outcome
    assert [row.points for row in outcome.totals.accrual] == [600]
    assert [row.text for row in outcome.messages] == ["Twice the points"]
    (coupon,) = outcome.coupons
    assert (coupon.state, coupon.promotion_id) == (outcome_pb2.COUPON_STATE_APPLIED, "earn")
    assert [row.points for row in calculated(world, sale(2, None, "AAA")).totals.accrual] == [300]
    world.effect(return_receipt, give_back(refund((1, 1000)), world.next_seq()), NOW_US)
    assert [row.points for row in calculated(world, sale(3, None, "AAA")).totals.accrual] == [600]
    for record in world.records[:2]:
        assert same_decision(record.body, ruleset(DOUBLED))
