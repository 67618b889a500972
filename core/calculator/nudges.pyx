"""Nudges: promotions that would give something, or more, if a little more were bought.

Decides which thresholds are near: of a reward whose conditions fail, the one sum or quantity that is all that is missing;
of one whose conditions hold, the next step of its tiers. Looked at when it is the reward's turn, on the base the
threshold names; nobody is led to goods of which the receipt has nothing, nor to a promotion none of whose rewards finds
goods. Invariants: at most NUDGES_MAX, of a promotion the least of all its rewards, sums before quantities, the least
missing first, equal ones by (priority, id); what the index passes over would not be told either, so whether somebody
wants an explanation is of no matter. Must never change an amount.
"""
from libc.stdint cimport INT32_MAX, int32_t, int64_t
from altyn.core.calculator.conditions cimport base_of, leaf_holds
from altyn.core.calculator.limited cimport limits_left
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.work cimport Failure
from altyn.core.limits cimport NUDGES_MAX
from altyn.core.outcome cimport Said
from altyn.core.rules.image cimport (
    ALL_OF, ANY_OF, BUNDLE, BUY_GET, ConditionRow, GIFT, HAS_LIMITS, ISSUE_COUPON, MESSAGE, NONE_OF, QUANTITY_IS, SUM_IS,
    SetRewardRow, TierRow,
)
from altyn.core.text cimport Text, text_compare

cdef enum:
    STAGE_MESSAGE = 12         # words.Stage

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


cdef inline Text id_of(const Work* work, const PromotionRow* promotion) noexcept nogil:
    cdef Text text
    text.data = work.rules.texts + promotion.id_begin
    text.size = promotion.id_size
    return text


cdef inline bint goes_before(const Work* work, const Said* left, const Said* right) noexcept nogil:
    cdef const PromotionRow* former = &work.rules.promotions[left.promotion]
    cdef const PromotionRow* latter = &work.rules.promotions[right.promotion]
    if left.of_quantity != right.of_quantity:
        return right.of_quantity
    if left.missing != right.missing:
        return left.missing < right.missing
    if former.priority != latter.priority:
        return former.priority < latter.priority
    return text_compare(id_of(work, former), id_of(work, latter)) < 0


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


cdef bint has_goods(const Work* work, int32_t targets) noexcept nogil:
    cdef Members left
    cdef int32_t i = first_in_set(work, &work.rules.sets[targets], &left)
    while i < work.groups_count:
        if work.groups[i].first_run >= 0:
            return True
        i = next_in_set(work, &work.rules.sets[targets], &left)
    return False


cdef bint finds_goods(const Work* work, const RuleRow* rule) noexcept nogil:
    """Of a bundle every part, of buy_get both sides."""
    cdef const SetRewardRow* row
    cdef int32_t part
    if rule.kind != BUNDLE and rule.kind != BUY_GET:
        return has_goods(work, rule.targets)
    row = &work.rules.set_rewards[rule.detail]
    for part in range(row.parts.begin, row.parts.end):
        if not has_goods(work, work.rules.parts[part].targets):
            return False
    return True


cdef inline bint is_notice(const RuleRow* rule) noexcept nogil:
    return rule.kind == MESSAGE or rule.kind == ISSUE_COUPON or rule.kind == GIFT


cdef bint some_finds_goods(const Work* work, const PromotionRow* promotion) noexcept nogil:
    """Has one of its rewards goods in the receipt; messages, codes and gifts need none when they are alone."""
    cdef const RuleRow* rule
    cdef bint gives = False
    cdef int32_t i
    for i in range(promotion.rules_begin, promotion.rules_end):
        rule = &work.rules.rules[i]
        if is_notice(rule):
            continue
        gives = True
        if finds_goods(work, rule):
            return True
    return not gives


cdef bint is_closed(Work* work, const PromotionRow* promotion, const Left* now) noexcept nogil:
    """Do its limits leave nothing anyhow. `now`: what they leave at this turn, NULL: not known."""
    cdef Left left
    cdef int32_t i
    if not promotion.flags & HAS_LIMITS:
        return False
    if now != NULL:
        left = now[0]
    else:
        limits_left(work, promotion, &left)
    if left.closed or left.quantity_milli == 0:
        return True
    for i in range(left.bounds_count):
        if left.rooms[i] <= 0:
            return True
    return False


cdef void note_nudge(Work* work, const PromotionRow* promotion, const RuleRow* rule, bint met, const Left* left) noexcept nogil:
    """It is the turn of a rule of a promotion with a text for this; `met`: its conditions hold."""
    cdef Missing missing
    cdef Said nudge
    nudge.promotion = <int32_t>(promotion - work.rules.promotions)
    # A combination being tried is nobody's turn, and a message beside other rewards only follows them.
    if not work.nudging or work.applications_max != INT32_MAX or (is_notice(rule) and promotion.stage != STAGE_MESSAGE):
        return
    if not met:
        missing = missing_of(work, promotion.condition)
    elif rule.tiers >= 0:
        missing.amount = missing_of_step(work, &work.rules.tiers[rule.tiers])
        missing.of_quantity = False
    else:
        return
    if missing.amount <= 0 or is_closed(work, promotion, left) or not some_finds_goods(work, promotion):
        return
    nudge.rule = nudge.message = nudge.asset = -1
    nudge.discount_minor = nudge.points = 0
    nudge.missing = missing.amount
    nudge.of_quantity = missing.of_quantity
    keep(work, &nudge)
