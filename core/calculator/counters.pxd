"""Limits that count over receipts: what is left of them, and what this receipt takes."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport LimitRow

cdef int64_t counter_left(Work* work, const LimitRow* limit) noexcept nogil
cdef void count_quantity(Work* work, int64_t qty_milli) noexcept nogil
cdef void settle_counters(Work* work) noexcept nogil
