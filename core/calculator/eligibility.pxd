"""From what is present to the promotions that may give something."""
from altyn.core.calculator.work cimport Work

cdef void find_candidates(Work* work, bint every) noexcept nogil
