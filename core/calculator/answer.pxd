"""From what was applied to the outcome."""
from altyn.core.calculator.work cimport Work
from altyn.core.outcome cimport Outcome

cdef bint write_outcome(Work* work, Outcome* out) noexcept nogil
