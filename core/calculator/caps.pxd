"""Stage 8: discounts within the caps of `limit` documents (semantics §6.4, §6.11.20)."""
from altyn.core.calculator.work cimport Work

cdef bint exceeds_caps(Work* work) noexcept nogil
cdef void cut_to_caps(Work* work) noexcept nogil
