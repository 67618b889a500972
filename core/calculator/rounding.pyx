"""Stage 10 (semantics §6.11.24).

Decides by how little a measured line that must stand in one row of the fiscal receipt gets cheaper, so that some unit
price makes its sum, and then which small change is not asked for. Invariants: no line goes below its floor, and none
that may not be discounted is rounded: a line of one row is split all the same, and the outcome says so; small change is
given whole or not at all. Whether the plan is asked for is of no matter: amounts must not depend on it.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.apply cimport trace_lines
from altyn.core.calculator.conditions cimport holds
from altyn.core.calculator.fiscal_plan cimport is_measured, is_one_label, plan_in_one, reachable_below
from altyn.core.calculator.spread cimport group_room, spread_over_groups, take, unit_floor
from altyn.core.calculator.traces cimport open_trace, trace_failure
from altyn.core.calculator.work cimport CalcGroup, Failure, Run
from altyn.core.money cimport Share, mul_mod
from altyn.core.outcome cimport APPLIED, FLOOR, FiscalRow, ROUNDING_RULE, RuleTrace, SMALL_CHANGE_RULE
from altyn.core.receipt cimport Line

cdef enum:
    STAGE_ROUNDING = 10


cdef void begin_stage(Work* work, int32_t rule) noexcept nogil:
    """Floors are those of the goods."""
    work.stage = STAGE_ROUNDING
    work.rule = rule
    work.floors.least_minor = 1
    work.floors.price_minor = work.floors.rate_ppm = -1
    work.floors.cost = work.floors.given = False


cdef inline bint stands_in_one_row(const Work* work, int32_t line) noexcept nogil:
    return is_one_label(&work.receipt.lines[line]) and is_measured(&work.receipt.lines[line])


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
    begin_stage(work, ROUNDING_RULE)
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            if stands_in_one_row(work, work.runs[number].line):
                round_unit(work, &work.groups[i], number)
            number = work.runs[number].next
    explain_rounding(work, applied_begin)


cdef int32_t collect_targets(Work* work, int64_t* weights, int64_t* room) noexcept nogil:
    """The groups that may get cheaper as members of a distribution, with the sums of their weights and caps."""
    cdef const CalcGroup* group
    cdef Share* share
    cdef int32_t i, count = 0
    weights[0] = room[0] = 0
    for i in range(work.groups_count):
        group = &work.groups[i]
        if not group.target or group.running_minor <= 0:
            continue
        share = &work.shares[count]
        share.weight = group.running_minor
        share.count = 1
        share.cap = group_room(work, group)
        weights[0] += share.weight
        room[0] += share.cap
        work.share_of[count] = i
        count += 1
    return count


cdef void flag_splits(Work* work, int32_t applied_begin) noexcept nogil:
    """Lines of one row that lost change, and have a sum now that no unit price makes."""
    cdef FiscalRow row
    cdef const Line* line
    cdef int64_t net
    cdef int32_t i, j, index
    for i in range(applied_begin, work.applied_count):
        index = work.applied[i].line
        if not stands_in_one_row(work, index):
            continue
        line = &work.receipt.lines[index]
        net = line.gross_minor
        for j in range(work.applied_count):
            if work.applied[j].line == index:
                net -= work.applied[j].amount_minor
        if not plan_in_one(&row, line.qty_milli, line.price_minor, line.gross_minor, net):
            work.split_unavoidable = True
            return


cdef void leave_change(Work* work, int64_t to_minor, RuleTrace* trace) noexcept nogil:
    """Lower what is to pay to a multiple of `to_minor`, unless the floors are in the way."""
    cdef int64_t change = work.neutral_minor, weights, room
    cdef int32_t i, count, applied_begin = work.applied_count
    for i in range(work.groups_count):
        change += work.groups[i].running_minor
    change = mul_mod(change, 1, to_minor)
    if change == 0:
        return
    count = collect_targets(work, &weights, &room)
    if room < change:
        if trace != NULL:
            trace.verdict = FLOOR
        return
    work.rounding_minor += spread_over_groups(work, change, weights, room, count)
    flag_splits(work, applied_begin)
    if trace != NULL:
        trace.verdict = APPLIED
        trace.amount_minor = change
        trace_lines(work, trace, applied_begin)


cdef void round_small_change(Work* work) noexcept nogil:
    """Round by the first rounding document whose condition holds."""
    cdef RuleTrace* trace = NULL
    cdef Failure failure
    cdef int32_t i, condition
    for i in range(work.rules.roundings_count):
        condition = work.rules.roundings[i].condition
        if work.explain:
            trace = open_trace(work, work.traces_count, SMALL_CHANGE_RULE - i)
        if condition >= 0 and not holds(work, condition, &failure):
            if trace != NULL:
                trace_failure(work, &failure, trace)
            continue
        begin_stage(work, SMALL_CHANGE_RULE - i)
        leave_change(work, work.rules.roundings[i].to_minor, trace)
        return
