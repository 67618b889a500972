"""Stage 9: payment with points."""
from altyn.core.calculator.work cimport Work

cdef void pay_with_points(Work* work) noexcept nogil
