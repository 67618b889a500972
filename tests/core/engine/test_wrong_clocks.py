"""A till whose clock is years off: it is told, and nothing is dated, counted or earned by it (semantics §6.11.27)."""

from __future__ import annotations

import pytest

from altyn.core.ledger.view import read_counter, read_lots
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from tests.core.engine.scarce_world import DAY_US, committed, new_world, reserved, sale
from tests.core.engine.world import NOW_US

YEAR_US = 365 * DAY_US
LATE_US, EARLY_US = 30 * DAY_US, 600_000_000
TODAY = 20775  # 2026-11-18 in Moscow
ONCE = ("once", 1, 1, 1, 7)
RULES = """
promotion: once
stage: item
reward: [{percent: {rate: 10}}]
limits: [{per: customer, window: day, times: 1}]
---
promotion: earn
reward: [{points: {asset: bonus, percent: 1, expires: {days: 30}}}]
"""


def of_a_clock(number: int, told_us: int, mode: receipt_pb2.Mode) -> receipt_pb2.Receipt:
    made = sale(number)
    made.local_time_us, made.mode = told_us, mode
    return made


@pytest.mark.parametrize("years", [-50, -10, -1, 1, 10, 50])
@pytest.mark.parametrize(
    ("mode", "earliest_us", "latest_us"),
    [(receipt_pb2.MODE_ONLINE, 0, 0), (receipt_pb2.MODE_OFFLINE, -LATE_US, EARLY_US)],
)
def test_clock_years_off_is_told_and_dates_nothing(
    mode: receipt_pb2.Mode, earliest_us: int, latest_us: int, years: int
) -> None:
    world = new_world(RULES)
    of = of_a_clock(1, NOW_US + years * YEAR_US, mode)
    assert mode == receipt_pb2.MODE_OFFLINE or reserved(world, of).status == outcome_pb2.STATUS_OK
    reply = committed(world, of)
    assert reply.status == outcome_pb2.STATUS_OK
    assert reasons_pb2.REASON_CLOCK_SKEW in reply.outcome.flags
    used_us = NOW_US + (earliest_us if years < 0 else latest_us)
    record = journal.Record.FromString(world.records[-1].body)
    assert (record.instant_us, record.evidence.business_time_us) == (NOW_US, used_us)
    day = (used_us + 3 * 3_600_000_000) // DAY_US
    assert read_counter(world.engine.book, (*ONCE, day)) == (1, 0)
    assert day in range(TODAY - 30, TODAY + 1)
    [lot] = [row for row in read_lots(world.engine.book, 70) if row[0]]
    assert lot[6] // DAY_US == day + 30


def test_clock_set_back_a_year_gives_no_second_turn_of_a_limit() -> None:
    world = new_world(RULES)
    assert committed(world, of_a_clock(1, NOW_US, receipt_pb2.MODE_ONLINE)).outcome.totals.discount_minor == 1000
    for years in (-1, 1, -10):
        again = committed(world, of_a_clock(20 + years, NOW_US + years * YEAR_US, receipt_pb2.MODE_ONLINE))
        assert again.outcome.totals.discount_minor == 0
    assert read_counter(world.engine.book, (*ONCE, TODAY)) == (1, 0)
