"""One reward of any kind, applied to what is open to it."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_by_kind(Work* work, const RuleRow* rule) noexcept nogil
