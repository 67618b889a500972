"""The fixed price reward (semantics §6.4, §6.11.16).

Decides what is above the price on every unit: as much of it as the floor leaves is taken. Must never raise a price.
"""
from libc.stdint cimport int32_t, uint32_t
from altyn.core.calculator.notes cimport is_open, mark_group, price_of
from altyn.core.calculator.spread cimport take_each
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.work cimport AT_PRICE, CalcGroup
from altyn.core.money cimport price_times
from altyn.core.rules.image cimport SetRow


cdef int64_t price_down(Work* work, CalcGroup* group, int64_t price_minor) noexcept nogil:
    """A unit that is not above the price is no target, so it is not marked beside the others."""
    cdef int64_t given = 0, amount
    cdef int32_t number = group.first_run
    while number >= 0:
        amount = price_of(work, number) - price_times(price_minor, work.runs[number].qty_milli)
        if amount <= 0 and work.noted:
            work.notes[number].marks |= AT_PRICE
        elif amount > 0 and is_open(work, number):
            given += take_each(work, group, number, amount)
        number = work.runs[number].next
    if given > 0:
        mark_group(work, group)
    number = group.first_run if work.noted else -1
    while number >= 0:
        work.notes[number].marks &= ~<uint32_t>AT_PRICE
        number = work.runs[number].next
    return given


cdef int64_t give_fixed_price(Work* work, const RuleRow* rule) noexcept nogil:
    """Bring every target down to the price; what it gave."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef CalcGroup* group
    cdef int64_t given = 0
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if group.target and group.running_minor > 0 and (work.only_winner < 0 or group.winner == work.only_winner):
            given += price_down(work, group, rule.value)
        i = next_in_set(work, products, &left)
    return given
