"""Tiers in place of a reward's number."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Work
from altyn.core.rules.image cimport RuleRow

cdef int32_t reached_step(const Work* work, int32_t tiers) noexcept nogil
cdef int64_t step_value(const Work* work, int32_t tiers, int32_t step) noexcept nogil

# What a rule with progressive rates takes off targets that cost `part_minor` now (semantics §6.11.18).
cdef int64_t progressive_off(const Work* work, const RuleRow* rule, int64_t part_minor) noexcept nogil

cdef inline int64_t value_of(const Work* work, const RuleRow* rule) noexcept nogil:
    """The rule's number now."""
    return rule.value if rule.tiers < 0 else step_value(work, rule.tiers, reached_step(work, rule.tiers))
