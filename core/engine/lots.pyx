"""Dates of lots (semantics §6.6, §6.11.27): whole days of the programme's calendar, turned into instants.

The calendar itself is core/calendar's.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calendar cimport day_us, first_of_month, first_of_year, floor_div
from altyn.core.facts.zones cimport Zones
from altyn.core.rules.image cimport AFTER_DAYS, END_OF_MONTH, END_OF_YEAR, ON_DATE, RuleRow

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
        dates.expires_at_us = zones.instant_us(zone, first_of_month(day, <int64_t>rule.expiry_value + 1) * day_us())
    elif rule.expiry == END_OF_YEAR:
        day = first_of_month(first_of_year(day), (<int64_t>rule.expiry_value + 1) * 12)
        dates.expires_at_us = zones.instant_us(zone, day * day_us())
    if dates.expires_at_us != 0 and dates.expires_at_us < dates.active_from_us:
        # A lot that would end before it starts is never spendable; it still has to be a valid period.
        dates.expires_at_us = dates.active_from_us
    return dates
