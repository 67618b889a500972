"""Keeps a promotion within its limits on one receipt (semantics §6.11.5, §6.11.19).

Decides which units a quantity limit leaves, and who gives back what is above an amount. Invariants: a promotion gives
at most what its limits leave; what is taken back is shared by largest remainder over what was given. Must never give
more than the rule did.
"""
from libc.stdint cimport INT64_MAX, uint32_t
from altyn.core.calculator.counters cimport count_quantity, counter_left
from altyn.core.calculator.notes cimport is_open
from altyn.core.calculator.spread cimport keep_state, split_run, write_applied
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.work cimport CalcGroup, GAVE, Run, UNCHOSEN
from altyn.core.money cimport Share, divide, share_out
from altyn.core.outcome cimport BUDGET, LIMIT
from altyn.core.rules.image cimport AMOUNT_RECEIPT, FIXED_PRICE, LADDER, LimitRow, SetRow

cdef enum:
    PER_RECEIPT = 0
    PER_PROMOTION = 3
    MEASURE_TIMES = 1
    MEASURE_AMOUNT = 2
    MEASURE_QUANTITY = 3
    MEASURE_POINTS = 4


cdef void limits_left(Work* work, const PromotionRow* promotion, Left* left) noexcept nogil:
    """What all limits of a promotion leave to it on this receipt."""
    cdef const LimitRow* limit
    cdef int64_t room
    cdef int32_t i
    left.amount_minor = left.quantity_milli = INT64_MAX
    left.skip = left.closed = False
    left.verdict = LIMIT
    for i in range(promotion.limits_begin, promotion.limits_end):
        limit = &work.rules.limits[i]
        room = limit.cap if limit.per == PER_RECEIPT else counter_left(work, limit)
        if room < 0 or (limit.measure == MEASURE_TIMES and room == 0):
            # Nobody to count for, or no more receipts: whatever the rule wants is too much.
            left.amount_minor = 0
            left.verdict = LIMIT
            left.closed = True
            return
        if limit.measure == MEASURE_QUANTITY:
            if room < left.quantity_milli:
                left.quantity_milli = room
        elif limit.measure != MEASURE_TIMES and room < left.amount_minor:
            left.amount_minor = room
            left.skip = limit.on_short
            left.verdict = BUDGET if limit.per == PER_PROMOTION else LIMIT


# --- quantity


cdef inline bint goes_before(const Work* work, int32_t left, int32_t right) noexcept nogil:
    """Ladder order of runs in `unit_share_of`, which lie in order of group and unit: dearest first."""
    cdef int64_t left_price = work.runs[work.unit_share_of[left]].running_minor
    cdef int64_t right_price = work.runs[work.unit_share_of[right]].running_minor
    return left_price > right_price if left_price != right_price else left < right


cdef void sift_down(const Work* work, int32_t* order, int32_t root, int32_t count) noexcept nogil:
    cdef int32_t moving = order[root], child
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and goes_before(work, order[child], order[child + 1]):
            child += 1
        if not goes_before(work, moving, order[child]):
            break
        order[root] = order[child]
        root = child
    order[root] = moving


cdef void sort_runs(const Work* work, int32_t* order, int32_t count) noexcept nogil:
    """Heap sort of places in `unit_share_of`."""
    cdef int32_t i, moving
    for i in range(count):
        order[i] = i
    for i in range((count >> 1) - 1, -1, -1):
        sift_down(work, order, i, count)
    for i in range(count - 1, 0, -1):
        moving = order[0]
        order[0] = order[i]
        order[i] = moving
        sift_down(work, order, 0, i)


cdef void choose_units(Work* work, const SetRow* products, int64_t left_milli) noexcept nogil:
    """Close all open targets but the first `left_milli` of them in ladder order; what does not fit whole is passed
    over."""
    cdef CalcGroup* group
    cdef Run* run
    cdef int64_t fits, rest
    cdef int32_t i, j, number, count = 0
    for i in range(work.groups_count):
        group = &work.groups[i]
        if not group.target or not in_set(work.rules, products, group):
            continue
        number = group.first_run
        while number >= 0:
            if is_open(work, number):
                work.unit_share_of[count] = number
                work.run_groups[count] = i
                count += 1
            number = work.runs[number].next
    sort_runs(work, work.run_order, count)
    for j in range(count):
        i = work.run_order[j]
        number = work.unit_share_of[i]
        run = &work.runs[number]
        fits = divide(left_milli, 1, run.qty_milli, &rest)
        if fits < run.count:
            if fits > 0:
                if work.trying:
                    keep_state(work, &work.groups[work.run_groups[i]], number)
                split_run(work, &work.groups[work.run_groups[i]], number, <int32_t>fits)
                number = run.next
            work.notes[number].marks |= UNCHOSEN
        else:
            fits = run.count
        left_milli -= fits * run.qty_milli


cdef void begin_limited(Work* work, const RuleRow* rule, const Left* left) noexcept nogil:
    """Remember every price and mark; close what is beyond the quantity. Blocks and sets look at `quantity_left` alone."""
    cdef int32_t i
    for i in range(work.runs_count):
        work.notes[i].before_minor = work.runs[i].running_minor
        work.notes[i].marks &= ~<uint32_t>GAVE
        work.notes[i].before_marks = work.notes[i].marks
        work.notes[i].before_used = work.runs[i].used
    work.participants_before = work.participants_count
    work.quantity_left = left.quantity_milli
    if left.quantity_milli != INT64_MAX:
        work.shut |= UNCHOSEN
        if rule.kind <= AMOUNT_RECEIPT or rule.kind == FIXED_PRICE or rule.kind == LADDER:
            choose_units(work, &work.rules.sets[rule.targets], left.quantity_milli)


# --- amount


cdef inline int64_t given_on(const Work* work, int32_t number) noexcept nogil:
    """What the rule took from each unit of a run."""
    return work.notes[number].before_minor - work.runs[number].running_minor


cdef int64_t given_in(const Work* work, const CalcGroup* group) noexcept nogil:
    cdef int64_t given = 0
    cdef int32_t number = group.first_run
    while number >= 0:
        given += given_on(work, number) * work.runs[number].count
        number = work.runs[number].next
    return given


cdef void give_back(Work* work, CalcGroup* group, int32_t number, int64_t each, int64_t extra) noexcept nogil:
    """Undo `each` on every unit of a run and one more on its first `extra` units."""
    cdef Run* run = &work.runs[number]
    group.running_minor += each * run.count + extra
    if extra > 0:
        if extra < run.count:
            split_run(work, group, number, <int32_t>extra)
            work.runs[run.next].running_minor += each
        each += 1
    run.running_minor += each


cdef void give_back_in(Work* work, CalcGroup* group, int64_t amount) noexcept nogil:
    cdef int32_t number = group.first_run, count = 0, i
    cdef Share* share
    while number >= 0:
        if given_on(work, number) > 0:
            share = &work.unit_shares[count]
            share.weight = share.cap = given_on(work, number)
            share.count = work.runs[number].count
            work.unit_share_of[count] = number
            count += 1
        number = work.runs[number].next
    share_out(amount, work.unit_shares, count, True, work.share_order)
    for i in range(count):
        give_back(work, group, work.unit_share_of[i], work.unit_shares[i].amount, work.unit_shares[i].extra)


cdef void give_back_over_groups(Work* work, int64_t amount) noexcept nogil:
    """LR of the amount over what the rule gave, by groups and by their units; a group left with nothing loses its
    marks."""
    cdef CalcGroup* group
    cdef int64_t given
    cdef int32_t i, count = 0, number
    for i in range(work.groups_count):
        given = given_in(work, &work.groups[i])
        if given > 0:
            work.shares[count].weight = work.shares[count].cap = given
            work.shares[count].count = 1
            work.share_of[count] = i
            count += 1
    share_out(amount, work.shares, count, True, work.share_order)
    for i in range(count):
        group = &work.groups[work.share_of[i]]
        given = work.shares[i].amount + work.shares[i].extra
        if given > 0:
            give_back_in(work, group, given)
        if given == work.shares[i].weight:
            number = group.first_run
            while number >= 0:
                work.notes[number].marks = work.notes[number].before_marks
                number = work.runs[number].next


cdef void rewrite_applied(Work* work, int32_t applied_begin) noexcept nogil:
    cdef int32_t i, number
    work.applied_count = applied_begin
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            if given_on(work, number) > 0:
                write_applied(work, number, given_on(work, number) * work.runs[number].count)
            number = work.runs[number].next


cdef void forget_use(Work* work) noexcept nogil:
    """A set rule that gives nothing in the end has used no units up."""
    cdef int32_t i
    work.participants_count = work.participants_before
    for i in range(work.runs_count):
        work.runs[i].used = work.notes[i].before_used


cdef int64_t end_limited(Work* work, int32_t applied_begin, int64_t given, Left* left) noexcept nogil:
    """Take back what is above the amount that is left; open what was closed. What stays given."""
    cdef int64_t kept = given, quantity = 0
    cdef int32_t i
    if given > left.amount_minor:
        kept = 0 if left.skip else left.amount_minor
        give_back_over_groups(work, given - kept)
        rewrite_applied(work, applied_begin)
        if kept == 0:
            forget_use(work)
    if left.amount_minor != INT64_MAX:
        left.amount_minor -= kept
    for i in range(work.runs_count):
        work.notes[i].marks &= ~<uint32_t>UNCHOSEN
        if left.quantity_milli != INT64_MAX and work.notes[i].marks & GAVE:
            quantity += work.runs[i].qty_milli * work.runs[i].count
    if quantity > 0:
        left.quantity_milli -= quantity
        if not work.trying:
            count_quantity(work, work.rules.rules[work.rule].promotion, quantity)
    work.shut &= ~<uint32_t>UNCHOSEN
    work.quantity_left = INT64_MAX
    return kept
