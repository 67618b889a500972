"""Stage 11: points."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void accrue_sum(Work* work, int32_t begin, int32_t end, bint alone) noexcept nogil
cdef void accrue_competing(Work* work, int32_t begin, int32_t end, bint first, bint by_line) noexcept nogil
