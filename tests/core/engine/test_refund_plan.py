"""The fiscal plan in replies: of sales and of what comes back of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.cli.verify import arithmetic, taken_back
from altyn.core.engine import (
    Lookup,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    reserve_receipt,
    return_receipt,
    same_decision,
)
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import refund
from tests.core.engine.world import (
    DOCUMENT_SHA256,
    NOW_US,
    SCOPE,
    World,
    cancel,
    image,
    line,
    new_op_id,
    new_world,
    receipt,
)

OK, DECLINED, QUARANTINED = 1, 2, 4
FREE_THIRD = """
promotion: third
stage: set
reward:
  - multi_buy: {take: 3, pay: 2, of: {category: bread}, allocate: ON_FREE}
"""
WANT = receipt_pb2.Want(fiscal_plan=True)


@pytest.fixture
def world() -> World:
    made = new_world()
    made.engine.take_ruleset(Ruleset(image(FREE_THIRD, 2)), DOCUMENT_SHA256, 0)
    return made


def weighed(
    line_no: int, price_minor: int, qty_milli: int, off_minor: int = 0, no_split: bool = False
) -> receipt_pb2.ReceiptLine:
    made = line(line_no, "milk", price_minor, qty_milli)
    made.unit, made.no_split = receipt_pb2.UNIT_KG, no_split
    if off_minor:
        made.external_discounts.add(discount_id="till", amount_minor=off_minor)
    return made


def sold(world: World, of: receipt_pb2.Receipt, want: receipt_pb2.Want = WANT) -> outcome_pb2.Outcome:
    request = pos.CommitReceiptRequest(op_id=new_op_id(), register_seq=world.next_seq(), receipt=of, want=want)
    reply = pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, request.SerializeToString()))
    assert reply.status == OK
    return reply.outcome


def returned(world: World, of: receipt_pb2.Receipt, want: receipt_pb2.Want = WANT) -> pos.ReturnReceiptResponse:
    request = pos.ReturnReceiptRequest(op_id=new_op_id(), register_seq=world.next_seq(), receipt=of, want=want)
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request.SerializeToString()))


def preview(world: World, of: receipt_pb2.Receipt) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of, want=WANT).SerializeToString()
    answer = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(answer, Lookup)
    return pos.CalculateReceiptResponse.FromString(
        calculate_receipt(world.engine, request, SCOPE, NOW_US, world.known(answer))
    )


def named(of: receipt_pb2.Receipt, *rows: int) -> receipt_pb2.Receipt:
    for row, sub_no in zip(of.lines, rows, strict=True):
        row.refund_of.sub_no = sub_no
    return of


def printed(outcome: outcome_pb2.Outcome) -> list[tuple[int, int, int, int, int]]:
    return [(row.line_no, row.sub_no, row.qty_milli, row.price_minor, row.sum_minor) for row in outcome.fiscal_plan]


def check_journal(world: World) -> None:
    """What `altyn verify` asks of every record."""
    rules = Ruleset(image(FREE_THIRD, 2))
    for kept in world.records:
        record = journal.Record.FromString(kept.body)
        if record.kind == pos.OPERATION_KIND_COMMIT:
            outcome = pos.CommitReceiptResponse.FromString(record.reply).outcome
            assert list(arithmetic.wrongs_of(outcome)) == []
            assert same_decision(kept.body, rules)
        elif record.evidence.HasField("original"):
            assert list(taken_back.wrongs_of(record)) == []


def test_calculate_reserve_and_commit_plan_alike(world: World) -> None:
    of = receipt(line(1, "loaf", 10000, 3000), weighed(2, 500, 2345, 173, no_split=True))
    calculated = pos.CalculateReceiptResponse.FromString(
        calculate_receipt(
            world.engine, pos.CalculateReceiptRequest(receipt=of, want=WANT).SerializeToString(), SCOPE, NOW_US
        )
    )
    reserve = pos.ReserveReceiptRequest(op_id=new_op_id(), register_seq=world.next_seq(), receipt=of, want=WANT)
    reserved = pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, reserve.SerializeToString()))
    plan = printed(sold(world, of))
    assert plan == [(1, 1, 1000, 1, 1), (1, 2, 2000, 10000, 20000), (2, 1, 2345, 426, 999)]
    assert printed(calculated.outcome) == printed(reserved.outcome) == plan
    check_journal(world)


def test_plan_is_absent_unless_asked_for_but_for_units_returned_by_themselves(world: World) -> None:
    outcome = sold(world, receipt(line(1, "loaf", 10000, 3000), weighed(2, 500, 2345, 173)), receipt_pb2.Want())
    assert printed(outcome) == [(1, 1, 1000, 1, 1), (1, 2, 2000, 10000, 20000)]
    assert all(row.by_unit for row in outcome.fiscal_plan)
    check_journal(world)


def test_label_at_its_floor_is_flagged(world: World) -> None:
    outcome = sold(world, receipt(weighed(1, 500, 2345, 1172, no_split=True)))
    assert list(outcome.flags) == [reasons_pb2.REASON_SPLIT_UNAVOIDABLE]


def test_amounts_to_look_at_are_flagged(world: World) -> None:
    cheap = line(1, "milk", 100)
    cheap.min_price_minor = 120
    generous = line(2, "loaf", 100)
    generous.external_discounts.add(discount_id="till", amount_minor=100)
    assert list(sold(world, receipt(cheap, generous)).flags) == [
        reasons_pb2.REASON_PRICE_BELOW_MINIMUM,
        reasons_pb2.REASON_EXTERNAL_DISCOUNT_EXCESS,
    ]


def test_pieces_come_back_at_the_prices_they_were_sold_at(world: World) -> None:
    of = receipt(line(1, "milk", 400, 3000))
    of.lines[0].external_discounts.add(discount_id="till", amount_minor=200)
    assert printed(sold(world, of)) == [(1, 1, 2000, 333, 666), (1, 2, 1000, 334, 334)]
    back = [printed(returned(world, refund((1, 1000), number=901 + n)).outcome) for n in range(3)]
    assert back == [[(1, 1, 1000, 333, 333)], [(1, 1, 1000, 333, 333)], [(1, 1, 1000, 334, 334)]]
    check_journal(world)


def test_part_of_measured_goods_is_planned_from_its_refund(world: World) -> None:
    # 10.00 of 2.345 kg; of 2.000 kg floor(1000 × 2000 ÷ 2345) = 8.52 = 2.000 × 4.26, the last 0.345 is 1.48.
    sold(world, receipt(weighed(1, 500, 2345, 173)))
    assert printed(returned(world, refund((1, 2000), number=901)).outcome) == [(1, 1, 2000, 426, 852)]
    # 0.345 × 4.30 = 1.4835; × 4.31 = 1.48695 → 1.49.
    assert printed(returned(world, refund((1, 345), number=902)).outcome) == [(1, 1, 345, 430, 148)]
    check_journal(world)


def test_unit_comes_back_at_its_own_price(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10000, 4000)), receipt_pb2.Want())
    shown = preview(world, named(refund((1, 1000)), 2))
    assert (shown.status, shown.outcome.lines[0].net_minor) == (OK, 10000)
    first = returned(world, named(refund((1, 1000), number=901), 2))
    assert printed(first.outcome) == [(1, 1, 1000, 10000, 10000)]
    # The cheapest that are left: the free one and one at 100.00.
    second = returned(world, refund((1, 2000), number=902))
    assert printed(second.outcome) == [(1, 1, 1000, 1, 1), (1, 2, 1000, 10000, 10000)]
    assert [row.by_unit for row in second.outcome.fiscal_plan] == [True, True]
    assert returned(world, refund((1, 1000), number=903)).outcome.totals.to_pay_minor == 10000
    check_journal(world)


def test_row_that_is_not_there_or_has_no_more_is_refused_by_the_preview(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10000, 3000)))
    unknown = preview(world, named(refund((1, 1000)), 3))
    assert (unknown.status, unknown.reason) == (DECLINED, 43)
    more = preview(world, named(refund((1, 2000)), 1))
    assert (more.status, more.reason) == (DECLINED, 42)
    # A printed return takes what is left of the row.
    assert returned(world, named(refund((1, 2000)), 1)).outcome.totals.to_pay_minor == 1
    check_journal(world)


def test_two_lines_of_a_return_take_different_rows(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10000, 3000)))
    back = returned(world, named(refund((1, 1000), (1, 2000)), 1, 2))
    assert printed(back.outcome) == [(1, 1, 1000, 1, 1), (2, 1, 2000, 10000, 20000)]
    check_journal(world)


def test_void_takes_back_every_row(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10000, 3000)))
    returned(world, named(refund((1, 1000), number=901), 2))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    check_journal(world)
    (row,) = journal.Record.FromString(world.records[-1].body).effects.returned.lines
    assert (row.qty_milli, row.refund_minor, list(row.rows_milli)) == (3000, 20001, [1000, 2000])


def test_marked_pieces_come_back_one_a_row(world: World) -> None:
    of = receipt(line(1, "milk", 400, 3000))
    of.lines[0].mark_code = "0104600"
    sold(world, of)
    assert printed(returned(world, refund((1, 2000))).outcome) == [(1, 1, 1000, 400, 400), (1, 2, 1000, 400, 400)]


def test_half_a_piece_of_a_row_is_its_share(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10001, 3000)))
    # Rows 0.01 and 2 × 100.01: of the second floor(20002 × 500 ÷ 2000) = 50.00.
    first = returned(world, named(refund((1, 500), number=901), 2))
    assert first.outcome.totals.to_pay_minor == 5000
    assert printed(first.outcome) == [(1, 1, 500, 10000, 5000)]
    assert returned(world, named(refund((1, 1500), number=902), 2)).outcome.totals.to_pay_minor == 15002
    check_journal(world)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([500, 1000, 2000])), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_parts_of_rows_come_back_to_the_same_sum_in_any_order(parts: list[tuple[int, int]]) -> None:
    world = new_world()
    world.engine.take_ruleset(Ruleset(image(FREE_THIRD, 2)), DOCUMENT_SHA256, 0)
    sold(world, receipt(line(1, "loaf", 10001, 4000)))
    paid = 0
    for number, (sub_no, qty_milli) in enumerate(parts, 901):
        paid += returned(world, named(refund((1, qty_milli), number=number), sub_no)).outcome.totals.to_pay_minor
    paid += returned(world, refund((1, 4000), number=999)).outcome.totals.to_pay_minor
    assert paid == 30004
    check_journal(world)


def test_return_without_asking_has_no_plan(world: World) -> None:
    sold(world, receipt(line(1, "loaf", 10000, 3000)))
    assert printed(returned(world, refund((1, 1000)), receipt_pb2.Want()).outcome) == []
