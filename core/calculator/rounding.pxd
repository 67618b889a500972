"""Stage 10: rounding to what can be printed, then small change."""
from altyn.core.calculator.work cimport Work

cdef void round_to_printable(Work* work) noexcept nogil
cdef void round_small_change(Work* work) noexcept nogil
