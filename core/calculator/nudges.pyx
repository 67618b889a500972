"""Nudges: promotions that would give something, or more, if a little more were bought.

Decides which thresholds are near: of a reward whose conditions fail, the one sum or quantity that is all that is missing;
of one whose conditions hold, the next step of its tiers. Looked at when it is the reward's turn, on the base the
threshold names; nobody is led to goods of which the receipt has nothing. Invariants: at most NUDGES_MAX, of a promotion
the least of all its rewards, sums before quantities, the least missing first, equal ones by (priority, order of
evaluation); whether somebody wants an explanation is of no matter. Must never change an amount.
"""
from libc.stdint cimport INT32_MAX, int32_t, int64_t
from altyn.core.calculator.conditions cimport base_of, leaf_holds
from altyn.core.calculator.limited cimport Left, limits_left
from altyn.core.calculator.work cimport Failure
from altyn.core.limits cimport NUDGES_MAX
from altyn.core.outcome cimport Said
from altyn.core.rules.image cimport (
    ALL_OF, ANY_OF, ConditionRow, HAS_LIMITS, NONE_OF, QUANTITY_IS, SUM_IS, TierRow,
)

cdef struct Missing:
    # 0: nothing; below 0: no purchase helps.
    int64_t amount             # minor units, or thousandths
    bint of_quantity


cdef inline bint is_nearer(const Missing* left, const Missing* right) noexcept nogil:
    """Of two that are missing, or impossible."""
    if left.amount < 0 or right.amount < 0:
        return left.amount >= 0
    return left.amount < right.amount if left.of_quantity == right.of_quantity else right.of_quantity


cdef Missing missing_of_leaf(Work* work, const ConditionRow* row) noexcept nogil:
    cdef Missing missing
    cdef Failure failure
    missing.amount = 0
    missing.of_quantity = row.kind == QUANTITY_IS
    if leaf_holds(work, row, &failure):
        return missing
    missing.amount = -1
    if (row.kind == QUANTITY_IS or row.kind == SUM_IS) and 0 < failure.actual < failure.needed:
        missing.amount = failure.needed - failure.actual
    return missing


cdef Missing missing_of(Work* work, int32_t condition) noexcept nogil:
    """What is missing to a condition: of `all` one part at most may be, of `any` the nearest is told."""
    cdef const ConditionRow* row = &work.rules.conditions[condition]
    cdef int32_t child = condition + 1
    cdef Missing found, here
    if row.kind != ALL_OF and row.kind != ANY_OF and row.kind != NONE_OF:
        return missing_of_leaf(work, row)
    found.amount = -1 if row.kind == ANY_OF else 0
    found.of_quantity = False
    while child < row.end:
        here = missing_of(work, child)
        child = work.rules.conditions[child].end
        if row.kind == NONE_OF:
            found.amount = found.amount if here.amount != 0 else -1
        elif row.kind == ANY_OF:
            if here.amount == 0 or (found.amount != 0 and is_nearer(&here, &found)):
                found = here
        elif here.amount != 0:
            found.amount = here.amount if found.amount == 0 else -1
            found.of_quantity = here.of_quantity
    return found


cdef int64_t missing_of_step(const Work* work, const TierRow* tiers) noexcept nogil:
    """To the next step; 0: the last is reached, or there is nothing yet."""
    cdef int64_t base = base_of(work, tiers.over, tiers.base)
    cdef int32_t place = tiers.steps.begin
    while base > 0 and place < tiers.steps.end:
        if base < work.rules.numbers[place]:
            return work.rules.numbers[place] - base
        place += 2
    return 0


cdef inline bint goes_before(const Work* work, const Said* left, const Said* right) noexcept nogil:
    cdef int32_t left_priority = work.rules.promotions[left.promotion].priority
    cdef int32_t right_priority = work.rules.promotions[right.promotion].priority
    if left.of_quantity != right.of_quantity:
        return right.of_quantity
    if left.missing != right.missing:
        return left.missing < right.missing
    return left_priority < right_priority if left_priority != right_priority else left.promotion < right.promotion


cdef void keep(Work* work, const Said* nudge) noexcept nogil:
    """Insert in order; the last of too many falls out. A promotion with several rewards has one nudge, its nearest."""
    cdef int32_t i = 0
    while i < work.nudges_count and work.nudges[i].promotion != nudge.promotion:
        i += 1
    if i < work.nudges_count:
        if not goes_before(work, nudge, &work.nudges[i]):
            return
    elif i == NUDGES_MAX:
        if not goes_before(work, nudge, &work.nudges[i - 1]):
            return
        i -= 1
    else:
        work.nudges_count += 1
    while i > 0 and goes_before(work, nudge, &work.nudges[i - 1]):
        work.nudges[i] = work.nudges[i - 1]
        i -= 1
    work.nudges[i] = nudge[0]


cdef inline bint is_found_by_gate(const Work* work, int32_t promotion) noexcept nogil:
    """Would the promotion be looked at if nobody wanted an explanation."""
    return not work.looks_at_all or work.gate_bits[promotion >> 6] >> (promotion & 63) & 1


cdef bint is_closed(Work* work, const PromotionRow* promotion) noexcept nogil:
    """Do its limits leave nothing anyhow."""
    cdef Left left
    cdef int32_t i
    if not promotion.flags & HAS_LIMITS:
        return False
    limits_left(work, promotion, &left)
    if left.closed or left.quantity_milli == 0:
        return True
    for i in range(left.bounds_count):
        if left.rooms[i] <= 0:
            return True
    return False


cdef void note_nudge(Work* work, const PromotionRow* promotion, const RuleRow* rule, bint met) noexcept nogil:
    """It is the turn of a rule of a promotion with a text for this; `met`: its conditions hold."""
    cdef Missing missing
    cdef Said nudge
    nudge.promotion = <int32_t>(promotion - work.rules.promotions)
    # A combination being tried is nobody's turn.
    if not work.nudging or work.applications_max != INT32_MAX or not is_found_by_gate(work, nudge.promotion):
        return
    if not met:
        missing = missing_of(work, promotion.condition)
    elif rule.tiers >= 0:
        missing.amount = missing_of_step(work, &work.rules.tiers[rule.tiers])
        missing.of_quantity = False
    else:
        return
    if missing.amount <= 0 or is_closed(work, promotion):
        return
    nudge.rule = nudge.message = nudge.asset = -1
    nudge.discount_minor = nudge.points = 0
    nudge.missing = missing.amount
    nudge.of_quantity = missing.of_quantity
    keep(work, &nudge)
