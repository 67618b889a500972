"""Dates as whole numbers of days since 1970-01-01, by the Gregorian calendar; years 1970 to 9999.

Plain arithmetic: the core imports no module that could read a clock.
"""

from __future__ import annotations

DAYS_BEFORE_1970 = 719_162  # days from 0001-01-01
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_number(year: int, month: int, day: int) -> int | None:
    """Days since 1970-01-01; None when the calendar has no such date from 1970 on."""
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        return None
    before = sum(_month_days(year, earlier) for earlier in range(1, month))
    return _days_before_year(year) + before + day - 1


def date_text(number: int) -> str:
    """``YYYY-MM-DD`` of a number that `day_number` gave."""
    year = 1970 + number // 366  # never too late: no year is longer
    while _days_before_year(year + 1) <= number:
        year += 1
    left = number - _days_before_year(year)
    month = 1
    while left >= _month_days(year, month):
        left -= _month_days(year, month)
        month += 1
    return f"{year:04d}-{month:02d}-{left + 1:02d}"


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_days(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else MONTH_DAYS[month - 1]


def _days_before_year(year: int) -> int:
    """Days from 1970-01-01 to the first of January."""
    years = year - 1
    return years * 365 + years // 4 - years // 100 + years // 400 - DAYS_BEFORE_1970
