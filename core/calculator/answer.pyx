"""Writes the outcome.

Decides nothing: it links applied rows by line and adds up. Invariants, checked on every receipt: per line and receipt
gross = net + discounts + paid with points, net at or above 0, and the running prices of all units are what is left to pay.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport Accrued, Applied, ENTERED_BEFORE, NO_EFFECT, Participant, UNKNOWN_CODE, USED
from altyn.core.limits cimport TRACES_MAX
from altyn.core.outcome cimport (
    COUPON_APPLIED, COUPON_INVALID, COUPON_NOT_APPLIED, LineResult, LineRole, payment_of,
)

cdef enum Reason:
    # altyn.pos.v1.Reason
    REASON_NONE = 0
    COUPON_UNKNOWN = 8
    COUPON_NO_EFFECT = 9
    COUPON_CONDITIONS_NOT_MET = 10
    COUPON_ALREADY_ENTERED = 11

cdef bint add_up(Work* work, Outcome* out) noexcept nogil:
    """Figures of every line and of the receipt, each line with the list of what was taken from it, in order of
    application. False when a line would cost less than nothing."""
    cdef LineResult* lines = work.line_results
    cdef LineResult* line
    cdef Applied* row
    cdef int32_t i
    cdef int64_t gross = 0, discount = 0, off = 0, signs = 0
    for i in range(work.receipt.lines_count):
        line = &lines[i]
        line.gross_minor = line.net_minor = work.receipt.lines[i].gross_minor
        line.discount_minor = 0
        line.first_discount = line.first_accrual = -1
        line.roles_begin = line.roles_end = 0
        gross += line.gross_minor
    for i in range(work.applied_count - 1, -1, -1):
        row = &work.applied[i]
        line = &lines[row.line]
        row.next = line.first_discount
        line.first_discount = i
        line.net_minor -= row.amount_minor
        signs |= line.net_minor
        off += row.amount_minor
        if payment_of(row.rule) < 0:
            # Rounding among them.
            line.discount_minor += row.amount_minor
            discount += row.amount_minor
    out.gross_minor = gross
    out.discount_minor = discount
    out.points_paid_minor = off - discount
    out.to_pay_minor = gross - off
    return signs >= 0


cdef void list_accruals(Work* work) noexcept nogil:
    """Accrued rows into the lists of their lines, one row per asset."""
    cdef Accrued* row
    cdef int32_t* place
    cdef int32_t i
    for i in range(work.accrued_count):
        row = &work.accrued[i]
        row.next = -1
        place = &work.line_results[row.line].first_accrual
        while place[0] >= 0 and work.accrued[place[0]].asset != row.asset:
            place = &work.accrued[place[0]].next
        if place[0] < 0:
            place[0] = i
        else:
            work.accrued[place[0]].points += row.points


cdef void add_role(Work* work, LineResult* line, const Participant* participant) noexcept nogil:
    """One row per promotion and role of a line."""
    cdef int32_t promotion = work.rules.rules[participant.rule].promotion, i
    for i in range(line.roles_begin, line.roles_end):
        if work.line_roles[i].role == participant.role and work.rules.rules[work.line_roles[i].rule].promotion == promotion:
            return
    work.line_roles[line.roles_end].rule = participant.rule
    work.line_roles[line.roles_end].role = participant.role
    line.roles_end += 1


cdef void sort_roles(Work* work) noexcept nogil:
    """Participants into the slices of their lines: a counting sort whose slices keep the room of equal rows."""
    cdef LineResult* line
    cdef int32_t i, roles = 0
    if work.participants_count == 0:
        return
    for i in range(work.participants_count):
        work.line_results[work.participants[i].line].roles_end += 1
    for i in range(work.receipt.lines_count):
        line = &work.line_results[i]
        line.roles_begin = roles
        roles += line.roles_end
        line.roles_end = line.roles_begin
    for i in range(work.participants_count):
        add_role(work, &work.line_results[work.participants[i].line], &work.participants[i])


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
            # A code of a series that no rule may use says why.
            work.coupon_outcomes[i].reason = COUPON_UNKNOWN
            if work.holdings != NULL and work.holdings.coupons != NULL and work.holdings.coupons[i].series.size > 0:
                work.coupon_outcomes[i].reason = work.holdings.coupons[i].reason
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
    return running == out.to_pay_minor and out.gross_minor == out.to_pay_minor + out.discount_minor + out.points_paid_minor


cdef bint write_outcome(Work* work, Outcome* out) noexcept nogil:
    """Fill the outcome; False when an identity of semantics §6.10 is broken."""
    cdef bint sound = add_up(work, out)
    list_accruals(work)
    sort_roles(work)
    out.rounding_minor = work.rounding_minor
    out.payments = work.payments
    out.payments_count = work.payments_count
    out.counters = work.counter_uses
    out.counters_count = work.counter_uses_count
    answer_coupons(work)
    out.lines = work.line_results
    out.discounts = work.applied
    out.line_accruals = work.accrued
    out.line_roles = work.line_roles
    out.accruals = work.accruals
    out.accruals_count = work.accruals_count
    out.coupons = work.coupon_outcomes
    out.said = work.said
    out.said_count = work.said_count
    out.issued = work.issued
    out.issued_count = work.issued_count
    out.promised = work.promised
    out.promised_count = work.promised_count
    out.nudges = work.nudges
    out.nudges_count = work.nudges_count
    out.traces = work.traces
    out.traces_count = TRACES_MAX if work.traces_count > TRACES_MAX else work.traces_count
    out.traces_truncated = work.traces_count > TRACES_MAX
    out.line_traces = work.line_traces
    out.fiscal_rows = work.fiscal_rows
    out.fiscal_rows_count = 0
    out.search_cut = work.search_cut
    out.history_missing = (work.rules.accumulations_count > 0 and work.has_customer
                           and work.holdings.accumulations == NULL)
    out.split_unavoidable = work.split_unavoidable
    out.price_below_minimum = work.price_below_minimum
    out.external_excess_minor = work.external_excess_minor
    return sound and totals_hold(work, out)


cdef void write_rest(Work* work, Outcome* out) noexcept nogil:
    cdef int32_t i
    for i in range(work.receipt.lines_count):
        work.line_results[i].first_accrual = -1
    list_accruals(work)
    answer_coupons(work)
    out.lines = work.line_results
    out.line_accruals = work.accrued
    out.accruals = work.accruals
    out.accruals_count = work.accruals_count
    out.counters = work.counter_uses
    out.counters_count = work.counter_uses_count
    out.coupons = work.coupon_outcomes
    out.issued = work.issued
    out.issued_count = work.issued_count
