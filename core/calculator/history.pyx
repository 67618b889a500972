# cython: cdivision=True
"""Evaluates conditions on earlier purchases (semantics §6.11.28).

Decides from the customer's accumulations alone, and from what of this receipt counts. Invariants: nobody has no earlier
purchases, not none of them; what nobody keeps is not known to be nothing, so both fail. Must never make an accumulation:
they are given. The one divisor is a document's `every`, at least 2. Stands apart from the other conditions, which
most receipts ask: these must cost them nothing.
"""
from libc.stdint cimport INT32_MAX, INT64_MIN, int32_t
from altyn.core.calculator.conditions cimport within
from altyn.core.calculator.targets cimport Members, first_in_set, in_list, next_in_set
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.money cimport MILLI
from altyn.core.rules.image cimport ABSENT, PURCHASES_IS, PURCHASE_NUMBER_IS, SetRow, Span, TURNOVER_IS

cdef enum:
    RECEIPTS = 0               # words.PurchaseCount


cdef bint buys_of(const Work* work, const SetRow* products) noexcept nogil:
    """Has this receipt goods of the set that count."""
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left)
    while i < work.groups_count:
        if work.groups[i].counted and work.groups[i].units > 0:
            return True
        i = next_in_set(work, products, &left)
    return False


cdef bint number_is(const Work* work, const ConditionRow* row, int64_t number, Failure* failure) noexcept nogil:
    """The number of this purchase; a failure tells the next one that would do."""
    cdef Span wanted
    cdef int32_t place
    wanted.begin, wanted.end = row.any_begin, row.any_end
    failure.actual = number
    if wanted.end == ABSENT:
        failure.needed = number + row.low - number % row.low
        return number % row.low == 0
    if number < INT32_MAX and in_list(work.rules, &wanted, <int32_t>number):
        return True
    for place in range(wanted.begin, wanted.end):
        if work.rules.lists[place] > number:
            failure.needed = work.rules.lists[place]
            break
    return False


cdef bint history_holds(const Work* work, const ConditionRow* row, int64_t now, Failure* failure) noexcept nogil:
    cdef int64_t value
    if not work.has_customer or work.holdings.accumulations == NULL:
        return False
    value = work.holdings.accumulations[row.subject]
    if row.kind == PURCHASES_IS:
        return within(row, value * MILLI if row.option == RECEIPTS else value, failure)
    if row.kind == TURNOVER_IS:
        return within(row, value + now, failure)
    if row.kind == PURCHASE_NUMBER_IS:
        return (buys_of(work, &work.rules.sets[work.rules.accumulations[row.subject].products])
                and number_is(work, row, value + 1, failure))
    if value == INT64_MIN:
        return row.option != 0
    return within(row, floor_div(work.place.wall_us, day_us()) - value, failure)
