"""Messages, gifts and issued coupons (semantics §6.2, stage 12).

Decides which promotions have something to say: those that gave something after all, and those of stage message whose
conditions hold and limits leave a receipt. Texts are written where the reply is. Invariants: messages come by (priority, order of evaluation), at
most SAID_MAX of them, ISSUED_MAX coupons and PROMISED_MAX gifts. Must never change an amount.
"""
from libc.stdint cimport int64_t
from altyn.core.calculator.apply cimport meets_conditions, use_coupon
from altyn.core.calculator.limited cimport Left, limits_left
from altyn.core.calculator.traces cimport open_trace
from altyn.core.calculator.work cimport trace_row
from altyn.core.limits cimport ISSUED_MAX, PROMISED_MAX, SAID_MAX, TRACES_MAX
from altyn.core.outcome cimport APPLIED, LIMIT, RuleTrace
from altyn.core.receipt cimport GIFT as GIFT_LINE, Line, PIECE
from altyn.core.rules.image cimport (
    GIFT, GiftRow, HAS_LIMITS, ISSUE_COUPON, MESSAGE, PathRow, RuleRow, SPEAKS, SpeechRow,
)
from altyn.core.text cimport Text, text_equal

cdef void say(Work* work, const Said* said) noexcept nogil:
    """Insert by priority behind those of the same one."""
    cdef int32_t priority = work.rules.messages[said.message].priority, i = work.said_count
    if work.said_count == SAID_MAX:
        return
    while i > 0 and work.rules.messages[work.said[i - 1].message].priority > priority:
        work.said[i] = work.said[i - 1]
        i -= 1
    work.said[i] = said[0]
    work.said_count += 1


cdef int64_t discount_of(const Work* work, const PromotionRow* row) noexcept nogil:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(work.applied_count):
        if row.rules_begin <= work.applied[i].rule < row.rules_end:
            total += work.applied[i].amount_minor
    return total


cdef int64_t points_of(const Work* work, const PromotionRow* row, int32_t* asset) noexcept nogil:
    """Points the promotion gave in the asset of its first reward that gave some."""
    cdef int64_t total = 0
    cdef int32_t i
    asset[0] = -1
    for i in range(work.accruals_count):
        if row.rules_begin <= work.accruals[i].rule < row.rules_end:
            if asset[0] < 0:
                asset[0] = work.accruals[i].asset
            if work.accruals[i].asset == asset[0]:
                total += work.accruals[i].points
    return total


cdef void explain_said(Work* work, int32_t rule) noexcept nogil:
    cdef RuleTrace* trace
    cdef int32_t i
    for i in range(work.traces_count if work.traces_count < TRACES_MAX else TRACES_MAX):
        trace = trace_row(work, i)
        if trace.rule == rule:
            trace.verdict = APPLIED


cdef bint is_one_of(const Work* work, const GiftRow* gift, Text sku) noexcept nogil:
    cdef const PathRow* name
    cdef Text known
    cdef int32_t i
    for i in range(gift.skus.begin, gift.skus.end):
        name = &work.rules.paths[work.rules.lists[i]]
        known.data = work.rules.texts + name.begin
        known.size = name.size
        if text_equal(known, sku):
            return True
    return False


cdef int64_t taken_of(const Work* work, const GiftRow* gift) noexcept nogil:
    """Units of such goods on gift lines, at most as many as are promised."""
    cdef const Line* line
    cdef int64_t units = 0
    cdef int32_t i
    for i in range(work.receipt.lines_count):
        line = &work.receipt.lines[i]
        if line.flags & GIFT_LINE and is_one_of(work, gift, line.sku):
            units += line.qty_milli // 1000 if line.unit == PIECE and line.qty_milli % 1000 == 0 else 1
    return units if units < gift.quantity else gift.quantity


cdef void promise(Work* work, const Said* said, int32_t rule) noexcept nogil:
    cdef Said* made = &work.promised[work.promised_count]
    if work.promised_count < PROMISED_MAX:
        made[0] = said[0]
        made.rule = rule
        made.missing = taken_of(work, &work.rules.gifts[work.rules.rules[rule].detail])
        work.promised_count += 1


cdef void speak_for(Work* work, const PromotionRow* row, Said* said) noexcept nogil:
    cdef const SpeechRow* speech = &work.rules.speeches[row.speech]
    cdef const RuleRow* rule
    cdef int32_t number
    for number in range(speech.messages.begin, speech.messages.end):
        said.message = number
        say(work, said)
    for number in range(row.rules_begin, row.rules_end):
        rule = &work.rules.rules[number]
        if rule.kind == MESSAGE:
            said.message = rule.detail
            say(work, said)
        elif rule.kind == ISSUE_COUPON and work.issued_count < ISSUED_MAX:
            work.issued[work.issued_count] = said[0]
            work.issued[work.issued_count].rule = number
            work.issued_count += 1
        elif rule.kind == GIFT:
            promise(work, said, number)
        else:
            continue
        if work.explain:
            explain_said(work, number)


cdef bint is_met(Work* work, const PromotionRow* row) noexcept nogil:
    """Do the conditions of a promotion of stage message hold, and its limits leave a receipt; a code that brings a coupon
    or a gift is used."""
    cdef RuleTrace* trace = NULL
    cdef Left left
    cdef bint met = False
    cdef int32_t number
    for number in range(row.rules_begin, row.rules_end):
        if work.explain:
            trace = open_trace(work, work.traces_count, number)
        met = meets_conditions(work, row, number, trace, NULL)
        if met and row.flags & HAS_LIMITS:
            limits_left(work, row, &left)
            met = not left.closed
            if not met and trace != NULL:
                trace.verdict = LIMIT
        if met and work.rules.rules[number].kind != MESSAGE:
            use_coupon(work, number)
    return met


cdef void speak(Work* work, int32_t begin) noexcept nogil:
    """Collect what is said; candidates of stage message begin at `begin`."""
    cdef const PromotionRow* row
    cdef Said said
    cdef int32_t i
    for i in range(work.candidates_count):
        row = &work.rules.promotions[work.candidates[i]]
        if not row.flags & SPEAKS:
            continue
        said.promotion = work.candidates[i]
        said.rule = -1
        said.discount_minor = discount_of(work, row)
        said.points = points_of(work, row, &said.asset)
        if is_met(work, row) if i >= begin else said.discount_minor > 0 or said.points > 0:
            speak_for(work, row, &said)
