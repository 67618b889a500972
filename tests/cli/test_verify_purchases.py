"""Buckets of earlier purchases counted anew from the records: sound journals agree, changed records do not."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.cli.verify.purchases import KEPT, Purchases, agree, kept_since
from altyn.cli.verify.report import Tally
from altyn.core.engine import Record
from altyn.core.engine import Tally as Counted
from altyn.core.ledger.accumulators_view import read_accumulations
from altyn.core.rules.compile import compile_accumulations
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from tests.cli.verified import altered, rebuilt_of
from tests.core.engine.returns import refund
from tests.core.engine.scarce_world import DAY_US, committed, new_world, sale
from tests.core.engine.test_accumulate import RULES, given_back, make_ready
from tests.core.engine.world import NOW_US, World


def lived() -> World:
    """Half of it history, half counted at once; one return of each. The last sale is a hundred days later."""
    world = new_world(RULES)
    for number in range(1, 5):
        committed(world, sale(number, price=10_000), NOW_US + number * DAY_US)
    given_back(world, refund((1, 1000), of=2), NOW_US + 5 * DAY_US)
    make_ready(world, RULES, NOW_US + 6 * DAY_US)
    for number in range(5, 9):
        committed(world, sale(number, price=10_000), NOW_US + (number + 2) * DAY_US)
    given_back(world, refund((1, 1000), of=7), NOW_US + 11 * DAY_US)
    for number in range(9, 12):
        committed(world, sale(number, price=10_000), NOW_US + 100 * DAY_US + number)
    return world


LIVED = lived()


def checked(records: list[Record], applied: list[Record]) -> Tally:
    check = Purchases(rebuilt_of(applied))
    engine = check._rebuilt.engine
    assert engine is not None
    kept = [row for row in read_accumulations(engine.book) if row.state in KEPT]
    measured = Ruleset(compile_accumulations(row.name for row in kept))
    counted = Counted(measured, [row.accumulation_no for row in kept])
    for row in records:
        counted.take(row.body)
    check.compare(engine, kept, counted)
    return check.tally


def test_what_is_kept_is_what_the_records_come_to() -> None:
    tally = checked(LIVED.records, LIVED.records)
    assert (tally.violations, tally.checks > 5) == (0, True), tally.examples


@pytest.mark.parametrize("seq", [1, 4])
def test_sale_that_history_did_not_bring_is_found(seq: int) -> None:
    without = [row for row in LIVED.records if row.seq != seq]
    assert checked(without, LIVED.records).violations > 0


def test_difference_that_was_written_wrong_is_found() -> None:
    seq = next(row.seq for row in LIVED.records if journal.Record.FromString(row.body).evidence.accumulations)

    def change(record: Any) -> None:
        record.effects.accumulators[-1].difference += 1

    assert checked(LIVED.records, altered(LIVED.records, seq, change)).violations > 0


@pytest.mark.parametrize(
    ("found", "agrees"),
    [
        ({1: (5, ""), 9: (2, "")}, True),
        ({9: (2, "")}, False),
        ({1: (5, "MERGED"), 9: (2, "")}, True),
        ({9: (7, "MERGED")}, True),
        ({9: (6, "MERGED")}, False),
        ({1: (5, "CLOSED")}, True),
        ({1: (4, "CLOSED")}, False),
    ],
)
def test_settled_days_are_known_by_their_sum(found: dict[int, tuple[int, str]], agrees: bool) -> None:
    assert agree({1: 5, 9: 2}, found, 0, joined=False) is agrees


def test_days_long_over_may_be_gone() -> None:
    assert agree({1: 5, 9: 2}, {9: (2, "")}, 2, joined=False)
    assert not agree({1: 5, 9: 2}, {1: (5, "")}, 2, joined=False)
    assert kept_since('{"measure":"SUM","window":{"days":30}}', 100) == 30
    assert kept_since('{"measure":"REACHED","sum_minor":5}', 100) == 0
