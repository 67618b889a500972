"""Shares an amount over groups and their units, and takes it from the running prices.

Decides which unit bears which kopeck. Invariants: a unit never goes below its floor, a group's running sum is that of
its units, and what is taken is written to the applied rows at once. Must never ask a condition.
"""
from altyn.core.calculator.work cimport Applied, SavedGroup, SavedRun
from altyn.core.limits cimport APPLIED_MAX
from altyn.core.money cimport Share, divide, price_times, rate_of, share_by, share_out


cdef int64_t special_floor(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil:
    """The floor of a unit whose goods have a minimal price, or under a rule with floors of its own."""
    cdef int64_t floor = work.floors.least_minor, cost = work.receipt.lines[group.line].cost_minor, other
    if group.min_price_minor > 0:
        if group.price_minor < group.min_price_minor:
            return run.gross_minor
        other = price_times(group.min_price_minor, run.qty_milli)
        floor = other if other > floor else floor
    if work.floors.price_minor >= 0:
        other = price_times(work.floors.price_minor, run.qty_milli)
        floor = other if other > floor else floor
    if work.floors.rate_ppm >= 0:
        other = rate_of(run.gross_minor, work.floors.rate_ppm)
        floor = other if other > floor else floor
    if work.floors.cost and cost >= 0:
        other = price_times(cost, run.qty_milli)
        floor = other if other > floor else floor
    return run.gross_minor if floor > run.gross_minor else floor


cdef int64_t room_of_runs(const Work* work, const CalcGroup* group) noexcept nogil:
    """What may still be taken from the units of a group."""
    cdef const Run* run
    cdef int64_t room = 0
    cdef int32_t number = group.first_run
    while number >= 0:
        run = &work.runs[number]
        room += unit_room(work, group, run) * run.count
        number = run.next
    return room


cdef void keep_state(Work* work, CalcGroup* group, int32_t number) noexcept nogil:
    """In a trial, remember how group and run were before their first change."""
    cdef SavedRun* saved_run
    cdef SavedGroup* saved_group
    cdef Run* run = &work.runs[number]
    if group.saved_by != work.trial_number:
        saved_group = &work.undo_groups[work.undo_groups_count]
        saved_group.running_minor = group.running_minor
        saved_group.last_run = group.last_run
        saved_group.saved_by = group.saved_by
        saved_group.number = <int32_t>(group - work.groups)
        work.undo_groups_count += 1
        group.saved_by = work.trial_number
    if number < work.undo_runs_top and run.saved_by != work.trial_number:
        saved_run = &work.undo_runs[work.undo_runs_count]
        saved_run.run = run[0]
        saved_run.number = number
        work.undo_runs_count += 1
        run.saved_by = work.trial_number


cdef inline void note_applied(Work* work, int32_t line, int32_t run, int64_t amount) noexcept nogil:
    cdef Applied* row
    if work.applied_count > 0:
        row = &work.applied[work.applied_count - 1]
        if row.line == line and row.rule == work.rule and row.run == run:
            row.amount_minor += amount
            return
    row = &work.applied[work.applied_count]
    if work.applied_count == APPLIED_MAX:
        work.overflowed = True
        return
    row.amount_minor = amount
    row.rule = work.rule
    row.stage = work.stage
    row.line = line
    row.run = run
    work.applied_count += 1


cdef void write_applied(Work* work, int32_t number, int64_t amount) noexcept nogil:
    """Note what the rule took from units of a run."""
    note_applied(work, work.runs[number].line, number if work.by_unit else -1, amount)


cdef void split_run(Work* work, CalcGroup* group, int32_t number, int32_t count) noexcept nogil:
    """Leave a run its first `count` units; the others follow it as a run of their own."""
    cdef Run* run = &work.runs[number]
    cdef Run* rest = &work.runs[work.runs_count]
    rest[0] = run[0]
    rest.count = run.count - count
    run.next = work.runs_count
    run.count = count
    if group.last_run == number:
        group.last_run = work.runs_count
    if work.noted:
        work.notes[work.runs_count] = work.notes[number]
    work.runs_count += 1


cdef inline void settle(Work* work, CalcGroup* group, int32_t number, Run* run, int64_t each,
                        int64_t taken) noexcept nogil:
    run.running_minor -= each
    group.running_minor -= taken
    note_applied(work, run.line, number if work.by_unit else -1, taken)


cdef void take(Work* work, CalcGroup* group, int32_t number, int64_t each, int64_t extra) noexcept nogil:
    """Take `each` from every unit of a run and one more from its first `extra` units."""
    cdef Run* run = &work.runs[number]
    cdef int64_t taken = each * run.count + extra
    if taken <= 0:
        return
    if work.trying:
        keep_state(work, group, number)
    if 0 < extra < run.count:
        split_run(work, group, number, <int32_t>extra)
        work.runs[run.next].running_minor -= each
    settle(work, group, number, run, each + (extra > 0), taken)


cdef inline void take_evenly(Work* work, CalcGroup* group, int64_t amount) noexcept nogil:
    """Take from a group of one run no more than its room, and more than nothing."""
    cdef Run* run = &work.runs[group.first_run]
    cdef int64_t extra, each
    if run.count == 1 and not work.trying:
        settle(work, group, group.first_run, run, amount, amount)
        return
    each = divide(amount, 1, run.count, &extra)
    take(work, group, group.first_run, each, extra)


cdef int32_t collect_units(Work* work, CalcGroup* group, bint capped) noexcept nogil:
    """The runs of a group with a running price as members of a distribution."""
    cdef int32_t number = group.first_run, count = 0
    cdef const Run* run
    cdef Share* share
    while number >= 0:
        run = &work.runs[number]
        if run.running_minor > 0:
            share = &work.unit_shares[count]
            share.weight = run.running_minor
            share.count = run.count
            share.cap = unit_room(work, group, run) if capped else 0
            work.unit_share_of[count] = number
            count += 1
        number = run.next
    return count


cdef int64_t spread_refusing(Work* work, CalcGroup* group, int64_t amount) noexcept nogil:
    """Shares without caps, then what a floor refuses is lost (percent, semantics §6.11.6); what was taken."""
    cdef int64_t room, each, extra = 0
    cdef int32_t number = group.first_run
    cdef Run* run = &work.runs[number]
    if run.next >= 0:
        return settle_refusing(work, group, collect_units(work, group, False), group.running_minor, amount)
    room = unit_room(work, group, run)
    if run.count == 1 and not work.trying:
        amount = amount if amount < room else room
        if amount > 0:
            settle(work, group, number, run, amount, amount)
        return amount
    each = divide(amount, 1, run.count, &extra)
    if each >= room:
        each, extra = room, 0
    amount = each * run.count + extra
    take(work, group, number, each, extra)
    return amount


cdef int64_t settle_refusing(Work* work, CalcGroup* group, int32_t count, int64_t weights, int64_t amount) noexcept nogil:
    """Split the amount over the `count` runs in `unit_shares` without caps, lose what floors refuse; what was taken."""
    cdef int64_t taken = 0, room, each, extra
    cdef int32_t i, number
    cdef const Share* share
    cdef Run* run
    share_by(amount, weights, work.unit_shares, count, False, work.share_order)
    for i in range(count):
        share = &work.unit_shares[i]
        each, extra = share.amount, share.extra
        if each == 0 and extra == 0:
            continue
        number = work.unit_share_of[i]
        run = &work.runs[number]
        room = unit_room(work, group, run)
        if each >= room:
            each, extra = room, 0
        taken += each * run.count + extra
        if extra > 0 or work.trying:
            take(work, group, number, each, extra)
        elif each > 0:
            settle(work, group, number, run, each, each * run.count)
    return taken


cdef int64_t spread_filling(Work* work, CalcGroup* group, int64_t amount) noexcept nogil:
    """Shares with caps running − floor: what one unit refuses the others bear; what was taken."""
    cdef int64_t taken
    if group.first_run != group.last_run:
        return settle_filling(work, group, collect_units(work, group, True), amount)
    taken = group_room(work, group)
    taken = amount if amount < taken else taken
    if taken > 0:
        take_evenly(work, group, taken)
    return taken


cdef int64_t settle_filling(Work* work, CalcGroup* group, int32_t count, int64_t amount) noexcept nogil:
    """Split the amount over the `count` runs in `unit_shares` with their caps; what was taken."""
    cdef int64_t taken = share_out(amount, work.unit_shares, count, True, work.share_order)
    cdef int32_t i
    for i in range(count):
        take(work, group, work.unit_share_of[i], work.unit_shares[i].amount, work.unit_shares[i].extra)
    return taken


cdef int64_t spread_over_groups(Work* work, int64_t amount, int64_t weights, int64_t room,
                                int32_t count) noexcept nogil:
    """Two levels (semantics §6.11.3): over the `count` groups in `shares`, capped by their room, then in each over its
    units; what was taken. `weights` and `room` are those of all."""
    cdef int64_t taken = amount if amount < room else room, part
    cdef const Share* share = work.shares
    cdef const int32_t* share_of = work.share_of
    cdef CalcGroup* group
    cdef int32_t i
    taken = share_by(taken, weights, work.shares, count, True, work.share_order)
    for i in range(count):
        part = share[i].amount + share[i].extra
        group = &work.groups[share_of[i]]
        if part == 0:
            continue
        if group.first_run == group.last_run:
            take_evenly(work, group, part)
        else:
            spread_filling(work, group, part)
    return taken
