"""The amount reward (semantics §6.4, §6.11.3, §6.11.16).

Decides how much each target bears: a unit as much as its floor leaves, a group or a receipt by largest remainder with
the floors as caps. Must never give more than `off_minor` per unit, group or receipt.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.spread cimport group_room, spread_filling, spread_over_groups, take_each
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.tiers cimport progressive_off
from altyn.core.calculator.work cimport CalcGroup, Run
from altyn.core.money cimport Share, price_times
from altyn.core.rules.image cimport AMOUNT_LINE, AMOUNT_UNIT, PROGRESSIVE, SetRow


cdef inline bint is_target(const Work* work, const CalcGroup* group) noexcept nogil:
    """Of a group in the rule's product set."""
    return group.target and group.running_minor > 0 and (work.only_winner < 0 or group.winner == work.only_winner)


cdef int64_t give_per_unit(Work* work, CalcGroup* group, int64_t off_minor) noexcept nogil:
    cdef int64_t given = 0
    cdef int32_t number = group.first_run
    while number >= 0:
        if work.runs[number].running_minor > 0:
            given += take_each(work, group, number, price_times(off_minor, work.runs[number].qty_milli))
        number = work.runs[number].next
    return given


cdef int64_t give_per_receipt(Work* work, const SetRow* products, const RuleRow* rule) noexcept nogil:
    cdef CalcGroup* group
    cdef Share* share = work.shares
    cdef int32_t* share_of = work.share_of
    cdef int64_t weights = 0, rooms = 0, room, off_minor
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if is_target(work, group):
            room = group_room(work, group)
            rooms += room
            weights += group.running_minor
            share.weight = group.running_minor
            share.cap = room
            share.count = 1
            share += 1
            share_of[0] = i
            share_of += 1
        i = next_in_set(work, products, &left)
    if weights == 0:
        return 0
    off_minor = progressive_off(work, rule, weights) if rule.flags & PROGRESSIVE else rule.value
    return spread_over_groups(work, off_minor, weights, rooms, <int32_t>(share - work.shares))


cdef int64_t give_amount(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule to its targets; what it gave."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef CalcGroup* group
    cdef int64_t given = 0
    cdef int32_t i
    cdef Members left
    if rule.kind != AMOUNT_UNIT and rule.kind != AMOUNT_LINE:
        return give_per_receipt(work, products, rule)
    i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if is_target(work, group):
            if rule.kind == AMOUNT_UNIT:
                given += give_per_unit(work, group, rule.value)
            else:
                given += spread_filling(work, group, rule.value)
        i = next_in_set(work, products, &left)
    return given
