"""The programme's tiers: which sum of a period makes which tier, how long a period is, and how long a tier holds.

A tier is a name and a rank; higher ranks are better, and what is kept of accounts are ranks. Knows days alone, counted from 1970-01-01;
periods are those of the calendar, or so many days each from that date on.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.limits cimport TIER_RANK_MAX
from altyn.core.text cimport Text

cdef struct TierStep:
    int32_t rank
    int64_t least              # what a period must come to
    Text tier

@cython.final
cdef class TierTerms:
    cdef readonly str points_asset     # what is counted: points earned of this asset; None: money paid
    cdef readonly int32_t count        # 0: the programme has no tiers
    cdef int32_t period                # TierPeriod
    cdef int32_t days                  # of a period of DAYS
    cdef int32_t valid_periods
    cdef TierStep steps[TIER_RANK_MAX] # by rank ascending, and so by sum
    cdef list texts                    # what the steps point into

    # The first day of the period that has the day; of the one `periods` after the period that begins with `first_day`.
    cdef int64_t first_of(self, int64_t day) noexcept nogil
    cdef int64_t after(self, int64_t first_day, int64_t periods) noexcept nogil
    # The last day of a tier that this period's sum made.
    cdef int64_t last_day(self, int64_t first_day) noexcept nogil
    # The rank that a period's sum makes; 0: none.
    cdef int32_t rank_of(self, int64_t counted) noexcept nogil
    # How many steps a rank has reached: the last of them is its tier, though a tier of that rank itself is no more.
    cdef int32_t steps_of(self, int32_t rank) noexcept nogil
