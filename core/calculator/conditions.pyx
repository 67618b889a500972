# cython: cdivision=True
"""Evaluates conditions.

Decides whether a promotion's `when` holds now, and if not, which condition failed first and by how much. Invariants:
written order, short circuit; sums and quantities are over the condition's own product set. Must never change an
amount. The one divisor is a document's `every`, at least 2.
"""
from libc.stdint cimport INT32_MAX, INT64_MIN, int32_t, int64_t
from altyn.core.calculator.schedule cimport schedule_holds
from altyn.core.calculator.targets cimport Members, first_in_set, in_list, next_in_set
from altyn.core.calculator.work cimport CalcGroup, ENTERED_BEFORE, NO_EFFECT
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.money cimport MILLI, PPM, mul_div_floor
from altyn.core.receipt cimport BIRTHDAY, BIRTHDAY_FAR, PAYMENT_TYPES_COUNT
from altyn.core.rules.image cimport (
    ABSENT, ALL_GOODS, ALL_OF, ANY_OF, BALANCE_IS, BIRTHDAY_IS, CARD_TYPE, COUPON_IS, CUSTOMER_ID, CUSTOMER_IS, ConditionRow, HAS_CARD_IS, NONE_OF,
    PAYMENT_IS, PERSONAL_IS, PURCHASES_IS, PURCHASE_NUMBER_IS, QUANTITY_IS, SCHEDULE_IS, SERIES_IS, SetRow, STORE_ID, STORE_IS, SUM_IS, Span, REGISTER_ID, REGISTER_IS,
    TIER, TIER_FROM, TURNOVER_IS,
)
from altyn.core.text cimport text_compare

cdef enum SumBase:
    GROSS = 0
    STAGE_ENTRY = 1
    RUNNING = 2
    NET = 3

cdef enum CountBy:
    UNITS = 0
    WEIGHT = 1

cdef enum:
    RECEIPTS = 0               # words.PurchaseCount


cdef inline int64_t sum_of(const CalcGroup* group, int32_t base) noexcept nogil:
    if not group.counted:
        return 0
    return group.gross_minor if base == GROSS else group.entry_minor if base == STAGE_ENTRY else group.running_minor


cdef int64_t base_of(const Work* work, int32_t set, int32_t base) noexcept nogil:
    """A sum over a product set. At stage accrual RUNNING is what is left to pay: NET."""
    cdef const SetRow* products = &work.rules.sets[set]
    cdef int64_t total = 0
    cdef Members left
    cdef int32_t i
    if products.flags & ALL_GOODS:
        for i in range(work.groups_count):
            total += sum_of(&work.groups[i], base)
        return total
    i = first_in_set(work, products, &left)
    while i < work.groups_count:
        total += sum_of(&work.groups[i], base)
        i = next_in_set(work, products, &left)
    return total


cdef int64_t quantity_over(const Work* work, const ConditionRow* row) noexcept nogil:
    cdef const SetRow* products = &work.rules.sets[row.subject]
    cdef const CalcGroup* group
    cdef int64_t total = 0
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if group.counted:
            total += group.qty_milli if row.option == WEIGHT else <int64_t>1000 * group.units
        i = next_in_set(work, products, &left)
    return total


cdef bint within(const ConditionRow* row, int64_t actual, Failure* failure) noexcept nogil:
    failure.actual = actual
    if row.low != INT64_MIN and actual < row.low:
        failure.needed = row.low
        return False
    if row.high != INT64_MIN and actual >= row.high:
        failure.needed = row.high
        return False
    return True


cdef bint chosen(const Work* work, const ConditionRow* row, const int32_t* symbols, int32_t count) noexcept nogil:
    """Some value is in the any_of list (if given) and none is in the none_of list."""
    cdef Span any_of, none_of
    cdef bint found = row.any_end == ABSENT
    cdef int32_t i
    any_of.begin, any_of.end = row.any_begin, row.any_end
    none_of.begin, none_of.end = row.none_begin, row.none_end
    for i in range(count):
        if symbols[i] == 0:
            continue
        if none_of.end != ABSENT and in_list(work.rules, &none_of, symbols[i]):
            return False
        if not found and in_list(work.rules, &any_of, symbols[i]):
            found = True
    return found


cdef bint customer_is(const Work* work, const ConditionRow* row) noexcept nogil:
    """Without a customer no attribute matches, none_of included."""
    if not work.has_customer:
        return False
    if row.subject == CARD_TYPE:
        return chosen(work, row, &work.card_type, 1)
    if row.subject == CUSTOMER_ID:
        return chosen(work, row, &work.customer_id, 1)
    if row.subject == TIER:
        return chosen(work, row, &work.tier, 1)
    if row.subject == TIER_FROM:
        return chosen(work, row, work.tiers, work.tiers_count)
    return chosen(work, row, work.segments, work.segments_count)


cdef bint paid_by(const Work* work, const ConditionRow* row) noexcept nogil:
    """These types pay more than nothing, and at least their share of all that is paid."""
    cdef int64_t paid = 0, total = 0
    cdef int32_t type
    for type in range(PAYMENT_TYPES_COUNT):
        total += work.receipt.paid_minor[type]
        if row.subject >> type & 1:
            paid += work.receipt.paid_minor[type]
    return paid > 0 and (row.low == INT64_MIN or mul_div_floor(paid, PPM, total) >= row.low)


cdef bint balance_within(const Work* work, const ConditionRow* row, Failure* failure) noexcept nogil:
    """Nobody has no balance, not one of 0."""
    if not work.has_customer or work.holdings.balances == NULL:
        return False
    return within(row, work.holdings.balances[row.subject], failure)


cdef int64_t counted_now(const Work* work, const ConditionRow* row) noexcept nogil:
    """What this receipt adds to a turnover."""
    if row.kind != TURNOVER_IS or row.option == 0:
        return 0
    return base_of(work, work.rules.accumulations[row.subject].products, GROSS)


cdef bint birthday_within(const Work* work, const ConditionRow* row, Failure* failure) noexcept nogil:
    """Days since the nearest birthday, when it is known and not far."""
    if not work.has_customer or work.holdings.birthday == 0 or work.holdings.birthday == BIRTHDAY_FAR:
        return False
    return within(row, work.holdings.birthday - BIRTHDAY, failure)


cdef bint is_granted(const Work* work, int32_t symbol) noexcept nogil:
    cdef int32_t i
    for i in range(work.grants_count):
        if work.grants[i] == symbol:
            return True
    return False


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


cdef bint history_holds(const Work* work, const ConditionRow* row, Failure* failure) noexcept nogil:
    """A condition on earlier purchases. Nobody has none of them, and what nobody keeps is not known to be nothing."""
    cdef int64_t value
    if not work.has_customer or work.holdings.accumulations == NULL:
        return False
    value = work.holdings.accumulations[row.subject]
    if row.kind == PURCHASES_IS:
        return within(row, value * MILLI if row.option == RECEIPTS else value, failure)
    if row.kind == TURNOVER_IS:
        return within(row, value + counted_now(work, row), failure)
    if row.kind == PURCHASE_NUMBER_IS:
        return (buys_of(work, &work.rules.sets[work.rules.accumulations[row.subject].products])
                and number_is(work, row, value + 1, failure))
    if value == INT64_MIN:
        return row.option != 0
    return within(row, floor_div(work.place.wall_us, day_us()) - value, failure)


cdef bint coupon_entered(const Work* work, const int32_t* symbols, int32_t symbol) noexcept nogil:
    cdef int32_t i
    for i in range(work.receipt.coupons_count):
        if symbols[i] == symbol:
            return True
    return False


cdef bint leaf_holds(Work* work, const ConditionRow* row, Failure* failure) noexcept nogil:
    failure.actual = failure.needed = 0
    if row.kind == SUM_IS:
        return within(row, base_of(work, row.subject, row.option), failure)
    if row.kind == QUANTITY_IS:
        return within(row, quantity_over(work, row), failure)
    if row.kind == SCHEDULE_IS:
        return schedule_holds(work, row.subject)
    if row.kind == STORE_IS:
        return chosen(work, row, &work.place_symbols[row.subject - STORE_ID], 1)
    if row.kind == CUSTOMER_IS:
        return customer_is(work, row)
    if row.kind == HAS_CARD_IS:
        return (work.holdings != NULL and work.holdings.has_card) == (row.subject != 0)
    if row.kind == BALANCE_IS:
        return balance_within(work, row, failure)
    if row.kind == BIRTHDAY_IS:
        return birthday_within(work, row, failure)
    if row.kind == PERSONAL_IS:
        return is_granted(work, row.subject)
    if row.kind == PAYMENT_IS:
        return paid_by(work, row)
    if row.kind == REGISTER_IS:
        return chosen(work, row, &work.register_symbols[row.subject - REGISTER_ID], 1)
    if row.kind >= PURCHASES_IS:
        return history_holds(work, row, failure)
    return coupon_entered(work, &work.series_symbols[0] if row.kind == SERIES_IS else &work.coupon_symbols[0], row.subject)


cdef bint holds(Work* work, int32_t condition, Failure* failure) noexcept nogil:
    """Does the condition hold; if not, `failure` tells the first leaf that decided it."""
    cdef const ConditionRow* row = &work.rules.conditions[condition]
    cdef int32_t child = condition + 1
    cdef Failure first
    if row.kind != ALL_OF and row.kind != ANY_OF and row.kind != NONE_OF:
        failure.condition = condition
        return leaf_holds(work, row, failure)
    first.condition = condition
    first.actual = first.needed = 0
    while child < row.end:
        if holds(work, child, failure):
            if row.kind == ANY_OF:
                return True
            if row.kind == NONE_OF:
                failure.condition = child
                failure.actual = failure.needed = 0
                return False
        elif row.kind == ALL_OF:
            return False
        elif row.kind == ANY_OF and first.condition == condition:
            first = failure[0]
        child = work.rules.conditions[child].end
    failure[0] = first
    return row.kind != ANY_OF


cdef int32_t smaller_code(const Work* work, int32_t left, int32_t right) noexcept nogil:
    if left < 0:
        return right
    if right < 0:
        return left
    return left if text_compare(work.receipt.coupons[left], work.receipt.coupons[right]) < 0 else right


cdef int32_t smallest_code(Work* work, const int32_t* symbols, int32_t symbol) noexcept nogil:
    """The smallest of the codes with this symbol; each of them has met its conditions."""
    cdef int32_t found = -1, i
    for i in range(work.receipt.coupons_count):
        if symbols[i] == symbol and work.coupon_states[i] != ENTERED_BEFORE:
            if work.coupon_states[i] < NO_EFFECT:
                work.coupon_states[i] = NO_EFFECT
            found = smaller_code(work, found, i)
    return found


cdef int32_t unlocking_coupon(Work* work, int32_t condition) noexcept nogil:
    """The smallest code among the coupons that make the condition hold, as its index, or -1 (semantics §6.11.22).

    The condition holds. Every code that helps is marked as having met its conditions.
    """
    cdef const ConditionRow* row = &work.rules.conditions[condition]
    cdef int32_t child = condition + 1, found = -1
    cdef Failure unused
    if row.kind == COUPON_IS or row.kind == SERIES_IS:
        return smallest_code(work, &work.series_symbols[0] if row.kind == SERIES_IS else &work.coupon_symbols[0], row.subject)
    if row.kind != ALL_OF and row.kind != ANY_OF:
        return -1
    while child < row.end:
        if row.kind == ALL_OF or holds(work, child, &unused):
            found = smaller_code(work, found, unlocking_coupon(work, child))
        child = work.rules.conditions[child].end
    return found
