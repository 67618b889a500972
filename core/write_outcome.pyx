"""Writing an outcome: every amount of the calculation to its place in the reply, with the promotion that gave it.

Invariants: no amount is computed here but sums per asset; lines and coupons keep the request's order, coupons its spelling. It must
never decide, and never keep a pointer beyond the arena's reset.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.edge cimport ReadError, edge_exception, read_receipt
from altyn.core.limits cimport ARENA_BYTES, REPLY_BYTES_MAX
from altyn.core.outcome cimport (
    Accrual, CouponOutcome, FiscalRow, LineDiscount, LineResult, Outcome, PointsPayment, ROUNDING_RULE, RuleTrace, kind_of,
    payment_of, small_change_of,
)
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.image cimport PaymentRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_take
from altyn.core.wire.format cimport wire_exception
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_messages cimport write_gifts, write_messages


cdef Text payment_text(Ruleset rules, const PaymentRow* payment) noexcept nogil:
    """Id of the document a payment rule stands in."""
    cdef Text text
    text.data = rules.view.texts + payment.id_begin
    text.size = payment.id_size
    return text


cdef int write_discounts(
    const Outcome* outcome, const LineResult* result, Ruleset rules, pos_v1.LineOutcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place, payment, count = 0, row = result.first_discount
    cdef const LineDiscount* given
    cdef pos_v1.LineDiscount* shown
    while row >= 0:
        count += 1
        row = outcome.discounts[row].next
    if count == 0:
        return 0
    out.discounts = <pos_v1.LineDiscount*>arena_take(arena, <size_t>count * sizeof(pos_v1.LineDiscount))
    if out.discounts == NULL:
        return -1
    out.discounts_count = count
    row = result.first_discount
    for place in range(count):
        given = &outcome.discounts[row]
        row = given.next
        shown = &out.discounts[place]
        shown.stage = given.stage
        shown.kind = kind_of(given.rule)
        shown.amount_minor = given.amount_minor
        payment = payment_of(given.rule)
        if payment >= 0:
            shown.promotion_id = payment_text(rules, &rules.view.payments[payment])
            shown.reward_no = rules.view.payments[payment].place
            shown.version = rules.version
        elif small_change_of(given.rule) >= 0:
            shown.promotion_id = rules.rounding_text(small_change_of(given.rule))
            shown.version = rules.version
        elif given.rule >= 0:
            # External and manual discounts and rounding to what can be printed have no document.
            shown.promotion_id = rules.promotion_text(given.rule)
            shown.reward_no = rules.view.rules[given.rule].reward_no
            shown.version = rules.version
    return 0


cdef int write_line_accruals(
    const Outcome* outcome, const LineResult* result, Ruleset rules, pos_v1.LineOutcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place, count = 0, row = result.first_accrual
    while row >= 0:
        count += 1
        row = outcome.line_accruals[row].next
    if count == 0:
        return 0
    out.accrual = <pos_v1.AssetPoints*>arena_take(arena, <size_t>count * sizeof(pos_v1.AssetPoints))
    if out.accrual == NULL:
        return -1
    out.accrual_count = count
    row = result.first_accrual
    for place in range(count):
        out.accrual[place].asset = rules.asset_text(outcome.line_accruals[row].asset)
        out.accrual[place].points = outcome.line_accruals[row].points
        row = outcome.line_accruals[row].next
    return 0


cdef int write_roles(
    const Outcome* outcome, const LineResult* result, Ruleset rules, pos_v1.LineOutcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place, count = result.roles_end - result.roles_begin
    if count == 0:
        return 0
    out.participates_as = <pos_v1.Participation*>arena_take(arena, <size_t>count * sizeof(pos_v1.Participation))
    if out.participates_as == NULL:
        return -1
    out.participates_as_count = count
    for place in range(count):
        out.participates_as[place].promotion_id = rules.promotion_text(outcome.line_roles[result.roles_begin + place].rule)
        out.participates_as[place].role = outcome.line_roles[result.roles_begin + place].role
    return 0


cdef int write_lines(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place
    cdef const LineResult* result
    cdef pos_v1.LineOutcome* line
    out.lines = <pos_v1.LineOutcome*>arena_take(arena, <size_t>receipt.lines_count * sizeof(pos_v1.LineOutcome))
    if out.lines == NULL:
        return -1
    out.lines_count = receipt.lines_count
    for place in range(receipt.lines_count):
        result = &outcome.lines[place]
        line = &out.lines[place]
        line.line_no = receipt.lines[place].line_no
        line.gross_minor = result.gross_minor
        line.net_minor = result.net_minor
        line.discount_minor = result.discount_minor
        line.points_paid_minor = result.gross_minor - result.discount_minor - result.net_minor
        if (
            write_discounts(outcome, result, rules, line, arena)
            or write_line_accruals(outcome, result, rules, line, arena)
            or write_roles(outcome, result, rules, line, arena)
        ):
            return -1
    return 0


cdef int write_totals(const Outcome* outcome, Ruleset rules, pos_v1.Outcome* out, Arena* arena) noexcept nogil:
    cdef int32_t place
    cdef int64_t* points
    cdef pos_v1.Totals* totals = <pos_v1.Totals*>arena_take(arena, sizeof(pos_v1.Totals))
    if totals == NULL:
        return -1
    out.totals = totals
    totals.gross_minor = outcome.gross_minor
    totals.discount_minor = outcome.discount_minor
    totals.points_paid_minor = outcome.points_paid_minor
    totals.to_pay_minor = outcome.to_pay_minor
    totals.rounding_minor = outcome.rounding_minor
    if outcome.accruals_count == 0:
        return 0
    points = <int64_t*>arena_take(arena, <size_t>rules.view.assets_count * sizeof(int64_t))
    totals.accrual = <pos_v1.AssetPoints*>arena_take(arena, <size_t>rules.view.assets_count * sizeof(pos_v1.AssetPoints))
    if points == NULL or totals.accrual == NULL:
        return -1
    for place in range(outcome.accruals_count):
        points[outcome.accruals[place].asset] += outcome.accruals[place].points
    for place in range(rules.view.assets_count):
        if points[place] != 0:
            totals.accrual[totals.accrual_count].asset = rules.asset_text(place)
            totals.accrual[totals.accrual_count].points = points[place]
            totals.accrual_count += 1
    return 0


cdef int write_coupons(
    const Outcome* outcome, const pos_v1.Receipt* wire, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place
    cdef const CouponOutcome* given
    if wire.coupons_count == 0:
        return 0
    out.coupons = <pos_v1.CouponOutcome*>arena_take(arena, <size_t>wire.coupons_count * sizeof(pos_v1.CouponOutcome))
    if out.coupons == NULL:
        return -1
    out.coupons_count = wire.coupons_count
    for place in range(wire.coupons_count):
        given = &outcome.coupons[place]
        out.coupons[place].code = wire.coupons[place].code
        out.coupons[place].state = given.result
        out.coupons[place].reason = given.reason
        if given.rule >= 0:
            out.coupons[place].promotion_id = rules.promotion_text(given.rule)
    return 0


cdef int write_payments(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place
    cdef const PointsPayment* payment
    if outcome.payments_count == 0:
        return 0
    out.max_redeem = <pos_v1.MaxRedeem*>arena_take(arena, <size_t>outcome.payments_count * sizeof(pos_v1.MaxRedeem))
    if out.max_redeem == NULL:
        return -1
    out.max_redeem_count = outcome.payments_count
    for place in range(outcome.payments_count):
        payment = &outcome.payments[place]
        out.max_redeem[place].asset = rules.asset_text(payment.asset) if payment.asset >= 0 else receipt.wishes[payment.wish].asset
        out.max_redeem[place].points = payment.max_points
        out.max_redeem[place].amount_minor = payment.max_amount_minor
        out.max_redeem[place].limited_by = payment.limited_by
    return 0


cdef int write_plan(const Outcome* outcome, const Receipt* receipt, pos_v1.Outcome* out, Arena* arena) noexcept nogil:
    cdef int32_t place
    cdef const FiscalRow* row
    if outcome.fiscal_rows_count == 0:
        return 0
    out.fiscal_plan = <pos_v1.FiscalLine*>arena_take(arena, <size_t>outcome.fiscal_rows_count * sizeof(pos_v1.FiscalLine))
    if out.fiscal_plan == NULL:
        return -1
    out.fiscal_plan_count = outcome.fiscal_rows_count
    for place in range(outcome.fiscal_rows_count):
        row = &outcome.fiscal_rows[place]
        write_fiscal_line(row, receipt.lines[row.line].line_no, &out.fiscal_plan[place])
    return 0


cdef void write_fiscal_line(const FiscalRow* row, int32_t line_no, pos_v1.FiscalLine* out) noexcept nogil:
    out.line_no = line_no
    out.sub_no = row.sub_no
    out.qty_milli = row.qty_milli
    out.price_minor = row.price_minor
    out.sum_minor = row.sum_minor
    out.by_unit = row.by_unit


cdef void name_rule(const RuleTrace* trace, Ruleset rules, pos_v1.RuleTrace* shown) noexcept nogil:
    """Whose row it is: a promotion's reward, a payment rule, a rounding document, or rounding to what can be printed, which has no name."""
    cdef int32_t payment = payment_of(trace.rule)
    if trace.rule == ROUNDING_RULE:
        shown.stage = pos_v1.STAGE_ROUNDING
        return
    shown.version = rules.version
    if small_change_of(trace.rule) >= 0:
        shown.promotion_id = rules.rounding_text(small_change_of(trace.rule))
        shown.stage = pos_v1.STAGE_ROUNDING
        return
    if payment >= 0:
        shown.promotion_id = payment_text(rules, &rules.view.payments[payment])
        shown.reward_no = rules.view.payments[payment].place
        shown.stage = pos_v1.STAGE_POINTS
        shown.asset = rules.asset_text(rules.view.payments[payment].asset)
        return
    shown.promotion_id = rules.promotion_text(trace.rule)
    shown.reward_no = rules.view.rules[trace.rule].reward_no
    shown.stage = rules.stage_of(trace.rule)
    if rules.view.rules[trace.rule].asset >= 0:
        shown.asset = rules.asset_text(rules.view.rules[trace.rule].asset)


cdef int write_trace(
    const Outcome* outcome, const Receipt* receipt, const RuleTrace* trace, Ruleset rules, pos_v1.RuleTrace* shown, Arena* arena
) noexcept nogil:
    cdef int32_t place, count = trace.lines_end - trace.lines_begin
    name_rule(trace, rules, shown)
    shown.verdict = trace.verdict
    if trace.condition >= 0:
        shown.condition = rules.path_text(trace.condition)
    shown.actual = trace.actual
    shown.needed = trace.needed
    shown.distance = trace.distance
    if trace.by_rule >= 0:
        shown.by_promotion_id = rules.promotion_text(trace.by_rule)
    elif trace.cap >= 0:
        shown.by_promotion_id = rules.cap_text(trace.cap)
    shown.margin_minor = trace.margin_minor
    shown.amount_minor = trace.amount_minor
    shown.cut_minor = trace.cut_minor
    shown.points = trace.points
    shown.applications = trace.applications
    shown.greedy = trace.greedy
    if count == 0:
        return 0
    shown.lines = <pos_v1.LineTrace*>arena_take(arena, <size_t>count * sizeof(pos_v1.LineTrace))
    if shown.lines == NULL:
        return -1
    shown.lines_count = count
    for place in range(count):
        shown.lines[place].line_no = receipt.lines[outcome.line_traces[trace.lines_begin + place].line].line_no
        shown.lines[place].before_minor = outcome.line_traces[trace.lines_begin + place].before_minor
        shown.lines[place].after_minor = outcome.line_traces[trace.lines_begin + place].after_minor
    return 0


cdef int write_explain(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t place, count = outcome.traces_count
    cdef pos_v1.Explain* explain = <pos_v1.Explain*>arena_take(arena, sizeof(pos_v1.Explain))
    if explain == NULL:
        return -1
    out.explain = explain
    explain.truncated = outcome.traces_truncated
    explain.rules = <pos_v1.RuleTrace*>arena_take(arena, <size_t>count * sizeof(pos_v1.RuleTrace))
    if explain.rules == NULL:
        return -1
    explain.rules_count = count
    for place in range(count):
        if write_trace(outcome, receipt, &outcome.traces[place], rules, &explain.rules[place], arena):
            return -1
    return 0


cdef int write_outcome(
    const Outcome* outcome, const Receipt* receipt, const pos_v1.Receipt* wire, Ruleset rules, bint explain, pos_v1.Outcome* out,
    Arena* arena
) noexcept nogil:
    out.rules_version = rules.version
    out.degraded = outcome.history_missing
    if (
        write_totals(outcome, rules, out, arena)
        or write_lines(outcome, receipt, rules, out, arena)
        or write_payments(outcome, receipt, rules, out, arena)
        or write_coupons(outcome, wire, rules, out, arena)
        or write_plan(outcome, receipt, out, arena)
        or write_gifts(outcome, rules, out, arena)
    ):
        return -1
    return write_explain(outcome, receipt, rules, out, arena) if explain else 0


def outcome_of(Ruleset rules not None, bytes source, bint explain = False) -> bytes:
    """The Outcome's bytes for a Receipt's bytes, in a store and for a customer nobody knows, at wall time 0: for tests and tools.

    Raises MalformedMessage and CallRefused.
    """
    cdef Arena arena
    cdef ReadError error
    cdef pos_v1.Receipt wire
    cdef pos_v1.Outcome written
    cdef Receipt receipt
    cdef Place place
    cdef Holdings holdings
    cdef Outcome outcome
    cdef Calculator calculator = Calculator()
    cdef const uint8_t* data = source
    buffer = bytearray(REPLY_BYTES_MAX)
    cdef uint8_t* target = buffer
    cdef int64_t size
    memset(&place, 0, sizeof(Place))
    memset(&holdings, 0, sizeof(Holdings))
    memset(&written, 0, sizeof(pos_v1.Outcome))
    arena_open(&arena, ARENA_BYTES)
    try:
        if pos_v1.decode_Receipt(&wire, data, data + len(source), &arena, &error.at):
            raise wire_exception(&error.at)
        if read_receipt(&wire, &receipt, &arena, &error):
            raise edge_exception(&error)
        place.store_id = wire.store_id
        calculator.calculate(rules, &receipt, &place, &holdings, explain, &outcome)
        if write_outcome(&outcome, &receipt, &wire, rules, explain, &written, &arena) or write_messages(
            &outcome, &receipt, rules, &written, &arena
        ):
            raise MemoryError("the arena is full")
        size = pos_v1.encode_Outcome(&written, target, REPLY_BYTES_MAX)
        assert size >= 0
        return bytes(buffer[REPLY_BYTES_MAX - size:])
    finally:
        arena_close(&arena)
