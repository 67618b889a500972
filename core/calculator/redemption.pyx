"""Payment with points (semantics §6.5, §6.11.23).

Decides how many points of which asset pay for what, and how many could. Invariants: an asset pays by the first rule in
force; a line bears at most its share, its floor and what a cap that counts points leaves; points are whole steps and
no more than the balance. Must never convert one asset into another, nor be reached without a known customer.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t
from altyn.core.calculator.apply cimport trace_lines
from altyn.core.calculator.conditions cimport holds
from altyn.core.calculator.spread cimport group_room, spread_over_groups
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.traces cimport open_trace, trace_failure
from altyn.core.calculator.work cimport CalcGroup, Failure
from altyn.core.money cimport PPM, Share, compare_products, mul_div_floor, mul_mod, power_of_ten, share_out
from altyn.core.outcome cimport APPLIED, PAYMENT_RULE, PointsPayment, RuleTrace
from altyn.core.receipt cimport NO_REDEEM, Holdings, PointsWish
from altyn.core.rules.image cimport ANONYMOUS_PAYS, BY_LINE, CapRow, INCLUDE_POINTS, PaymentRow
from altyn.core.text cimport Text, text_equal

cdef enum:
    STAGE_POINTS = 9

cdef enum Reason:
    # altyn.pos.v1.Reason
    UNSPECIFIED = 0
    POINTS_SHORT = 12
    NO_PAYMENT_RULE = 13
    POINTS_BELOW_MINIMUM = 29
    LIMITED_BY_SHARE = 30
    LIMITED_BY_MAXIMUM = 31
    LIMITED_BY_STEP = 32
    REDEMPTION_NOT_ALLOWED = 50
    REDEMPTION_SUSPECTED = 85

cdef struct Rate:
    # `points` of the smallest unit are worth points × minor ÷ per minor units.
    int64_t minor
    int64_t per


cdef inline Rate rate_of_payment(const Work* work, const PaymentRow* rule) noexcept nogil:
    cdef Rate rate
    rate.minor = rule.point_ppm * power_of_ten(work.receipt.exponent)
    rate.per = PPM * power_of_ten(work.rules.assets[rule.asset].scale)
    return rate


cdef int32_t wish_for(const Work* work, int32_t asset) noexcept nogil:
    """The customer's wish in this asset, -1: none."""
    cdef Text name
    cdef int32_t i
    name.data = work.rules.texts + work.rules.assets[asset].id_begin
    name.size = work.rules.assets[asset].id_size
    for i in range(work.receipt.wishes_count):
        if text_equal(work.receipt.wishes[i].asset, name):
            return i
    return -1


cdef int32_t collect_payable(Work* work, const PaymentRow* rule, int64_t* entry) noexcept nogil:
    """Groups the asset may pay for, as members of a distribution with their maxima; `entry`: what they cost when the
    stage began."""
    cdef const CalcGroup* group
    cdef Share* share
    cdef int64_t room
    cdef int32_t i, count = 0
    entry[0] = 0
    for i in range(work.groups_count):
        group = &work.groups[i]
        if group.running_minor <= 0 or work.receipt.lines[group.line].flags & NO_REDEEM or not in_set(work.rules, &work.rules.sets[rule.targets], group):
            continue
        entry[0] += work.bases[i]
        share = &work.shares[count]
        share.weight = group.running_minor
        share.count = 1
        share.cap = mul_div_floor(work.bases[i], rule.line_ppm, PPM)
        room = group_room(work, group)
        share.cap = room if room < share.cap else share.cap
        work.share_of[count] = i
        count += 1
    return count


cdef void lower_maxima(Work* work, const CapRow* cap, int32_t begin, int32_t end, int32_t count) noexcept nogil:
    """Discounts and points on the covered groups of [begin, end) together stay within the cap."""
    cdef const CalcGroup* group
    cdef int64_t gross = 0, off = 0, maxima = 0, room
    cdef int32_t i, members = 0
    for i in range(begin, end):
        group = &work.groups[i]
        if in_set(work.rules, &work.rules.sets[cap.targets], group):
            gross += group.gross_minor
            off += group.gross_minor - group.running_minor
    room = cap.amount_minor if cap.rate_ppm < 0 else mul_div_floor(gross, cap.rate_ppm, PPM)
    room = room - off if room > off else 0
    for i in range(count):
        if begin <= work.share_of[i] < end and in_set(work.rules, &work.rules.sets[cap.targets], &work.groups[work.share_of[i]]):
            work.unit_shares[members] = work.shares[i]
            work.unit_share_of[members] = i
            maxima += work.shares[i].cap
            members += 1
    if maxima <= room:
        return
    share_out(room, work.unit_shares, members, True, work.share_order)
    for i in range(members):
        work.shares[work.unit_share_of[i]].cap = work.unit_shares[i].amount + work.unit_shares[i].extra


cdef int64_t payable_minor(Work* work, const PaymentRow* rule, int32_t* count) noexcept nogil:
    """The most money the goods let the asset pay; the groups and their maxima are in `shares`."""
    cdef const CapRow* cap
    cdef int64_t entry, most, total = 0
    cdef int32_t i, j
    count[0] = collect_payable(work, rule, &entry)
    for i in range(work.rules.caps_count):
        cap = &work.rules.caps[i]
        if not cap.flags & INCLUDE_POINTS:
            continue
        if not cap.flags & BY_LINE:
            lower_maxima(work, cap, 0, work.groups_count, count[0])
            continue
        for j in range(count[0]):
            lower_maxima(work, cap, work.share_of[j], work.share_of[j] + 1, count[0])
    for i in range(count[0]):
        total += work.shares[i].cap
    most = mul_div_floor(entry, rule.receipt_ppm, PPM)
    return most if most < total else total


cdef int32_t why_not_paying(const PaymentRow* rule, const Holdings* holdings) noexcept nogil:
    if holdings.refused != UNSPECIFIED:
        return holdings.refused
    if rule.denied_inputs >> holdings.input_method & 1 or (holdings.anonymous and not rule.flags & ANONYMOUS_PAYS):
        return REDEMPTION_NOT_ALLOWED
    return REDEMPTION_SUSPECTED if holdings.redemption_denied else UNSPECIFIED


cdef void find_maximum(Work* work, const PaymentRow* rule, int64_t money, PointsPayment* row) noexcept nogil:
    """The most points that may pay up to `money`, and what lowered them last: goods, balance, maximum, step, least."""
    cdef Rate rate = rate_of_payment(work, rule)
    cdef int64_t balance = work.holdings.balances[rule.asset] if work.holdings.balances != NULL else 0
    cdef int64_t odd
    row.limited_by = why_not_paying(rule, work.holdings)
    if row.limited_by != UNSPECIFIED:
        return
    row.limited_by = LIMITED_BY_SHARE
    # Compared as products, for the points of a large sum may not fit.
    if compare_products(balance, rate.minor, money, rate.per) > 0:
        row.max_points = mul_div_floor(money, rate.per, rate.minor)
    else:
        row.max_points = balance
        if compare_products(balance + 1, rate.minor, money, rate.per) <= 0:
            row.limited_by = POINTS_SHORT
    if 0 <= rule.max_points < row.max_points:
        row.max_points = rule.max_points
        row.limited_by = LIMITED_BY_MAXIMUM
    odd = mul_mod(row.max_points, 1, rule.step_points)
    if odd > 0:
        row.max_points -= odd
        row.limited_by = LIMITED_BY_STEP
    if 0 < row.max_points < rule.min_points:
        row.max_points = 0
        row.limited_by = POINTS_BELOW_MINIMUM
    row.max_amount_minor = mul_div_floor(row.max_points, rate.minor, rate.per)


cdef PointsPayment* open_payment(Work* work, int32_t asset, int32_t payment, int32_t wish) noexcept nogil:
    cdef PointsPayment* row = &work.payments[work.payments_count]
    work.payments_count += 1
    row.asset = asset
    row.payment = payment
    row.wish = wish
    row.points = row.amount_minor = row.max_points = row.max_amount_minor = 0
    row.limited_by = NO_PAYMENT_RULE
    return row


cdef void note_paid(Work* work, int32_t applied_begin, int32_t count) noexcept nogil:
    """What points paid, for the accrual: `bases` still hold what groups cost before."""
    cdef int32_t i
    for i in range(applied_begin, work.applied_count):
        work.line_paid[work.applied[i].line] += work.applied[i].amount_minor
    for i in range(count):
        work.paid[work.share_of[i]] = work.bases[work.share_of[i]] - work.groups[work.share_of[i]].running_minor


cdef void pay(Work* work, int32_t payment, int32_t wish) noexcept nogil:
    """One asset by its rule: the maximum, and what of it the customer wants."""
    cdef const PaymentRow* rule = &work.rules.payments[payment]
    cdef PointsPayment* row = open_payment(work, rule.asset, payment, wish)
    cdef RuleTrace* trace = NULL
    cdef Rate rate = rate_of_payment(work, rule)
    cdef int32_t count, applied_begin = work.applied_count, i
    cdef int64_t points, amount, weights = 0, room = 0
    find_maximum(work, rule, payable_minor(work, rule, &count), row)
    if wish < 0:
        return
    if work.explain:
        trace = open_trace(work, work.traces_count, PAYMENT_RULE - payment)
    points = row.max_points
    if 0 <= work.receipt.wishes[wish].points < points:
        points = work.receipt.wishes[wish].points
    points -= mul_mod(points, 1, rule.step_points)
    amount = mul_div_floor(points, rate.minor, rate.per)
    if amount == 0 or points < rule.min_points:
        return
    work.rule = PAYMENT_RULE - payment
    row.points = points
    for i in range(count):
        weights += work.shares[i].weight
        room += work.shares[i].cap
    row.amount_minor = spread_over_groups(work, amount, weights, room, count)
    work.paid_with_points = True
    note_paid(work, applied_begin, count)
    if trace != NULL:
        trace.verdict = APPLIED
        trace.amount_minor = row.amount_minor
        trace.points = points
        trace_lines(work, trace, applied_begin)


cdef bint is_in_force(Work* work, int32_t payment, int32_t wish) noexcept nogil:
    """Does the rule's condition hold; for a customer who wants to pay, the trace tells why not."""
    cdef const PaymentRow* rule = &work.rules.payments[payment]
    cdef Failure failure
    if rule.condition < 0 or holds(work, rule.condition, &failure):
        return True
    if work.explain and wish >= 0:
        trace_failure(work, &failure, open_trace(work, work.traces_count, PAYMENT_RULE - payment))
    return False


cdef void begin_stage(Work* work) noexcept nogil:
    """Floors are those of the goods; `bases` keep what groups cost before."""
    cdef int32_t i
    work.stage = STAGE_POINTS
    work.floors.least_minor = 1
    work.floors.price_minor = work.floors.rate_ppm = -1
    work.floors.cost = work.floors.given = False
    for i in range(work.groups_count):
        work.bases[i] = work.groups[i].running_minor
        work.paid[i] = 0
    for i in range(work.receipt.lines_count):
        work.line_paid[i] = 0


cdef void pay_with_points(Work* work) noexcept nogil:
    """Assets in the order of their rules, each by the first that is in force; then wishes no rule answers."""
    cdef uint64_t decided = 0, wished = 0
    cdef int32_t i, wish, asset
    if not work.has_customer or (work.rules.payments_count == 0 and work.receipt.wishes_count == 0):
        return
    begin_stage(work)
    for i in range(work.rules.payments_count):
        asset = work.rules.payments[i].asset
        if decided >> asset & 1:
            continue
        wish = wish_for(work, asset)
        if is_in_force(work, i, wish):
            decided |= <uint64_t>1 << asset
            if wish >= 0:
                wished |= <uint64_t>1 << wish
            pay(work, i, wish)
    for i in range(work.receipt.wishes_count):
        if not wished >> i & 1:
            open_payment(work, -1, -1, i)
