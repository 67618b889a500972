# cython: cdivision=True
"""Accrual of points (semantics §6.6, §6.11.25).

Decides how many points each rule gives and to which lines. Invariants: a rule's points are floored to the asset's
step on the receipt, and the lines add up to them; running prices do not change. Must never mix assets: promotions
compete per asset.

"""
from libc.stdint cimport int8_t, int64_t, uint32_t
from libc.string cimport memset
from altyn.core.calculator.apply cimport meets_conditions, note_codes, use_coupon, use_factors
from altyn.core.calculator.limited cimport Left, granted, limits_left, spend
from altyn.core.calculator.multipliers cimport factors_of, is_multiplied, multiplied, trace_factors
from altyn.core.calculator.targets cimport in_set
from altyn.core.calculator.tiers cimport value_of
from altyn.core.calculator.traces cimport open_trace
from altyn.core.calculator.work cimport Accrued, CalcGroup, Run, Trial, trace_row
from altyn.core.limits cimport ACCRUALS_MAX, APPLIED_MAX, MULTIPLIERS_MAX, points_max
from altyn.core.money cimport (
    PPM, Share, compare_products, mul_div_most, power_of_ten, share_by, share_by_rate, share_out, wide,
)
from altyn.core.outcome cimport APPLIED, Accrual, BEATEN, LIMIT, RuleTrace, ZERO
from altyn.core.rules.image cimport (
    AssetRow, EXCLUDE_POINTS_PAID, NAMES_COUPON, NUDGES, POINTS_PERCENT, PromotionRow, READJUDICATES, RuleRow, SKIP_IF_PAID_WITH_POINTS, SetRow,
)

cdef enum:
    # Beside a promotion's number: whose groups a rule may accrue on.
    ANY = -1
    FREE = -2

cdef struct Targets:
    # What of `shares` a rule accrues on, and the sum of its bases.
    int64_t base
    int32_t count


cdef inline bint counts_paid(const Work* work, const RuleRow* rule) noexcept nogil:
    """The rule accrues also on what points paid."""
    return work.paid_with_points and not rule.flags & EXCLUDE_POINTS_PAID


cdef inline int64_t price_left(const CalcGroup* group) noexcept nogil:
    """What a calc group accrues on beside what points paid: its running price after stage 10, 0 for no_accrual."""
    return group.running_minor if group.accrues else 0


cdef inline int64_t base_of(const Work* work, int32_t group, bint with_paid) noexcept nogil:
    cdef int64_t base = price_left(&work.groups[group])
    return base + work.paid[group] if with_paid and work.groups[group].accrues else base


cdef inline int64_t floor_to_step(int64_t points, const AssetRow* asset) noexcept nogil:
    return points // asset.step_points * asset.step_points if asset.step_points > 1 else points


cdef Targets collect_targets(Work* work, const RuleRow* rule, int32_t winner) noexcept nogil:
    """The groups a rule accrues on, as members of a distribution: only those of `winner`, ANY or only the FREE."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef const CalcGroup* group
    cdef Share* share = work.shares
    cdef Targets found
    cdef bint with_paid = counts_paid(work, rule)
    cdef int64_t base
    cdef int32_t i
    found.base = 0
    found.count = 0
    if rule.asset < 0 or (work.paid_with_points and rule.flags & SKIP_IF_PAID_WITH_POINTS):
        return found
    for i in range(work.groups_count):
        group = &work.groups[i]
        base = base_of(work, i, with_paid)
        if base <= 0 or (winner >= 0 and (group.winning == 0 or group.winner != winner)):
            continue
        if winner == FREE and group.winner >= 0:
            continue
        if in_set(work.rules, products, group):
            share.weight = base
            share.count = 1
            share += 1
            work.share_of[found.count] = i
            found.count += 1
            found.base += base
    return found


cdef int64_t points_multiplied(Work* work, const RuleRow* rule, int32_t count, int64_t value) noexcept nogil:
    """Before the step. Each target has its own rate, noted as its cap; the sum over all is exact."""
    cdef wide per = PPM * power_of_ten(work.receipt.exponent), points = 0
    cdef int64_t scale = power_of_ten(work.rules.assets[rule.asset].scale)
    cdef int32_t i
    if rule.kind != POINTS_PERCENT:
        return multiplied(work, rule, value, NULL)
    for i in range(count):
        work.shares[i].cap = multiplied(work, rule, value, &work.groups[work.share_of[i]])
        points += <wide>work.shares[i].weight * <wide>(work.shares[i].cap * scale)
    points = points // per
    return <int64_t>points if points < <wide>points_max() else points_max()


cdef int64_t points_of(Work* work, const RuleRow* rule, Targets targets) noexcept nogil:
    """What the rule gives on the collected targets, at most points_max, floored to the step."""
    cdef const AssetRow* asset
    cdef int64_t points
    if is_multiplied(rule):
        # First, for codes are told that their conditions were met though there is nothing to accrue on.
        work.factors = factors_of(work, rule)
    if targets.base == 0:
        return 0
    asset = &work.rules.assets[rule.asset]
    points = value_of(work, rule)
    if is_multiplied(rule):
        points = points_multiplied(work, rule, targets.count, points)
    elif rule.kind == POINTS_PERCENT:
        points = mul_div_most(
            targets.base, points * power_of_ten(asset.scale), PPM * power_of_ten(work.receipt.exponent), points_max()
        )
    return floor_to_step(points if points < points_max() else points_max(), asset)


cdef int64_t points_left(Work* work, const RuleRow* rule, int64_t wanted, Left* left) noexcept nogil:
    """What limits leave of a rule's points, in steps."""
    cdef int32_t verdict = LIMIT
    cdef int64_t points = 0 if left.closed else granted(left, wanted, &verdict)
    if points < wanted:
        points = floor_to_step(points, &work.rules.assets[rule.asset])
    spend(left, points)
    left.verdict = verdict if points == 0 and wanted > 0 else -1
    return points


cdef inline void write_accrued(Work* work, int32_t asset, int32_t line, int64_t points) noexcept nogil:
    cdef Accrued* row
    if work.accrued_count == APPLIED_MAX:
        work.overflowed = True
        return
    row = &work.accrued[work.accrued_count]
    row.points = points
    row.asset = asset
    row.line = line
    work.accrued_count += 1


cdef void share_over_lines(Work* work, const RuleRow* rule, const CalcGroup* group, int64_t points) noexcept nogil:
    """Points of a group over its lines by their bases; the runs of a line are neighbours."""
    cdef int32_t asset = rule.asset
    cdef int32_t number = group.first_run, count = 0, i
    cdef const Run* run
    if work.runs[number].line == work.runs[group.last_run].line:
        write_accrued(work, asset, work.runs[number].line, points)
        return
    while number >= 0:
        run = &work.runs[number]
        if count > 0 and work.unit_share_of[count - 1] == run.line:
            work.unit_shares[count - 1].weight += run.running_minor * run.count
        else:
            work.unit_shares[count].weight = run.running_minor * run.count
            if counts_paid(work, rule):
                work.unit_shares[count].weight += work.line_paid[run.line]
            work.unit_shares[count].count = 1
            work.unit_share_of[count] = run.line
            count += 1
        number = run.next
    share_out(points, work.unit_shares, count, False, work.share_order)
    for i in range(count):
        points = work.unit_shares[i].amount + work.unit_shares[i].extra
        if points > 0:
            write_accrued(work, asset, work.unit_share_of[i], points)


cdef void give_points(Work* work, int32_t number, Targets targets, int64_t wanted, Left* left,
                      RuleTrace* trace) noexcept nogil:
    """Book the points of one rule on the collected targets, as many of `wanted` as its limits leave."""
    cdef const RuleRow* rule = &work.rules.rules[number]
    cdef Accrual* lot
    cdef const Share* share = work.shares
    cdef const CalcGroup* group
    cdef bint one_line_each = work.groups_count == work.receipt.lines_count
    cdef int64_t points = points_left(work, rule, wanted, left)
    cdef int32_t[MULTIPLIERS_MAX] codes
    cdef int32_t i
    if trace != NULL:
        trace.verdict = APPLIED if points > 0 else (left.verdict if left.verdict >= 0 else ZERO)
        trace.points = points
    if points == 0:
        return
    if work.accruals_count == ACCRUALS_MAX:
        work.overflowed = True
        return
    lot = &work.accruals[work.accruals_count]
    lot.rule = number
    lot.asset = rule.asset
    lot.points = points
    work.accruals_count += 1
    use_coupon(work, number)
    if is_multiplied(rule):
        note_codes(work, rule, work.factors, codes)
        use_factors(work, rule, number, work.factors, codes)
    if work.again and not work.rules.promotions[rule.promotion].flags & READJUDICATES:
        return
    if is_multiplied(rule) and rule.kind == POINTS_PERCENT:
        share_by_rate(points, work.shares, targets.count, work.share_order)
    else:
        share_by(points, targets.base, work.shares, targets.count, False, work.share_order)
    for i in range(targets.count):
        points = share[i].amount + share[i].extra
        group = &work.groups[work.share_of[i]]
        if points > 0 and one_line_each:
            write_accrued(work, rule.asset, group.line, points)
        elif points > 0:
            share_over_lines(work, rule, group, points)


cdef void accrue_sum(Work* work, int32_t begin, int32_t end, bint alone) noexcept nogil:
    """Mode SUM: every rule of candidates[begin:end] gives its points. `alone`: one that has nobody to compete with, whose
    nudges do not hear of what it gives itself, as they would not among competitors."""
    cdef const PromotionRow* row
    cdef RuleTrace* trace = NULL
    cdef Targets targets
    cdef int32_t i, number
    cdef Left left, before
    for i in range(begin, end):
        row = &work.rules.promotions[work.candidates[i]]
        limits_left(work, row, &left)
        if alone and row.flags & NUDGES:
            before = left
        for number in range(row.rules_begin, row.rules_end):
            if work.explain:
                trace = open_trace(work, work.traces_count, number)
                trace_factors(work, &work.rules.rules[number])
            if meets_conditions(work, row, number, trace, &before if alone else &left) and work.rules.rules[number].asset >= 0:
                targets = collect_targets(work, &work.rules.rules[number], ANY)
                give_points(work, number, targets, points_of(work, &work.rules.rules[number], targets), &left, trace)


cdef bint has_asset(const Work* work, const PromotionRow* row, int32_t asset, bint* by_line) noexcept nogil:
    """Does the promotion reward in this asset; `by_line` says whether by percent only."""
    cdef bint found = False
    cdef int32_t number
    by_line[0] = True
    for number in range(row.rules_begin, row.rules_end):
        if work.rules.rules[number].asset == asset:
            found = True
            by_line[0] = by_line[0] and work.rules.rules[number].kind == POINTS_PERCENT
    return found


cdef int64_t promotion_points(Work* work, const PromotionRow* row, int32_t asset, int32_t winner,
                              bint within_limits) noexcept nogil:
    """Points of all rewards of a promotion in one asset, each floored."""
    cdef const RuleRow* rule
    cdef int64_t total = 0, points
    cdef int32_t number
    cdef Left left
    limits_left(work, row, &left)
    for number in range(row.rules_begin, row.rules_end):
        rule = &work.rules.rules[number]
        if rule.asset == asset:
            points = points_of(work, rule, collect_targets(work, rule, winner))
            total += points_left(work, rule, points, &left) if within_limits else points
    return total


cdef inline bint is_greater(int64_t base, int64_t rate, int64_t best_rate, int64_t paid, int64_t paid_rate,
                            int64_t best_paid_rate) noexcept nogil:
    """base × rate + paid × paid_rate > base × best_rate + paid × best_paid_rate, exactly."""
    if paid == 0 or paid_rate == best_paid_rate:
        return compare_products(base, rate, base, best_rate) > 0
    if rate >= best_rate:
        if paid_rate > best_paid_rate:
            return True
        return compare_products(base, rate - best_rate, paid, best_paid_rate - paid_rate) > 0
    return paid_rate > best_paid_rate and compare_products(
        paid, paid_rate - best_paid_rate, base, best_rate - rate) > 0


cdef void claim_lines(Work* work, int32_t promotion, int32_t asset) noexcept nogil:
    """Give each calc group to the promotion with the greatest exact base × rate; earlier ones keep a tie."""
    cdef const PromotionRow* row = &work.rules.promotions[promotion]
    cdef const RuleRow* rule
    cdef CalcGroup* group
    cdef int64_t rate, paid_rate, here
    cdef int32_t i, number
    for i in range(work.groups_count):
        group = &work.groups[i]
        if price_left(group) <= 0:
            continue
        rate = paid_rate = 0
        for number in range(row.rules_begin, row.rules_end):
            rule = &work.rules.rules[number]
            if rule.asset != asset or (work.paid_with_points and rule.flags & SKIP_IF_PAID_WITH_POINTS):
                continue
            if in_set(work.rules, &work.rules.sets[rule.targets], group):
                here = value_of(work, rule)
                if is_multiplied(rule):
                    work.factors = factors_of(work, rule)
                    here = multiplied(work, rule, here, group)
                rate += here
                if counts_paid(work, rule):
                    paid_rate += here
        if is_greater(price_left(group), rate, group.winning, work.paid[i] if work.paid_with_points else 0, paid_rate,
                      group.winning_paid):
            group.winning = rate
            group.winning_paid = paid_rate
            group.winner = promotion


cdef int64_t compose(Work* work, int32_t asset, int32_t count, int32_t* rank) noexcept nogil:
    """Points of all line winners together, each rule floored, within their limits; the best-ranked of them in `rank`."""
    cdef const PromotionRow* row
    cdef int64_t total = 0
    cdef bint by_line
    cdef int32_t i
    rank[0] = -1
    for i in range(count):
        row = &work.rules.promotions[work.trials[i].promotion]
        if not work.trials[i].matched.rewards or not has_asset(work, row, asset, &by_line) or not by_line:
            continue
        if rank[0] < 0 and promotion_points(work, row, asset, work.trials[i].promotion, False) > 0:
            rank[0] = work.trials[i].promotion
        total += promotion_points(work, row, asset, work.trials[i].promotion, True)
    return total


cdef int32_t rival_of(const Work* work, int32_t promotion) noexcept nogil:
    """The best-ranked other promotion that won a calc group; -1: none."""
    cdef int32_t rival = -1, winner, i
    for i in range(work.groups_count):
        winner = work.groups[i].winner
        if winner >= 0 and winner != promotion and (rival < 0 or winner < rival):
            rival = winner
    return rival


cdef void reward_asset(Work* work, const Trial* trial, int32_t asset, int32_t winner, bint by_line,
                       int64_t winning) noexcept nogil:
    """Book one promotion's rewards in the asset if it is the winner; what it lost it is told.

    Without one winner (-1) the promotions of percents have won by line, each on its groups.
    """
    cdef const PromotionRow* row = &work.rules.promotions[trial.promotion]
    cdef const RuleRow* rule
    cdef RuleTrace* trace = NULL
    cdef int64_t points
    cdef bint percents
    cdef Targets targets
    cdef int32_t number, whose
    cdef Left left
    has_asset(work, row, asset, &percents)
    whose = trial.promotion if by_line and percents else ANY
    limits_left(work, row, &left)
    for number in range(row.rules_begin, row.rules_end):
        rule = &work.rules.rules[number]
        if rule.asset != asset:
            continue
        if work.explain:
            trace = trace_row(work, trial.traces_begin + number - row.rules_begin)
        targets = collect_targets(work, rule, whose)
        points = points_of(work, rule, targets)
        work.unlocking_coupon = trial.matched.coupons[rule.reward_no]
        if points > 0 and (trial.promotion == winner or (winner < 0 and whose != ANY)):
            give_points(work, number, targets, points, &left, trace)
        elif trace != NULL:
            explain_lost(work, rule, points, &left, trace)
            if trace.verdict == BEATEN:
                trace.by_rule = rule_of(work, winner if winner >= 0 else rival_of(work, trial.promotion))
                trace.margin_minor = winning - trial.total_minor if winning > trial.total_minor else 0


cdef inline int32_t rule_of(const Work* work, int32_t promotion) noexcept nogil:
    return work.rules.promotions[promotion].rules_begin if promotion >= 0 else -1


cdef void explain_lost(Work* work, const RuleRow* rule, int64_t points, Left* left, RuleTrace* trace) noexcept nogil:
    """A rule books nothing: it was there with `points`, which limits may have taken; BEATEN if it would give anywhere."""
    points_left(work, rule, points, left)
    if left.verdict >= 0:
        trace.verdict = left.verdict
    elif points_of(work, rule, collect_targets(work, rule, ANY)) > 0:
        trace.verdict = BEATEN


cdef void accrue_max_of(Work* work, int32_t count, int32_t asset, bint by_line) noexcept nogil:
    """One winner for one asset, or all line winners together."""
    cdef int64_t winning = 0, composed = 0
    cdef int32_t winner = -1, rank = -1, i
    cdef bint claims
    cdef Trial* trial
    for i in range(work.groups_count):
        work.groups[i].winner = -1
        work.groups[i].winning = work.groups[i].winning_paid = 0
    for i in range(count):
        trial = &work.trials[i]
        if not trial.matched.rewards or not has_asset(work, &work.rules.promotions[trial.promotion], asset, &claims):
            continue
        trial.total_minor = promotion_points(work, &work.rules.promotions[trial.promotion], asset, ANY, True)
        if by_line and claims:
            claim_lines(work, trial.promotion, asset)
        elif trial.total_minor > winning:
            winning = trial.total_minor
            winner = trial.promotion
    if by_line:
        composed = compose(work, asset, count, &rank)
    if composed > winning or (composed == winning and rank >= 0 and rank < winner):
        winning, winner = composed, -1
    elif winner < 0 and not work.explain:
        return
    for i in range(count):
        if work.trials[i].matched.rewards:
            reward_asset(work, &work.trials[i], asset, winner, by_line, winning)


cdef void claim_free(Work* work, int32_t number) noexcept nogil:
    """Free groups on which the rule gave belong to its promotion: not those where its multiplied rate is nothing."""
    cdef const RuleRow* rule = &work.rules.rules[number]
    cdef bint by_rate = is_multiplied(rule) and rule.kind == POINTS_PERCENT
    cdef int64_t rate = value_of(work, rule)
    cdef int32_t i
    if by_rate:
        work.factors = factors_of(work, rule)
    for i in range(work.groups_count):
        if work.groups[i].winner >= 0 or base_of(work, i, counts_paid(work, rule)) <= 0:
            continue
        if not in_set(work.rules, &work.rules.sets[rule.targets], &work.groups[i]):
            continue
        if not by_rate or multiplied(work, rule, rate, &work.groups[i]) > 0:
            work.groups[i].winner = rule.promotion


cdef void give_on_free(Work* work, const Trial* trial, int32_t asset, int32_t whose) noexcept nogil:
    """Book all rewards of a promotion in one asset on the groups that are still free; then these are its own."""
    cdef const PromotionRow* row = &work.rules.promotions[trial.promotion]
    cdef const RuleRow* rule
    cdef RuleTrace* trace = NULL
    cdef uint32_t gave = 0
    cdef Targets targets
    cdef int32_t number, booked
    cdef Left left
    limits_left(work, row, &left)
    for number in range(row.rules_begin, row.rules_end):
        rule = &work.rules.rules[number]
        if rule.asset == asset:
            if work.explain:
                trace = trace_row(work, trial.traces_begin + number - row.rules_begin)
            booked = work.accruals_count
            targets = collect_targets(work, rule, whose)
            work.unlocking_coupon = trial.matched.coupons[rule.reward_no]
            give_points(work, number, targets, points_of(work, rule, targets), &left, trace)
            gave |= <uint32_t>(work.accruals_count > booked) << rule.reward_no
    for number in range(row.rules_begin, row.rules_end):
        if gave >> work.rules.rules[number].reward_no & 1:
            claim_free(work, number)


cdef void explain_free(Work* work, const Trial* trial, int32_t asset, int32_t whose, bint gave) noexcept nogil:
    """Traces of a promotion's rewards that earlier promotions, or its limits, left nothing."""
    cdef const PromotionRow* row = &work.rules.promotions[trial.promotion]
    cdef const RuleRow* rule
    cdef RuleTrace* trace
    cdef int64_t points
    cdef int32_t number
    cdef Left left
    limits_left(work, row, &left)
    for number in range(row.rules_begin, row.rules_end):
        rule = &work.rules.rules[number]
        trace = trace_row(work, trial.traces_begin + number - row.rules_begin)
        if rule.asset == asset and trace.verdict == ZERO:
            points = 0 if gave else points_of(work, rule, collect_targets(work, rule, whose))
            explain_lost(work, rule, points, &left, trace)
            if trace.verdict == BEATEN:
                trace.by_rule = rule_of(work, rival_of(work, trial.promotion))


cdef void accrue_first_of(Work* work, int32_t count, int32_t asset, bint by_line) noexcept nogil:
    """Each group, or the receipt, to the first promotion that gives something in the asset."""
    cdef const Trial* trial
    cdef bint unused, gives
    cdef int32_t winner = -1, i, whose = FREE if by_line else ANY
    for i in range(work.groups_count):
        work.groups[i].winner = -1
        work.groups[i].winning = 0
    for i in range(count):
        trial = &work.trials[i]
        if not trial.matched.rewards or not has_asset(work, &work.rules.promotions[trial.promotion], asset, &unused):
            continue
        gives = (winner < 0 or by_line) and promotion_points(
            work, &work.rules.promotions[trial.promotion], asset, whose, True) > 0
        if gives:
            winner = trial.promotion
            give_on_free(work, trial, asset, whose)
        if work.explain:
            explain_free(work, trial, asset, whose, gives)


cdef void explain_closed(Work* work, const PromotionRow* row, int32_t traces_begin) noexcept nogil:
    """There is nobody to count for, or no more receipts may have it: LIMIT where there was something to give."""
    cdef RuleTrace* trace
    cdef int32_t number
    for number in range(row.rules_begin, row.rules_end):
        trace = trace_row(work, traces_begin + number - row.rules_begin)
        if trace.verdict == ZERO:
            if points_of(work, &work.rules.rules[number], collect_targets(work, &work.rules.rules[number], ANY)) > 0:
                trace.verdict = LIMIT


cdef void accrue_competing(Work* work, int32_t begin, int32_t end, bint first, bint by_line) noexcept nogil:
    """Modes MAX and PRIORITY: candidates[begin:end] compete per asset, at scope LINE also per calc group."""
    cdef const PromotionRow* row
    cdef RuleTrace* trace = NULL
    cdef Trial* trial
    cdef bint met
    cdef int32_t i, number, asset
    cdef Left left
    for i in range(end - begin):
        trial = &work.trials[i]
        trial.promotion = work.candidates[begin + i]
        trial.traces_begin = work.traces_count
        trial.matched.rewards = 0
        memset(&trial.matched.coupons[0], -1, sizeof(trial.matched.coupons))
        row = &work.rules.promotions[trial.promotion]
        limits_left(work, row, &left)
        for number in range(row.rules_begin, row.rules_end):
            if work.explain:
                trace = open_trace(work, work.traces_count, number)
                trace_factors(work, &work.rules.rules[number])
            met = meets_conditions(work, row, number, trace, &left)
            if met:
                trial.matched.rewards = 1
                trial.matched.coupons[work.rules.rules[number].reward_no] = <int8_t>work.unlocking_coupon
                if row.flags & NAMES_COUPON:
                    # Who loses tells its codes, too, that nothing but the effect was missing.
                    factors_of(work, &work.rules.rules[number])
            if not (work.explain or row.flags & (NAMES_COUPON | NUDGES)):
                break
        if left.closed:
            trial.matched.rewards = 0
            if work.explain:
                explain_closed(work, row, trial.traces_begin)
    for asset in range(work.rules.assets_count):
        if first:
            accrue_first_of(work, end - begin, asset, by_line)
        else:
            accrue_max_of(work, end - begin, asset, by_line)
