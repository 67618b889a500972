"""Gifts of line promotions with limits (semantics §6.11.9).

Decides nothing: a quantity limit chooses units from all goods of the receipt, so what such a promotion takes where it
won is what it took there in its trial, unit by unit. Must never look at present prices.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.notes cimport mark_unit
from altyn.core.calculator.spread cimport keep_state, split_run, take
from altyn.core.calculator.work cimport CalcGroup, GAVE, Gift
from altyn.core.limits cimport APPLIED_MAX


cdef void note_gifts(Work* work) noexcept nogil:
    """What the limited rule just took, with the targets that got nothing beside others."""
    cdef Gift* gift
    cdef int32_t i, number, place
    for i in range(work.groups_count):
        number = work.groups[i].first_run
        place = 0
        while number >= 0:
            if work.notes[number].marks & GAVE:
                if work.gifts_count == APPLIED_MAX:
                    work.overflowed = True
                    return
                gift = &work.gifts[work.gifts_count]
                work.gifts_count += 1
                gift.each = work.notes[number].before_minor - work.runs[number].running_minor
                gift.rule = work.rule
                gift.group = i
                gift.place = place
                gift.count = work.runs[number].count
            place += work.runs[number].count
            number = work.runs[number].next


cdef int32_t cut_before(Work* work, CalcGroup* group, int32_t place) noexcept nogil:
    """The run that begins with the unit at a place of the group; runs are cut so that one does."""
    cdef int32_t number = group.first_run
    while place >= work.runs[number].count:
        place -= work.runs[number].count
        number = work.runs[number].next
    if place == 0:
        return number
    if work.trying:
        keep_state(work, group, number)
    split_run(work, group, number, place)
    return work.runs[number].next


cdef int64_t take_gift(Work* work, const Gift* gift) noexcept nogil:
    cdef CalcGroup* group = &work.groups[gift.group]
    cdef int32_t number = cut_before(work, group, gift.place), left = gift.count
    while left > 0:
        if work.runs[number].count > left:
            if work.trying:
                keep_state(work, group, number)
            split_run(work, group, number, left)
        left -= work.runs[number].count
        take(work, group, number, gift.each, 0)
        mark_unit(work, number)
        number = work.runs[number].next
    return gift.each * gift.count


cdef int64_t take_won(Work* work) noexcept nogil:
    """Take what the rule being applied gave in the calc groups its promotion won."""
    cdef const Gift* gift
    cdef int64_t given = 0
    cdef int32_t i
    for i in range(work.gifts_count):
        gift = &work.gifts[i]
        if gift.rule == work.rule and work.groups[gift.group].winner == work.only_winner:
            given += take_gift(work, gift)
    return given
