"""What little is missing to a promotion."""
from altyn.core.calculator.limited cimport Left
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport PromotionRow, RuleRow

cdef void note_nudge(Work* work, const PromotionRow* promotion, const RuleRow* rule, bint met, const Left* left) noexcept nogil
