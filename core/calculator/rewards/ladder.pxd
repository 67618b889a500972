"""A discount that depends on which unit it is."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_ladder(Work* work, const RuleRow* rule) noexcept nogil
