"""Ranges of a day against the minutes themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.rules.checks.schedules import DAY_MINUTES, MINUTE_US, holds_at, ranges_on
from altyn.core.rules.condition import Schedule

DAY = 20_000
DAY_US = DAY_MINUTES * MINUTE_US
walls = st.none() | st.integers((DAY - 1) * DAY_US, (DAY + 2) * DAY_US)
dates = st.none() | st.integers(DAY - 1, DAY + 1)
windows = st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1440)), max_size=3).map(tuple)
schedules = st.builds(
    Schedule,
    path=st.just("when"),
    from_date=dates,
    to_date=dates,
    from_wall_us=walls,
    to_wall_us=walls,
    windows=windows,
    weekdays=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
)


@given(st.lists(schedules, max_size=2), st.lists(schedules, max_size=2))
def test_ranges_are_the_minutes_that_hold(holding: list[Schedule], failing: list[Schedule]) -> None:
    minutes = range(DAY * DAY_MINUTES, (DAY + 1) * DAY_MINUTES)
    wanted = {
        minute % DAY_MINUTES
        for minute in minutes
        if all(holds_at(one, minute) for one in holding) and not any(holds_at(one, minute) for one in failing)
    }
    found = ranges_on(DAY, holding, failing)
    assert {minute for start, end in found for minute in range(start, end)} == wanted
    edges = [edge for one in found for edge in one]
    assert edges == sorted(set(edges))
