"""Writes the outcome.

Decides nothing: it sorts applied rows by line and adds up. Invariants, checked on every receipt: per line and receipt
gross = net + discounts, net at or above 0, and the running prices of all units are what is left to pay.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Accrued, Applied, ENTERED_BEFORE, NO_EFFECT, UNKNOWN_CODE, USED
from altyn.core.limits cimport TRACES_MAX
from altyn.core.outcome cimport COUPON_APPLIED, COUPON_INVALID, COUPON_NOT_APPLIED, DISCOUNT, LineDiscount, LineResult

cdef enum Reason:
    # altyn.pos.v1.Reason
    REASON_NONE = 0
    COUPON_UNKNOWN = 8
    COUPON_NO_EFFECT = 9
    COUPON_CONDITIONS_NOT_MET = 10
    COUPON_ALREADY_ENTERED = 11

cdef void sort_discounts(Work* work) noexcept nogil:
    """Applied rows to slices by line, in order of application: a counting sort."""
    cdef LineResult* lines = work.line_results
    cdef const Applied* applied
    cdef LineDiscount* row
    cdef int32_t i, place = 0, count
    for i in range(work.applied_count):
        lines[work.applied[i].line].discounts_end += 1
    for i in range(work.receipt.lines_count):
        count = lines[i].discounts_end
        lines[i].discounts_begin = lines[i].discounts_end = place
        place += count
    for i in range(work.applied_count):
        applied = &work.applied[i]
        row = &work.line_discounts[lines[applied.line].discounts_end]
        row.rule = applied.rule
        row.stage = applied.stage
        row.kind = DISCOUNT
        row.amount_minor = applied.amount_minor
        lines[applied.line].discounts_end += 1
        lines[applied.line].discount_minor += applied.amount_minor


cdef void add_accrual(Work* work, LineResult* line, const Accrued* accrued) noexcept nogil:
    """One row per asset of a line."""
    cdef int32_t i
    for i in range(line.accruals_begin, line.accruals_end):
        if work.line_accruals[i].asset == accrued.asset:
            work.line_accruals[i].points += accrued.points
            return
    work.line_accruals[line.accruals_end].asset = accrued.asset
    work.line_accruals[line.accruals_end].points = accrued.points
    line.accruals_end += 1


cdef void sort_accruals(Work* work) noexcept nogil:
    """Accrued rows to slices by line; slices keep the room of rows that were added together."""
    cdef LineResult* lines = work.line_results
    cdef int32_t i, place = 0, count
    for i in range(work.accrued_count):
        lines[work.accrued[i].line].accruals_end += 1
    for i in range(work.receipt.lines_count):
        count = lines[i].accruals_end
        lines[i].accruals_begin = lines[i].accruals_end = place
        place += count
    for i in range(work.accrued_count):
        add_accrual(work, &lines[work.accrued[i].line], &work.accrued[i])


cdef void answer_coupons(Work* work) noexcept nogil:
    cdef int32_t i, state
    for i in range(work.receipt.coupons_count):
        state = work.coupon_states[i]
        work.coupon_outcomes[i].rule = work.coupon_rules[i]
        work.coupon_outcomes[i].result = COUPON_NOT_APPLIED
        if state == USED:
            work.coupon_outcomes[i].result = COUPON_APPLIED
            work.coupon_outcomes[i].reason = REASON_NONE
        elif state == UNKNOWN_CODE:
            work.coupon_outcomes[i].result = COUPON_INVALID
            work.coupon_outcomes[i].reason = COUPON_UNKNOWN
        elif state == ENTERED_BEFORE:
            work.coupon_outcomes[i].reason = COUPON_ALREADY_ENTERED
        elif state == NO_EFFECT:
            work.coupon_outcomes[i].reason = COUPON_NO_EFFECT
        else:
            work.coupon_outcomes[i].reason = COUPON_CONDITIONS_NOT_MET


cdef bint totals_hold(const Work* work, const Outcome* out) noexcept nogil:
    cdef int64_t running = work.neutral_minor
    cdef int32_t i
    for i in range(work.groups_count):
        running += work.groups[i].running_minor
    return running == out.to_pay_minor and out.gross_minor == out.to_pay_minor + out.discount_minor


cdef bint write_outcome(Work* work, Outcome* out) noexcept nogil:
    """Fill the outcome; False when an identity of semantics §6.10 is broken."""
    cdef LineResult* line
    cdef bint sound = True
    cdef int32_t i
    for i in range(work.receipt.lines_count):
        line = &work.line_results[i]
        line.gross_minor = work.receipt.lines[i].gross_minor
        line.discount_minor = 0
        line.discounts_end = line.accruals_begin = line.accruals_end = 0
    sort_discounts(work)
    if work.accrued_count > 0:
        sort_accruals(work)
    out.gross_minor = out.discount_minor = out.points_paid_minor = out.rounding_minor = 0
    for i in range(work.receipt.lines_count):
        line = &work.line_results[i]
        line.net_minor = line.gross_minor - line.discount_minor
        sound = sound and line.net_minor >= 0
        out.gross_minor += line.gross_minor
        out.discount_minor += line.discount_minor
    out.to_pay_minor = out.gross_minor - out.discount_minor
    out.payments_count = out.counters_count = 0
    answer_coupons(work)
    out.lines = work.line_results
    out.discounts = work.line_discounts
    out.discounts_count = work.applied_count
    out.line_accruals = work.line_accruals
    out.line_accruals_count = work.accrued_count
    out.accruals = work.accruals
    out.accruals_count = work.accruals_count
    out.coupons = work.coupon_outcomes
    out.traces = work.traces
    out.traces_count = TRACES_MAX if work.traces_count > TRACES_MAX else work.traces_count
    out.traces_truncated = work.traces_count > TRACES_MAX
    out.line_traces = work.line_traces
    out.price_below_minimum = work.price_below_minimum
    out.external_excess_minor = work.external_excess_minor
    return sound and totals_hold(work, out)
