"""Starts are planned before anybody knows how fast the server is; what is owed is bounded and counted."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.loadtests.pacing import ClosedLoop, OpenLoop

SECOND_US = 1_000_000


def planned(backlog_max: int, takes_us: list[int], rate: float = 10.0) -> list[int]:
    """The planned moments of receipts that take so long each."""
    pace, now_us, found = OpenLoop(rate, 0, backlog_max=backlog_max, seed=7), 0, []
    for take_us in takes_us:
        start = pace.take(now_us)
        found.append(start.planned_us)
        now_us = max(now_us, start.planned_us) + take_us
    return found


def test_open_loop_of_a_slow_server_keeps_the_plan_of_a_fast_one() -> None:
    assert planned(1000, [0] * 50) == planned(1000, [300_000] * 50)


def test_open_loop_on_average_keeps_its_rate() -> None:
    assert planned(1000, [0] * 5000, rate=100.0)[-1] == pytest.approx(50 * SECOND_US, rel=0.05)


def test_open_loop_never_plans_a_receipt_into_the_one_before_and_keeps_its_rate() -> None:
    pace = OpenLoop(4.0, 0, backlog_max=1, seed=5, busy_us=200_000)
    moments = [pace.take(0).planned_us for _ in range(4000)]
    assert min(later - earlier for earlier, later in pairwise(moments)) > 200_000
    assert moments[-1] == pytest.approx(1000 * SECOND_US, rel=0.05)


def test_open_loop_after_a_stall_hands_out_old_moments_and_counts_the_backlog() -> None:
    pace = OpenLoop(10.0, 0, backlog_max=1000, seed=1)
    first = pace.take(0)
    late = pace.take(5 * SECOND_US)
    assert first.backlog_count == 0
    assert late.planned_us < 2 * SECOND_US
    assert late.backlog_count > 30


def test_open_loop_with_a_full_backlog_drops_the_newest_starts() -> None:
    pace = OpenLoop(10.0, 0, backlog_max=5, seed=1)
    late = pace.take(10 * SECOND_US)
    assert late.backlog_count == 4
    assert late.dropped_count > 50
    assert late.planned_us < SECOND_US


@given(takes_us=st.lists(st.integers(0, 2 * SECOND_US), min_size=1, max_size=60), backlog_max=st.integers(1, 8))
def test_open_loop_accounts_for_every_planned_start(takes_us: list[int], backlog_max: int) -> None:
    pace = OpenLoop(20.0, 0, backlog_max=backlog_max, seed=3)
    everything = OpenLoop(20.0, 0, backlog_max=10**9, seed=3)
    now_us = begun = dropped = 0
    for take_us in takes_us:
        start = pace.take(now_us)
        begun, dropped = begun + 1, dropped + start.dropped_count
        assert start.backlog_count < backlog_max
        now_us = max(now_us, start.planned_us) + take_us
    owed = pace.owed(now_us)
    assert begun + dropped + owed.dropped_count + owed.backlog_count == everything.owed(now_us).backlog_count


def test_closed_loop_asks_a_slow_server_less_often_and_owes_nothing() -> None:
    pace = ClosedLoop(10.0, 0)
    assert [pace.take(at).planned_us for at in (0, 50_000, 900_000)] == [0, 100_000, 900_000]
    assert pace.owed(9 * SECOND_US).backlog_count == 0
    assert (pace.due(100, 900), pace.due(900, 100)) == (900, 900)


def test_open_loop_counts_latency_from_the_plan_however_late_a_call_is() -> None:
    pace = OpenLoop(1.0, 0, backlog_max=1, seed=1)
    assert (pace.due(100, 900), pace.due(900, 100)) == (100, 900)


@pytest.mark.parametrize(("rate", "backlog_max"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_open_loop_that_could_never_start_is_refused(rate: float, backlog_max: int) -> None:
    with pytest.raises(ValueError, match=r"must be positive|at least 1"):
        OpenLoop(rate, 0, backlog_max=backlog_max, seed=1)


def test_open_loop_whose_receipts_take_longer_than_there_is_time_is_refused() -> None:
    with pytest.raises(ValueError, match="busy_us"):
        OpenLoop(5.0, 0, backlog_max=1, seed=1, busy_us=200_000)
