"""Explains a rule that gave nothing (semantics §6.9).

Decides its verdict: the steps of an application (§6.11.5) are tried one by one, and the first after which nothing is left
names it – ZERO on all targets, EXCLUDED without those that exclusive promotions closed, LIMIT within the quantity, FLOOR
above the floors; else it was amounts that were spent. Invariant: the state afterwards is the state before. Must never
run for a receipt that nobody wants explained.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.calculator.limited cimport begin_limited, open_chosen
from altyn.core.calculator.notes cimport is_shut, is_shut_receipt
from altyn.core.calculator.reward cimport give_by_kind
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.trial cimport Outer, begin_trial, end_trial
from altyn.core.calculator.work cimport Floors, GAVE, QUALIFIED, SHUT_ALL, SHUT_STAGE
from altyn.core.outcome cimport EXCLUDED, FLOOR, LIMIT, ZERO
from altyn.core.rules.image cimport SetRow


cdef int32_t who_shut(const Work* work) noexcept nogil:
    """The exclusive rule that closed the first unit the rule has just marked, -1: none."""
    cdef uint32_t marks
    cdef int32_t i, number
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            marks = work.notes[number].marks
            if marks & (GAVE | QUALIFIED):
                if marks & (SHUT_STAGE | SHUT_ALL):
                    return work.notes[number].marked_by
                if is_shut_receipt(work):
                    return work.all_shut_by if work.all_shut_by >= 0 else work.stage_shut_by
            number = work.runs[number].next
    return -1


cdef int32_t who_shut_target(const Work* work, const RuleRow* rule) noexcept nogil:
    """The exclusive rule that closed the first closed target of the rule, -1: none."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left), number
    while i < work.groups_count:
        number = work.groups[i].first_run
        while number >= 0:
            if is_shut(work, number):
                return work.notes[number].marked_by
            number = work.runs[number].next
        i = next_in_set(work, products, &left)
    return -1


cdef bint would_give(Work* work, const RuleRow* rule, const Left* left, int32_t* shut_by) noexcept nogil:
    """Would the rule give something now: within the quantity of `left`, or with NULL on all that is open to it."""
    cdef int64_t given
    cdef int32_t formed = work.formed_count, i
    cdef Outer outer
    begin_trial(work, &outer)
    if left != NULL:
        begin_limited(work, rule, left)
    elif work.noted:
        for i in range(work.runs_count):
            work.notes[i].marks &= ~<uint32_t>(GAVE | QUALIFIED)
    given = give_by_kind(work, rule)
    shut_by[0] = who_shut(work) if work.noted else -1
    if left != NULL:
        open_chosen(work)
    end_trial(work, &outer)
    work.formed_count = formed
    return given > 0


cdef void turn_minimums(Work* work) noexcept nogil:
    """Minimal prices do not count below 0: done twice, they are as before."""
    cdef int32_t i
    for i in range(work.groups_count):
        work.groups[i].min_price_minor = -work.groups[i].min_price_minor


cdef int32_t first_obstacle(Work* work, const RuleRow* rule, const Left* left, int32_t* shut_by) noexcept nogil:
    """The verdict, while floors are gone."""
    cdef uint32_t shut = work.shut
    cdef int32_t unused
    cdef bint would
    work.shut &= ~<uint32_t>(SHUT_STAGE | SHUT_ALL)
    would = would_give(work, rule, NULL, shut_by)
    work.shut = shut
    if not would:
        return ZERO
    if is_shut_receipt(work) or not would_give(work, rule, NULL, &unused):
        # What a progressive percent takes grows with its targets, so those it gave on may all be open.
        if shut_by[0] < 0:
            shut_by[0] = who_shut_target(work, rule)
        return EXCLUDED
    if left == NULL:
        return FLOOR
    if left.closed or not would_give(work, rule, left, &unused):
        return LIMIT
    return left.verdict if left.verdict >= 0 else FLOOR


cdef void explain_nothing(Work* work, const RuleRow* rule, const Left* left, RuleTrace* trace) noexcept nogil:
    """Fill the trace of the rule being applied, which gave nothing; `left` is NULL for a promotion without limits."""
    cdef Floors floors = work.floors
    cdef int32_t shut_by = -1
    work.floors.least_minor = 0
    work.floors.given = False
    turn_minimums(work)
    trace.verdict = first_obstacle(work, rule, left, &shut_by)
    turn_minimums(work)
    work.floors = floors
    if trace.verdict == EXCLUDED:
        trace.by_rule = shut_by
