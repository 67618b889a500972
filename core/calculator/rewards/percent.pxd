"""Percent off the running price of the targets."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_percent(Work* work, const RuleRow* rule) noexcept nogil
