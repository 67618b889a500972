"""The check of returns: silent over what the engine journals, and each kind of harm is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from altyn.cli.verify.arithmetic import wrong_plan
from altyn.cli.verify.taken_back import refund_of, wrongs_of
from altyn.core.engine import cancel_receipt
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2
from tests.core.engine.test_returns_properties import NOW_US, SoldCase, SoldLine, cases, returned, sale
from tests.core.engine.world import World, cancel, new_world

CASE = SoldCase([SoldLine(2000, 1000, 100, 100, 50), SoldLine(1000, 300, 0, 100, 7)], [80, 90], 100, False, False, 10)


def taken_back(world: World) -> list[journal.Record]:
    records = [journal.Record.FromString(record.body) for record in world.records]
    return [record for record in records if record.evidence.HasField("original")]


def part_of(case: SoldCase) -> World:
    world = new_world()
    sale(world, case)
    returned(world, NOW_US, 900, (1, case.lines[0].qty_milli // 2))
    returned(world, NOW_US, 901, (1, case.lines[0].qty_milli), (1, 1))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    return world


@given(cases)
@settings(max_examples=60, deadline=None)
def test_returns_and_voids_of_the_engine_are_found_right(case: SoldCase) -> None:
    found = taken_back(part_of(case))
    assert len(found) == 3
    assert [list(wrongs_of(record)) for record in found] == [[], [], []]


def too_much(record: journal.Record) -> None:
    record.effects.returned.lines[0].qty_milli = 3000


def other_refund(record: journal.Record) -> None:
    record.effects.returned.lines[0].refund_minor += 1


def other_points(record: journal.Record) -> None:
    clawback = next(entry for entry in record.effects.entries if entry.kind == journal.ENTRY_KIND_CLAWBACK)
    for posting in clawback.postings:
        posting.points += 1 if posting.points > 0 else -1


def more_than_the_lot(record: journal.Record) -> None:
    record.effects.returned.lots[0].restored_points = 1000


def untold(record: journal.Record) -> None:
    record.effects.ClearField("returned")


@pytest.mark.parametrize("harm", [too_much, other_refund, other_points, more_than_the_lot, untold])
def test_return_that_does_not_follow_from_its_sale_is_found(harm: Callable[[journal.Record], None]) -> None:
    world = new_world()
    sale(world, CASE)
    returned(world, NOW_US, 900, (1, 1000))
    (record,) = taken_back(world)
    assert list(wrongs_of(record)) == []
    harm(record)
    assert list(wrongs_of(record)) != []


def test_refund_of_a_line_printed_by_unit_follows_from_its_rows() -> None:
    back = journal.ReturnedLine(line_no=1, qty_milli=2000, refund_minor=10001, rows_milli=[1000, 1000])
    rows = [
        outcome_pb2.FiscalLine(line_no=1, sub_no=1, qty_milli=1000, price_minor=1, sum_minor=1, by_unit=True),
        outcome_pb2.FiscalLine(line_no=1, sub_no=2, qty_milli=2000, price_minor=10000, sum_minor=20000, by_unit=True),
    ]
    assert refund_of(back, 20001, 3000, rows) == 10001
    assert refund_of(back, 20001, 3000, []) == 13334
    back.rows_milli[1] = 500
    assert refund_of(back, 20001, 3000, rows) == -1


def plan_of(*rows: tuple[int, int, int]) -> outcome_pb2.Outcome:
    outcome = outcome_pb2.Outcome(lines=[outcome_pb2.LineOutcome(line_no=1, gross_minor=1173, net_minor=1000)])
    for qty_milli, price_minor, sum_minor in rows:
        outcome.fiscal_plan.add(line_no=1, qty_milli=qty_milli, price_minor=price_minor, sum_minor=sum_minor)
    return outcome


def test_printed_rows_must_make_the_net() -> None:
    assert list(wrong_plan(plan_of())) == []
    assert list(wrong_plan(plan_of((2304, 426, 982), (41, 427, 18)))) == []
    assert list(wrong_plan(plan_of((2345, 426, 999)))) == ["line 1: printed 999 of net 1000"]
    assert list(wrong_plan(plan_of((2345, 426, 1000)))) == ["line 1: 426 × 2345 is 999, printed 1000"]
