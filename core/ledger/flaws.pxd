"""Why the book refuses a plan. Never a business "no": the engine that made the plan, or the journal, is wrong."""

cdef enum Flaw:
    FLAWLESS = 0
    TOO_MANY = 1               # a limit of core/limits.pxd
    ACCOUNT_RANGE = 2
    ASSET_RANGE = 3
    POINTS_RANGE = 4
    TIME_RANGE = 5
    KIND_UNKNOWN = 6
    ENTRY_UNBALANCED = 7       # postings do not sum to zero, or stand outside an entry
    LOT_UNKNOWN = 8
    LOT_TAKEN = 9              # the account has a lot with this id
    LOT_OVERDRAWN = 10         # remaining below 0, or below what is held
    LOT_OVERFILLED = 11        # remaining above initial; a debt above 0
    HOLD_UNKNOWN = 12
    HOLD_TAKEN = 13            # the id or the receipt has a hold
    HOLD_STATE = 14            # no way from its state to that one
    COUNTER_RANGE = 15         # an amount out of range, or a counter below 0
    COUPON_STATE = 16          # no way from its state to that one
    FORWARD_STATE = 17         # an account would lead to itself, or on, or has lots left
    ACCUMULATOR_RANGE = 18     # nothing is kept under its number, or out of range
    TIER_RANGE = 19            # a number out of range, or an account twice
