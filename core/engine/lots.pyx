# cython: cdivision=True
"""Dates of lots (semantics §6.6, §6.11.27): whole days of the programme's calendar, turned into instants.

Divisors are constants above 0; C division is made to round down where days before 1970 could appear.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.facts.zones cimport Zones
from altyn.core.rules.image cimport AFTER_DAYS, END_OF_MONTH, ON_DATE, RuleRow

cdef inline int64_t day_us() noexcept nogil:
    return 86_400_000_000

cdef inline int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
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

cdef int64_t month_start(int64_t day, int64_t months) noexcept nogil:
    cdef int64_t shifted = day + 719_468
    cdef int64_t era = floor_div(shifted, 146_097)
    cdef int64_t day_of_era = shifted - era * 146_097
    cdef int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365
    cdef int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100)
    cdef int64_t month_from_march = (5 * day_of_year + 2) / 153
    cdef int64_t month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    cdef int64_t year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    cdef int64_t counted = year * 12 + (month - 1) + months
    return days_of(floor_div(counted, 12), counted - floor_div(counted, 12) * 12 + 1)

cdef LotDates lot_dates(Zones zones, int32_t zone, const RuleRow* rule, int64_t business_time_us, int64_t instant_us) noexcept nogil:
    cdef LotDates dates
    cdef int64_t wall_us = business_time_us + zones.offset_us(zone, business_time_us)
    cdef int64_t day = floor_div(wall_us, day_us())
    dates.active_from_us = instant_us
    if rule.active_after_days > 0:
        dates.active_from_us = zones.instant_us(zone, (day + rule.active_after_days) * day_us())
    dates.expires_at_us = 0
    if rule.expiry == AFTER_DAYS:
        dates.expires_at_us = zones.instant_us(zone, (day + rule.expiry_value + 1) * day_us())
    elif rule.expiry == ON_DATE:
        dates.expires_at_us = zones.instant_us(zone, (<int64_t>rule.expiry_value + 1) * day_us())
    elif rule.expiry == END_OF_MONTH:
        dates.expires_at_us = zones.instant_us(zone, month_start(day, <int64_t>rule.expiry_value + 1) * day_us())
    if dates.expires_at_us != 0 and dates.expires_at_us < dates.active_from_us:
        # A lot that would end before it starts is never spendable; it still has to be a valid period.
        dates.expires_at_us = dates.active_from_us
    return dates

def first_of_month(day: int, months: int) -> int:
    """`month_start` for tests."""
    return month_start(day, months)
