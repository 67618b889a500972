"""Exchanges: goods come back and others are bought, on one printed receipt that goes to both calls."""

from __future__ import annotations

import pytest

from altyn.core.engine import CallRefused, calculate_receipt, cancel_receipt, commit_receipt, return_receipt
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_balances
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund_line
from tests.core.engine.test_returns import preview
from tests.core.engine.world import (
    NOW_US,
    SCOPE,
    World,
    basket,
    cancel,
    commit,
    line,
    new_world,
    receipt,
    replayed,
)

OK, AMOUNT_DIFFERS, CASH = 1, 27, 1


@pytest.fixture
def world() -> World:
    """Receipt 1: bread for 45.00 after 10 % and milk for 100.00; 1.45 points."""
    made = new_world()
    made.effect(commit_receipt, commit(basket(), made.next_seq()))
    return made


def exchange(number: int = 2) -> receipt_pb2.Receipt:
    """The milk of receipt 1 comes back; two loaves at 60.00 are bought: 108.00 after 10 %, and 8.00 are paid."""
    made = receipt(refund_line(1, 2, 1000), line(2, "loaf", 6000, 2000), number=number)
    made.original.shift_number, made.original.receipt_number = 1, 1
    made.payments.add(type=CASH, sum_minor=800)
    return made


def points(world: World) -> int:
    return read_balances(world.engine.book, 70, NOW_US)[1][0]


def shown(world: World, of: receipt_pb2.Receipt) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    reply = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(reply, bytes)
    return pos.CalculateReceiptResponse.FromString(reply)


def lines_of(outcome: outcome_pb2.Outcome) -> list[tuple[int, int]]:
    return [(one.line_no, one.net_minor) for one in outcome.lines]


def test_each_call_takes_its_own_lines_of_the_receipt(world: World) -> None:
    returned = pos.ReturnReceiptResponse.FromString(
        world.effect(return_receipt, give_back(exchange(), world.next_seq()))
    )
    sold = pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, commit(exchange(), world.next_seq())))
    assert (returned.status, lines_of(returned.outcome)) == (OK, [(1, 10000)])
    assert (sold.status, lines_of(sold.outcome)) == (OK, [(2, 10800)])
    assert not returned.exceptions and not sold.exceptions
    assert points(world) == 45 + 108
    # Each record holds its part alone, so it replays and is decided again as any other.
    kept = [journal.Record.FromString(record.body).request.receipt for record in world.records[1:]]
    assert [[one.line_no for one in part.lines] for part in kept] == [[1], [2]]
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_order_of_the_two_calls_is_of_no_matter(world: World) -> None:
    world.effect(commit_receipt, commit(exchange(), world.next_seq()))
    world.effect(return_receipt, give_back(exchange(), world.next_seq()))
    assert points(world) == 45 + 108


def test_two_previews_tell_the_refund_and_the_price(world: World) -> None:
    refund = preview(world, exchange())
    priced = exchange()
    priced.ClearField("original")
    price = shown(world, priced)
    assert (refund.status, lines_of(refund.outcome)) == (OK, [(1, 10000)])
    assert (price.status, lines_of(price.outcome)) == (OK, [(2, 10800)])
    # The token of the price holds for the Commit of the whole receipt, which names the sale as well.
    sold = world.effect(commit_receipt, commit(exchange(), world.next_seq(), token=price.calc_token))
    assert not pos.CommitReceiptResponse.FromString(sold).exceptions


def test_goods_that_come_back_reach_no_threshold_and_are_sold_nothing_again(world: World) -> None:
    world.effect(commit_receipt, commit(exchange(), world.next_seq()))
    sold = journal.Record.FromString(world.records[-1].body)
    reply = pos.CommitReceiptResponse.FromString(sold.reply)
    assert reply.outcome.totals.gross_minor == 12000
    # The exchange's own goods may come back as well: its line 2, and no line 1.
    back = receipt(refund_line(1, 2, 1000), number=3)
    back.original.shift_number, back.original.receipt_number = 1, 2
    assert preview(world, back).outcome.totals.to_pay_minor == 5400
    back.lines[0].refund_of.line_no = 1
    assert preview(world, back).reason == 43


def test_void_of_an_exchange_takes_its_sale_back_and_leaves_the_return(world: World) -> None:
    world.effect(return_receipt, give_back(exchange(), world.next_seq()))
    world.effect(commit_receipt, commit(exchange(), world.next_seq()))
    world.effect(cancel_receipt, cancel(2, world.next_seq()))
    assert points(world) == 45


def test_payments_of_a_sale_alone_are_still_compared(world: World) -> None:
    alone = receipt(line(1, "loaf", 6000, 2000), number=2)
    alone.payments.add(type=CASH, sum_minor=800)
    sold = world.effect(commit_receipt, commit(alone, world.next_seq()))
    assert list(pos.CommitReceiptResponse.FromString(sold).exceptions) == [AMOUNT_DIFFERS]


def test_preview_of_goods_that_come_back_from_nowhere_is_refused(world: World) -> None:
    of = receipt(refund_line(1, 2, 1000), number=2)
    with pytest.raises(CallRefused, match="original"):
        shown(world, of)
