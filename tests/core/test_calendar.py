"""The calendar against the standard library's."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.calendar import birthday_distance, calendar_days

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


def birthday_in(year: int, mmdd: int) -> date:
    try:
        return date(year, mmdd // 100, mmdd % 100)
    except ValueError:
        return date(year, 2, 28)


@given(
    st.dates(min_value=date(1971, 1, 1), max_value=date(2199, 12, 31)),
    st.dates(min_value=date(2000, 1, 1), max_value=date(2000, 12, 31)),
)
def test_distance_from_a_birthday_is_that_of_the_nearest_one(day: date, born: date) -> None:
    mmdd = born.month * 100 + born.day
    near = [(day - birthday_in(year, mmdd)).days for year in (day.year - 1, day.year, day.year + 1)]
    found = birthday_distance((day - EPOCH).days, mmdd)
    assert found in near
    assert abs(found) == min(map(abs, near))


def test_leap_day_is_the_day_before_march_in_other_years() -> None:
    for year, day in ((2027, 28), (2028, 29), (2100, 28), (2000, 29)):
        assert birthday_distance((date(year, 2, day) - EPOCH).days, 229) == 0
        assert birthday_distance((date(year, 3, 1) - EPOCH).days, 229) == 1
