"""Group mode OPTIMAL: set promotions that share goods, applied so that together they give the most (semantics §6.11.14).

Decides how often each member is applied. Every combination (k_1 … k_m) of at most K_i applications, K_i being what member
i forms alone at group entry, means: the members in their order, each at most k_i times. The greatest total wins, of equal
ones the greatest combination. The search gives what trying all of them would: combinations are tried from the greatest
down and inside one another, so that a prefix is applied once; those that differ by applications nobody could form are one;
those that cannot exceed the best so far, by the ceilings of the members to come, are left out; members that share no units
are searched apart, for their totals add up.

Invariants: a group is searched whole or not at all (COMBINATIONS_MAX of it; SEARCH_STEPS_MAX of the receipt, combinations ×
calc groups), and what is not searched is applied in its order, which the trace and the outcome say. No allocation; the
state after a trial is the state before it. Must never let a trial leave a trace in the outcome.
"""
from libc.stdint cimport INT32_MAX, int32_t, int64_t
from libc.string cimport memcpy
from altyn.core.calculator.apply cimport apply_promotion
from altyn.core.calculator.best cimport mark_beaten
from altyn.core.calculator.ceilings cimport write_ceilings
from altyn.core.calculator.notes cimport settle_marks
from altyn.core.calculator.trial cimport Outer, begin_trial, end_trial
from altyn.core.calculator.work cimport Contender, Matched, Note, Trial, trace_row
from altyn.core.limits cimport COMBINATIONS_MAX, CONTENDERS_MAX, UNITS_MAX
from altyn.core.rules.image cimport EXCLUSIVE_ALL, EXCLUSIVE_STAGE, LADDER, RuleRow, SKIP_DISCOUNTED

cdef enum:
    BASE_RUNNING = 4           # bit of SumBase.RUNNING

cdef struct Search:
    # Contenders that may compete for units, in their order.
    int32_t members[CONTENDERS_MAX]
    int32_t count
    int64_t rest[CONTENDERS_MAX + 1]  # ceilings of those from this one on
    int64_t best


# --- who competes


cdef const RuleRow* set_rule_of(const Work* work, int32_t promotion) noexcept nogil:
    """Its one reward that is no notice."""
    cdef int32_t number = work.rules.promotions[promotion].rules_begin
    while work.rules.rules[number].detail < 0 or work.rules.rules[number].kind > LADDER:
        number += 1
    return &work.rules.rules[number]


cdef void claim_units(Work* work, int32_t bit) noexcept nogil:
    """Note which units the rule just listed could use."""
    cdef int32_t i
    for i in range(work.eligible_count):
        work.runs[work.eligible[i].listed_run].claimed |= bit


cdef int32_t try_alone(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Try each of candidates[begin:end] alone; those that form applications are the contenders. How many; -1: more
    combinations than are searched."""
    cdef Contender* contender
    cdef Trial* trial
    cdef Outer outer
    cdef int32_t count = 0, ceilings = 0, i
    cdef int64_t combinations = 1
    for i in range(work.runs_count):
        work.runs[i].claimed = 0
    for i in range(end - begin):
        trial = &work.trials[i]
        trial.promotion = work.candidates[begin + i]
        trial.traces_begin = work.traces_count
        begin_trial(work, &outer)
        trial.total_minor = apply_promotion(work, trial.promotion, work.traces_count, &trial.matched)
        end_trial(work, &outer)
        if work.formed_count == 0 or combinations > COMBINATIONS_MAX:
            continue
        combinations *= work.formed_count + 1
        if combinations > COMBINATIONS_MAX:
            continue
        contender = &work.contenders[count]
        contender.place = i
        contender.promotion = trial.promotion
        contender.alone_minor = trial.total_minor
        contender.alone_count = work.formed_count
        contender.ceilings = ceilings
        contender.part = 1 << count
        contender.chosen = 0
        write_ceilings(work, set_rule_of(work, trial.promotion), work.formed_count, work.ceilings + ceilings)
        claim_units(work, contender.part)
        ceilings += work.formed_count + 1
        count += 1
    if combinations > COMBINATIONS_MAX or combinations * work.groups_count > work.search_left:
        return -1
    work.search_left -= combinations * work.groups_count
    return count


cdef void join_parts(Work* work, int32_t count) noexcept nogil:
    """Contenders that could use the same units compete, also by way of others."""
    cdef int32_t claimed, known = 0, joined, i, j
    for i in range(work.runs_count):
        claimed = work.runs[i].claimed
        if claimed & (claimed - 1) == 0 or claimed == known:
            continue
        known = joined = claimed
        for j in range(count):
            if claimed >> j & 1:
                joined |= work.contenders[j].part
        for j in range(count):
            if joined >> j & 1:
                work.contenders[j].part = joined


# --- combinations


cdef inline int64_t ceiling(const Work* work, const Contender* contender, int32_t count) noexcept nogil:
    return work.ceilings[contender.ceilings + count]


cdef int64_t apply_at_most(Work* work, const Contender* contender, int32_t traces_begin, int32_t count) noexcept nogil:
    """Apply the contender now; what it gave, in `formed_count` applications."""
    cdef Matched matched
    cdef int64_t given
    work.applications_max = count
    given = apply_promotion(work, contender.promotion, traces_begin, &matched)
    work.applications_max = INT32_MAX
    return given


cdef int64_t try_at_most(Work* work, Search* search, int32_t depth, int32_t count, int64_t total) noexcept nogil:
    """Try the contender at `depth` with at most `count` applications, and all that may follow; what it gave."""
    cdef const Contender* contender = &work.contenders[search.members[depth]]
    cdef Note* kept = work.kept_notes + <int64_t>depth * UNITS_MAX
    cdef int32_t stage_shut_by = work.stage_shut_by, all_shut_by = work.all_shut_by, runs = work.runs_count
    cdef int64_t given
    cdef Outer outer
    if work.settling:
        memcpy(kept, work.notes, <size_t>runs * sizeof(Note))
    begin_trial(work, &outer)
    given = apply_at_most(work, contender, work.traces_count, count)
    if work.settling and given > 0:
        settle_marks(work)
    work.contenders[search.members[depth]].count = work.formed_count if given > 0 else 0
    count = work.formed_count
    descend(work, search, depth + 1, total + given)
    end_trial(work, &outer)
    if work.settling:
        memcpy(work.notes, kept, <size_t>runs * sizeof(Note))
        work.stage_shut_by = stage_shut_by
        work.all_shut_by = all_shut_by
    work.formed_count = count
    return given


cdef void choose(Work* work, Search* search, int64_t total) noexcept nogil:
    """The combination being tried is the best so far."""
    cdef int32_t i
    search.best = total
    for i in range(search.count):
        work.contenders[search.members[i]].chosen = work.contenders[search.members[i]].count


cdef void descend(Work* work, Search* search, int32_t depth, int64_t total) noexcept nogil:
    """Try all combinations of the contenders from `depth` on, the greatest first; those before gave `total`."""
    cdef Contender* contender
    cdef int32_t count
    cdef bint nothing = False
    if depth == search.count:
        if total > search.best:
            choose(work, search, total)
        return
    contender = &work.contenders[search.members[depth]]
    count = contender.alone_count
    if search.count == 1:
        # It has been tried already.
        contender.count = count
        if contender.alone_minor > search.best:
            choose(work, search, contender.alone_minor)
        count -= 1
    while count > 0:
        if total + ceiling(work, contender, count) + search.rest[depth + 1] <= search.best:
            return
        nothing = try_at_most(work, search, depth, count, total) == 0
        # More applications than it formed are the same; with fewer it may give less, or more.
        count = (work.formed_count if work.formed_count < count else count) - 1
    if not nothing and total + search.rest[depth + 1] > search.best:
        contender.count = 0
        descend(work, search, depth + 1, total)


cdef void search_part(Work* work, int32_t part) noexcept nogil:
    """Find the best combination of the contenders of one part; `chosen` tells it."""
    cdef bint explain = work.explain
    cdef Search search
    cdef Contender* contender
    cdef int32_t i
    search.count = 0
    search.best = 0
    i = 0
    while part >> i != 0:
        if part >> i & 1:
            search.members[search.count] = i
            search.count += 1
        i += 1
    search.rest[search.count] = 0
    for i in range(search.count - 1, -1, -1):
        contender = &work.contenders[search.members[i]]
        search.rest[i] = search.rest[i + 1] + ceiling(work, contender, contender.alone_count)
    work.explain = False
    descend(work, &search, 0, 0)
    work.explain = explain


# --- applying


cdef void apply_all(Work* work, int32_t members) noexcept nogil:
    """In their order, for there are too many combinations."""
    cdef Trial* trial
    cdef int64_t given
    cdef int32_t i, j
    work.search_cut = True
    for i in range(members):
        trial = &work.trials[i]
        given = apply_promotion(work, trial.promotion, trial.traces_begin, &trial.matched)
        if given > 0 and work.noted:
            settle_marks(work)
        if work.explain:
            for j in range(work.rules.promotions[trial.promotion].rules_end - work.rules.promotions[trial.promotion].rules_begin):
                trace_row(work, trial.traces_begin + j).greedy = True


cdef void explain_beaten(Work* work, const Contender* loser, int32_t applied) noexcept nogil:
    """By the first of those it competes with among `applied`, a bit each, or of all when it competes with none of them; the
    margin is between it alone and all of these."""
    cdef int32_t rivals = loser.part & applied if loser.part & applied else applied, winner = -1, i = 0
    cdef int64_t together = 0
    while rivals >> i != 0:
        if rivals >> i & 1:
            winner = work.contenders[i].promotion if winner < 0 else winner
            together += work.trials[work.contenders[i].place].total_minor
        i += 1
    if winner >= 0:
        mark_beaten(work, &work.trials[loser.place], together - loser.alone_minor, winner)


cdef void apply_chosen(Work* work, int32_t count) noexcept nogil:
    cdef const Contender* contender
    cdef Trial* trial
    cdef int32_t applied = 0, i
    for i in range(count):
        contender = &work.contenders[i]
        trial = &work.trials[contender.place]
        if contender.chosen == 0:
            continue
        applied |= 1 << i
        trial.total_minor = apply_at_most(work, contender, trial.traces_begin, contender.chosen)
        if work.noted:
            settle_marks(work)
    if not work.explain:
        return
    for i in range(count):
        if work.contenders[i].chosen == 0:
            explain_beaten(work, &work.contenders[i], applied)


cdef void run_optimal(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Apply candidates[begin:end], one group, as often as gives the most together."""
    cdef int32_t count = try_alone(work, begin, end), done = 0, i
    if count < 0:
        apply_all(work, end - begin)
        return
    work.settling = work.noted and work.features & (EXCLUSIVE_STAGE | EXCLUSIVE_ALL | SKIP_DISCOUNTED) != 0
    join_parts(work, count)
    if work.settling or work.rules.summary.bases & BASE_RUNNING:
        # One can see what others did, on whatever units: no totals add up.
        done = (1 << count) - 1
        search_part(work, done)
    for i in range(count):
        if not done >> i & 1:
            search_part(work, work.contenders[i].part)
            done |= work.contenders[i].part
    work.settling = False
    apply_chosen(work, count)
