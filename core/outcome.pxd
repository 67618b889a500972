"""What a calculation gives. Arrays belong to the calculator's scratch and live until its next call."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.ledger.counters cimport CounterId
from altyn.core.text cimport Text

cdef enum Kind:
    # altyn.pos.v1.DiscountKind
    DISCOUNT = 1
    POINTS = 2
    ROUNDING = 3

cdef enum:
    # Rules below 0 in LineDiscount and RuleTrace: the till's own discount, the cashier's, rounding to what can be
    # printed, payment rule n as PAYMENT_RULE - n (at most 256), and rounding document n as SMALL_CHANGE_RULE - n.
    ROUNDING_RULE = -3
    PAYMENT_RULE = -4
    SMALL_CHANGE_RULE = -1_000

cdef inline int32_t payment_of(int32_t rule) noexcept nogil:
    """Row of the ruleset's payment rules, -1: the rule is none of them."""
    return PAYMENT_RULE - rule if SMALL_CHANGE_RULE < rule <= PAYMENT_RULE else -1

cdef inline int32_t small_change_of(int32_t rule) noexcept nogil:
    """Row of the ruleset's rounding documents, -1: the rule is none of them."""
    return SMALL_CHANGE_RULE - rule if rule <= SMALL_CHANGE_RULE else -1

cdef inline int32_t kind_of(int32_t rule) noexcept nogil:
    """Kind of what a rule takes off."""
    return DISCOUNT if rule > ROUNDING_RULE else POINTS if payment_of(rule) >= 0 else ROUNDING

cdef enum Verdict:
    # altyn.pos.v1.Verdict
    APPLIED = 1
    NOT_MATCHED = 2
    BEATEN = 3
    EXCLUDED = 4
    FLOOR = 5
    CAP = 6
    BUDGET = 7
    LIMIT = 8
    INACTIVE = 9
    ZERO = 10

cdef enum CouponResult:
    # altyn.pos.v1.CouponState
    COUPON_APPLIED = 1
    COUPON_NOT_APPLIED = 2
    COUPON_INVALID = 3

cdef enum Role:
    # altyn.pos.v1.ParticipationRole
    ROLE_TARGET = 1
    ROLE_QUALIFIER = 2

cdef struct LineResult:
    int64_t gross_minor
    int64_t discount_minor
    int64_t net_minor          # gross − discount − paid with points
    int32_t first_discount     # row of Outcome.discounts, -1: none; rows name the line's next one
    int32_t first_accrual      # of Outcome.line_accruals, likewise
    int32_t roles_begin        # slice of Outcome.line_roles
    int32_t roles_end

cdef struct LineDiscount:
    int64_t amount_minor
    int32_t rule               # ordinal in the ruleset; -1 external, -2 manual, ROUNDING_RULE, a payment rule or small change below
    int32_t stage
    int32_t line
    int32_t next               # of the line, in order of application; -1: none
    int32_t run                # the calculator's own: when calculating by unit, else -1

cdef struct LineRole:
    # A set rule used units of the line.
    int32_t rule
    int32_t role               # Role

cdef struct LineAccrual:
    int64_t points
    int32_t asset              # index in the ruleset's assets
    int32_t line
    int32_t next               # of the line, one row per asset; -1: none

cdef struct Accrual:
    # One lot to open: one accrual rule that gave > 0.
    int32_t rule
    int32_t asset
    int64_t points

cdef struct CouponOutcome:
    int32_t result             # CouponResult
    int32_t reason             # altyn.pos.v1.Reason
    int32_t rule               # the rule it unlocked, -1 none

cdef struct PointsPayment:
    # One asset the customer wanted to pay with, or could: a row for each asset with a payment rule in force, in their
    # order, then one for each wish without.
    int32_t asset              # index in the ruleset's assets; -1: the wish's asset has no payment rule
    int32_t payment            # row of the ruleset's payment rules, -1
    int32_t wish               # index of the receipt's wishes, -1: none in this asset
    int64_t points             # paid; 0: none
    int64_t amount_minor
    int64_t max_points         # as many as could be paid
    int64_t max_amount_minor
    int32_t limited_by         # altyn.pos.v1.Reason: what lowered the maximum last

cdef struct CounterUse:
    # One counter a rule with a limit looked at, and what the receipt takes of it.
    CounterId id
    Text limit                 # id of the promotion or limit document
    int32_t measure            # altyn.journal.v1.LimitMeasure
    int32_t per                # altyn.journal.v1.LimitPer
    int64_t subject
    int64_t cap
    int64_t used               # as the decision saw it, this receipt's own hold left out
    int64_t held
    int64_t taken              # 0: only looked at
    int32_t row                # of the ruleset's limits
    bint of_accrual

cdef struct Said:
    # What a promotion says: a message, an issued coupon or a gift with its text, or a nudge.
    int32_t promotion
    int32_t rule               # of an issued coupon or a gift, else -1
    int32_t message            # row of the ruleset's messages; of a message only
    int32_t asset              # of the points, -1: none
    int64_t discount_minor     # what the promotion gave
    int64_t points
    int64_t missing            # of a nudge: minor units, or thousandths; of a gift: units that were taken
    bint of_quantity

cdef struct RuleTrace:
    # Only filled when explain is on. One per rule looked at, in order of evaluation.
    int32_t rule
    int32_t verdict
    int32_t condition          # index into the ruleset's condition paths, -1 none
    int64_t actual
    int64_t needed
    int64_t distance
    int32_t by_rule            # BEATEN, EXCLUDED: who won; -1
    int64_t margin_minor
    int64_t amount_minor
    int64_t cut_minor          # what caps took of it; amount_minor is before the cut
    int32_t cap                # CAP: row of the ruleset's caps, -1
    int64_t points
    int32_t applications       # of a set rule other than a ladder
    bint greedy                # of an OPTIMAL group that was not searched
    int32_t lines_begin        # slice of Outcome.line_traces
    int32_t lines_end

cdef struct LineTrace:
    int32_t line               # index in the receipt
    int64_t before_minor
    int64_t after_minor

cdef struct FiscalRow:
    # One line of the fiscal receipt: price × quantity rounds to the sum.
    int64_t qty_milli
    int64_t price_minor
    int64_t sum_minor
    int32_t line               # index in the receipt
    int32_t sub_no             # from 1 in its line, the cheapest first
    bint by_unit               # the line is printed, and returned, by what each unit costs

cdef struct Outcome:
    int64_t gross_minor
    int64_t discount_minor     # rounding_minor is a part of it
    int64_t points_paid_minor
    int64_t rounding_minor
    int64_t to_pay_minor
    LineResult* lines          # as many as the receipt has, same order
    LineDiscount* discounts    # in order of application, as are the next two; read them by line
    LineAccrual* line_accruals
    LineRole* line_roles
    Accrual* accruals          # in order of evaluation
    int32_t accruals_count
    CouponOutcome* coupons     # as many as the receipt has, same order
    PointsPayment* payments
    int32_t payments_count
    CounterUse* counters
    int32_t counters_count
    Said* said                 # by (priority, order of evaluation)
    int32_t said_count
    Said* issued               # coupons to issue, in order of evaluation
    int32_t issued_count
    Said* promised             # gifts, in order of evaluation
    int32_t promised_count
    Said* nudges               # the nearest first
    int32_t nudges_count
    RuleTrace* traces
    int32_t traces_count
    bint traces_truncated      # more rules were looked at than rows exist
    LineTrace* line_traces
    FiscalRow* fiscal_rows     # by line, none before `Calculator.plan`
    int32_t fiscal_rows_count
    bint split_unavoidable     # a line that must not be split is, for its floor is above the next sum it could have
    bint price_below_minimum   # a till price below min_price: that line got no discount
    bint history_missing       # rules ask for earlier purchases of this customer, and nobody keeps them
    bint search_cut            # an OPTIMAL group had more combinations than are searched: in order of priority
    int64_t external_excess_minor
