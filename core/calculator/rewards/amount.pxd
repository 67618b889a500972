"""An amount off every unit, once per calc group, or once per receipt."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_amount(Work* work, const RuleRow* rule) noexcept nogil
