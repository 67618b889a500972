"""Keeps a promotion within its limits on one receipt (semantics §6.11.5, §6.11.19).

Decides which units a quantity limit leaves, and who gives back what is above an amount. Invariants: a promotion gives
at most what its limits leave; what is taken back is shared by largest remainder over what was given; an application
that is left with nothing marks and uses nothing. Must never give more than the rule did.
"""
from libc.stdint cimport INT64_MAX, uint32_t
from altyn.core.calculator.counters cimport count_quantity, counter_left
from altyn.core.calculator.notes cimport is_open, price_of
from altyn.core.calculator.set_units cimport write_participant
from altyn.core.calculator.spread cimport keep_state, split_run, write_applied
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.work cimport CalcGroup, GAVE, Note, QUALIFIED, Run, UNCHOSEN
from altyn.core.money cimport Share, divide, price_times, share_out
from altyn.core.outcome cimport BUDGET, LIMIT, ROLE_QUALIFIER, ROLE_TARGET
from altyn.core.rules.image cimport AMOUNT_RECEIPT, FIXED_PRICE, LimitRow

cdef enum:
    PER_RECEIPT = 0
    PER_PROMOTION = 3
    MEASURE_TIMES = 1
    MEASURE_QUANTITY = 3


cdef void limits_left(Work* work, const PromotionRow* promotion, Left* left) noexcept nogil:
    """What all limits of a promotion leave to it on this receipt."""
    cdef const LimitRow* limit
    cdef int64_t room
    cdef int32_t i
    left.quantity_milli = INT64_MAX
    left.verdict = -1
    left.bounds_count = 0
    left.closed = False
    for i in range(promotion.limits_begin, promotion.limits_end):
        limit = &work.rules.limits[i]
        room = limit.cap if limit.per == PER_RECEIPT else counter_left(work, limit)
        if room < 0 or (limit.measure == MEASURE_TIMES and room == 0):
            left.closed = True
            return
        if limit.measure == MEASURE_QUANTITY:
            left.quantity_milli = room if room < left.quantity_milli else left.quantity_milli
        elif limit.measure != MEASURE_TIMES:
            left.rooms[left.bounds_count] = room
            left.bounds[left.bounds_count] = limit
            left.bounds_count += 1


cdef int64_t granted(const Left* left, int64_t wanted, int32_t* verdict) noexcept nogil:
    """What of a wanted sum the limits let be given: each looks at the whole, the least holds and has the verdict."""
    cdef const LimitRow* limit
    cdef int64_t most = wanted, here
    cdef int32_t i
    for i in range(left.bounds_count):
        limit = left.bounds[i]
        if left.rooms[i] < wanted:
            here = 0 if limit.on_short else left.rooms[i]
            if here < most:
                most = here
                verdict[0] = BUDGET if limit.per == PER_PROMOTION else LIMIT
    return most


cdef void spend(Left* left, int64_t given) noexcept nogil:
    cdef int32_t i
    for i in range(left.bounds_count):
        left.rooms[i] -= given


# --- quantity


cdef inline bint goes_before(const Work* work, int32_t left, int32_t right) noexcept nogil:
    """Ladder order of runs in `unit_share_of`, which lie in order of group and unit: dearest first."""
    cdef int64_t left_price = price_of(work, work.unit_share_of[left])
    cdef int64_t right_price = price_of(work, work.unit_share_of[right])
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


cdef inline bint is_target(Work* work, const RuleRow* rule, int32_t number) noexcept nogil:
    """Could the rule take something from the units of the run: of a fixed price, those above it."""
    if not is_open(work, number):
        return False
    return rule.kind != FIXED_PRICE or price_of(work, number) > price_times(rule.value, work.runs[number].qty_milli)


cdef void choose_units(Work* work, const RuleRow* rule, int64_t left_milli) noexcept nogil:
    """Close everything but the first `left_milli` of the rule's targets in ladder order; what does not fit whole is
    passed over."""
    cdef CalcGroup* group
    cdef Run* run
    cdef int64_t fits, rest
    cdef int32_t i, j, number, count = 0
    for i in range(work.groups_count):
        group = &work.groups[i]
        if not group.target or not in_set(work.rules, &work.rules.sets[rule.targets], group):
            continue
        number = group.first_run
        while number >= 0:
            if is_target(work, rule, number):
                work.unit_share_of[count] = number
                work.run_groups[count] = i
                count += 1
            else:
                work.notes[number].marks |= UNCHOSEN
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
    """Remember every price and mark; close what is beyond the quantity. Set rewards look at `quantity_left` alone."""
    cdef Note* note
    cdef int32_t i
    for i in range(work.runs_count):
        note = &work.notes[i]
        note.before_minor = work.runs[i].running_minor
        note.marks &= ~<uint32_t>(GAVE | QUALIFIED)
        note.before_marks = note.marks
        note.before_used = work.runs[i].used
        note.application = 0
    work.participants_before = work.participants_count
    work.applications_count = 0
    work.one_by_one = left.bounds_count > 0
    work.quantity_left = left.quantity_milli
    if left.quantity_milli != INT64_MAX and is_item(rule) and work.only_winner < 0:
        work.shut |= UNCHOSEN
        choose_units(work, rule, left.quantity_milli)


cdef inline bint is_item(const RuleRow* rule) noexcept nogil:
    """No set reward: it uses nothing up, and the targets of a calc group are one application."""
    return rule.kind <= AMOUNT_RECEIPT or rule.kind == FIXED_PRICE


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
    """LR of the amount over what the rule gave, by groups and by their units."""
    cdef int64_t given
    cdef int32_t i, count = 0
    for i in range(work.groups_count):
        given = given_in(work, &work.groups[i])
        if given > 0:
            work.shares[count].weight = work.shares[count].cap = given
            work.shares[count].count = 1
            work.share_of[count] = i
            count += 1
    share_out(amount, work.shares, count, True, work.share_order)
    for i in range(count):
        given = work.shares[i].amount + work.shares[i].extra
        if given > 0:
            give_back_in(work, &work.groups[work.share_of[i]], given)


cdef void rewrite_applied(Work* work, int32_t applied_begin) noexcept nogil:
    cdef int32_t i, number
    work.applied_count = applied_begin
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        while number >= 0:
            if given_on(work, number) > 0:
                write_applied(work, number, given_on(work, number) * work.runs[number].count)
            number = work.runs[number].next


cdef void unmark_groups(Work* work) noexcept nogil:
    """Of an item rule: a calc group that is left with nothing loses its marks."""
    cdef int32_t i, number
    for i in range(work.groups_count):
        if given_in(work, &work.groups[i]) > 0:
            continue
        number = work.groups[i].first_run
        while number >= 0:
            work.notes[number].marks = work.notes[number].before_marks
            number = work.runs[number].next


cdef void unmark_applications(Work* work, int64_t kept) noexcept nogil:
    """Of a set rule: an application that is left with nothing has marked and used nothing. Who took part in the others
    is noted anew; qualifiers that stay free, of application 0, took part in all."""
    cdef int32_t* alive = work.run_order
    cdef Note* note
    cdef int32_t i
    alive[0] = kept > 0
    for i in range(work.applications_count):
        alive[i + 1] = False
    for i in range(work.runs_count):
        if given_on(work, i) > 0:
            alive[work.notes[i].application] = True
    work.participants_count = work.participants_before
    for i in range(work.runs_count):
        note = &work.notes[i]
        if not alive[note.application]:
            note.marks = note.before_marks
            work.runs[i].used = note.before_used
        elif note.marks & (GAVE | QUALIFIED) and not work.trying:
            write_participant(work, work.runs[i].line, ROLE_TARGET if note.marks & GAVE else ROLE_QUALIFIER)


cdef int64_t keep_within(Work* work, const RuleRow* rule, int32_t applied_begin, int64_t given, Left* left) noexcept nogil:
    """Take back what is above the amounts that are left; what stays given. They cut afterwards what is claimed now."""
    cdef int32_t verdict = -1
    cdef int64_t kept = given if work.claiming else granted(left, given, &verdict)
    if kept < given:
        give_back_over_groups(work, given - kept)
        rewrite_applied(work, applied_begin)
        if is_item(rule):
            unmark_groups(work)
        else:
            unmark_applications(work, kept)
    spend(left, kept)
    left.verdict = verdict if kept == 0 else -1
    return kept


cdef void open_chosen(Work* work) noexcept nogil:
    """The limited rule is done: what was closed for it is open again."""
    cdef int32_t i
    for i in range(work.runs_count):
        work.notes[i].marks &= ~<uint32_t>UNCHOSEN
    work.shut &= ~<uint32_t>UNCHOSEN
    work.quantity_left = INT64_MAX
    work.one_by_one = False


cdef int64_t end_limited(Work* work, const RuleRow* rule, int32_t applied_begin, int64_t given, Left* left) noexcept nogil:
    """Take back what is above the amounts that are left, count the quantity; open what was closed. What stays given."""
    cdef int64_t kept = keep_within(work, rule, applied_begin, given, left), quantity = 0
    cdef int32_t i
    for i in range(work.runs_count):
        if left.quantity_milli != INT64_MAX and work.notes[i].marks & GAVE:
            quantity += work.runs[i].qty_milli * work.runs[i].count
    if quantity > 0:
        left.quantity_milli -= quantity
        if not work.trying:
            count_quantity(work, quantity)
    open_chosen(work)
    return kept
