"""Multipliers of a rule's rate."""
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.calculator.work cimport CalcGroup, Work
from altyn.core.rules.image cimport MultiplierRow, RuleRow

# Bits of the rule's multipliers that hold now; codes among their conditions are told that these were met.
cdef uint32_t factors_of(Work* work, const RuleRow* rule) noexcept nogil
# `value` times those in `work.factors` that act on the group; NULL: none of them asks for a group.
cdef int64_t multiplied(const Work* work, const RuleRow* rule, int64_t value, const CalcGroup* group) noexcept nogil
cdef int64_t multiplied_progressive(const Work* work, const RuleRow* rule, int64_t base, int64_t part_minor) noexcept nogil
# Those of the factors that act on a unit which a discount may be taken from now.
cdef uint32_t acting_of(const Work* work, const RuleRow* rule, uint32_t factors) noexcept nogil
# Does the multiplier change the rate of some target.
cdef bint acts(const Work* work, const RuleRow* rule, const MultiplierRow* row) noexcept nogil

# The turn of a rule whose rate other promotions may multiply: what their conditions say, for an explanation only.
cdef void trace_factors(Work* work, const RuleRow* rule) noexcept nogil
# A multiplier of another promotion acts on what a rule gave.
cdef void note_acting(Work* work, const MultiplierRow* row, int32_t rule) noexcept nogil

cdef inline int32_t first_rate(const Work* work) noexcept nogil:
    """The first rule of stage rate; there is one."""
    return work.rules.promotions[work.rules.rates_begin].rules_begin

cdef inline bint is_multiplied(const RuleRow* rule) noexcept nogil:
    return rule.multipliers_end > rule.multipliers_begin

cdef inline int64_t rate_in(const Work* work, const RuleRow* rule, const CalcGroup* group) noexcept nogil:
    """The rate of a percent in a calc group."""
    return multiplied(work, rule, rule.value, group) if is_multiplied(rule) else rule.value
