"""From when and until when a lot may be spent."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.facts.zones cimport Zones
from altyn.core.rules.image cimport RuleRow

cdef struct LotDates:
    int64_t active_from_us
    int64_t expires_at_us      # 0: never

# `business_time_us` decides the dates, in the programme's zone; a lot without a delay is active from `instant_us`.
cdef LotDates lot_dates(Zones zones, int32_t zone, const RuleRow* rule, int64_t business_time_us, int64_t instant_us) noexcept nogil
