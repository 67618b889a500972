"""Conditions on earlier purchases."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Failure, Work
from altyn.core.rules.image cimport ConditionRow

# `now`: what the receipt itself adds to a turnover.
cdef bint history_holds(const Work* work, const ConditionRow* row, int64_t now, Failure* failure) noexcept nogil
