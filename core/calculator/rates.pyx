"""Promotions of stage rate, which multiply the rates of others (semantics §6.11.17).

Decides what they say and what their rows tell: their factors are multipliers of the promotions they name, and belong to
`multipliers`. Invariants: one has acted when a rule it multiplied gave something after caps; its condition is tested at
the turn of that rule. Must never change an amount.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.multipliers cimport first_rate
from altyn.core.calculator.speech cimport speak_for
from altyn.core.calculator.traces cimport open_trace
from altyn.core.calculator.work cimport trace_row
from altyn.core.limits cimport RATES_TRACED_MAX
from altyn.core.outcome cimport APPLIED, RuleTrace, Said
from altyn.core.rules.image cimport PromotionRow, SPEAKS

cdef inline int32_t traced_count(const Work* work) noexcept nogil:
    """Rules of stage rate that have a row to be noted in."""
    cdef int32_t count = work.rules.rules_count - first_rate(work)
    return count if count < RATES_TRACED_MAX else RATES_TRACED_MAX


cdef void begin_rates(Work* work) noexcept nogil:
    cdef int32_t i
    if work.rules.rates_begin < work.rules.promotions_count:
        for i in range(traced_count(work)):
            work.rate_traces[i].rule = -1


cdef bint still_gives(const Work* work, int32_t rule) noexcept nogil:
    """After caps."""
    cdef int32_t i
    for i in range(work.applied_count):
        if work.applied[i].rule == rule and work.applied[i].amount_minor > 0:
            return True
    for i in range(work.accruals_count):
        if work.accruals[i].rule == rule:
            return True
    return False


cdef int32_t next_promotion(const Work* work, int32_t after) noexcept nogil:
    """The next promotion that acted, -1: none."""
    cdef int32_t found = -1, promotion, i
    for i in range(work.acting_count):
        promotion = work.rules.rules[work.acting[i].owner].promotion
        if promotion > after and (found < 0 or promotion < found):
            found = promotion
    return found


cdef void say_acting(Work* work) noexcept nogil:
    cdef const PromotionRow* row
    cdef Said said
    said.rule = said.asset = -1
    said.discount_minor = said.points = 0
    said.promotion = next_promotion(work, -1)
    while said.promotion >= 0:
        row = &work.rules.promotions[said.promotion]
        if row.flags & SPEAKS:
            speak_for(work, row, &said)
        said.promotion = next_promotion(work, said.promotion)


cdef void end_rates(Work* work) noexcept nogil:
    cdef RuleTrace* trace
    cdef int32_t kept = 0, i
    for i in range(work.acting_count):
        if still_gives(work, work.acting[i].rule):
            work.acting[kept] = work.acting[i]
            kept += 1
    work.acting_count = kept
    say_acting(work)
    if not work.explain:
        return
    for i in range(work.acting_count):
        if work.acting[i].owner - first_rate(work) < RATES_TRACED_MAX:
            work.rate_traces[work.acting[i].owner - first_rate(work)].verdict = APPLIED
    for i in range(traced_count(work)):
        trace = &work.rate_traces[i]
        if trace.rule >= 0:
            open_trace(work, work.traces_count, trace.rule)
            trace_row(work, work.traces_count - 1)[0] = trace[0]
