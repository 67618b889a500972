"""The calendar against the standard library's."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.calendar import calendar_days

EPOCH = date(1970, 1, 1)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31)), st.integers(0, 600))
def test_calendar_days_any_day_agree_with_the_standard_library(day: date, months: int) -> None:
    counted = day.year * 12 + day.month - 1 + months
    expected = (
        date(counted // 12, counted % 12 + 1, 1),
        date(day.year, 1, 1),
        day - timedelta(days=day.weekday()),
    )
    assert calendar_days((day - EPOCH).days, months) == tuple((one - EPOCH).days for one in expected)
