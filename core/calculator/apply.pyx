"""One application (semantics §6.11.5): conditions, targets, quantity limits, amounts, floors, limits of amount.

Decides what one promotion gives at its turn, and says why. Invariants: a rule that gives 0 has no side effect; its
coupon is used only by a rule that gave something. Must never compare promotions with one another.
"""
from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t
from altyn.core.calculator.conditions cimport holds, unlocking_coupon
from altyn.core.calculator.limited cimport begin_limited, end_limited, limits_left
from altyn.core.calculator.multipliers cimport acting_of, acts, factors_of, is_multiplied, note_acting, trace_factors
from altyn.core.calculator.notes cimport is_shut_receipt, open_to
from altyn.core.calculator.nudges cimport note_nudge
from altyn.core.calculator.reward cimport give_by_kind
from altyn.core.calculator.tiers cimport reached_step, step_value
from altyn.core.calculator.traces cimport open_trace, trace_failure
from altyn.core.calculator.why cimport explain_nothing
from altyn.core.calculator.won cimport note_gifts, take_won
from altyn.core.calculator.work cimport Applied, Failure, USED, trace_row
from altyn.core.limits cimport COUPONS_GIVEN_MAX, LINE_TRACES_MAX, MULTIPLIERS_MAX
from altyn.core.outcome cimport APPLIED, LineTrace
from altyn.core.rules.image cimport (
    ALLOW_FREE, COST_FLOOR, HAS_LIMITS, MultiplierRow, NAMES_COUPON, NUDGES,
)

cdef bint meets_conditions(Work* work, const PromotionRow* promotion, int32_t rule, RuleTrace* trace, const Left* left) noexcept nogil:
    """Do the conditions of a promotion hold at the turn of one of its rules; the coupon that unlocks it is noted."""
    cdef Failure failure
    cdef bint met = promotion.condition < 0 or holds(work, promotion.condition, &failure)
    work.unlocking_coupon = -1
    if promotion.flags & NUDGES:
        note_nudge(work, promotion, &work.rules.rules[rule], met, left)
    if met:
        if promotion.flags & NAMES_COUPON and promotion.condition >= 0:
            work.unlocking_coupon = unlocking_coupon(work, promotion.condition)
        return True
    if trace != NULL:
        trace_failure(work, &failure, trace)
    return False


cdef void use_coupon(Work* work, int32_t rule) noexcept nogil:
    """The rule gave something: the code that unlocked it is used."""
    use_code(work, rule, work.unlocking_coupon)


cdef void use_code(Work* work, int32_t rule, int32_t coupon) noexcept nogil:
    """A code is used, by the first rule of the ruleset that gave something for it (assets accrue one after another)."""
    if coupon < 0:
        return
    if work.coupon_states[coupon] < USED or (work.coupon_states[coupon] == USED and rule < work.coupon_rules[coupon]):
        work.coupon_states[coupon] = USED
        work.coupon_rules[coupon] = rule
    if work.by_unit:
        if work.coupons_given_count == COUPONS_GIVEN_MAX:
            work.overflowed = True
            return
        work.coupons_given[work.coupons_given_count].rule = rule
        work.coupons_given[work.coupons_given_count].coupon = coupon
        work.coupons_given_count += 1


cdef void note_codes(Work* work, const RuleRow* rule, uint32_t factors, int32_t* codes) noexcept nogil:
    """By multiplier, the code that unlocked it: before the rule takes what a running sum would miss."""
    cdef int32_t i, count = rule.multipliers_end - rule.multipliers_begin
    for i in range(count):
        codes[i] = -1
        if factors >> i & 1 and work.rules.multipliers[rule.multipliers_begin + i].names_coupon:
            codes[i] = unlocking_coupon(work, work.rules.multipliers[rule.multipliers_begin + i].condition)


cdef void use_factors(Work* work, const RuleRow* rule, int32_t number, uint32_t factors, const int32_t* codes) noexcept nogil:
    """The rule gave something: codes that helped to multiply it are used, and promotions that did are noted."""
    cdef const MultiplierRow* row
    cdef int32_t i
    for i in range(rule.multipliers_begin, rule.multipliers_end):
        row = &work.rules.multipliers[i]
        if not factors >> (i - rule.multipliers_begin) & 1 or not (row.names_coupon or row.owner >= 0):
            continue
        if not acts(work, rule, row):
            continue
        if row.names_coupon:
            use_code(work, number, codes[i - rule.multipliers_begin])
        if row.owner >= 0:
            note_acting(work, row, number)


cdef void set_floors(Work* work, const PromotionRow* promotion) noexcept nogil:
    work.floors.least_minor = 0 if promotion.flags & ALLOW_FREE else 1
    work.floors.price_minor = promotion.floor_minor
    work.floors.rate_ppm = promotion.floor_ppm
    work.floors.cost = promotion.flags & COST_FLOOR
    work.floors.given = work.floors.cost or promotion.floor_minor >= 0 or promotion.floor_ppm >= 0


cdef void trace_lines(Work* work, RuleTrace* trace, int32_t applied_begin) noexcept nogil:
    cdef LineTrace* row
    cdef const Applied* applied
    cdef int32_t i
    trace.lines_begin = work.line_traces_count
    for i in range(applied_begin, work.applied_count):
        applied = &work.applied[i]
        if work.line_traces_count == LINE_TRACES_MAX:
            break
        row = &work.line_traces[work.line_traces_count]
        row.line = applied.line
        row.before_minor = work.line_running[applied.line]
        row.after_minor = work.line_running[applied.line] = row.before_minor - applied.amount_minor
        work.line_traces_count += 1
    trace.lines_end = work.line_traces_count


cdef inline const RuleRow* rule_now(Work* work, int32_t number, const Matched* matched, RuleRow* tiered) noexcept nogil:
    """The rule, with the number of the step it has reached when it has tiers."""
    cdef const RuleRow* rule = &work.rules.rules[number]
    if rule.tiers < 0:
        return rule
    tiered[0] = rule[0]
    tiered.value = step_value(work, rule.tiers, matched.steps[rule.reward_no])
    return tiered


cdef int64_t give_limited(Work* work, const RuleRow* rule, Left* left, uint32_t* acting) noexcept nogil:
    """Apply a rule of a promotion with limits; what they let it give. Of the factors `acting` those act that find a unit."""
    cdef int32_t applied_begin = work.applied_count
    cdef int64_t given
    begin_limited(work, rule, left)
    if acting[0] != 0 and work.only_winner < 0:
        acting[0] = acting_of(work, rule, acting[0])
    given = take_won(work) if work.only_winner >= 0 else give_by_kind(work, rule)
    if work.claiming and given > 0:
        note_gifts(work)
    return end_limited(work, rule, applied_begin, given, left)


cdef inline int64_t give(Work* work, int32_t number, Left* left, Matched* matched, RuleTrace* trace) noexcept nogil:
    """Apply one rule whose conditions hold. `left` is NULL for a promotion without limits."""
    cdef RuleRow tiered
    cdef const RuleRow* rule = rule_now(work, number, matched, &tiered)
    cdef int32_t applied_begin = work.applied_count
    cdef int64_t given = 0
    cdef int32_t formed = work.formed_count
    cdef uint32_t acting = 0
    cdef int32_t[MULTIPLIERS_MAX] codes
    work.rule = number
    if is_multiplied(rule):
        work.factors = acting = matched.factors[rule.reward_no]
        note_codes(work, rule, acting, codes)
        if left == NULL and work.only_winner < 0:
            acting = acting_of(work, rule, acting)
    if not is_shut_receipt(work) and (left == NULL or not left.closed):
        given = give_by_kind(work, rule) if left == NULL else give_limited(work, rule, left, &acting)
    if is_multiplied(rule):
        matched.factors[rule.reward_no] = <uint16_t>acting
    if given > 0 and not work.trying:
        use_coupon(work, number)
        if is_multiplied(rule):
            use_factors(work, rule, number, acting, codes)
    if trace != NULL:
        trace.amount_minor = given
        if given > 0:
            trace.verdict = APPLIED
            trace.applications = work.formed_count - formed
        elif work.only_winner < 0:
            explain_nothing(work, rule, left, trace)
        elif left != NULL and left.verdict >= 0:
            trace.verdict = left.verdict
        if not work.trying:
            trace_lines(work, trace, applied_begin)
    return given


cdef inline Left* prepare(Work* work, const PromotionRow* row, Left* left) noexcept nogil:
    """Floors, closed units and limits of the promotion that is applied next; NULL when it has no limits."""
    set_floors(work, row)
    if work.noted:
        open_to(work, row)
    if not row.flags & HAS_LIMITS:
        return NULL
    limits_left(work, row, left)
    return left


cdef inline int64_t give_by_code(Work* work, int32_t number, Left* left, Matched* matched, RuleTrace* trace, int32_t* used) noexcept nogil:
    """Apply one rule by the code that unlocked it; a promotion uses one code: `used`, of the first rule that gave by one."""
    cdef int64_t given
    work.unlocking_coupon = matched.coupons[work.rules.rules[number].reward_no]
    if work.unlocking_coupon >= 0 and used[0] >= 0:
        work.unlocking_coupon = used[0]
    given = give(work, number, left, matched, trace)
    if given > 0 and used[0] < 0:
        used[0] = work.unlocking_coupon
    return given


cdef int64_t apply_promotion(Work* work, int32_t promotion, int32_t traces_begin, Matched* matched) noexcept nogil:
    """Apply the rules of a promotion in written order, each if its conditions hold at its turn; what they gave.

    `matched` gets what of the conditions held. Traces, if wanted, go to the rows from `traces_begin`.
    """
    cdef const PromotionRow* row = &work.rules.promotions[promotion]
    cdef const RuleRow* rule
    cdef RuleTrace* trace = NULL
    cdef int64_t given = 0
    cdef int32_t i, used = -1
    cdef Left limits
    cdef Left* left = prepare(work, row, &limits)
    work.formed_count = 0
    matched.rewards = 0
    for i in range(row.rules_end - row.rules_begin):
        rule = &work.rules.rules[row.rules_begin + i]
        if work.explain:
            trace = open_trace(work, traces_begin + i, row.rules_begin + i)
            trace_factors(work, rule)
        if not meets_conditions(work, row, row.rules_begin + i, trace, left):
            continue
        if rule.tiers >= 0:
            matched.steps[i] = <uint8_t>reached_step(work, rule.tiers)
        if is_multiplied(rule):
            matched.factors[i] = <uint16_t>factors_of(work, rule)
        matched.rewards |= <uint32_t>1 << i
        matched.coupons[i] = <int8_t>work.unlocking_coupon
        given += give_by_code(work, row.rules_begin + i, left, matched, trace, &used)
    return given


cdef int64_t apply_matched(Work* work, int32_t promotion, int32_t traces_begin, Matched* matched) noexcept nogil:
    """Apply those rules whose conditions held in the trial, on the calc groups the promotion won."""
    cdef const PromotionRow* row = &work.rules.promotions[promotion]
    cdef RuleTrace* trace = NULL
    cdef int64_t given = 0
    cdef int32_t i, used = -1
    cdef Left limits
    cdef Left* left = prepare(work, row, &limits)
    for i in range(row.rules_end - row.rules_begin):
        if not matched.rewards >> i & 1:
            continue
        if work.explain:
            trace = open_trace(work, traces_begin + i, row.rules_begin + i)
        given += give_by_code(work, row.rules_begin + i, left, matched, trace, &used)
    return given
