"""Months of the lots' calendar against the standard library's."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine.lots import first_of_month

EPOCH = date(1970, 1, 1)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31)), st.integers(0, 600))
def test_first_of_month_any_day_agrees_with_the_calendar(day: date, months: int) -> None:
    counted = day.year * 12 + day.month - 1 + months
    expected = date(counted // 12, counted % 12 + 1, 1)
    assert first_of_month((day - EPOCH).days, months) == (expected - EPOCH).days
