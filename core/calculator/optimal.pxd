"""A group of set promotions that give the most together."""
from libc.stdint cimport int32_t
from altyn.core.calculator.work cimport Work

cdef void run_optimal(Work* work, int32_t begin, int32_t end) noexcept nogil
