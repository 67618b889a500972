"""Percent and amount on the units that are open to the rule, by the price that counts (semantics §6.11.6-7, §6.11.10).

Decides the same as `rewards.percent` and `rewards.amount`, which it equals when every unit is open and no ADD group is
being applied; those are faster, this one looks at every unit. Must never take from a closed unit.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.multipliers cimport rate_in
from altyn.core.calculator.notes cimport is_open, mark_group, price_of
from altyn.core.calculator.spread cimport settle_filling, settle_refusing, take_each, unit_room
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.tiers cimport progressive_off
from altyn.core.calculator.work cimport Run
from altyn.core.money cimport Share, price_times, rate_of, share_out
from altyn.core.rules.image cimport AMOUNT_RECEIPT, AMOUNT_UNIT, PERCENT, PROGRESSIVE, SetRow


cdef inline bint is_target(const Work* work, const CalcGroup* group) noexcept nogil:
    """Of a group in the rule's product set."""
    return group.target and group.running_minor > 0 and (work.only_winner < 0 or group.winner == work.only_winner)


cdef int32_t collect_open(Work* work, const CalcGroup* group, int64_t* weight) noexcept nogil:
    """The open runs of a group as members of a distribution, and the sum of their weights."""
    cdef int32_t number = group.first_run, count = 0
    cdef Share* share
    weight[0] = 0
    while number >= 0:
        if is_open(work, number):
            share = &work.unit_shares[count]
            share.weight = price_of(work, number)
            share.count = work.runs[number].count
            share.cap = unit_room(work, group, &work.runs[number])
            work.unit_share_of[count] = number
            weight[0] += share.weight * share.count
            count += 1
        number = work.runs[number].next
    return count


cdef int64_t percent_selected(Work* work, CalcGroup* group, int64_t rate_ppm) noexcept nogil:
    cdef int64_t weight, amount
    cdef int32_t count = collect_open(work, group, &weight)
    amount = rate_of(weight, rate_ppm)
    return settle_refusing(work, group, count, weight, amount) if amount > 0 else 0


cdef int64_t amount_selected(Work* work, CalcGroup* group, int64_t off_minor) noexcept nogil:
    cdef int64_t weight
    cdef int32_t count = collect_open(work, group, &weight)
    return settle_filling(work, group, count, off_minor) if count > 0 else 0


cdef int64_t off_every_unit(Work* work, CalcGroup* group, int64_t off_minor) noexcept nogil:
    cdef int64_t given = 0
    cdef int32_t number = group.first_run
    while number >= 0:
        if is_open(work, number):
            given += take_each(work, group, number, price_times(off_minor, work.runs[number].qty_milli))
        number = work.runs[number].next
    return given


cdef int64_t off_receipt(Work* work, const SetRow* products, const RuleRow* rule) noexcept nogil:
    """Over the groups, then in each over its open units."""
    cdef CalcGroup* group
    cdef Share* share
    cdef int64_t whole = 0, off_minor, weight, taken, part
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left), count = 0, members, j
    while i < work.groups_count:
        group = &work.groups[i]
        if is_target(work, group):
            members = collect_open(work, group, &weight)
            if members > 0:
                share = &work.shares[count]
                share.weight = weight
                whole += weight
                share.cap = 0
                for j in range(members):
                    share.cap += work.unit_shares[j].cap * work.unit_shares[j].count
                share.count = 1
                work.share_of[count] = i
                count += 1
        i = next_in_set(work, products, &left)
    if count == 0:
        return 0
    off_minor = progressive_off(work, rule, whole) if rule.flags & PROGRESSIVE else rule.value
    taken = share_out(off_minor, work.shares, count, True, work.share_order)
    for i in range(count):
        part = work.shares[i].amount + work.shares[i].extra
        if part > 0:
            amount_selected(work, &work.groups[work.share_of[i]], part)
            mark_group(work, &work.groups[work.share_of[i]])
    return taken


cdef int64_t give_selected(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply a percent or an amount to its open targets and mark them; what it gave."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef CalcGroup* group
    cdef int64_t given = 0, here
    cdef int32_t i
    cdef Members left
    if rule.kind == AMOUNT_RECEIPT:
        return off_receipt(work, products, rule)
    i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if is_target(work, group):
            if rule.kind == PERCENT:
                here = percent_selected(work, group, rate_in(work, rule, group))
            elif rule.kind == AMOUNT_UNIT:
                here = off_every_unit(work, group, rule.value)
            else:
                here = amount_selected(work, group, rule.value)
            if here > 0:
                mark_group(work, group)
            given += here
        i = next_in_set(work, products, &left)
    return given
