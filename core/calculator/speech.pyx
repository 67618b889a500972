"""Messages and issued coupons (semantics §6.2, stage 12).

Decides which promotions have something to say: those that gave something after all, and those of stage message whose
conditions hold. Texts are written where the reply is. Invariants: messages come by (priority, order of evaluation), at
most SAID_MAX of them and ISSUED_MAX coupons. Must never change an amount.
"""
from libc.stdint cimport int64_t
from altyn.core.calculator.apply cimport meets_conditions, open_trace, use_coupon
from altyn.core.calculator.work cimport trace_row
from altyn.core.limits cimport ISSUED_MAX, SAID_MAX, TRACES_MAX
from altyn.core.outcome cimport APPLIED, RuleTrace, Said
from altyn.core.rules.image cimport ISSUE_COUPON, MESSAGE, PromotionRow, RuleRow, SPEAKS, SpeechRow

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


cdef void speak_for(Work* work, const PromotionRow* row, Said* said) noexcept nogil:
    """Everything a promotion says that gave something."""
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
        else:
            continue
        if work.explain:
            explain_said(work, number)


cdef bint is_met(Work* work, const PromotionRow* row) noexcept nogil:
    """Do the conditions of a promotion of stage message hold; a code that brings a coupon is used."""
    cdef RuleTrace* trace = NULL
    cdef bint met = False
    cdef int32_t number
    for number in range(row.rules_begin, row.rules_end):
        if work.explain:
            trace = open_trace(work, work.traces_count, number)
        met = meets_conditions(work, row, number, trace)
        if met and work.rules.rules[number].kind == ISSUE_COUPON:
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
