"""What is left of a sale, as stage 11 is run on it again."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work

cdef struct LineRest:
    # What was paid for what is left of a line, in money and in points.
    int64_t net_minor
    int64_t paid_minor

# The prices that were paid, in the place of those stages 1-10 would find: a row per line of the receipt, after `normalise` by unit.
cdef void charge(Work* work, const LineRest* lines) noexcept nogil
