"""Group modes with one winner: BEST, FIRST, MIN (semantics §6.2, §6.11.9).

Decides who wins: each candidate is tried alone from group entry with everything an application has, then undone.
Invariants: state after a trial is the state before it; ties go to the lower (priority, id). Must never let a trial
leave a trace in the outcome.
"""
from libc.stdint cimport int64_t
from altyn.core.calculator.apply cimport apply_matched, apply_promotion
from altyn.core.calculator.notes cimport settle_marks
from altyn.core.calculator.trial cimport Outer, begin_trial, end_trial
from altyn.core.calculator.work cimport CalcGroup, Trial, trace_row
from altyn.core.limits cimport REWARDS_MAX
from altyn.core.outcome cimport APPLIED, BEATEN, RuleTrace, ZERO
from altyn.core.rules.image cimport HAS_LIMITS, LINE_RULES, NAMES_COUPON, PromotionRow

cdef enum:
    MODE_FIRST = 3
    MODE_MIN = 4


cdef void claim_groups(Work* work, int32_t promotion) noexcept nogil:
    """The largest discount of each calc group so far; earlier promotions keep a tie."""
    cdef CalcGroup* group
    cdef int64_t given
    cdef int32_t i
    for i in range(work.undo_groups_count):
        group = &work.groups[work.undo_groups[i].number]
        given = work.undo_groups[i].running_minor - group.running_minor
        if given > group.winning:
            group.winning = given
            group.winner = promotion


cdef void try_promotion(Work* work, Trial* trial, int32_t promotion, bint claims) noexcept nogil:
    cdef Outer outer
    trial.promotion = promotion
    trial.traces_begin = work.traces_count
    begin_trial(work, &outer)
    work.claiming = claims
    trial.total_minor = apply_promotion(work, promotion, work.traces_count, &trial.matched)
    work.claiming = False
    if claims:
        claim_groups(work, promotion)
    end_trial(work, &outer)


cdef inline bint is_line_promotion(const Work* work, int32_t promotion) noexcept nogil:
    return work.rules.promotions[promotion].flags & LINE_RULES


cdef void compose(Work* work, int32_t count, int64_t* total, int32_t* rank) noexcept nogil:
    """All line winners together: their total, and their best-ranked promotion (-1 when nobody won a line)."""
    cdef bint limited = False
    cdef const CalcGroup* group
    cdef int32_t i
    total[0] = 0
    rank[0] = -1
    for i in range(work.groups_count):
        group = &work.groups[i]
        if group.winning > 0:
            total[0] += group.winning
            limited = limited or has_limits(work, group.winner)
            if rank[0] < 0 or group.winner < rank[0]:
                rank[0] = group.winner
    if limited:
        total[0] = total_within_limits(work, count)


cdef inline bint has_limits(const Work* work, int32_t promotion) noexcept nogil:
    return work.rules.promotions[promotion].flags & HAS_LIMITS


cdef int64_t total_within_limits(Work* work, int32_t count) noexcept nogil:
    """What the line winners of the group's `count` members give when limits have cut what each of them won."""
    cdef int64_t total = 0
    cdef Outer outer
    cdef int32_t i
    begin_trial(work, &outer)
    for i in range(count):
        if won_a_group(work, work.trials[i].promotion):
            total += apply_won_groups(work, &work.trials[i])
    end_trial(work, &outer)
    return total


cdef void mark_beaten(Work* work, const Trial* trial, int64_t margin, int32_t winner) noexcept nogil:
    """Traces of a loser: rules that gave something in the trial were beaten."""
    cdef RuleTrace* trace
    cdef const PromotionRow* row = &work.rules.promotions[trial.promotion]
    cdef int32_t i
    for i in range(row.rules_end - row.rules_begin):
        trace = trace_row(work, trial.traces_begin + i)
        if trace.verdict == APPLIED or trace.verdict == BEATEN:
            trace.verdict = BEATEN
            trace.by_rule = work.rules.promotions[winner].rules_begin
            trace.margin_minor = margin
            trace.amount_minor = trace.applications = 0


cdef int32_t rival_of(const Work* work, int32_t promotion) noexcept nogil:
    """The best-ranked other promotion that won a calc group; there is one."""
    cdef int32_t rival = -1, winner, i
    for i in range(work.groups_count):
        winner = work.groups[i].winner
        if work.groups[i].winning > 0 and winner != promotion and (rival < 0 or winner < rival):
            rival = winner
    return rival


cdef int64_t apply_won_groups(Work* work, Trial* trial) noexcept nogil:
    """Apply a line winner where it won; what it gave. A rule that gave something only where others won was beaten, and one
    that gave nothing in the trial keeps what it was told there."""
    cdef const PromotionRow* row = &work.rules.promotions[trial.promotion]
    cdef RuleTrace[REWARDS_MAX] tried
    cdef RuleTrace* trace
    cdef int64_t given
    cdef int32_t i
    if work.explain:
        for i in range(row.rules_end - row.rules_begin):
            tried[i] = trace_row(work, trial.traces_begin + i)[0]
    work.only_winner = trial.promotion
    given = apply_matched(work, trial.promotion, trial.traces_begin, &trial.matched)
    work.only_winner = -1
    if not work.explain:
        return given
    for i in range(row.rules_end - row.rules_begin):
        trace = trace_row(work, trial.traces_begin + i)
        if trace.verdict != ZERO:
            continue
        trace[0] = tried[i]
        if tried[i].verdict == APPLIED:
            trace.verdict = BEATEN
            trace.by_rule = work.rules.promotions[rival_of(work, trial.promotion)].rules_begin
            trace.amount_minor = 0
    return given


cdef bint won_a_group(const Work* work, int32_t promotion) noexcept nogil:
    cdef int32_t i
    for i in range(work.groups_count):
        if work.groups[i].winning > 0 and work.groups[i].winner == promotion:
            return True
    return False


cdef void run_best(Work* work, int32_t begin, int32_t end, bint by_line) noexcept nogil:
    """Try candidates[begin:end], one group; apply the winner, or all line winners together."""
    cdef int64_t winning = 0, composed = 0
    cdef int32_t winner = -1, composed_rank = -1, i
    cdef bint claims
    cdef Trial* trial
    if by_line:
        for i in range(work.groups_count):
            work.groups[i].winner = -1
            work.groups[i].winning = 0
        work.gifts_count = 0
    for i in range(end - begin):
        trial = &work.trials[i]
        claims = by_line and is_line_promotion(work, work.candidates[begin + i])
        try_promotion(work, trial, work.candidates[begin + i], claims)
        if not claims and trial.total_minor > winning:
            winning = trial.total_minor
            winner = trial.promotion
    if by_line:
        compose(work, end - begin, &composed, &composed_rank)
    if composed_rank >= 0 and (composed > winning or (composed == winning and (winner < 0 or composed_rank < winner))):
        winning, winner = composed, composed_rank
    else:
        composed_rank = -1
    if winner < 0:
        return
    apply_winners(work, end - begin, winning, winner, composed_rank >= 0)
    if work.noted:
        settle_marks(work)


cdef void apply_winners(Work* work, int32_t count, int64_t winning, int32_t winner, bint composite) noexcept nogil:
    cdef Trial* trial
    cdef int32_t i
    for i in range(count):
        trial = &work.trials[i]
        if composite and is_line_promotion(work, trial.promotion) and won_a_group(work, trial.promotion):
            apply_won_groups(work, trial)
        elif not composite and trial.promotion == winner:
            apply_matched(work, trial.promotion, trial.traces_begin, &trial.matched)
        elif work.explain:
            mark_beaten(work, trial, winning - trial.total_minor, winner)


cdef inline bint names_coupon(const Work* work, int32_t promotion) noexcept nogil:
    return work.rules.promotions[promotion].flags & NAMES_COUPON


cdef void run_one(Work* work, int32_t begin, int32_t end, int32_t mode) noexcept nogil:
    """FIRST: the first of candidates[begin:end], one group, that gives something; MIN: the one that gives the least.

    The others are tried after a first one only to explain them, or what becomes of the codes they name.
    """
    cdef int32_t winner = -1, i
    cdef Trial* trial
    for i in range(end - begin):
        if winner >= 0 and mode == MODE_FIRST and not work.explain and not names_coupon(work, work.candidates[begin + i]):
            continue
        work.nudging = winner < 0 or mode != MODE_FIRST
        trial = &work.trials[i]
        try_promotion(work, trial, work.candidates[begin + i], False)
        if trial.total_minor > 0 and (winner < 0 or (mode == MODE_MIN and trial.total_minor < work.trials[winner].total_minor)):
            winner = i
    work.nudging = True
    if winner < 0:
        return
    apply_matched(
        work, work.trials[winner].promotion, work.trials[winner].traces_begin, &work.trials[winner].matched
    )
    if work.noted:
        settle_marks(work)
    if not work.explain:
        return
    for i in range(end - begin):
        trial = &work.trials[i]
        if i != winner:
            mark_beaten(
                work, trial, trial.total_minor - work.trials[winner].total_minor if mode == MODE_MIN else 0,
                work.trials[winner].promotion,
            )
