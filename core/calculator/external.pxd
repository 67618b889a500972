"""Stage 7: what the register and the cashier gave."""
from altyn.core.calculator.work cimport Work

cdef void give_external(Work* work) noexcept nogil
