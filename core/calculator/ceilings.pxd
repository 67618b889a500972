"""The most that a set rule can give, however much others took before it."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef void write_ceilings(const Work* work, const RuleRow* rule, int32_t count, int64_t* ceilings) noexcept nogil
