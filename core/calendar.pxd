"""Whole days of the Gregorian calendar, counted from 1970-01-01. Knows no zone and no clock."""
from libc.stdint cimport int64_t

cdef inline int64_t day_us() noexcept nogil:
    return 86_400_000_000

cdef int64_t floor_div(int64_t a, int64_t b) noexcept nogil
# First day of the month that is `months` after the month of `day`.
cdef int64_t first_of_month(int64_t day, int64_t months) noexcept nogil
cdef int64_t first_of_year(int64_t day) noexcept nogil
cdef int64_t monday_of(int64_t day) noexcept nogil
# Days from the nearest birthday to `day`, below 0 before it; `mmdd` is month × 100 + day of the month. A 29 February is the 28th
# in years without it.
cdef int64_t days_from_birthday(int64_t day, int64_t mmdd) noexcept nogil
