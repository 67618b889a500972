"""Conditions on the balance, the payments and the register, decided from the book and from the wire."""

from __future__ import annotations

import pytest

from altyn.core.engine import calculate_receipt, same_decision
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.scarce_world import committed, give, new_world, reserved, ruleset, sale
from tests.core.engine.world import SCOPE, World

# 10 % for 50.00 points, 1.00 for paying half by card, 2.00 at r1 of the self-checkouts.
READING = """
promotion: a-savers
stage: card
when: {balance: {asset: bonus, from: 50}}
reward: [{percent: {rate: 10}}]
---
promotion: b-card
stage: card
when: {payment: {type: card, from_percent: 50}}
reward: [{amount: {off: 1.00}}]
---
promotion: c-self-checkout
stage: card
when: {register: {id: r1, channel: self_checkout}}
reward: [{amount: {off: 2.00}}]
"""
PAYING = f"{READING}---\nlimit: pay\npayment: [{{asset: bonus, up_to_percent: 50}}]\n"


def discount(world: World, of: receipt_pb2.Receipt) -> int:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    reply = pos.CalculateReceiptResponse.FromString(
        calculate_receipt(world.engine, request, SCOPE, 1_800_000_000_000_000)
    )
    return reply.outcome.totals.discount_minor


@pytest.mark.parametrize(("points", "off"), [(4999, 0), (5000, 1000)])
def test_balance_of_the_book_decides_though_nothing_pays_with_points(points: int, off: int) -> None:
    world = new_world(READING)
    give(world, points)
    assert discount(world, sale(1)) == off
    assert discount(world, sale(1, card="")) == 0
    assert committed(world, sale(1)).outcome.totals.discount_minor == off
    assert same_decision(world.records[-1].body, ruleset(READING))


def test_what_another_receipt_holds_is_no_balance_and_what_the_own_one_holds_is() -> None:
    world = new_world(PAYING)
    give(world, 7000)
    # 10 % off 100.00, then 45.00 of 90.00 by points
    assert reserved(world, sale(1, 4500)).outcome.totals.discount_minor == 1000
    assert discount(world, sale(2)) == 0
    reply = committed(world, sale(1, 4500))
    assert (reply.outcome.totals.discount_minor, reply.outcome.totals.points_paid_minor) == (1000, 4500)
    assert all(same_decision(record.body, ruleset(PAYING)) for record in world.records[1:])


def test_payments_and_register_are_read_from_the_receipt() -> None:
    world = new_world(READING)
    paid = sale(1)
    paid.payments.add(type=receipt_pb2.PAYMENT_TYPE_CARD, sum_minor=5000)
    paid.payments.add(type=receipt_pb2.PAYMENT_TYPE_CASH, sum_minor=5000)
    paid.sales_channel = "self_checkout"
    assert discount(world, paid) == 300
    assert discount(world, sale(1)) == 0
    assert committed(world, paid).outcome.totals.discount_minor == 300
    assert same_decision(world.records[-1].body, ruleset(READING))
