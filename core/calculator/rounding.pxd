"""Stage 10: rounding."""
from altyn.core.calculator.work cimport Work

cdef void round_to_printable(Work* work) noexcept nogil
