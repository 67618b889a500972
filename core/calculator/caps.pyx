"""Caps (semantics §6.4, §6.11.20).

Decides what of the discounts is cut: those applied last first, inside one rule by largest remainder over what it gave.
Invariants: discounts of the register itself are never cut; a rule cut to nothing counts as not applied, and then alone
has the verdict CAP. Must never
evaluate a rule again: nobody gets what another one lost.

Cutting needs to know what each unit got from each rule, so it works on a calculation by unit.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.work cimport Applied, CalcGroup, EXTERNAL_RULE, NO_EFFECT, USED, trace_row
from altyn.core.limits cimport TRACES_MAX
from altyn.core.money cimport PPM, Share, mul_div_floor, share_out
from altyn.core.outcome cimport CAP, RuleTrace
from altyn.core.rules.image cimport BY_LINE, CapRow


cdef inline bint covers(const Work* work, const CapRow* cap, int32_t group) noexcept nogil:
    return in_set(work.rules, &work.rules.sets[cap.targets], &work.groups[group])


cdef inline int64_t discount_of(const CalcGroup* group) noexcept nogil:
    return group.gross_minor - group.running_minor


cdef inline int64_t most_of(const CapRow* cap, int64_t gross) noexcept nogil:
    return cap.amount_minor if cap.rate_ppm < 0 else mul_div_floor(gross, cap.rate_ppm, PPM)


cdef int64_t left_of_receipt(const Work* work, const CapRow* cap) noexcept nogil:
    """What the cap leaves to the covered lines together; below 0 when they have too much."""
    cdef int64_t gross = 0, discount = 0
    cdef int32_t i
    for i in range(work.groups_count):
        if covers(work, cap, i):
            gross += work.groups[i].gross_minor
            discount += discount_of(&work.groups[i])
    return most_of(cap, gross) - discount


cdef inline int64_t left_of_group(const Work* work, const CapRow* cap, int32_t group) noexcept nogil:
    return most_of(cap, work.groups[group].gross_minor) - discount_of(&work.groups[group])


cdef bint exceeds_caps(Work* work) noexcept nogil:
    """Is some cap exceeded now."""
    cdef const CapRow* cap
    cdef int32_t number, i
    for number in range(work.rules.caps_count):
        cap = &work.rules.caps[number]
        if not cap.flags & BY_LINE:
            if left_of_receipt(work, cap) < 0:
                return True
            continue
        for i in range(work.groups_count):
            if covers(work, cap, i) and left_of_group(work, cap, i) < 0:
                return True
    return False


cdef void cut_group(Work* work, CalcGroup* group, int64_t amount) noexcept nogil:
    """Over the units of a group; `run_order` names the applied row of each run."""
    cdef int32_t number = group.first_run, count = 0, i
    cdef int64_t back
    cdef Share* share
    while number >= 0:
        if work.run_order[number] >= 0:
            share = &work.unit_shares[count]
            share.weight = share.cap = work.applied[work.run_order[number]].amount_minor
            share.count = 1
            work.unit_share_of[count] = number
            count += 1
        number = work.runs[number].next
    share_out(amount, work.unit_shares, count, True, work.share_order)
    for i in range(count):
        back = work.unit_shares[i].amount + work.unit_shares[i].extra
        number = work.unit_share_of[i]
        work.applied[work.run_order[number]].amount_minor -= back
        work.runs[number].running_minor += back
        group.running_minor += back


cdef void explain_cut(Work* work, int32_t rule, int32_t cap, int64_t cut) noexcept nogil:
    cdef RuleTrace* trace
    cdef int32_t i
    for i in range(work.traces_count if work.traces_count < TRACES_MAX else TRACES_MAX):
        trace = trace_row(work, i)
        if trace.rule == rule and trace.amount_minor > 0:
            trace.cap = cap
            trace.cut_minor += cut
            if trace.cut_minor == trace.amount_minor:
                trace.verdict = CAP


cdef int64_t cut_rule(Work* work, int32_t cap, int32_t only, int32_t begin, int32_t end, int64_t excess) noexcept nogil:
    """Cut applied[begin:end], one rule, on the lines the cap covers, or on one calc group; what was cut."""
    cdef const Applied* row
    cdef int64_t total = 0, cut
    cdef int32_t i, group, count = 0
    for i in range(work.groups_count):
        work.bases[i] = 0
    for i in range(work.runs_count):
        work.run_order[i] = -1
    for i in range(begin, end):
        row = &work.applied[i]
        group = work.run_groups[row.run]
        if row.amount_minor > 0 and (only < 0 or group == only) and covers(work, &work.rules.caps[cap], group):
            work.bases[group] += row.amount_minor
            work.run_order[row.run] = i
            total += row.amount_minor
    cut = excess if excess < total else total
    if cut == 0:
        return 0
    for i in range(work.groups_count):
        if work.bases[i] > 0:
            work.shares[count].weight = work.shares[count].cap = work.bases[i]
            work.shares[count].count = 1
            work.share_of[count] = i
            count += 1
    share_out(cut, work.shares, count, True, work.share_order)
    for i in range(count):
        if work.shares[i].amount + work.shares[i].extra > 0:
            cut_group(work, &work.groups[work.share_of[i]], work.shares[i].amount + work.shares[i].extra)
    if work.explain:
        explain_cut(work, work.applied[begin].rule, cap, cut)
    return cut


cdef void cut_last_first(Work* work, int32_t cap, int32_t only, int64_t excess) noexcept nogil:
    cdef int32_t end = work.applied_count, begin
    while excess > 0 and end > 0:
        begin = end - 1
        while begin > 0 and work.applied[begin - 1].rule == work.applied[begin].rule:
            begin -= 1
        if work.applied[begin].rule != EXTERNAL_RULE:
            excess -= cut_rule(work, cap, only, begin, end, excess)
        end = begin


cdef void join_lines(Work* work) noexcept nogil:
    """Applied rows by unit to rows by line; what was cut to nothing disappears."""
    cdef Applied* row
    cdef int32_t i, place, count = 0, begin = 0
    for i in range(work.receipt.lines_count):
        work.line_order[i] = -1
    for i in range(work.applied_count):
        row = &work.applied[i]
        if row.amount_minor == 0:
            continue
        if count > begin and work.applied[begin].rule != row.rule:
            begin = count
        place = work.line_order[row.line]
        if place >= begin:
            work.applied[place].amount_minor += row.amount_minor
            continue
        work.line_order[row.line] = count
        work.applied[count] = row[0]
        work.applied[count].run = -1
        count += 1
    work.applied_count = count


cdef bint still_gives(const Work* work, int32_t rule) noexcept nogil:
    cdef int32_t i
    for i in range(work.applied_count):
        if work.applied[i].rule == rule:
            return True
    return False


cdef void forget_participants(Work* work) noexcept nogil:
    """Who took part in a set promotion that gives nothing in the end took part in nothing."""
    cdef int32_t i, kept = 0
    for i in range(work.participants_count):
        if still_gives(work, work.participants[i].rule):
            work.participants[kept] = work.participants[i]
            kept += 1
    work.participants_count = kept


cdef void free_coupons(Work* work) noexcept nogil:
    """A code is used by the first of its rules that still gives something, if any."""
    cdef int32_t i, coupon
    for i in range(work.receipt.coupons_count):
        if work.coupon_states[i] == USED:
            work.coupon_states[i] = NO_EFFECT
            work.coupon_rules[i] = -1
    for i in range(work.coupons_given_count):
        coupon = work.coupons_given[i].coupon
        if work.coupon_states[coupon] == NO_EFFECT and still_gives(work, work.coupons_given[i].rule):
            work.coupon_states[coupon] = USED
            work.coupon_rules[coupon] = work.coupons_given[i].rule


cdef void cut_to_caps(Work* work) noexcept nogil:
    """Cut to every cap in its turn. The calculation so far is by unit; afterwards its rows are by line."""
    cdef const CapRow* cap
    cdef int64_t left
    cdef int32_t number, i, run
    for i in range(work.groups_count):
        run = work.groups[i].first_run
        while run >= 0:
            work.run_groups[run] = i
            run = work.runs[run].next
    for number in range(work.rules.caps_count):
        cap = &work.rules.caps[number]
        if not cap.flags & BY_LINE:
            left = left_of_receipt(work, cap)
            if left < 0:
                cut_last_first(work, number, -1, -left)
            continue
        for i in range(work.groups_count):
            left = left_of_group(work, cap, i) if covers(work, cap, i) else 0
            if left < 0:
                cut_last_first(work, number, i, -left)
    join_lines(work)
    free_coupons(work)
    forget_participants(work)
    work.by_unit = False
