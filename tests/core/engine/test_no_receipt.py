"""Goods that come back without a receipt."""

from __future__ import annotations

import pytest

from altyn.core.engine import calculate_receipt, return_receipt
from altyn.core.facts import ReturnLimits
from altyn.core.ledger.image import state_digest
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back
from tests.core.engine.scarce_world import DAY_US, balance, give, new_world, replayed
from tests.core.engine.world import NOW_US, SCOPE, World, line, receipt

OK, DECLINED = outcome_pb2.STATUS_OK, outcome_pb2.STATUS_DECLINED


@pytest.fixture
def world() -> World:
    made = new_world()
    made.engine.facts.returns = ReturnLimits(sum_max_minor=10_000, day_sum_max_minor=15_000)
    give(made, 500)
    return made


def back(number: int, price: int, card: str = "1001") -> receipt_pb2.Receipt:
    made = receipt(line(1, "milk", price), number=number, card=card)
    made.original.without_receipt = True
    return made


def previewed(world: World, of: receipt_pb2.Receipt) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    answer = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(answer, bytes)
    return pos.CalculateReceiptResponse.FromString(answer)


def returned(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.ReturnReceiptResponse:
    request = give_back(of, world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, clock_us))


def names(reply: pos.ReturnReceiptResponse) -> list[str]:
    return [reasons_pb2.Reason.Name(reason).removeprefix("REASON_") for reason in reply.exceptions]


def test_refund_is_what_the_till_says_and_moves_no_points(world: World) -> None:
    before = balance(world)
    shown = previewed(world, back(1, 9_000))
    assert (shown.status, shown.outcome.totals.to_pay_minor, shown.outcome.lines[0].net_minor) == (OK, 9_000, 9_000)
    reply = returned(world, back(1, 9_000))
    assert (reply.status, reply.outcome.totals.to_pay_minor, names(reply)) == (OK, 9_000, [])
    assert balance(world) == before
    record = journal.Record.FromString(world.records[-1].body)
    assert (record.request.receipt.HasField("identity"), len(record.effects.entries)) == (False, 0)
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_more_than_one_return_may_pay_is_refused_in_the_preview_and_an_exception_in_print(world: World) -> None:
    declined = previewed(world, back(1, 10_001))
    assert (declined.status, declined.reason) == (DECLINED, reasons_pb2.REASON_NO_RECEIPT_LIMIT)
    assert declined.outcome.totals.to_pay_minor == 10_001
    reply = returned(world, back(1, 10_001))
    assert (reply.status, names(reply)) == (OK, ["NO_RECEIPT_LIMIT"])


def test_customers_day_is_bounded_over_registers_and_returns(world: World) -> None:
    assert names(returned(world, back(1, 9_000))) == []
    assert previewed(world, back(2, 6_001)).status == DECLINED
    assert names(returned(world, back(2, 6_000))) == []
    assert names(returned(world, back(3, 1))) == ["NO_RECEIPT_LIMIT"]
    # Tomorrow is another day.
    assert names(returned(world, back(4, 9_000), NOW_US + DAY_US)) == []
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_strangers_share_a_day_at_a_register(world: World) -> None:
    assert names(returned(world, back(1, 9_000, card=""))) == []
    assert names(returned(world, back(2, 9_000, card=""))) == ["NO_RECEIPT_LIMIT"]
    # A customer who is known has a day of their own.
    assert names(returned(world, back(3, 9_000))) == []


def test_programme_that_says_nothing_allows_nothing(world: World) -> None:
    world.engine.facts.returns = ReturnLimits()
    assert previewed(world, back(1, 1)).reason == reasons_pb2.REASON_NO_RECEIPT_LIMIT
    assert names(returned(world, back(1, 1))) == ["NO_RECEIPT_LIMIT"]


def test_same_return_again_has_the_same_answer_and_counts_once(world: World) -> None:
    request = give_back(back(1, 9_000), world.next_seq())
    first = world.effect(return_receipt, request)
    assert world.effect(return_receipt, request) == first
    assert names(returned(world, back(2, 6_000))) == []


def test_second_return_under_one_number_is_kept_apart(world: World) -> None:
    returned(world, back(1, 9_000))
    reply = returned(world, back(1, 4_000))
    assert (reply.status, names(reply)) == (outcome_pb2.STATUS_QUARANTINED, ["DUPLICATE_NUMBER"])
    assert names(returned(world, back(2, 6_000))) == []


def test_return_that_was_paid_otherwise_is_remarked(world: World) -> None:
    of = back(1, 9_000)
    of.payments.add(type=receipt_pb2.PAYMENT_TYPE_CASH, sum_minor=8_000)
    assert names(returned(world, of)) == ["AMOUNT_DIFFERS"]
