"""From what was applied to the outcome."""
from altyn.core.calculator.work cimport Work
from altyn.core.outcome cimport Outcome

cdef bint write_outcome(Work* work, Outcome* out) noexcept nogil
# What stages 11 and 12 alone have made.
cdef void write_rest(Work* work, Outcome* out) noexcept nogil
