"""The units of a set rule and its applications on them (semantics §6.11.11).

Decides which units a rule may use and in which order, cuts picked units off their runs, takes the shares from them and
marks them used. Invariants: a unit is in one application of a rule at most, qualifiers that stay free apart; units of
an application that gave nothing stay unused; cost follows the number of runs and of unequal applications. Must never
decide what is picked or how much is given: that is the rewards' part.

A pick stands for equal units of one run. Runs are cut only in `take_picks`, in order of picking, so that the rest of a
run is always what no application picked.
"""
from libc.stdint cimport INT32_MAX, uint64_t
from altyn.core.calculator.notes cimport is_open, is_shut, mark_qualifier, mark_unit, price_of
from altyn.core.calculator.spread cimport keep_state, split_run, take, unit_room
from altyn.core.calculator.targets cimport MEMBERS, lowest_bit, members_of
from altyn.core.calculator.work cimport Applied, CalcGroup, Eligible, Pick, Ranked
from altyn.core.limits cimport APPLIED_MAX
from altyn.core.money cimport MILLI, Share, share_out
from altyn.core.outcome cimport ROLE_QUALIFIER, ROLE_TARGET
from altyn.core.receipt cimport PIECE
from altyn.core.rules.image cimport SHARE_UNITS

cdef enum UnitOrder:
    # promotion.UnitOrder
    PRICE_DESC = 0
    PRICE_ASC = 1
    SCAN = 2


# --- listing


cdef inline bint goes_before(const Ranked* left, const Ranked* right) noexcept nogil:
    return left.key < right.key if left.key != right.key else left.place < right.place


cdef void sift_down(Ranked* rows, int32_t root, int32_t count) noexcept nogil:
    cdef Ranked moving = rows[root]
    cdef int32_t child
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and goes_before(&rows[child], &rows[child + 1]):
            child += 1
        if not goes_before(&moving, &rows[child]):
            break
        rows[root] = rows[child]
        root = child
    rows[root] = moving


cdef void sort_ranked(Ranked* rows, int32_t count) noexcept nogil:
    """Ascending, without further memory."""
    cdef Ranked moving
    cdef int32_t i
    for i in range((count >> 1) - 1, -1, -1):
        sift_down(rows, i, count)
    for i in range(count - 1, 0, -1):
        moving = rows[0]
        rows[0] = rows[i]
        rows[i] = moving
        sift_down(rows, 0, i)


cdef void rank_units(Work* work, int32_t order) noexcept nogil:
    """Units come in order of group and unit, which breaks every tie."""
    cdef const Run* run
    cdef int32_t i
    for i in range(work.eligible_count):
        run = &work.runs[work.eligible[i].run]
        work.ranking[i].place = i
        if order == SCAN:
            work.ranking[i].key = work.receipt.lines[run.line].line_no
        else:
            work.ranking[i].key = price_of(work, work.eligible[i].run)
            if order != PRICE_ASC:
                work.ranking[i].key = -work.ranking[i].key
    sort_ranked(work.ranking, work.eligible_count)


cdef inline bint is_piece(const Work* work, const Run* run) noexcept nogil:
    return run.qty_milli == MILLI and work.receipt.lines[run.line].unit == PIECE


cdef int32_t contender_bit(const Work* work) noexcept nogil:
    """Of the rule being applied in a combination of an OPTIMAL group; -1 (every bit) when there is none."""
    cdef int32_t promotion = work.rules.rules[work.rule].promotion, i = 0
    if work.applications_max == INT32_MAX:
        return -1
    while work.contenders[i].promotion != promotion:
        i += 1
    return 1 << i


cdef inline void list_group(Work* work, int32_t number, int32_t members, int32_t targets, int32_t bit, bint shares, bint pieces_only) noexcept nogil:
    """List what the rule may use of a calc group: `members` are the product sets that hold it, a bit each, `targets` those
    whose units are targets; in a combination, `bit`, only what it found alone, for no more is left there."""
    cdef const CalcGroup* group = &work.groups[number]
    cdef const Run* run
    cdef Eligible* unit
    cdef int32_t run_number = group.first_run, here
    while run_number >= 0:
        run = &work.runs[run_number]
        here = 0
        if group.target and members & targets and is_open(work, run_number):
            here = members & targets
        if group.counted and not is_shut(work, run_number):
            here |= members & ~targets
        if bit >= 0 and not run.claimed & bit:
            here = 0
        if here != 0 and (shares or not run.used) and (not pieces_only or is_piece(work, run)):
            unit = &work.eligible[work.eligible_count]
            work.eligible_count += 1
            unit.run = unit.listed_run = run_number
            unit.group = number
            unit.left = unit.listed = run.count
            unit.picked = unit.roles = 0
            unit.members = members
            unit.sets = here
        run_number = run.next


cdef void list_units(Work* work, const SetRewardRow* reward, const Wanted* wanted, int32_t count, bint pieces_only) noexcept nogil:
    """List and rank what the rule may use; no picks yet."""
    cdef uint64_t[WANTED_MAX] holders
    cdef uint64_t held
    cdef int32_t first = 0, targets = 0, bit = contender_bit(work), members, i, place
    work.eligible_count = work.picks_count = 0
    for i in range(count):
        targets |= <int32_t>(wanted[i].role == ROLE_TARGET) << i
    while first < work.groups_count:
        held = 0
        for i in range(count):
            holders[i] = members_of(work, &work.rules.sets[wanted[i].products], first)
            held |= holders[i]
        while held != 0:
            place = lowest_bit(held)
            held &= held - 1
            members = 0
            for i in range(count):
                members |= <int32_t>(holders[i] >> place & 1) << i
            list_group(work, first + place, members, targets, bit, reward.flags & SHARE_UNITS, pieces_only)
        first += MEMBERS
    rank_units(work, reward.order)


cdef int32_t listed_units(const Work* work) noexcept nogil:
    cdef int32_t i, units = 0
    for i in range(work.eligible_count):
        units += work.eligible[i].left
    return units


# --- picking


cdef void add_pick(Work* work, int32_t number, int32_t role, int32_t count) noexcept nogil:
    """Pick `count` units that are left of a listed run."""
    cdef Eligible* unit = &work.eligible[number]
    cdef Pick* added = &work.picks[work.picks_count]
    work.picks_count += 1
    unit.left -= count
    unit.picked += count
    added.unit = number
    added.count = count
    added.role = role
    added.application = added.times = 1
    added.from_end = False
    added.each = added.extra = 0


cdef int32_t pick(Work* work, int32_t sets, int32_t none_of, int32_t role, int32_t many, int32_t* cursor) noexcept nogil:
    """Pick up to `many` units that may serve one of the sets, first ranked first; how many there were. Members of the sets
    `none_of` are passed over.

    `cursor`, 0 at first, remembers for the next call with the same sets what is exhausted."""
    cdef int32_t at = cursor[0], found = 0, count
    cdef const Eligible* unit
    while at < work.eligible_count and found < many:
        unit = &work.eligible[work.ranking[at].place]
        if unit.left == 0 or not unit.sets & sets or unit.members & none_of:
            cursor[0] += at == cursor[0]
        else:
            count = unit.left if unit.left < many - found else many - found
            add_pick(work, work.ranking[at].place, role, count)
            found += count
        at += 1
    return found


cdef void pick_cheapest(Work* work, int32_t role, int32_t many) noexcept nogil:
    """Pick the last ranked `many` units that are left; there are so many."""
    cdef int32_t at = work.eligible_count - 1, count
    cdef const Eligible* unit
    while at >= 0 and many > 0:
        unit = &work.eligible[work.ranking[at].place]
        if unit.left > 0:
            count = unit.left if unit.left < many else many
            add_pick(work, work.ranking[at].place, role, count)
            work.picks[work.picks_count - 1].from_end = True
            many -= count
        at -= 1


cdef int64_t milli_of_picks(const Work* work, int32_t begin) noexcept nogil:
    """Quantity of the targets among the picks from `begin`."""
    cdef int64_t milli = 0
    cdef int32_t i
    for i in range(begin, work.picks_count):
        if work.picks[i].role == ROLE_TARGET:
            milli += work.runs[work.eligible[work.picks[i].unit].run].qty_milli * work.picks[i].count
    return milli


cdef void unpick(Work* work, int32_t begin) noexcept nogil:
    """The picks from `begin` are void, as are cursors that passed them."""
    cdef int32_t i
    for i in range(begin, work.picks_count):
        work.eligible[work.picks[i].unit].left += work.picks[i].count
        work.eligible[work.picks[i].unit].picked -= work.picks[i].count
    work.picks_count = begin


cdef int32_t repeats(Work* work, int32_t begin, int32_t most) noexcept nogil:
    """How often the application formed by the picks from `begin` comes in a row, itself included; at most `most`."""
    cdef int32_t times = 1 if work.one_by_one else most, i, again
    cdef const Pick* picked
    cdef const Eligible* unit
    for i in range(begin, work.picks_count):
        picked = &work.picks[i]
        unit = &work.eligible[picked.unit]
        # A run that serves twice in one application is cut by turns.
        again = unit.left // picked.count if unit.picked == picked.count else 0
        times = again + 1 if again + 1 < times else times
    for i in range(begin, work.picks_count):
        work.eligible[work.picks[i].unit].picked = 0
    return times


cdef void repeat_picks(Work* work, int32_t begin, int32_t times) noexcept nogil:
    """The picks of one application, those from `begin`, stand for `times` equal ones."""
    cdef int32_t i
    cdef Pick* picked
    for i in range(begin, work.picks_count):
        picked = &work.picks[i]
        work.eligible[picked.unit].left -= (times - 1) * picked.count
        picked.count *= times
        picked.times = times


# --- sharing


cdef int32_t order_picks(Work* work, int32_t begin) noexcept nogil:
    """Picked targets in order of group and unit to `pick_order`; how many."""
    cdef int32_t i, count = 0
    for i in range(begin, work.picks_count):
        if work.picks[i].role == ROLE_TARGET:
            work.pick_order[count].key = work.picks[i].unit
            work.pick_order[count].place = i
            count += 1
    sort_ranked(work.pick_order, count)
    return count


cdef int32_t collect_picks(Work* work, int32_t count) noexcept nogil:
    """Calc groups of the ordered picks as members of a distribution; `share_of` says with which pick each begins."""
    cdef int32_t i, groups = 0, last = -1
    cdef const Eligible* unit
    cdef const Pick* picked
    cdef Share* share = NULL
    for i in range(count):
        picked = &work.picks[work.pick_order[i].place]
        unit = &work.eligible[picked.unit]
        if unit.group != last:
            share = &work.shares[groups]
            share.weight = share.cap = 0
            share.count = 1
            work.share_of[groups] = i
            groups += 1
            last = unit.group
        share.weight += price_of(work, unit.run) * picked.count
        share.cap += unit_room(work, &work.groups[unit.group], &work.runs[unit.run]) * picked.count
    return groups


cdef void share_in_group(Work* work, int32_t begin, int32_t end, int64_t amount) noexcept nogil:
    """The amount over pick_order[begin:end], the picks of one calc group."""
    cdef int32_t i
    cdef const Eligible* unit
    cdef Pick* picked
    cdef Share* share
    for i in range(begin, end):
        picked = &work.picks[work.pick_order[i].place]
        unit = &work.eligible[picked.unit]
        share = &work.unit_shares[i - begin]
        share.weight = price_of(work, unit.run)
        share.cap = unit_room(work, &work.groups[unit.group], &work.runs[unit.run])
        share.count = picked.count
    share_out(amount, work.unit_shares, end - begin, True, work.share_order)
    for i in range(begin, end):
        picked = &work.picks[work.pick_order[i].place]
        picked.each = work.unit_shares[i - begin].amount
        picked.extra = work.unit_shares[i - begin].extra
        if picked.extra == picked.count:
            picked.each += 1
            picked.extra = 0


cdef int64_t share_over_picks(Work* work, int32_t begin, int64_t amount) noexcept nogil:
    """Two levels (semantics §6.11.3) over the picked targets from `begin`, capped by their room; what was placed."""
    cdef int32_t count = order_picks(work, begin), i
    cdef int32_t groups = collect_picks(work, count)
    cdef int64_t placed = share_out(amount, work.shares, groups, True, work.share_order)
    for i in range(groups):
        share_in_group(work, work.share_of[i], work.share_of[i + 1] if i + 1 < groups else count,
                       work.shares[i].amount + work.shares[i].extra)
    return placed


cdef int64_t off_pick(Work* work, int32_t number, int64_t amount) noexcept nogil:
    """The amount off every unit of a pick as far as its floor leaves it; what was placed."""
    cdef Pick* picked = &work.picks[number]
    cdef const Eligible* unit = &work.eligible[picked.unit]
    cdef int64_t room = unit_room(work, &work.groups[unit.group], &work.runs[unit.run])
    picked.each = amount if amount < room else room
    return picked.each * picked.count


cdef bint is_even(const Work* work, int32_t begin) noexcept nogil:
    """Do all units of each pick bear the same."""
    cdef int32_t i
    for i in range(begin, work.picks_count):
        if work.picks[i].extra > 0:
            return False
    return True


# --- taking


cdef int32_t cut_off(Work* work, Eligible* unit, const Pick* picked) noexcept nogil:
    """The picked units as a run of their own; the listed run keeps the rest."""
    cdef CalcGroup* group = &work.groups[unit.group]
    cdef int32_t number = unit.run, count = work.runs[number].count
    if work.trying:
        keep_state(work, group, number)
    if picked.count == count:
        return number
    if picked.from_end:
        split_run(work, group, number, count - picked.count)
        return work.runs[number].next
    split_run(work, group, number, picked.count)
    unit.run = work.runs[number].next
    return number


cdef void use_up(Work* work, Eligible* unit, const Pick* picked, int32_t number) noexcept nogil:
    """The units of a run took part in an application that gave something."""
    unit.roles |= picked.role
    work.runs[number].used = True
    if picked.role == ROLE_TARGET:
        mark_unit(work, number)
    else:
        mark_qualifier(work, number)
    if work.noted:
        work.notes[number].application = work.applications_count


cdef int64_t take_picks(Work* work, int32_t begin, int32_t end, bint gave) noexcept nogil:
    """Take the shares of picks[begin:end] and, when their application gave something, use the units up; what was
    taken."""
    cdef int64_t taken = 0
    cdef int32_t i, number
    cdef Eligible* unit
    cdef const Pick* picked
    work.applications_count += gave
    for i in range(begin, end):
        picked = &work.picks[i]
        unit = &work.eligible[picked.unit]
        number = cut_off(work, unit, picked)
        if gave:
            use_up(work, unit, picked, number)
        elif picked.application == REUSED:
            mark_qualifier(work, number)
        take(work, &work.groups[unit.group], number, picked.each, picked.extra)
        taken += picked.each * picked.count + picked.extra
    return taken


cdef void join_applied(Work* work, int32_t begin) noexcept nogil:
    """One applied row of the rule for each line, where its first one stands."""
    cdef int32_t i, top = begin
    cdef int32_t* place
    for i in range(begin, work.applied_count):
        place = &work.line_marks[work.applied[i].line]
        if place[0] == 0:
            work.applied[top] = work.applied[i]
            top += 1
            place[0] = top
        else:
            work.applied[place[0] - 1].amount_minor += work.applied[i].amount_minor
    work.applied_count = top
    for i in range(begin, top):
        work.line_marks[work.applied[i].line] = 0


cdef void write_participant(Work* work, int32_t line, int32_t role) noexcept nogil:
    if work.participants_count == APPLIED_MAX:
        work.overflowed = True
        return
    work.participants[work.participants_count].rule = work.rule
    work.participants[work.participants_count].role = role
    work.participants[work.participants_count].line = line
    work.participants_count += 1


cdef void close_units(Work* work, int32_t applied_begin) noexcept nogil:
    """The rule is done: note which lines took part, and as what."""
    cdef int32_t i, line, roles
    if work.trying:
        return
    if not work.by_unit:
        join_applied(work, applied_begin)
    for i in range(work.eligible_count):
        work.line_marks[work.runs[work.eligible[i].run].line] |= work.eligible[i].roles
    for i in range(work.eligible_count):
        line = work.runs[work.eligible[i].run].line
        roles = work.line_marks[line]
        work.line_marks[line] = 0
        if roles & ROLE_TARGET:
            write_participant(work, line, ROLE_TARGET)
        if roles & ROLE_QUALIFIER:
            write_participant(work, line, ROLE_QUALIFIER)
