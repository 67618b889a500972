"""The order of a calculation: normalise, find candidates, stages 1-6, external discounts, caps, points, rounding, accrual,
outcome (semantics §6.2).

Decides only what comes after what. Invariants: no Python object, no allocation, no clock; a bounded number of steps
for a bounded receipt and ruleset; the same input gives the same bytes. Must never read a fact that its arguments do
not hold.
"""
from libc.stdint cimport INT32_MAX, INT64_MAX, int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free
from altyn.core.calculator.accrual cimport accrue_competing, accrue_sum
from altyn.core.calculator.answer cimport write_outcome, write_rest
from altyn.core.calculator.best cimport run_best, run_one
from altyn.core.calculator.caps cimport cut_to_caps, exceeds_caps
from altyn.core.calculator.cascade cimport run_add, run_cascade
from altyn.core.calculator.counters cimport settle_counters
from altyn.core.calculator.eligibility cimport find_candidates
from altyn.core.calculator.external cimport give_external
from altyn.core.calculator.fiscal_plan cimport plan_receipt
from altyn.core.calculator.normalise cimport normalise
from altyn.core.calculator.notes cimport keep_notes, reopen_stage
from altyn.core.calculator.optimal cimport run_optimal
from altyn.core.calculator.rates cimport begin_rates, end_rates
from altyn.core.calculator.redemption cimport pay_with_points
from altyn.core.calculator.rest cimport charge
from altyn.core.calculator.rounding cimport round_small_change, round_to_printable
from altyn.core.calculator.speech cimport speak
from altyn.core.calculator.work cimport (
    Accrued, Acting, Applied, COLUMNS, CalcGroup, Contender, Counted, CouponGiven, Eligible, Gift, Note, KNOWN_SETS, KnownSet, Participant,
    Pick, Ranked, Run, SYMBOLS_BLOCK, SavedGroup, SavedRun, TAGS_MAX, Trial,
)
from altyn.core.limits cimport (
    ACCRUALS_MAX, ACTING_MAX, APPLIED_MAX, COMBINATIONS_MAX, CONTENDERS_MAX, COUNTED_MAX, COUNTER_CHANGES_MAX, COUPONS_GIVEN_MAX, COUPONS_MAX, EXPLAIN_ALL_MAX,
    FISCAL_ROWS_MAX, ISSUED_MAX, LINES_MAX, LINE_TRACES_MAX, NUDGES_MAX, POINTS_PAYMENTS_MAX, PROMISED_MAX, PROMOTIONS_MAX, SAID_MAX,
    RATES_TRACED_MAX, SEARCH_STEPS_MAX, SEGMENTS_MAX, TRACES_MAX, TRIALS_DEPTH_MAX, UNITS_MAX,
)
from altyn.core.money cimport Share
from altyn.core.outcome cimport (
    Accrual, CounterUse, CouponOutcome, FiscalRow, LineResult, LineRole, LineTrace,
    PointsPayment, RuleTrace, Said,
)
from altyn.core.rules.image cimport (
    EXCLUSIVE_ALL, EXCLUSIVE_STAGE, GroupRow, HAS_LIMITS, SKIP_DISCOUNTED, SPEAKS,
)

cdef enum:
    STAGE_ACCRUAL = 11
    STAGE_MESSAGE = 12
    MODE_CASCADE = 0
    MODE_BEST = 1
    MODE_ADD = 2
    MODE_FIRST = 3
    MODE_OPTIMAL = 5
    # What of a promotion asks for notes of units.
    NOTING = EXCLUSIVE_STAGE | EXCLUSIVE_ALL | SKIP_DISCOUNTED | HAS_LIMITS
    SCOPE_LINE = 1
    BASE_STAGE_ENTRY = 2       # bit of SumBase.STAGE_ENTRY
    BLOCKS_MAX = 64
    # Large blocks begin at the same place of a page, so the heads of all of them, which small receipts use, would
    # crowd the same few sets of the nearest cache: each block begins this much later than the one before.
    STAGGER_BYTES = 576
    PAGE_BYTES = 4_096
    CACHE_LINE_BYTES = 64


cdef void enter_stage(Work* work, int32_t stage) noexcept nogil:
    """Remember what STAGE_ENTRY conditions will ask for."""
    cdef int32_t i
    work.stage = stage
    reopen_stage(work)
    if work.rules.summary.bases & BASE_STAGE_ENTRY:
        for i in range(work.groups_count):
            work.groups[i].entry_minor = work.groups[i].running_minor


cdef inline bint is_cut_by_line(const Work* work, const GroupRow* group, int32_t candidate) noexcept nogil:
    """Limits cut what a line promotion won in its trial, also when nobody competes with it on this receipt."""
    return group.scope == SCOPE_LINE and work.rules.promotions[work.candidates[candidate]].flags & HAS_LIMITS != 0


cdef void run_group(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """candidates[begin:end] are the members of one group; alone, a member needs no competition."""
    cdef const GroupRow* group = &work.rules.groups[work.rules.promotions[work.candidates[begin]].group]
    if group.stage == STAGE_ACCRUAL:
        if group.mode != MODE_BEST and group.mode != MODE_FIRST:
            accrue_sum(work, begin, end, False)
        elif end - begin == 1:
            accrue_sum(work, begin, end, True)
        else:
            accrue_competing(work, begin, end, group.mode == MODE_FIRST, group.scope == SCOPE_LINE)
    elif group.mode == MODE_ADD:
        run_add(work, begin, end)
    elif group.mode == MODE_OPTIMAL:
        run_optimal(work, begin, end)
    elif group.mode == MODE_CASCADE or (end - begin == 1 and not is_cut_by_line(work, group, begin)):
        run_cascade(work, begin, end)
    elif group.mode == MODE_BEST:
        run_best(work, begin, end, group.scope == SCOPE_LINE)
    else:
        run_one(work, begin, end, group.mode)


cdef int32_t run_stages(Work* work, int32_t begin, int32_t last_stage) noexcept nogil:
    """Evaluate candidates from `begin` up to and including a stage; the first one beyond it."""
    cdef int32_t end, group, stage
    while begin < work.candidates_count:
        stage = work.rules.promotions[work.candidates[begin]].stage
        if stage > last_stage:
            break
        if stage != work.stage:
            enter_stage(work, stage)
        group = work.rules.promotions[work.candidates[begin]].group
        end = begin + 1
        while end < work.candidates_count and work.rules.promotions[work.candidates[end]].group == group:
            end += 1
        run_group(work, begin, end)
        begin = end
    return begin


cdef void note_features(Work* work) noexcept nogil:
    """What the candidates have that most promotions have not; notes of units are kept if one needs them."""
    cdef int32_t i
    work.features = 0
    if not work.rules.summary.promotion_flags & (NOTING | SPEAKS):
        return
    for i in range(work.candidates_count):
        work.features |= work.rules.promotions[work.candidates[i]].flags
    if work.features & NOTING:
        keep_notes(work)


cdef int32_t discount(Work* work, bint every) noexcept nogil:
    """Stages 0 to 7; the first candidate beyond them."""
    cdef int32_t next
    start(work)
    normalise(work)
    find_candidates(work, every)
    note_features(work)
    next = run_stages(work, 0, 6)
    give_external(work)
    return next


cdef void start(Work* work) noexcept nogil:
    cdef int32_t i
    work.calculation += 1
    work.applied_count = work.accrued_count = work.accruals_count = work.payments_count = work.counter_uses_count = 0
    work.counted_count = 0
    work.traces_count = work.line_traces_count = 0
    work.participants_count = 0
    work.undo_runs_count = work.undo_groups_count = work.undo_runs_top = 0
    work.trial_number = work.trials_begun = 0
    work.trying = work.overflowed = False
    work.only_winner = work.unlocking_coupon = -1
    work.stage = 0
    work.external_excess_minor = work.rounding_minor = 0
    work.split_unavoidable = False
    work.paid_with_points = work.noted = work.adding = work.again = False
    work.stage_shut_by = work.all_shut_by = -1
    work.claiming = work.one_by_one = work.settling = work.search_cut = False
    work.applications_max = INT32_MAX
    work.search_left = SEARCH_STEPS_MAX
    work.shut = 0
    work.quantity_left = INT64_MAX
    work.coupons_given_count = work.said_count = work.issued_count = work.promised_count = work.nudges_count = 0
    work.nudging = True
    work.acting_count = 0
    if work.explain:
        begin_rates(work)
        for i in range(work.receipt.lines_count):
            work.line_running[i] = work.receipt.lines[i].gross_minor


cdef class Calculator:
    """Scratch memory for receipts up to the limits of `core/limits`; pages are touched only when a receipt needs
    them."""

    def __cinit__(self):
        cdef Work* work = &self.work
        self.blocks_count = 0
        self.blocks = <void**>calloc(BLOCKS_MAX, sizeof(void*))
        if self.blocks == NULL:
            raise MemoryError
        work.groups = <CalcGroup*>self.reserve(LINES_MAX * sizeof(CalcGroup))
        work.known_sets = <KnownSet*>self.reserve(KNOWN_SETS * sizeof(KnownSet))
        work.symbols = <int32_t*>self.reserve(COLUMNS * (LINES_MAX + SYMBOLS_BLOCK) * sizeof(int32_t))
        work.runs = <Run*>self.reserve(UNITS_MAX * sizeof(Run))
        work.keys = <uint64_t*>self.reserve(LINES_MAX * sizeof(uint64_t))
        work.line_order = <int32_t*>self.reserve(LINES_MAX * sizeof(int32_t))
        work.group_of = <int32_t*>self.reserve(LINES_MAX * sizeof(int32_t))
        work.segments = <int32_t*>self.reserve(SEGMENTS_MAX * sizeof(int32_t))
        work.candidate_bits = <uint64_t*>self.reserve((PROMOTIONS_MAX >> 6) * sizeof(uint64_t))
        work.candidate_words = <uint64_t*>self.reserve((PROMOTIONS_MAX >> 12) * sizeof(uint64_t))
        work.candidates = <int32_t*>self.reserve(PROMOTIONS_MAX * sizeof(int32_t))
        work.shares = <Share*>self.reserve(LINES_MAX * sizeof(Share))
        work.share_order = <Share**>self.reserve(UNITS_MAX * sizeof(Share*))
        work.share_of = <int32_t*>self.reserve(LINES_MAX * sizeof(int32_t))
        work.unit_shares = <Share*>self.reserve(UNITS_MAX * sizeof(Share))
        work.unit_share_of = <int32_t*>self.reserve(UNITS_MAX * sizeof(int32_t))
        work.undo_runs = <SavedRun*>self.reserve(TRIALS_DEPTH_MAX * UNITS_MAX * sizeof(SavedRun))
        work.undo_groups = <SavedGroup*>self.reserve(TRIALS_DEPTH_MAX * LINES_MAX * sizeof(SavedGroup))
        work.said = <Said*>self.reserve(SAID_MAX * sizeof(Said))
        work.issued = <Said*>self.reserve(ISSUED_MAX * sizeof(Said))
        work.promised = <Said*>self.reserve(PROMISED_MAX * sizeof(Said))
        work.nudges = <Said*>self.reserve(NUDGES_MAX * sizeof(Said))
        work.notes = <Note*>self.reserve(UNITS_MAX * sizeof(Note))
        work.run_order = <int32_t*>self.reserve(UNITS_MAX * sizeof(int32_t))
        work.run_groups = <int32_t*>self.reserve(UNITS_MAX * sizeof(int32_t))
        work.coupons_given = <CouponGiven*>self.reserve(COUPONS_GIVEN_MAX * sizeof(CouponGiven))
        work.gifts = <Gift*>self.reserve(APPLIED_MAX * sizeof(Gift))
        work.contenders = <Contender*>self.reserve(CONTENDERS_MAX * sizeof(Contender))
        work.ceilings = <int64_t*>self.reserve(2 * COMBINATIONS_MAX * sizeof(int64_t))
        work.kept_notes = <Note*>self.reserve(CONTENDERS_MAX * UNITS_MAX * sizeof(Note))
        work.trials = <Trial*>self.reserve(PROMOTIONS_MAX * sizeof(Trial))
        work.applied = <Applied*>self.reserve(APPLIED_MAX * sizeof(Applied))
        work.accrued = <Accrued*>self.reserve(APPLIED_MAX * sizeof(Accrued))
        work.tags = <int32_t*>self.reserve(LINES_MAX * TAGS_MAX * sizeof(int32_t))
        work.bases = <int64_t*>self.reserve(LINES_MAX * sizeof(int64_t))
        work.eligible = <Eligible*>self.reserve(UNITS_MAX * sizeof(Eligible))
        work.ranking = <Ranked*>self.reserve(UNITS_MAX * sizeof(Ranked))
        work.pick_order = <Ranked*>self.reserve(UNITS_MAX * sizeof(Ranked))
        work.picks = <Pick*>self.reserve(UNITS_MAX * sizeof(Pick))
        work.line_marks = <int32_t*>self.reserve(LINES_MAX * sizeof(int32_t))
        work.participants = <Participant*>self.reserve(APPLIED_MAX * sizeof(Participant))
        work.line_roles = <LineRole*>self.reserve(APPLIED_MAX * sizeof(LineRole))
        work.paid = <int64_t*>self.reserve(LINES_MAX * sizeof(int64_t))
        work.line_paid = <int64_t*>self.reserve(LINES_MAX * sizeof(int64_t))
        work.payments = <PointsPayment*>self.reserve(POINTS_PAYMENTS_MAX * sizeof(PointsPayment))
        work.counted = <Counted*>self.reserve(COUNTED_MAX * sizeof(Counted))
        work.counter_uses = <CounterUse*>self.reserve(COUNTER_CHANGES_MAX * sizeof(CounterUse))
        work.line_results = <LineResult*>self.reserve(LINES_MAX * sizeof(LineResult))
        work.accruals = <Accrual*>self.reserve(ACCRUALS_MAX * sizeof(Accrual))
        work.coupon_outcomes = <CouponOutcome*>self.reserve(COUPONS_MAX * sizeof(CouponOutcome))
        work.traces = <RuleTrace*>self.reserve(TRACES_MAX * sizeof(RuleTrace))
        work.rate_traces = <RuleTrace*>self.reserve(RATES_TRACED_MAX * sizeof(RuleTrace))
        work.acting = <Acting*>self.reserve(ACTING_MAX * sizeof(Acting))
        work.line_traces = <LineTrace*>self.reserve(LINE_TRACES_MAX * sizeof(LineTrace))
        work.line_running = <int64_t*>self.reserve(LINES_MAX * sizeof(int64_t))
        work.fiscal_rows = <FiscalRow*>self.reserve(FISCAL_ROWS_MAX * sizeof(FiscalRow))

    def __dealloc__(self):
        cdef int i
        if self.blocks != NULL:
            for i in range(self.blocks_count):
                free(self.blocks[i])
            free(self.blocks)

    cdef void* reserve(self, size_t size) except NULL:
        cdef char* block = <char*>calloc(1, size + PAGE_BYTES + CACHE_LINE_BYTES)
        if block == NULL or self.blocks_count == BLOCKS_MAX:
            free(block)
            raise MemoryError
        self.blocks[self.blocks_count] = block
        self.blocks_count += 1
        block += self.blocks_count * STAGGER_BYTES % PAGE_BYTES
        return <void*>((<size_t>block + CACHE_LINE_BYTES - 1) & ~<size_t>(CACHE_LINE_BYTES - 1))

    cdef int calculate(self, Ruleset rules, const Receipt* receipt, const Place* place, const Holdings* holdings,
                       bint explain, Outcome* out) except -1 nogil:
        """Calculate one receipt within the limits of semantics §6.1.7; `holdings` may be NULL. Raises AssertionError
        when an identity of §6.10 is broken, OverflowError when the rules give more rows than the limits allow."""
        cdef Work* work = &self.work
        cdef int32_t next
        cdef bint every
        assert receipt.lines_count <= LINES_MAX and receipt.coupons_count <= COUPONS_MAX
        work.rules = &rules.view
        work.receipt = receipt
        work.place = place
        work.holdings = holdings
        work.explain = explain
        every = explain and rules.view.promotions_count <= EXPLAIN_ALL_MAX
        work.by_unit = False
        next = discount(work, every)
        if rules.view.caps_count > 0 and exceeds_caps(work):
            # What each unit got from each rule is needed now: once more, with a run for every unit.
            work.by_unit = True
            next = discount(work, every)
            cut_to_caps(work)
        pay_with_points(work)
        round_to_printable(work)
        if rules.view.roundings_count > 0:
            round_small_change(work)
        next = run_stages(work, next, STAGE_ACCRUAL)
        if work.features & SPEAKS:
            enter_stage(work, STAGE_MESSAGE)
            speak(work, next)
        if rules.view.rates_begin < rules.view.promotions_count:
            end_rates(work)
        settle_counters(work)
        if work.overflowed:
            with gil:
                raise OverflowError(f"more than {APPLIED_MAX} discounts or accruals by line")
        if not write_outcome(work, out):
            with gil:
                raise AssertionError("gross, net and discounts of a receipt do not agree")
        return 0

    cdef int accrue_rest(self, Ruleset rules, const Receipt* receipt, const Place* place, const Holdings* holdings, const LineRest* lines,
                         Outcome* out) except -1 nogil:
        """Points, counters and issued coupons of what is left of a sale, by what was paid for it; by line those points alone that
        promotions with READJUDICATE give. Of the outcome nothing else is written. OverflowError as of `calculate`."""
        cdef Work* work = &self.work
        cdef int32_t next = 0
        assert receipt.lines_count <= LINES_MAX and receipt.coupons_count <= COUPONS_MAX
        work.rules = &rules.view
        work.receipt = receipt
        work.place = place
        work.holdings = holdings
        work.explain = False
        work.by_unit = True
        start(work)
        work.again = True
        normalise(work)
        find_candidates(work, False)
        note_features(work)
        charge(work, lines)
        while next < work.candidates_count and work.rules.promotions[work.candidates[next]].stage < STAGE_ACCRUAL:
            next += 1
        next = run_stages(work, next, STAGE_ACCRUAL)
        if work.features & SPEAKS:
            enter_stage(work, STAGE_MESSAGE)
            speak(work, next)
        settle_counters(work)
        if work.overflowed:
            with gil:
                raise OverflowError(f"more than {APPLIED_MAX} accruals by line")
        write_rest(work, out)
        return 0

    cdef void plan(self, Outcome* out, bint wanted) noexcept nogil:
        """Add the fiscal plan to the outcome of the latest calculation; unless it is wanted, of goods that are returned
        by unit alone."""
        plan_receipt(&self.work, out, wanted)
