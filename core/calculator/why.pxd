"""Why a rule whose conditions hold gave nothing."""
from altyn.core.calculator.limited cimport Left
from altyn.core.calculator.work cimport Work
from altyn.core.outcome cimport RuleTrace
from altyn.core.rules.image cimport RuleRow

cdef void explain_nothing(Work* work, const RuleRow* rule, const Left* left, RuleTrace* trace) noexcept nogil
