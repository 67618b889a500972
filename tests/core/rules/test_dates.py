"""The core's own calendar against the standard library's."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.rules.read.dates import date_text, day_number

EPOCH = date(1970, 1, 1)


@given(st.dates(EPOCH, date(9999, 12, 31)))
def test_date_and_number_turn_into_each_other(day: date) -> None:
    number = (day - EPOCH).days
    assert day_number(day.year, day.month, day.day) == number
    assert date_text(number) == day.isoformat()


@given(st.integers(1900, 10_100), st.integers(0, 13), st.integers(0, 32))
def test_number_exists_exactly_when_the_date_does(year: int, month: int, day: int) -> None:
    try:
        exists = date(year, month, day) >= EPOCH
    except ValueError:
        exists = False
    assert (day_number(year, month, day) is not None) == exists
