"""Stage 10 (semantics §6.11.24).

Decides by how little a measured line that must stand in one row of the fiscal receipt gets cheaper, so that some unit
price makes its sum. Invariants: no line goes below its floor, and none that may not be discounted is rounded: such a
line is split all the same, and the outcome says so. Whether the plan is asked for is of no matter: amounts must not
depend on it.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.apply cimport open_trace, trace_lines
from altyn.core.calculator.fiscal_plan cimport is_measured, is_one_label, plan_in_one, reachable_below
from altyn.core.calculator.spread cimport take, unit_floor
from altyn.core.calculator.work cimport CalcGroup, Run
from altyn.core.outcome cimport APPLIED, FiscalRow, ROUNDING_RULE, RuleTrace
from altyn.core.receipt cimport Line

cdef enum:
    STAGE_ROUNDING = 10


cdef void begin_stage(Work* work) noexcept nogil:
    """Floors are those of the goods."""
    work.stage = STAGE_ROUNDING
    work.rule = ROUNDING_RULE
    work.floors.least_minor = 1
    work.floors.price_minor = work.floors.rate_ppm = -1
    work.floors.cost = work.floors.given = False


cdef void round_unit(Work* work, CalcGroup* group, int32_t number) noexcept nogil:
    cdef const Run* run = &work.runs[number]
    cdef const Line* line = &work.receipt.lines[run.line]
    cdef FiscalRow row
    cdef int64_t lower
    if plan_in_one(&row, line.qty_milli, line.price_minor, line.gross_minor, run.running_minor):
        return
    lower = reachable_below(run.running_minor, line.qty_milli)
    if not group.target or lower < unit_floor(work, group, run):
        work.split_unavoidable = True
        return
    if work.explain:
        # The till's own discounts have no row in the trace.
        work.line_running[run.line] = run.running_minor
    work.rounding_minor += run.running_minor - lower
    take(work, group, number, run.running_minor - lower, 0)


cdef void explain_rounding(Work* work, int32_t applied_begin) noexcept nogil:
    cdef RuleTrace* trace
    if work.explain and work.rounding_minor > 0:
        trace = open_trace(work, work.traces_count, ROUNDING_RULE)
        trace.verdict = APPLIED
        trace.amount_minor = work.rounding_minor
        trace_lines(work, trace, applied_begin)


cdef void round_to_printable(Work* work) noexcept nogil:
    """Lower every measured line of one label to the nearest sum a unit price can make."""
    cdef int32_t i, number, applied_begin = work.applied_count
    if not work.measured:
        return
    begin_stage(work)
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            if is_one_label(&work.receipt.lines[work.runs[number].line]) and is_measured(&work.receipt.lines[work.runs[number].line]):
                round_unit(work, &work.groups[i], number)
            number = work.runs[number].next
    explain_rounding(work, applied_begin)
