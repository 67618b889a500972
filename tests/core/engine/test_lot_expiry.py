"""Lots whose time is over end by journalled records; debts are paid by what comes next."""

from __future__ import annotations

from altyn.core.engine import LotSweep
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_lots, read_totals
from altyn.journal.v1 import record_pb2 as journal
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
    sale,
)
from tests.core.engine.world import NOW_US, World

SCANNED = 1_000


def swept(world: World, sweep: LotSweep, clock_us: int, scanned_max: int = SCANNED) -> int:
    """How many lots one turn ended."""
    record = sweep.expire_lots(clock_us, scanned_max)
    if record is None:
        return 0
    world.records.append(record)
    read = journal.Record.FromString(record.body)
    assert read.kind == pos.OPERATION_KIND_LOT_EXPIRY
    return len(read.effects.entries)


def test_lots_that_are_over_end_and_the_books_still_agree() -> None:
    world = new_world()
    for points in (300, 400):
        give(world, points, expires_at_us=NOW_US + DAY_US)
    give(world, 500)
    sweep = LotSweep(world.engine)
    assert swept(world, sweep, NOW_US + DAY_US - 1) == 0
    assert swept(world, sweep, NOW_US + DAY_US) == 2
    assert swept(world, sweep, NOW_US + DAY_US) == 0
    assert balance(world, NOW_US + DAY_US) == (500, 0, 0, 0)
    assert [lot[2] for lot in read_lots(world.engine.book, 70)] == [500]
    # Issued by hand 1200, ended 700.
    assert read_totals(world.engine.book, 1) == {1: 0, 2: 0, 3: 700, 4: -1200, 5: 0}
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_lot_kept_by_a_hold_ends_when_the_hold_does() -> None:
    world = new_world()
    give(world, 3000, expires_at_us=NOW_US + 1000)
    reserved(world, sale(1, 2000))
    sweep = LotSweep(world.engine)
    assert swept(world, sweep, NOW_US + 1000) == 1
    assert balance(world, NOW_US + 1000) == (0, 0, 2000, 0)
    assert swept(world, sweep, NOW_US + 1001) == 0
    # The time-out frees it, and it is over.
    expired(world, NOW_US + HOLD_US)
    assert balance(world, NOW_US + HOLD_US) == (0, 0, 0, 0)
    assert swept(world, sweep, NOW_US + HOLD_US) == 1
    assert read_lots(world.engine.book, 70) == []
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_points_held_before_their_lot_ended_still_pay() -> None:
    world = new_world()
    give(world, 3000, expires_at_us=NOW_US + 1000)
    reserved(world, sale(1, 2000))
    swept(world, LotSweep(world.engine), NOW_US + 1000)
    reply = committed(world, sale(1, 2000), NOW_US + 2000)
    assert list(reply.exceptions) == []
    assert reply.outcome.totals.points_paid_minor == 2000
    assert balance(world, NOW_US + 2000) == (80, 0, 0, 0)


def test_turn_looks_at_no_more_lots_than_it_may_and_the_next_goes_on() -> None:
    world = new_world()
    for _ in range(600):
        give(world, 1, expires_at_us=NOW_US + 1)
    sweep = LotSweep(world.engine)
    assert swept(world, sweep, NOW_US + 1, 100) == 100
    assert [swept(world, sweep, NOW_US + 1) for _ in range(4)] == [256, 244, 0, 0]
    assert world.engine.book.lots_count == 0
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_points_by_hand_pay_the_debt_first() -> None:
    world = new_world()
    give(world, 3000)
    reserved(world, sale(1, 3000))
    expired(world, NOW_US + HOLD_US)
    later = NOW_US + HOLD_US + 1
    reserved(world, sale(2, 3000), later)
    committed(world, sale(2, 3000), later)
    committed(world, sale(1, 3000), later)
    debt = balance(world, later)[3]
    assert debt > 0
    give(world, debt + 5, clock_us=later)
    active, _, _, left = balance(world, later)
    assert left == 0
    give(world, 7, clock_us=later)
    assert balance(world, later)[0] == active + 7
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)
