"""A price that the targets do not exceed."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_fixed_price(Work* work, const RuleRow* rule) noexcept nogil
