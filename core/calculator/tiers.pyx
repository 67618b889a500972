"""Tiered thresholds (semantics §6.3): the highest reached step holds for the whole, or each step for its own part.

Decides which step a receipt has reached now. Must never read another base than the tiers name.
"""
from altyn.core.calculator.conditions cimport base_of
from altyn.core.calculator.multipliers cimport is_multiplied, multiplied_progressive
from altyn.core.money cimport progressive
from altyn.core.rules.image cimport TierRow


cdef int32_t reached_step(const Work* work, int32_t tiers) noexcept nogil:
    """Number of the highest reached step from 1; 0 below the first."""
    cdef const TierRow* row = &work.rules.tiers[tiers]
    cdef int64_t base = base_of(work, row.over, row.base)
    cdef int32_t step = 0, place = row.steps.begin
    while place < row.steps.end and base >= work.rules.numbers[place]:
        step += 1
        place += 2
    return step


cdef int64_t step_value(const Work* work, int32_t tiers, int32_t step) noexcept nogil:
    """What the step gives; 0 for step 0."""
    return work.rules.numbers[work.rules.tiers[tiers].steps.begin + 2 * step - 1] if step > 0 else 0


cdef int64_t progressive_off(const Work* work, const RuleRow* rule, int64_t part_minor) noexcept nogil:
    cdef const TierRow* row = &work.rules.tiers[rule.tiers]
    cdef int64_t base = base_of(work, row.over, row.base)
    if is_multiplied(rule):
        return multiplied_progressive(work, rule, base, part_minor)
    return progressive(&work.rules.numbers[row.steps.begin], (row.steps.end - row.steps.begin) // 2, base, part_minor)
