# cython: cdivision=True
"""Multipliers: what multiplies a rate before it is applied (semantics §6.4, §6.11.17).

Decides which multipliers of a rule hold, its promotion's own or those of others, and its rate in a calc group: the exact
product, rounded once, then capped.
Invariants: their order is of no matter; a percent is never above 100 %. Must never change an amount, nor multiply
anything but rates and fixed points.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.calculator.conditions cimport holds, unlocking_coupon
from altyn.core.calculator.notes cimport is_open
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.traces cimport begin_trace, trace_failure
from altyn.core.calculator.work cimport Failure
from altyn.core.limits cimport ACTING_MAX, MULTIPLIERS_MAX, RATES_TRACED_MAX, TIERS_MAX
from altyn.core.money cimport PPM, TIMES_ONE, multiply_exactly, progressive
from altyn.core.outcome cimport RuleTrace, ZERO
from altyn.core.rules.image cimport EXCLUDE_POINTS_PAID, MultiplierRow, POINTS_FIXED, POINTS_PERCENT, TierRow

cdef enum:
    # An accrual rate is at most 10 000 %, as in a document.
    ACCRUAL_PPM_MAX = 100_000_000


cdef uint32_t factors_of(Work* work, const RuleRow* rule) noexcept nogil:
    cdef const MultiplierRow* row
    cdef Failure unused
    cdef uint32_t factors = 0
    cdef int32_t i
    for i in range(rule.multipliers_begin, rule.multipliers_end):
        row = &work.rules.multipliers[i]
        if row.condition < 0 or holds(work, row.condition, &unused):
            factors |= <uint32_t>1 << (i - rule.multipliers_begin)
            if row.names_coupon:
                unlocking_coupon(work, row.condition)
    return factors


cdef inline int64_t most_of(const RuleRow* rule) noexcept nogil:
    if rule.kind == POINTS_FIXED:
        return <int64_t>1 << 53
    return ACCRUAL_PPM_MAX if rule.kind == POINTS_PERCENT else PPM


cdef int64_t multiplied(const Work* work, const RuleRow* rule, int64_t value, const CalcGroup* group) noexcept nogil:
    cdef const MultiplierRow* row
    cdef int64_t[MULTIPLIERS_MAX] times
    cdef int64_t most = most_of(rule)
    cdef int32_t i, count = 0
    for i in range(rule.multipliers_begin, rule.multipliers_end):
        row = &work.rules.multipliers[i]
        if 0 <= row.most_ppm < most:
            most = row.most_ppm
        if not work.factors >> (i - rule.multipliers_begin) & 1 or row.times == TIMES_ONE:
            continue
        if row.targets == 0 or (group != NULL and in_set(work.rules, &work.rules.sets[row.targets], group)):
            times[count] = row.times
            count += 1
    return multiply_exactly(value, times, count, most)


cdef int64_t multiplied_progressive(const Work* work, const RuleRow* rule, int64_t base, int64_t part_minor) noexcept nogil:
    """What progressive rates take off, every step's rate being multiplied."""
    cdef const TierRow* row = &work.rules.tiers[rule.tiers]
    cdef int64_t[2 * TIERS_MAX] steps
    cdef int32_t i, count = row.steps.end - row.steps.begin
    for i in range(0, count, 2):
        steps[i] = work.rules.numbers[row.steps.begin + i]
        steps[i + 1] = multiplied(work, rule, work.rules.numbers[row.steps.begin + i + 1], NULL)
    return progressive(steps, count // 2, base, part_minor)


cdef inline uint8_t earns(const Work* work, const RuleRow* rule, int32_t group) noexcept nogil:
    """What is free earns nothing, whatever multiplies its rate; what points paid for, as the rule says."""
    cdef bint with_paid = work.paid_with_points and not rule.flags & EXCLUDE_POINTS_PAID
    cdef int64_t base = work.groups[group].running_minor + (work.paid[group] if with_paid else 0)
    return work.groups[group].accrues and base > 0


cdef bint acts(const Work* work, const RuleRow* rule, const MultiplierRow* row) noexcept nogil:
    cdef const CalcGroup* group
    cdef int32_t i
    if row.times == TIMES_ONE:
        return False
    if row.targets == 0 or rule.asset < 0:  # of a discount those that find no unit are out before it gives
        return True
    for i in range(work.groups_count):
        group = &work.groups[i]
        if group.first_run < 0 or not earns(work, rule, i):
            continue
        if in_set(work.rules, &work.rules.sets[rule.targets], group) and in_set(work.rules, &work.rules.sets[row.targets], group):
            return True
    return False


cdef bint has_open_target(const Work* work, const RuleRow* rule, const MultiplierRow* row) noexcept nogil:
    cdef const CalcGroup* group
    cdef int32_t i, number
    for i in range(work.groups_count):
        group = &work.groups[i]
        if not group.target or not in_set(work.rules, &work.rules.sets[rule.targets], group):
            continue
        if not in_set(work.rules, &work.rules.sets[row.targets], group):
            continue
        number = group.first_run
        while number >= 0:
            if is_open(work, number):
                return True
            number = work.runs[number].next
    return False


cdef uint32_t acting_of(const Work* work, const RuleRow* rule, uint32_t factors) noexcept nogil:
    """From units that cost nothing by now, are closed to the rule or beyond its quantity, nothing is taken."""
    cdef const MultiplierRow* row
    cdef int32_t i
    for i in range(rule.multipliers_begin, rule.multipliers_end):
        row = &work.rules.multipliers[i]
        if row.targets != 0 and not has_open_target(work, rule, row):
            factors &= ~(<uint32_t>1 << (i - rule.multipliers_begin))
    return factors


cdef void trace_factors(Work* work, const RuleRow* rule) noexcept nogil:
    cdef const MultiplierRow* row
    cdef RuleTrace* trace
    cdef Failure failure
    cdef bint met
    cdef int32_t i
    for i in range(rule.multipliers_begin, rule.multipliers_end):
        row = &work.rules.multipliers[i]
        if row.owner < 0 or row.owner - first_rate(work) >= RATES_TRACED_MAX:
            continue
        trace = &work.rate_traces[row.owner - first_rate(work)]
        if trace.rule >= 0 and trace.verdict == ZERO:
            continue
        met = row.condition < 0 or holds(work, row.condition, &failure)
        if met or trace.rule < 0:
            begin_trace(trace, row.owner)
        if not met and trace.verdict == ZERO:
            trace_failure(work, &failure, trace)


cdef void note_acting(Work* work, const MultiplierRow* row, int32_t rule) noexcept nogil:
    """Beyond ACTING_MAX nothing is said."""
    if work.acting_count < ACTING_MAX:
        work.acting[work.acting_count].rule = rule
        work.acting[work.acting_count].owner = row.owner
        work.acting_count += 1
