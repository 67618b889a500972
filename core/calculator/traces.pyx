"""Rows of the explanation: how they begin, and what a condition failed for (semantics §6.9).

Decides nothing. Must never run for a receipt that nobody wants explained.
"""
from altyn.core.calculator.schedule cimport schedule_holds
from altyn.core.calculator.work cimport trace_row
from altyn.core.outcome cimport INACTIVE, NOT_MATCHED, ZERO
from altyn.core.rules.image cimport ConditionRow, SCHEDULE_IS


cdef void begin_trace(RuleTrace* trace, int32_t rule) noexcept nogil:
    trace.rule = rule
    trace.verdict = ZERO
    trace.condition = trace.by_rule = trace.cap = -1
    trace.actual = trace.needed = trace.distance = 0
    trace.margin_minor = trace.amount_minor = trace.cut_minor = trace.points = 0
    trace.applications = 0
    trace.greedy = False
    trace.lines_begin = trace.lines_end = 0


cdef RuleTrace* open_trace(Work* work, int32_t number, int32_t rule) noexcept nogil:
    """The row of a rule, fresh; `number` beyond the last one appends it."""
    cdef RuleTrace* trace = trace_row(work, number)
    if number >= work.traces_count:
        work.traces_count = number + 1
    begin_trace(trace, rule)
    return trace


cdef void trace_failure(Work* work, const Failure* failure, RuleTrace* trace) noexcept nogil:
    """Tell the condition that failed first, and by how much."""
    cdef const ConditionRow* failed = &work.rules.conditions[failure.condition]
    # A schedule that holds is named too: by the `none` it stands in.
    trace.verdict = INACTIVE if failed.kind == SCHEDULE_IS and not schedule_holds(work, failed.subject) else NOT_MATCHED
    trace.condition = failed.path
    trace.actual = failure.actual
    trace.needed = failure.needed
    trace.distance = failure.needed - failure.actual
