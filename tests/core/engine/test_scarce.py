"""Points and unique codes through Reserve, Commit, Cancel and the time-out."""

from __future__ import annotations

import pytest

from altyn.core.engine import calculate_receipt, cancel_receipt, same_decision
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_hold, read_lots
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.scarce_world import (
    DAY_US,
    HOLD_US,
    balance,
    committed,
    expired,
    give,
    new_world,
    replayed,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, SCOPE, World, cancel

OK = 1


@pytest.fixture
def world() -> World:
    """Two lots: 30.00 that end tomorrow were given after 40.00 that never end."""
    made = new_world()
    give(made, 4000)
    give(made, 3000, expires_at_us=NOW_US + DAY_US)
    return made


def exceptions(reply: pos.CommitReceiptResponse) -> list[str]:
    return [reasons_pb2.Reason.Name(reason).removeprefix("REASON_") for reason in reply.exceptions]


def calculated(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of)
    return pos.CalculateReceiptResponse.FromString(
        calculate_receipt(world.engine, request.SerializeToString(), SCOPE, clock_us)
    )


def held_lots(world: World) -> list[tuple[int, int]]:
    """(initial, held) of every lot that keeps something."""
    return sorted((lot[2], lot[4]) for lot in read_lots(world.engine.book, 70) if lot[4] != 0)


def proven(world: World) -> None:
    """Every decision is made again alike, and replay gives the same book."""
    rules = ruleset()
    for record in world.records:
        read = journal.Record.FromString(record.body)
        if read.request.HasField("receipt"):
            assert same_decision(record.body, rules)
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_calculate_tells_what_could_be_paid_and_what_ends_when(world: World) -> None:
    outcome = calculated(world, sale(1)).outcome
    (row,) = outcome.max_redeem
    assert (row.asset, row.points, row.amount_minor) == ("bonus", 5000, 5000)
    assert row.limited_by == reasons_pb2.REASON_LIMITED_BY_SHARE
    assert not outcome.reserve_required
    (shown,) = outcome.balances
    assert [(one.expires_at_us, one.points) for one in shown.expiring] == [(NOW_US + DAY_US, 3000)]


def test_points_that_end_next_are_told_by_day_however_many_lots_they_are_in() -> None:
    made = new_world()
    for _ in range(70):
        give(made, 100, expires_at_us=NOW_US + DAY_US)
    for days in (5, 4, 3, 2):
        give(made, 10, expires_at_us=NOW_US + days * DAY_US)
    give(made, 5)
    (shown,) = calculated(made, sale(1)).outcome.balances
    assert [((one.expires_at_us - NOW_US) // DAY_US, one.points) for one in shown.expiring] == [
        (1, 7000),
        (2, 10),
        (3, 10),
        (4, 10),
    ]


def test_reserve_holds_points_of_the_lot_that_ends_first(world: World) -> None:
    reply = reserved(world, sale(1, 3500))
    assert reply.status == OK and reply.outcome.reserve_required
    assert reply.outcome.totals.points_paid_minor == 3500
    assert held_lots(world) == [(3000, 3000), (4000, 500)]
    assert balance(world) == (3500, 0, 3500, 0)
    proven(world)


def test_second_reserve_of_a_receipt_takes_the_place_of_the_first(world: World) -> None:
    reserved(world, sale(1, 5000))
    reserved(world, sale(1, 2000), op_no=1)
    assert balance(world) == (5000, 0, 2000, 0)
    reserved(world, sale(1, 5000), op_no=2)
    assert balance(world) == (2000, 0, 5000, 0)
    proven(world)


def test_another_receipt_finds_only_what_is_free(world: World) -> None:
    reserved(world, sale(1, 5000))
    row = calculated(world, sale(2, -1)).outcome.max_redeem[0]
    assert (row.points, row.limited_by) == (2000, reasons_pb2.REASON_POINTS_SHORT)
    assert calculated(world, sale(1, -1)).outcome.max_redeem[0].points == 5000


def test_commit_takes_what_was_held_and_its_accrual_comes_after_payment(world: World) -> None:
    reserved(world, sale(1, 5000))
    reply = committed(world, sale(1, 5000))
    assert exceptions(reply) == []
    # 50.00 left to pay gives 0.50
    assert balance(world) == (7000 - 5000 + 50, 0, 0, 0)
    proven(world)


def test_cancel_frees_what_was_held(world: World) -> None:
    reserved(world, sale(1, 5000))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert balance(world) == (7000, 0, 0, 0)
    proven(world)


def test_hold_that_times_out_frees_and_a_late_commit_takes_again(world: World) -> None:
    reserved(world, sale(1, 5000))
    assert expired(world, NOW_US + HOLD_US) == 1
    assert balance(world) == (7000, 0, 0, 0)
    reply = committed(world, sale(1, 5000), NOW_US + HOLD_US + 1)
    assert exceptions(reply) == ["HOLD_EXPIRED"]
    assert balance(world, NOW_US + HOLD_US + 1)[:1] == (2050,)
    proven(world)


def test_late_commit_of_points_that_are_gone_books_a_debt_which_the_next_accrual_pays(world: World) -> None:
    reserved(world, sale(1, 5000))
    expired(world, NOW_US + HOLD_US)
    later = NOW_US + HOLD_US + 1
    reserved(world, sale(2, 5000), later)
    committed(world, sale(2, 5000), later)
    reply = committed(world, sale(1, 5000), later)
    assert exceptions(reply) == ["HOLD_EXPIRED", "DEBT_BOOKED"]
    # 20.50 were there; the sale's own 0.50 pays a part of an earlier debt only
    active, _, held, debt = balance(world, later)
    assert (active - debt, held) == (2000 + 50 + 50 - 5000, 0)
    committed(world, sale(3, price=1_000_000), later)
    active, _, _, after = balance(world, later)
    assert after == 0 and active == 10_000 + 2000 + 100 - 5000
    proven(world)


def test_commit_of_points_nobody_reserved_takes_none_and_says_so(world: World) -> None:
    reply = committed(world, sale(1, 5000))
    assert "NOT_RESERVED" in exceptions(reply)
    assert balance(world)[0] == 7000 + 50
    proven(world)


def test_unique_code_is_held_for_one_receipt_and_used_once(world: World) -> None:
    assert reserved(world, sale(1, None, "AAA")).outcome.totals.discount_minor == 1000
    other = reserved(world, sale(2, None, "AAA", register="r2")).outcome
    assert other.totals.discount_minor == 0
    assert other.coupons[0].reason == reasons_pb2.REASON_COUPON_HELD
    assert exceptions(committed(world, sale(1, None, "AAA"))) == []
    other = reserved(world, sale(3, None, "AAA", register="r2")).outcome
    assert (other.coupons[0].state, other.coupons[0].reason) == (
        outcome_pb2.COUPON_STATE_INVALID,
        reasons_pb2.REASON_COUPON_USED,
    )
    proven(world)


def test_unique_code_of_a_cancelled_receipt_is_free_again(world: World) -> None:
    reserved(world, sale(1, None, "AAA"))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert reserved(world, sale(2, None, "AAA")).outcome.totals.discount_minor == 1000
    proven(world)


def test_unique_code_committed_without_a_hold_stays_free(world: World) -> None:
    assert exceptions(committed(world, sale(1, None, "AAA"))) == ["NOT_RESERVED"]
    assert reserved(world, sale(2, None, "AAA")).outcome.totals.discount_minor == 1000
    proven(world)


def test_two_late_commits_of_one_code_use_it_once(world: World) -> None:
    reserved(world, sale(1, None, "AAA"))
    expired(world, NOW_US + HOLD_US)
    later = NOW_US + HOLD_US + 1
    reserved(world, sale(2, None, "AAA", register="r2"), later)
    expired(world, later + HOLD_US)
    assert exceptions(committed(world, sale(1, None, "AAA"), later + HOLD_US)) == ["HOLD_EXPIRED"]
    assert exceptions(committed(world, sale(2, None, "AAA", register="r2"), later + HOLD_US)) == [
        "HOLD_EXPIRED",
        "COUPON_USED",
    ]
    proven(world)


def test_reserve_without_anything_scarce_needs_none(world: World) -> None:
    reply = reserved(world, sale(1))
    assert not reply.outcome.reserve_required
    hold = read_hold(world.engine.book, world.records[-1].op_id)
    assert hold is not None and hold["parts"] == []


def test_wish_for_points_changes_what_the_token_promises(world: World) -> None:
    token = calculated(world, sale(1, 5000)).calc_token
    reserved(world, sale(9, 5000))
    reply = reserved(world, sale(1, 5000), token=token)
    assert (reply.status, reply.reason) == (2, reasons_pb2.REASON_PRICE_CHANGED)
    assert reply.outcome.max_redeem[0].points == 2000
    proven(world)


def test_denied_way_of_identification_earns_and_cannot_pay() -> None:
    world = new_world("limit: pay\npayment: [{asset: bonus, deny_input: [phone]}]\n")
    give(world, 4000)
    of = sale(1, 1000)
    of.identity.input_method = receipt_pb2.INPUT_METHOD_PHONE
    outcome = calculated(world, of).outcome
    assert outcome.max_redeem[0].limited_by == reasons_pb2.REASON_REDEMPTION_NOT_ALLOWED
    assert outcome.totals.points_paid_minor == 0
