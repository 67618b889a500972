"""What one calculation works on. All of it belongs to the Calculator and is used again for every receipt.

Units are kept as runs of equal units, linked in order inside their calc group (semantics §6.11.1-2). Money changes in
one place only, `spread.take`; a trial is undone from `undo_runs` and `undo_groups`.

What only some receipts need to know of their units stands in `notes`, a row per run: prices at the entry of an ADD
group, marks of exclusivity, prices before a limited rule. Notes are kept (`noted`) from the moment something asks for
them; a receipt that needs none never touches them.
"""
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from altyn.core.limits cimport ATTRIBUTES_MAX, COUPONS_MAX, GRANTS_MAX, REWARDS_MAX, TIER_RANK_MAX, TRACES_MAX
from altyn.core.money cimport Share
from altyn.core.outcome cimport (
    Accrual, CounterUse, CouponOutcome, FiscalRow, LineAccrual, LineDiscount, LineResult, LineRole, LineTrace, PointsPayment,
    RuleTrace, Said,
)
from altyn.core.receipt cimport Holdings, Place, Receipt
from altyn.core.rules.image cimport RulesView, SetRow

cdef enum:
    EXTERNAL_RULE = -1
    MANUAL_RULE = -2
    TAGS_MAX = ATTRIBUTES_MAX + 1 + GRANTS_MAX + 1   # of a group: attributes, favourite, grants, the end

cdef struct Run:
    # `count` equal units of one line.
    int64_t gross_minor        # of one unit, as are the next two
    int64_t running_minor
    int64_t qty_milli
    int32_t count
    int32_t line               # index in the receipt
    int32_t next               # next run of the calc group, -1
    int32_t saved_by           # number of the trial that keeps its old state
    int32_t used               # by an application of a set rule that gave something (semantics §6.11.11)
    int32_t claimed            # in an OPTIMAL group a bit per contender that could use them

cdef enum Mark:
    # What stands between a unit and the promotion being applied (semantics §6.11.10).
    DISCOUNTED = 1             # an earlier promotion gave on it
    SHUT_STAGE = 2             # an exclusive one did, for the rest of the stage
    SHUT_ALL = 4               # or of all discount stages
    PENDING = 8                # the promotion being applied gave on it
    UNCHOSEN = 16              # beyond its quantity limit
    GAVE = 32                  # the rule being applied gave on it or beside it, also in a trial
    QUALIFIED = 64             # it is a qualifier of what the rule gave
    AT_PRICE = 128             # not above the fixed price being given

cdef struct Note:
    # Of every unit of the run with the same number.
    int64_t entry_minor        # price at the entry of the ADD group
    int64_t before_minor       # price before the limited rule being applied
    uint32_t marks             # Mark
    uint32_t before_marks      # the same before the limited rule
    int32_t before_used
    int32_t application        # of the limited set rule, from 1
    int32_t marked_by          # exclusive rule
    int32_t pending_by         # rule

cdef struct CalcGroup:
    # What every rule looks at comes first: one cache line.
    int64_t running_minor      # sums over the units, as are gross_minor and qty_milli
    int64_t gross_minor
    int64_t price_minor
    int64_t min_price_minor
    int32_t symbols[4]         # SKU, CATEGORY, BRAND, SUPPLIER; 0: no rule names it
    int32_t first_run          # -1: every line is neutral
    int32_t last_run
    int32_t line               # a line of the group
    uint8_t target             # of stages 1-7: not no_discount, not neutral
    uint8_t counted            # in sums and quantities
    uint8_t accrues
    int64_t qty_milli
    int32_t units
    int32_t saved_by
    # Written before they are read, by those who need them.
    int64_t entry_minor        # running at stage entry
    int32_t winner             # promotion, in a BEST group of scope LINE
    int64_t winning            # what that promotion gives here; in accrual its rate
    int64_t winning_paid       # in accrual: of that rate, what counts also on the part paid with points
    const int32_t* tags        # symbols of what else its product is, ended by 0; where rules name such symbols
    int64_t[1] unused          # 128 bytes: two cache lines

# Rows of the outcome from the beginning; only the links by line come at the end.
ctypedef LineDiscount Applied
ctypedef LineAccrual Accrued

cdef struct Gift:
    # What a limited line promotion gave in its trial to equal units in a row.
    int64_t each
    int32_t rule
    int32_t group
    int32_t place              # of the first in its group
    int32_t count

cdef struct CouponGiven:
    # A rule that gave something by a code.
    int32_t rule
    int32_t coupon

cdef struct Acting:
    # A multiplier of a promotion of stage rate acted on what a rule gave.
    int32_t rule
    int32_t owner              # the multiplier's rule

cdef struct Counted:
    # A rule of a promotion with a limit of quantity gave on so much.
    int64_t qty_milli
    int32_t rule

cdef struct SavedRun:
    Run run
    int32_t number

cdef struct SavedGroup:
    int64_t running_minor
    int32_t last_run
    int32_t number
    int32_t saved_by

cdef struct Eligible:
    # Equal units a set rule may use; its index is its place in the order of units (semantics §6.11.2).
    int32_t run                # those no application cut off yet
    int32_t listed_run         # all of them
    int32_t group
    int32_t listed             # units of the run when it was listed
    int32_t left               # units no application of the rule picked
    int32_t picked             # by the application being formed
    int32_t members            # bit per product set of the rule that holds them
    int32_t sets               # and that they may serve
    int32_t roles              # in applications that gave something

cdef struct Ranked:
    int64_t key
    int32_t place

cdef struct Pick:
    # Equal units an application uses.
    int32_t unit               # Eligible
    int32_t count
    int32_t role               # outcome.Role
    int32_t application        # number of the first of `times` equal ones
    int32_t times
    bint from_end              # the last units of the run, not the first
    int64_t each               # taken from every unit, and one more from the first `extra`
    int64_t extra

cdef struct Participant:
    int32_t rule
    int32_t role
    int32_t line

cdef struct Floors:
    # Of the rule being applied (semantics §6.4).
    int64_t least_minor        # 1, or 0 with allow_free
    int64_t price_minor        # -1: none; per 1.000 of measure
    int64_t rate_ppm           # -1: none
    bint cost
    bint given                 # one of the last three

cdef struct Failure:
    # The first condition that does not hold; amounts in its own unit (quantities in thousandths).
    int32_t condition          # row, -1: none
    int64_t actual
    int64_t needed

cdef struct Matched:
    # What of a promotion's conditions held.
    uint32_t rewards           # bit per reward
    int8_t coupons[REWARDS_MAX]  # index of the code that unlocked each, -1: a running sum may ask for it only later
    uint8_t steps[REWARDS_MAX]  # of tiers: the reached step from 1, 0: none
    uint16_t factors[REWARDS_MAX]  # bits of the multipliers that hold, of rules that have some

cdef struct Trial:
    # One promotion of a BEST group tried alone from group entry.
    int64_t total_minor
    int32_t promotion
    int32_t traces_begin
    Matched matched

cdef struct Contender:
    # A member of an OPTIMAL group that can give something.
    int64_t alone_minor        # what it gives alone, in as many applications as it can have
    int32_t place              # among the members
    int32_t promotion
    int32_t alone_count        # applications it has alone
    int32_t ceilings           # the most it can give in n applications is CEILINGS[ceilings + n]
    int32_t part               # a bit per contender it competes with for units, itself included
    int32_t count              # applications in the combination being tried
    int32_t chosen             # and in the best one so far

cdef struct KnownSet:
    # Members of a product set among the first calc groups.
    uint64_t calculation       # of which they are
    const SetRow* products
    uint64_t members

cdef struct Work:
    const RulesView* rules
    const Receipt* receipt
    const Place* place
    const Holdings* holdings
    bint has_customer
    bint explain

    CalcGroup* groups
    int32_t groups_count
    uint64_t calculation       # counts them
    KnownSet* known_sets       # of this calculation; a set has one place
    int32_t* symbols           # of the groups once more, in blocks of SYMBOLS_BLOCK groups: column by column
    Run* runs
    int32_t runs_count
    uint64_t* keys             # of each line eight bytes of its sku, after what all skus begin with, as a big-endian number
    int32_t* line_order
    int32_t* group_of          # of each line
    int64_t neutral_minor      # gross of the lines without units
    bint measured              # some line is one unit that cannot be cut: no pieces in a whole number
    bint price_below_minimum
    bint paid_with_points      # some asset paid in stage 9
    bint own_discounts         # some line has an external or manual discount
    int64_t external_excess_minor
    int64_t rounding_minor
    bint split_unavoidable

    int32_t* tags              # of the groups, one behind the other
    int32_t place_symbols[4]   # STORE_ID, REGION, FORMAT, CLUSTER
    int32_t register_symbols[2]    # REGISTER_ID, REGISTER_CHANNEL
    int32_t card_type
    int32_t customer_id
    int32_t* segments
    int32_t segments_count
    int32_t tier
    int32_t tiers[TIER_RANK_MAX]   # it and the lower ones
    int32_t tiers_count
    int32_t grants[GRANTS_MAX] # symbols of the customer's, 0: no rule names it
    int32_t grants_count
    int32_t coupon_symbols[COUPONS_MAX]
    int32_t series_symbols[COUPONS_MAX]  # of codes of a series that may be used
    int32_t coupon_states[COUPONS_MAX]  # CouponUse
    int32_t coupon_rules[COUPONS_MAX]

    uint64_t* candidate_bits   # a bit per promotion, and a bit per word of them
    uint64_t* candidate_words
    int32_t* candidates
    int32_t candidates_count

    uint32_t features          # PromotionFlag bits of the candidates
    Note* notes
    bint noted
    bint adding                # inside an ADD group: rates are of the price at its entry
    uint32_t shut              # marks that close a unit to the promotion being applied
    int32_t stage_shut_by      # rule that closed the receipt for the rest of the stage, -1
    int32_t all_shut_by        # and of all discount stages, -1
    bint again                 # points of a sale are decided again on what is left of it
    bint by_unit               # a run is one unit, an applied row of one run: for caps
    int32_t* run_order         # scratch of sorting runs, as is the next one
    int32_t* run_groups
    int32_t participants_before  # the limited rule
    int32_t applications_count   # of the limited set rule so far
    bint one_by_one              # no application of it stands for several: its limits may tell them apart
    int32_t applications_max     # of the set rule being applied; INT32_MAX: as many as its reward allows
    int32_t formed_count         # applications that set rules of the promotion being applied formed
    bint claiming                # a line promotion competes: by quantities alone, amounts are cut from what it wins
    int64_t quantity_left      # thousandths a limit leaves to the rule being applied; INT64_MAX: no limit
    CouponGiven* coupons_given
    int32_t coupons_given_count

    Share* shares
    Share** share_order
    int32_t* share_of          # group or run a share stands for
    Share* unit_shares
    int32_t* unit_share_of

    Eligible* eligible         # of the set rule being applied
    int32_t eligible_count
    Ranked* ranking            # of them, in the order the rule takes them
    Ranked* pick_order
    Pick* picks
    int32_t picks_count
    int32_t* line_marks        # 0 between uses
    Participant* participants
    int32_t participants_count

    Floors floors
    int32_t rule               # being applied
    uint32_t factors           # bits of its multipliers that hold; of a rule that has some
    int32_t stage
    int32_t only_winner        # a promotion: only calc groups it won; -1: all
    int32_t unlocking_coupon   # index of the code the promotion uses, -1

    bint trying
    int32_t trial_number       # of the trial being made
    int32_t trials_begun
    SavedRun* undo_runs
    int32_t undo_runs_count
    SavedGroup* undo_groups
    int32_t undo_groups_count
    int32_t undo_runs_top
    int32_t undo_applied_top
    Trial* trials
    Contender* contenders      # of the OPTIMAL group being decided
    int64_t* ceilings
    Note* kept_notes           # a copy of the notes for every contender of a combination being tried
    bint settling              # trials close units to later promotions, as applications do
    int64_t search_left        # of SEARCH_STEPS_MAX
    bint search_cut            # an OPTIMAL group was not searched
    Gift* gifts                # of the BEST group being decided
    int32_t gifts_count

    Applied* applied
    int32_t applied_count
    Accrued* accrued
    int32_t accrued_count
    int64_t* bases             # in stage 9, what every calc group cost when the stage began; scratch of caps
    int64_t* paid              # only if paid_with_points: what points paid of every group, and of every line
    int64_t* line_paid
    PointsPayment* payments
    int32_t payments_count
    CounterUse* counter_uses   # counters looked at
    int32_t counter_uses_count
    Counted* counted
    int32_t counted_count
    bint overflowed            # more rows than APPLIED_MAX

    # Rows of the outcome.
    LineResult* line_results
    LineRole* line_roles
    Accrual* accruals
    int32_t accruals_count
    CouponOutcome* coupon_outcomes
    Said* said
    int32_t said_count
    Said* issued
    int32_t issued_count
    Said* promised
    int32_t promised_count
    Said* nudges
    int32_t nudges_count
    bint nudging               # a promotion tried now could still be the one that gives
    RuleTrace* traces
    int32_t traces_count       # wanted; rows exist up to TRACES_MAX
    RuleTrace spilled_trace
    RuleTrace* rate_traces     # of rules of stage rate, from the first; rule -1: not looked at
    Acting* acting
    int32_t acting_count
    LineTrace* line_traces
    int32_t line_traces_count
    int64_t* line_running
    FiscalRow* fiscal_rows

cdef enum:
    SYMBOLS_BLOCK = 16         # groups: of each column a cache line
    KNOWN_SETS = 64
    COLUMNS = 4

cdef inline int32_t* symbols_in(const Work* work, int32_t column, int32_t group) noexcept nogil:
    """Of one column, those of a block that begins with this group."""
    return &work.symbols[COLUMNS * group + SYMBOLS_BLOCK * column]

cdef enum CouponUse:
    # What became of a code so far; the greatest stays.
    UNKNOWN_CODE = 0
    CONDITIONS_NOT_MET = 1
    NO_EFFECT = 2
    USED = 3
    ENTERED_BEFORE = 4

cdef inline RuleTrace* trace_row(Work* work, int32_t number) noexcept nogil:
    """The row, or a spare one when it lies beyond the limit."""
    return &work.spilled_trace if number >= TRACES_MAX else &work.traces[number]
