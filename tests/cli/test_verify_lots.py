"""Points, money and limits in the plain model of `altyn verify`: sound lives have no violation, planted faults do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from altyn.cli.verify.limits import Limits
from altyn.cli.verify.lots import Lots
from altyn.core.engine import Record
from altyn.journal.v1 import record_pb2 as journal
from tests.cli.test_verify_tenders import LIVED
from tests.cli.verified import NOWHERE, altered, page_of, rebuilt_of
from tests.core.backtest.past import busy_past
from tests.core.engine.scarce_world import DAY_US, committed, give, new_world, reserved, sale
from tests.core.engine.world import NOW_US, World

PAST = busy_past()


def checked(records: list[Record], applied: list[Record] | None = None) -> dict[str, Any]:
    """Tallies by invariant. `applied`: what the book was made of, when that is other records."""

    async def run() -> None:
        page = page_of(records)
        for check in (lots, limits):
            await check.take(page, NOWHERE)
            await check.end(NOWHERE)

    lots = Lots(rebuilt_of(records if applied is None else applied))
    limits = Limits(lots.model)
    asyncio.run(run())
    return {
        "I7": lots.conserved,
        "I8": lots.overdrafts,
        "I9": lots.lots,
        "I11": limits.tally,
        "I17": lots.model,
    }


def broken(records: list[Record], applied: list[Record]) -> set[str]:
    return {name for name, tally in checked(records, applied).items() if tally.violations}


def spending(world: World) -> int:
    """Seq of the first sale that pays with points."""
    for row in world.records:
        record = journal.Record.FromString(row.body)
        if any(one.kind == journal.ENTRY_KIND_REDEMPTION for one in record.effects.entries):
            return row.seq
    raise LookupError


def holding(world: World, wanted: Callable[[Any], bool]) -> int:
    """Seq of the first record whose hold has such a part."""
    for row in world.records:
        record = journal.Record.FromString(row.body)
        if any(wanted(part) for change in record.effects.holds for part in change.parts):
            return row.seq
    raise LookupError


def two_lots() -> World:
    """A lot of 50.00 that ends in five days and one of 50.00 that never does; 60.00 are held, then spent."""
    world = new_world()
    give(world, 5_000, expires_at_us=NOW_US + 5 * DAY_US)
    give(world, 5_000)
    paid = sale(1, price=20_000)
    paid.points.add(asset="bonus").requested_points = 6_000
    reserved(world, paid, NOW_US + 1_000_000)
    committed(world, paid, NOW_US + 2_000_000)
    return world


TWO = two_lots()


@pytest.mark.parametrize("world", [PAST, LIVED, TWO], ids=["limits", "gift cards", "two lots"])
def test_lives_as_they_were_have_no_violation(world: World) -> None:
    found = checked(world.records)
    assert {name: tally.examples for name, tally in found.items() if tally.violations} == {}
    proven = {name for name, tally in found.items() if tally.checks}
    assert proven >= {"I7", "I8", "I9", "I17"} | ({"I11"} if world is PAST else set())


# PLANTED


def test_points_out_of_nothing_are_found() -> None:
    def spend_less(record: journal.Record) -> None:
        [entry] = [one for one in record.effects.entries if one.kind == journal.ENTRY_KIND_REDEMPTION]
        entry.postings[0].points += 1

    assert broken(altered(TWO.records, spending(TWO), spend_less), TWO.records) == {"I7", "I17"}


def test_debt_that_nobody_is_told_of_is_found() -> None:
    def owe(record: journal.Record) -> None:
        [entry] = [one for one in record.effects.entries if one.kind == journal.ENTRY_KIND_REDEMPTION]
        entry.postings[0].lot_id = 0

    assert broken(altered(TWO.records, spending(TWO), owe), TWO.records) == {"I8", "I17"}


def test_points_held_twice_are_found() -> None:
    seq = holding(TWO, lambda part: part.points > 0)

    def hold_more(record: journal.Record) -> None:
        record.effects.holds[0].parts[0].points = 5_001

    assert broken(altered(TWO.records, seq, hold_more), TWO.records) >= {"I8"}


def test_lot_filled_above_what_it_opened_with_is_found() -> None:
    def overfill(record: journal.Record) -> None:
        for posting in record.effects.entries[0].postings:
            posting.points *= 2

    assert broken(altered(TWO.records, 1, overfill), TWO.records) >= {"I9"}


def test_lot_that_was_over_when_it_was_picked_is_found() -> None:
    assert broken(
        altered(TWO.records, 1, lambda record: setattr(record.effects.lots[0], "expires_at_us", NOW_US + 1)),
        TWO.records,
    ) >= {"I9"}


def test_lots_out_of_their_order_are_found() -> None:
    def swap(record: journal.Record) -> None:
        first, second = record.effects.holds[0].parts
        first.points, second.points = second.points, first.points

    found = broken(altered(TWO.records, holding(TWO, lambda part: part.points > 0), swap), TWO.records)
    assert "I9" in found


def test_lot_that_expires_before_its_time_is_found() -> None:
    expiry = next(row for row in LIVED.records if row.instant_us > NOW_US + DAY_US)
    assert broken(
        altered(LIVED.records, expiry.seq, lambda record: setattr(record, "instant_us", NOW_US + DAY_US)),
        LIVED.records,
    ) >= {"I9"}


def test_balance_that_was_not_there_is_found() -> None:
    seq = holding(TWO, lambda part: part.points > 0)
    records = altered(TWO.records, seq, lambda record: setattr(record.evidence.balances[0], "active_points", 10_001))
    assert broken(records, TWO.records) == {"I17"}


def test_budget_that_is_passed_is_found_and_so_is_one_that_was_misread() -> None:
    seq = next(
        row.seq for row in PAST.records if journal.Record.FromString(row.body).effects.counters and row.kind == 2
    )

    def pass_cap(record: journal.Record) -> None:
        record.effects.counters[0].used += record.evidence.counters[0].cap

    def misread(record: journal.Record) -> None:
        record.evidence.counters[0].used += 1

    assert broken(altered(PAST.records, seq, pass_cap), PAST.records) == {"I11", "I17"}
    assert broken(altered(PAST.records, seq, misread), PAST.records) == {"I17"}


def test_overshoot_that_nobody_is_told_of_is_found() -> None:
    seq = next(
        row.seq for row in PAST.records if journal.Record.FromString(row.body).effects.counters and row.kind == 2
    )
    records = altered(PAST.records, seq, lambda record: setattr(record.effects.counters[0], "overshoot", 1))
    assert broken(records, PAST.records) == {"I11"}
