"""Counters of limits and budgets (semantics §6.11.5, §6.11.19).

Decides whose counter a limit is and how much of it is left: cap − used − held, what this receipt's own hold keeps being
free. Invariants: every counter a promotion looked at has one row in the outcome, so that the decision can be made
again; a promotion that gave nothing takes nothing. Must never choose units nor cut an amount.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.ledger.counters cimport Counter, CounterId, counter_id, counters_read, window_first_day
from altyn.core.ledger.holds cimport HoldPart, PART_COUNTER
from altyn.core.limits cimport COUNTED_MAX, COUNTER_CHANGES_MAX
from altyn.core.outcome cimport CounterUse
from altyn.core.rules.image cimport PromotionRow
from altyn.core.text cimport Text

cdef enum Measure:
    # altyn.journal.v1.LimitMeasure
    TIMES = 1
    AMOUNT = 2
    QUANTITY = 3
    POINTS_GIVEN = 4

cdef enum Per:
    # altyn.journal.v1.LimitPer
    CUSTOMER = 1
    CARD = 2

cdef enum:
    STAGE_ACCRUAL = 11
    STAGE_MESSAGE = 12


cdef inline int64_t unbounded() noexcept nogil:
    """More than any receipt takes, and still a number to count down from."""
    return <int64_t>1 << 60


cdef inline int64_t subject_of(const Work* work, int32_t per) noexcept nogil:
    """Whom the counter counts for; 0: there is nobody. A card of no known customer counts as one by itself."""
    if not work.has_customer:
        return 0
    if per == CUSTOMER and work.holdings.customer_id != 0:
        return work.holdings.customer_id
    return -work.holdings.card_id if per == CUSTOMER else work.holdings.card_id


cdef int64_t own_part(const Work* work, const CounterId* id) noexcept nogil:
    """What this receipt's own hold keeps of the counter."""
    cdef const HoldPart* part
    cdef int64_t kept = 0
    cdef int32_t i
    for i in range(work.holdings.own_parts_count):
        part = &work.holdings.own_parts[i]
        if part.kind == PART_COUNTER and memcmp(part.key, id.key, 16) == 0:
            kept += part.points
    return kept


cdef CounterUse* open_use(Work* work, const LimitRow* limit, int64_t subject) noexcept nogil:
    """The row of a limit's counter, read when it is first looked at; NULL: no room."""
    cdef const PromotionRow* promotion = &work.rules.promotions[limit.promotion]
    cdef CounterUse* use
    cdef Counter counter
    cdef Text name
    cdef int32_t i
    for i in range(work.counter_uses_count):
        if work.counter_uses[i].row == <int32_t>(limit - work.rules.limits):
            return &work.counter_uses[i]
    if work.counter_uses_count == COUNTER_CHANGES_MAX:
        work.overflowed = True
        return NULL
    use = &work.counter_uses[work.counter_uses_count]
    work.counter_uses_count += 1
    name.data = work.rules.texts + promotion.id_begin
    name.size = promotion.id_size
    use.row = <int32_t>(limit - work.rules.limits)
    use.of_accrual = promotion.stage == STAGE_ACCRUAL
    use.limit = name
    use.measure = limit.measure
    use.per = limit.per
    use.subject = subject
    use.cap = limit.cap
    use.taken = 0
    use.id = counter_id(name, limit.measure, limit.per, limit.window, subject,
                        window_first_day(limit.window, floor_div(work.place.wall_us, day_us())))
    counter.used = counter.held = 0
    if work.holdings != NULL and work.holdings.counters != NULL:
        counter = counters_read(work.holdings.counters, &use.id)
        counter.held -= own_part(work, &use.id)
    use.used = counter.used
    use.held = counter.held
    return use


cdef int64_t counter_left(Work* work, const LimitRow* limit) noexcept nogil:
    """What a limit that is not per receipt leaves to this receipt, in its measure; -1: nobody to count for."""
    cdef const CounterUse* use
    cdef int64_t subject = 0
    if limit.per == CUSTOMER or limit.per == CARD:
        subject = subject_of(work, limit.per)
        if subject == 0:
            return -1
    use = open_use(work, limit, subject)
    if use == NULL:
        return 0
    if work.holdings != NULL and work.holdings.limits_waived:
        return unbounded()
    return use.cap - use.used - use.held if use.cap > use.used + use.held else 0


cdef void count_quantity(Work* work, int64_t qty_milli) noexcept nogil:
    """The rule being applied gave on so much of the goods, outside a trial."""
    if work.counted_count == COUNTED_MAX:
        work.overflowed = True
        return
    work.counted[work.counted_count].rule = work.rule
    work.counted[work.counted_count].qty_milli = qty_milli
    work.counted_count += 1


cdef int64_t given_by(const Work* work, int32_t rules_begin, int32_t rules_end) noexcept nogil:
    """Money that rules take off in the end, after caps."""
    cdef int64_t given = 0
    cdef int32_t i
    for i in range(work.applied_count):
        if rules_begin <= work.applied[i].rule < rules_end:
            given += work.applied[i].amount_minor
    return given


cdef int64_t quantity_by(const Work* work, const PromotionRow* promotion) noexcept nogil:
    """Quantity on which those rules of a promotion gave that caps did not cut to nothing."""
    cdef int64_t milli = 0
    cdef int32_t i, rule
    for i in range(work.counted_count):
        rule = work.counted[i].rule
        if promotion.rules_begin <= rule < promotion.rules_end and given_by(work, rule, rule + 1) > 0:
            milli += work.counted[i].qty_milli
    return milli


cdef int64_t accrued_by(const Work* work, const PromotionRow* promotion) noexcept nogil:
    cdef int64_t points = 0
    cdef int32_t i
    for i in range(work.accruals_count):
        if promotion.rules_begin <= work.accruals[i].rule < promotion.rules_end:
            points += work.accruals[i].points
    return points


cdef int64_t promised_by(const Work* work, int32_t promotion) noexcept nogil:
    """Gifts of a promotion that gives nothing else."""
    cdef int64_t count = 0
    cdef int32_t i
    for i in range(work.promised_count):
        count += work.promised[i].promotion == promotion
    return count


cdef void settle_counters(Work* work) noexcept nogil:
    """What the receipt takes of every counter, once all amounts are final and all gifts promised."""
    cdef const PromotionRow* promotion
    cdef CounterUse* use
    cdef int64_t given
    cdef int32_t i
    for i in range(work.counter_uses_count):
        use = &work.counter_uses[i]
        promotion = &work.rules.promotions[work.rules.limits[use.row].promotion]
        if use.measure == QUANTITY:
            use.taken = quantity_by(work, promotion)
            continue
        if promotion.stage == STAGE_MESSAGE:
            use.taken = promised_by(work, work.rules.limits[use.row].promotion) > 0
            continue
        given = accrued_by(work, promotion) if use.of_accrual else given_by(work, promotion.rules_begin, promotion.rules_end)
        use.taken = given > 0 if use.measure == TIMES else given
