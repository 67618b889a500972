"""Merging accounts, moving points, converting them, taking them by hand: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from altyn.core.engine import (
    CallRefused,
    adjust_points,
    cancel_receipt,
    convert_points,
    merge_accounts,
    move_points,
    return_receipt,
)
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_balances, read_leads_to, read_lots, read_totals
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import HOLD_US, committed, expired, reserved, sale
from tests.core.engine.transfers import (
    ACCOUNTS,
    adjust,
    convert,
    family_replayed,
    family_world,
    lots,
    merge,
    merge_whole,
    move,
    shown,
)
from tests.core.engine.world import NOW_US, World, cancel, new_op_id

DAY_US = 86_400_000_000


def returned(world: World, of: int, number: int) -> pos.ReturnReceiptResponse:
    request = give_back(refund((1, 1000), of=of, number=number), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))


# MERGE


def test_merge_brings_lots_with_their_ids_dates_and_room_and_replays_to_the_same_book() -> None:
    world = family_world()
    adjust(world, 80, 500, expires_at_us=NOW_US + DAY_US)
    adjust(world, 80, 300, active_from_us=NOW_US + DAY_US)
    adjust(world, 80, 70, asset="money")
    adjust(world, 80, -200)
    adjust(world, 70, 11)
    before = lots(world, 80)
    reply = merge(world, 80, 70)
    assert (reply.applied, reply.is_done, reply.moved_lots_count) == (True, True, 3)
    assert lots(world, 80) == []
    assert [lot for lot in lots(world, 70) if lot in before] == before
    assert shown(world, 80) == shown(world, 70)
    assert shown(world, 80)["bonus"].active_points == 311
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)


def test_a_register_finds_the_masters_points_under_a_members_card_and_the_evidence_says_whose() -> None:
    world = family_world()
    adjust(world, 70, 100_00)
    merge(world, 80, 70)
    reserved(world, sale(1, 30_00, card="2001"))
    reply = committed(world, sale(1, 30_00, card="2001"))
    assert reply.outcome.totals.points_paid_minor == 30_00 and not reply.exceptions
    record = journal.Record.FromString(world.records[-1].body)
    assert (record.evidence.customer.customer_id, record.evidence.customer.account_id) == (80, 70)
    assert {p.account_id for e in record.effects.entries for p in e.postings if p.account_id > 0} == {70}


def test_debts_go_over_as_debts_and_the_next_accrual_of_the_master_pays_them() -> None:
    world = family_world()
    committed(world, sale(1, card="2001", price=1000_00))
    earned = shown(world, 80)["bonus"].active_points
    adjust(world, 80, -earned)
    returned(world, 1, 901)
    assert shown(world, 80)["bonus"].debt_points == earned > 0
    adjust(world, 70, 50)
    merge(world, 80, 70)
    assert (shown(world, 70)["bonus"].debt_points, shown(world, 70)["bonus"].active_points) == (earned, 50)
    adjust(world, 80, 2 * earned)
    assert (shown(world, 70)["bonus"].debt_points, shown(world, 70)["bonus"].active_points) == (0, 50 + earned)


def test_merge_waits_for_a_pending_hold_and_may_be_sent_again_under_the_same_op_id() -> None:
    world = family_world()
    adjust(world, 80, 100_00)
    reserved(world, sale(1, 30_00, card="2001"))
    op_id = new_op_id()
    count = len(world.records)
    reply = merge(world, 80, 70, op_id)
    assert (reply.applied, reply.reason) == (False, "HOLDS_PENDING") and len(world.records) == count
    committed(world, sale(1, 30_00, card="2001"))
    assert merge(world, 80, 70, op_id).is_done
    again = merge(world, 80, 70, op_id)
    assert again.is_done and len(world.records) == count + 2


def test_a_hold_that_keeps_only_a_price_does_not_stop_a_merge_and_its_commit_pays_by_the_master() -> None:
    world = family_world()
    adjust(world, 80, 500)
    reserved(world, sale(1, card="2001"))
    assert merge(world, 80, 70).is_done
    assert not committed(world, sale(1, card="2001")).exceptions
    assert shown(world, 70)["bonus"].active_points == 500 + 100


def test_a_hold_that_ran_out_before_the_merge_is_honoured_by_a_late_commit_after_it() -> None:
    world = family_world()
    adjust(world, 80, 50_00)
    reserved(world, sale(1, 50_00, card="2001"))
    late = NOW_US + HOLD_US
    assert expired(world, late) == 1
    assert merge(world, 80, 70, clock_us=late).is_done
    reply = committed(world, sale(1, 50_00, card="2001"), late)
    assert reply.outcome.totals.points_paid_minor == 50_00
    assert reply.exceptions == [reasons_pb2.REASON_HOLD_EXPIRED]
    assert shown(world, 70)["bonus"].debt_points == 0


@pytest.mark.parametrize(
    ("joined", "into", "reason"),
    [(80, 80, "MERGE_CYCLE"), (70, 80, "MERGE_CYCLE"), (80, 81, "MERGE_CYCLE"), (80, 70, "MERGE_CYCLE")],
)
def test_an_account_merges_neither_into_itself_nor_twice(joined: int, into: int, reason: str) -> None:
    world = family_world()
    merge(world, 80, 70)
    adjust(world, 70, 5)
    count = len(world.records)
    assert (merge(world, joined, into).reason, len(world.records)) == (reason, count)


def test_a_master_that_joins_another_family_takes_its_members_along() -> None:
    world = family_world()
    adjust(world, 81, 7)
    merge(world, 80, 81)
    merge(world, 82, 80)
    merge(world, 81, 70)
    assert [read_leads_to(world.engine.book, account) for account in (80, 81, 82)] == [70, 70, 70]
    assert shown(world, 82)["bonus"].active_points == 7


def test_an_account_of_many_lots_is_merged_in_parts_and_sells_meanwhile() -> None:
    world = family_world()
    for _ in range(600):
        adjust(world, 80, 10)
    assert not merge(world, 80, 70).is_done
    assert shown(world, 80)["bonus"].active_points + shown(world, 70)["bonus"].active_points == 6000
    committed(world, sale(1, card="2001"))
    assert merge_whole(world, 80, 70) == 2
    assert shown(world, 80)["bonus"].active_points == 6100
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)


def test_the_same_op_id_with_other_content_is_refused_and_nothing_is_done() -> None:
    world = family_world()
    op_id = new_op_id()
    adjust(world, 80, 10, op_id=op_id)
    count = len(world.records)
    told = adjust(world, 80, 11, op_id=op_id)
    assert (told.applied, told.reason) == (False, "CONTENT_DIFFERS")
    told_of_merge = merge(world, 80, 70, op_id)
    assert (told_of_merge.applied, told_of_merge.reason) == (False, "CONTENT_DIFFERS") and len(world.records) == count


@pytest.mark.parametrize(
    ("call", "order", "others"),
    [
        (
            merge_accounts,
            ops.MergeAccountsRequest(account_id=80, into_account_id=70, reason="r", actor="a"),
            ({"account_id": 60}, {"into_account_id": 60}, {"reason": "s"}, {"actor": "b"}),
        ),
        (
            move_points,
            ops.MovePointsRequest(account_id=80, to_account_id=70, asset="bonus", points=5, reason="r"),
            ({"account_id": 60}, {"to_account_id": 60}, {"asset": "money"}, {"points": 6}),
        ),
        (
            convert_points,
            ops.ConvertPointsRequest(account_id=80, asset="bonus", to_asset="money", points=500, reason="r"),
            ({"account_id": 60}, {"asset": "money", "to_asset": "bonus"}, {"points": 600}),
        ),
    ],
)
def test_all_of_an_order_but_its_op_id_is_content(call: Any, order: Any, others: tuple[dict[str, Any], ...]) -> None:
    """Accounts lie in fields that a register's call has its envelope in."""
    world = family_world()
    adjust(world, 80, 1_000)
    first = type(order).FromString(order.SerializeToString())
    first.op_id = new_op_id()
    done = world.effect(call, first.SerializeToString())
    assert world.effect(call, first.SerializeToString()) == done
    count = len(world.records)
    for changes in others:
        other = type(order).FromString(first.SerializeToString())
        for name, value in changes.items():
            setattr(other, name, value)
        assert b"CONTENT_DIFFERS" in world.effect(call, other.SerializeToString()), changes
    assert len(world.records) == count


def test_a_return_of_an_old_sale_of_a_merged_account_acts_on_the_masters_lots() -> None:
    world = family_world()
    adjust(world, 80, 20_00, expires_at_us=NOW_US + DAY_US)
    reserved(world, sale(1, 20_00, card="2001"))
    committed(world, sale(1, 20_00, card="2001"))
    merge(world, 80, 70)
    returned(world, 1, 901)
    (lot,) = [lot for lot in read_lots(world.engine.book, 70) if lot[3]]
    assert (lot[3], lot[6]) == (20_00, NOW_US + DAY_US)
    assert lots(world, 80) == []


def test_a_void_of_an_old_sale_of_a_merged_account_acts_on_the_master() -> None:
    world = family_world()
    committed(world, sale(1, card="2001"))
    merge(world, 80, 70)
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert not shown(world, 70) and not shown(world, 80)


# MOVE


def test_move_takes_in_the_order_of_use_and_a_split_lot_keeps_its_dates_in_both_parts() -> None:
    world = family_world()
    adjust(world, 70, 100)
    adjust(world, 70, 100, expires_at_us=NOW_US + DAY_US)
    assert move(world, 70, 80, 130).applied
    assert [(lot[2], lot[3], lot[6]) for lot in lots(world, 80)] == [(100, 100, NOW_US + DAY_US), (30, 30, 0)]
    assert shown(world, 70)["bonus"].active_points == 70
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)


def test_points_that_come_back_find_the_lot_they_were_spent_from_after_a_part_of_it_was_moved() -> None:
    world = family_world()
    adjust(world, 70, 40_00, expires_at_us=NOW_US + DAY_US)
    reserved(world, sale(1, 25_00))
    committed(world, sale(1, 25_00))
    move(world, 70, 80, 15_00)
    returned(world, 1, 901)
    lots_left = [lot for lot in lots(world, 70) if lot[3]]
    assert [(lot[3], lot[6]) for lot in lots_left] == [(25_00, NOW_US + DAY_US)]


def test_parts_of_one_lot_that_meet_again_in_a_merge_are_both_there() -> None:
    world = family_world()
    adjust(world, 70, 100)
    move(world, 70, 80, 60)
    merge(world, 80, 70)
    assert shown(world, 70)["bonus"].active_points == 100
    merge(world, 70, 81)
    assert shown(world, 80)["bonus"].active_points == 100


@pytest.mark.parametrize(("points", "to", "reason"), [(101, 80, "POINTS_SHORT"), (1, 70, "MERGE_CYCLE")])
def test_move_is_declined_and_not_journalled(points: int, to: int, reason: str) -> None:
    world = family_world()
    adjust(world, 70, 100)
    adjust(world, 70, 100, active_from_us=NOW_US + 1)
    count = len(world.records)
    assert (move(world, 70, to, points).reason, len(world.records)) == (reason, count)


def test_points_that_a_debt_is_owed_on_are_neither_moved_nor_converted() -> None:
    world = family_world()
    committed(world, sale(1, card="2001", price=1000_00))
    earned = shown(world, 80)["bonus"].active_points
    adjust(world, 80, -earned)
    returned(world, 1, 901)
    adjust(world, 70, 100)
    merge(world, 80, 70)
    assert shown(world, 70)["bonus"].debt_points == earned
    assert move(world, 70, 81, 1).reason == "POINTS_SHORT"
    assert convert(world, 70, 3).reason == "POINTS_SHORT"


# CONVERSION


def test_conversion_rounds_down_and_takes_no_more_than_what_is_given_is_worth() -> None:
    world = family_world()
    adjust(world, 80, 100)
    merge(world, 80, 70)
    op_id = new_op_id()
    reply = convert(world, 80, 100, op_id=op_id)
    assert (reply.applied, reply.given_points, reply.taken_points) == (True, 66, 99)
    assert (shown(world, 70)["bonus"].active_points, shown(world, 70)["money"].active_points) == (1, 66)
    assert convert(world, 80, 100, op_id=op_id) == reply
    assert read_totals(world.engine.book, 1)[5] == 99 and read_totals(world.engine.book, 2)[5] == -66
    record = journal.Record.FromString(world.records[-1].body)
    assert (record.evidence.rate.from_points, record.evidence.rate.to_points) == (3, 2)
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)


def test_conversion_pays_a_debt_of_the_asset_it_gives_first() -> None:
    world = family_world()
    committed(world, sale(1, card="2001", price=1000_00))
    earned = shown(world, 80)["bonus"].active_points
    adjust(world, 80, -earned)
    returned(world, 1, 901)
    adjust(world, 80, 1, asset="money")
    assert convert(world, 80, 1, "money", "bonus").given_points == 1_000_000
    assert shown(world, 80)["bonus"].active_points == 1_000_000 - earned


@pytest.mark.parametrize(
    ("points", "asset", "to_asset", "reason"),
    [
        (10**12, "money", "bonus", "CONVERSION_OVERFLOW"),
        (1_000_001, "money", "bonus", "CONVERSION_OVERFLOW"),
        (1_000_000, "money", "bonus", "POINTS_SHORT"),
        (1, "bonus", "money", "POINTS_BELOW_MINIMUM"),
        (101, "bonus", "money", "POINTS_SHORT"),
        (10, "bonus", "bonus", "RATE_UNKNOWN"),
    ],
)
def test_conversion_is_declined_and_not_journalled(points: int, asset: str, to_asset: str, reason: str) -> None:
    world = family_world()
    adjust(world, 70, 100)
    count = len(world.records)
    reply = convert(world, 70, points, asset, to_asset)
    assert (reply.applied, reply.reason, reply.given_points, reply.taken_points) == (False, reason, 0, 0)
    assert len(world.records) == count


# BY HAND


def test_points_are_taken_by_hand_in_the_order_of_use_and_never_become_a_debt() -> None:
    world = family_world()
    adjust(world, 70, 100)
    adjust(world, 70, 100, expires_at_us=NOW_US + DAY_US)
    reply = adjust(world, 70, -150)
    assert reply.applied and not reply.lot_id
    assert shown(world, 70)["bonus"].active_points == 50
    assert read_totals(world.engine.book, 1)[4] == -50
    count = len(world.records)
    assert (adjust(world, 70, -51).reason, len(world.records)) == ("POINTS_SHORT", count)
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)


@pytest.mark.parametrize(
    ("call", "request_", "field"),
    [
        (adjust_points, ops.AdjustPointsRequest(account_id=1, asset="bonus", points=0, reason="r"), "points"),
        (
            adjust_points,
            ops.AdjustPointsRequest(account_id=1, asset="bonus", points=-(10**12) - 1, reason="r"),
            "points",
        ),
        (
            adjust_points,
            ops.AdjustPointsRequest(account_id=1, asset="bonus", points=-1, expires_at_us=5, reason="r"),
            "active_from_us",
        ),
        (merge_accounts, ops.MergeAccountsRequest(into_account_id=1, reason="r"), "account_id"),
        (merge_accounts, ops.MergeAccountsRequest(account_id=1, into_account_id=-1, reason="r"), "into_account_id"),
        (merge_accounts, ops.MergeAccountsRequest(account_id=1, into_account_id=2), "reason"),
        (
            move_points,
            ops.MovePointsRequest(account_id=1, to_account_id=2, asset="bonus", points=-1, reason="r"),
            "points",
        ),
        (
            move_points,
            ops.MovePointsRequest(account_id=1, to_account_id=2, asset="gold", points=1, reason="r"),
            "asset",
        ),
        (
            move_points,
            ops.MovePointsRequest(account_id=1, to_account_id=2, asset="bonus", points=1, reason="r" * 257),
            "reason",
        ),
    ],
)
def test_a_wrong_field_is_named(call: object, request_: object, field: str) -> None:
    world = family_world()
    request_.op_id = new_op_id()  # type: ignore[attr-defined]
    with pytest.raises(CallRefused) as refused:
        world.effect(call, request_.SerializeToString())  # type: ignore[attr-defined]
    assert refused.value.field == field


# A LIFE


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_between_sales_and_returns_no_point_is_lost(seed: int) -> None:
    """Random sales, returns, holds, merges, moves, adjustments: every asset adds up by account and in the whole, a
    merged account has nothing, and the journal gives the same book.
    """
    rng, world = random.Random(seed), family_world()
    cards, sold, open_holds, number = list(ACCOUNTS), [], [], 0
    for _ in range(120):
        card, account = (name := rng.choice(cards)), ACCOUNTS[name]
        other = ACCOUNTS[rng.choice(cards)]
        act = rng.random()
        number += 1
        if act < 0.25:
            points = rng.choice([None, None, -1])
            made = sale(number, points, card=card, price=rng.randrange(1, 90) * 100)
            if points is not None:
                reserved(world, made)
                if rng.random() < 0.4:
                    open_holds.append(made)
                    continue
            committed(world, made)
            sold.append(number)
        elif act < 0.35 and open_holds:
            made = open_holds.pop(rng.randrange(len(open_holds)))
            committed(world, made)
            sold.append(made.receipt_number)
        elif act < 0.5 and sold:
            returned(world, sold.pop(rng.randrange(len(sold))), 10_000 + number)
        elif act < 0.7:
            adjust(world, account, rng.choice([700, 1500, -200, -1]), asset=rng.choice(["bonus", "money"]))
        elif act < 0.8:
            move(world, account, other, rng.randrange(1, 800))
        elif act < 0.9:
            convert(world, account, rng.randrange(1, 900))
        elif act < 0.94:
            merge(world, account, other)
        for asset_no in (1, 2):
            held = sum(
                lot[3] for a in ACCOUNTS.values() for lot in read_lots(world.engine.book, a) if lot[1] == asset_no
            )
            assert held + sum(read_totals(world.engine.book, asset_no).values()) == 0
    posted: dict[tuple[int, int], int] = {}
    for record in world.records:
        for entry in journal.Record.FromString(record.body).effects.entries:
            for posting in entry.postings:
                key = (posting.account_id, posting.asset_no)
                posted[key] = posted.get(key, 0) + posting.points
    for account in ACCOUNTS.values():
        for asset_no in (1, 2):
            held = sum(lot[3] for lot in read_lots(world.engine.book, account) if lot[1] == asset_no)
            assert held == posted.get((account, asset_no), 0)
        if read_leads_to(world.engine.book, account) != account:
            assert read_balances(world.engine.book, account, NOW_US) == {}
    assert state_digest(family_replayed(world).book) == state_digest(world.engine.book)
