"""Of so many units only so many are paid."""
from libc.stdint cimport int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int64_t give_multi_buy(Work* work, const RuleRow* rule) noexcept nogil
