"""Limits of one request and of the memory it may use: compile-time constants, each with its unit.

semantics §6.1.7 sets what a receipt may hold; the rest bounds what a stranger's bytes can make the server do.
A setting never changes them: two servers must refuse the same receipt.
"""

cdef enum:
    # One receipt (semantics §6.1.7).
    LINES_MAX = 1_000
    COUPONS_MAX = 20
    POINTS_REQUESTS_MAX = 8
    PAYMENTS_MAX = 16
    EXTERNAL_DISCOUNTS_MAX = 16
    TENDERS_MAX = 8
    GIFT_CARDS_MAX = 20        # sold

    # Sizes.
    REQUEST_BYTES_MAX = 1_048_576
    REPLY_BYTES_MAX = 4_194_304
    ID_BYTES_MAX = 64
    TEXT_BYTES_MAX = 256
    PIN_BYTES_MAX = 16
    MARK_CODE_BYTES_MAX = 256
    OP_ID_BYTES = 16
    CURRENCY_BYTES = 3
    CALC_TOKEN_BYTES_MAX = 256

    # Wire: groups inside unknown fields, and messages inside messages.
    DEPTH_MAX = 16
    # Decoded structs of one request. Text stays in the request's own bytes.
    ARENA_BYTES = 8_388_608

    # Ranges.
    LINE_NO_MAX = 1_000_000
    VAT_CODE_MAX = 1_000
    EXPONENT_MAX = 4
    PERCENT_PPM_MAX = 1_000_000
    UTC_OFFSET_MINUTES_MAX = 840
    OP_NO_MAX = 1_000_000
    # Thousandths of a unit, on one line and on the whole receipt.
    QTY_MILLI_MAX = 10_000_000
    PRICE_MINOR_MAX = 1_000_000_000

# C enum constants end at 32 bits; larger limits are inline functions of no argument.

cdef inline long long amount_minor_max() noexcept nogil:
    """Largest receipt amount, minor units: 2^53 − 1, exact also in a reader that only has doubles."""
    return 9_007_199_254_740_991

cdef inline long long points_max() noexcept nogil:
    """Largest number of points one request may name, and one rule gives, in the asset's smallest unit."""
    return 1_000_000_000_000

cdef inline long long local_time_us_max() noexcept nogil:
    """Register wall clocks end with the year 2100: microseconds since 1970."""
    return 4_133_980_800_000_000

cdef enum:
    # Calculation. A receipt of 10 000 units may also hold fractional lines, each one unit.
    UNITS_MAX = 11_000
    SEGMENTS_MAX = 256
    ATTRIBUTES_MAX = 16        # of one product
    FAVOURITES_MAX = 32        # of one customer, as are GRANTS_MAX
    GRANTS_MAX = 64
    GRANT_GOODS_MAX = 32       # products and categories of one grant
    PROMOTIONS_MAX = 262_144
    REWARDS_MAX = 16
    LIMITS_MAX = 8             # of one promotion
    MULTIPLIERS_MAX = 16       # of one rule
    ACTING_MAX = 4_096         # multipliers of other promotions that acted on rules of one receipt
    RATES_TRACED_MAX = 1_024   # rules of stage rate that an explanation tells
    TIERS_MAX = 32             # of one reward
    ASSETS_MAX = 64
    POINTS_PAYMENTS_MAX = 72   # one per asset and per wish
    # Rows of one calculation: discounts and accruals by line and rule; explain data, cut beyond.
    APPLIED_MAX = 524_288
    ACCRUALS_MAX = 65_536
    COUPONS_GIVEN_MAX = 65_536
    COUNTED_MAX = 65_536
    SAID_MAX = 256
    ISSUED_MAX = 64
    PROMISED_MAX = 64          # gifts
    NUDGES_MAX = 3
    FISCAL_ROWS_MAX = 12_000   # a line prints no more rows than it has units, and one or two when it has one
    TRACES_MAX = 4_096
    # OPTIMAL groups (semantics §6.11.14): combinations of one group, members of which can give something, and
    # combinations × calc groups of all that a receipt may have searched.
    COMBINATIONS_MAX = 4_096
    CONTENDERS_MAX = 12        # 2 ** 12 combinations when each can be applied once
    SEARCH_STEPS_MAX = 1_048_576
    # Trials inside one another: the contenders, and whoever tries and explains around them.
    TRIALS_DEPTH_MAX = 16
    LINE_TRACES_MAX = 65_536
    # Explaining looks at every rule of a ruleset up to this size, else at those the receipt can touch.
    EXPLAIN_ALL_MAX = 1_024

cdef enum:
    # Ledger. asset_no is 0 … LEDGER_ASSETS_MAX − 1.
    LEDGER_ASSETS_MAX = 256
    # Effects of one operation: a lot's id is seq × 256 + n, so it opens 256 lots at most.
    POSTINGS_MAX = 1_024
    LOTS_OPENED_MAX = 256
    LOTS_TOUCHED_MAX = 2_048
    HOLD_CHANGES_MAX = 64
    HOLD_PARTS_MAX = 256
    COUNTER_CHANGES_MAX = 512
    COUPON_CHANGES_MAX = 104   # COUPONS_MAX used, ISSUED_MAX issued and GIFT_CARDS_MAX sold
    SERIES_NO_MAX = 65_535     # of coupons
    SERIALS_MAX = 1_000_000_000    # of one series
    # Numbers of earlier purchases kept at once, of all releases, and buckets one operation may change.
    ACCUMULATIONS_KEPT_MAX = 4_096
    ACCUMULATOR_CHANGES_MAX = 8_192
    # Rules against fraud that act, and counters each of them changes at most.
    FRAUD_RULES_MAX = 64
    FRAUD_COUNTERS_MAX = 2
    # Of accounts: a tier's rank, and rows one operation may change.
    TIER_RANK_MAX = 32
    TIER_CHANGES_MAX = 256
    # Kept at once: pending ones, and expired ones for 30 days.
    HOLDS_MAX = 1_000_000
