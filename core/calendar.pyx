# cython: cdivision=True
"""Body of the calendar.

Divisors are constants above 0; C division is made to round down where days before 1970 could appear.
"""
from libc.stdint cimport int64_t

cdef int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
    """Rounded down; b > 0."""
    cdef int64_t quotient = a / b
    return quotient - 1 if a % b < 0 else quotient

cdef int64_t days_of(int64_t year, int64_t month) noexcept nogil:
    """Days since 1970-01-01 of the first of a month (Gregorian; years begin in March so that leap days end them)."""
    cdef int64_t y = year - 1 if month <= 2 else year
    cdef int64_t era = floor_div(y, 400)
    cdef int64_t year_of_era = y - era * 400
    cdef int64_t month_from_march = month + 9 if month <= 2 else month - 3
    cdef int64_t day_of_year = (153 * month_from_march + 2) / 5
    return era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468

cdef int64_t month_number(int64_t day) noexcept nogil:
    """Months since the year 0, January being 0."""
    cdef int64_t shifted = day + 719_468
    cdef int64_t era = floor_div(shifted, 146_097)
    cdef int64_t day_of_era = shifted - era * 146_097
    cdef int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365
    cdef int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100)
    cdef int64_t month_from_march = (5 * day_of_year + 2) / 153
    cdef int64_t month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    cdef int64_t year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year * 12 + (month - 1)

cdef int64_t first_of_month(int64_t day, int64_t months) noexcept nogil:
    cdef int64_t counted = month_number(day) + months
    return days_of(floor_div(counted, 12), counted - floor_div(counted, 12) * 12 + 1)

cdef int64_t first_of_year(int64_t day) noexcept nogil:
    return days_of(floor_div(month_number(day), 12), 1)

cdef int64_t monday_of(int64_t day) noexcept nogil:
    """1970-01-01 was a Thursday."""
    return floor_div(day + 3, 7) * 7 - 3

cdef int64_t birthday_in(int64_t year, int64_t mmdd) noexcept nogil:
    cdef int64_t month = mmdd / 100, day = mmdd % 100
    if mmdd == 229 and days_of(year, 3) - days_of(year, 2) == 28:
        day = 28
    return days_of(year, month) + day - 1

cdef int64_t days_from_birthday(int64_t day, int64_t mmdd) noexcept nogil:
    cdef int64_t year = floor_div(month_number(day), 12)
    cdef int64_t since = day - birthday_in(year, mmdd), other
    # Half a year away another one is nearer.
    other = day - birthday_in(year + 1 if since > 0 else year - 1, mmdd)
    if (other if other > 0 else -other) < (since if since > 0 else -since):
        return other
    return since

def birthday_distance(day: int, mmdd: int) -> int:
    """`days_from_birthday`, for tests."""
    return days_from_birthday(day, mmdd)

def calendar_days(day: int, months: int) -> tuple[int, int, int]:
    """The first day of the month `months` after that of `day`, of its year, and of its week, for tests."""
    return first_of_month(day, months), first_of_year(day), monday_of(day)
