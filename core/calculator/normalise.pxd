"""Stage 0: lines to calc groups and units (semantics §6.11.1-2)."""
from altyn.core.calculator.work cimport Work

cdef void normalise(Work* work) noexcept nogil
