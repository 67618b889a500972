"""Stage 8: discounts within the caps of `limit` documents (semantics §6.4, §6.11.20)."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work

cdef bint exceeds_caps(Work* work) noexcept nogil
cdef void cut_to_caps(Work* work) noexcept nogil
# For payment with points: lowers the most that each calc group may be paid with (minor units), one per group; gives
# the most of the whole receipt, INT64_MAX when no cap says one. Discounts are what is missing from the gross now.
cdef int64_t lower_for_points(Work* work, int64_t* group_max) noexcept nogil
