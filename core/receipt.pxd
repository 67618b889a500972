"""What a calculation reads: the receipt, the place, and what is known of the customer.

Plain structs filled by `core/edge` (from the wire) and by the engine (from the facts). Texts point into memory that the caller
keeps for the length of the call. Every number is in range: the calculator checks nothing again.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.ledger.counters cimport Counters
from altyn.core.ledger.holds cimport HoldPart
from altyn.core.text cimport Text

cdef enum Flag:
    # bits of Line.flags, in the order of altyn.pos.v1.LineFlags
    NO_DISCOUNT = 1
    NO_REDEEM = 2
    NO_ACCRUAL = 4
    NO_THRESHOLD = 8
    MARKED = 16
    GIFT = 32
    EXCISE = 64

cdef enum UnitKind:
    # altyn.pos.v1.Unit less one; unspecified is PIECE
    PIECE = 0
    KG = 1
    LITRE = 2
    METRE = 3

cdef struct Line:
    int32_t line_no
    int32_t unit              # UnitKind
    int32_t vat_code
    uint32_t flags            # Flag bits, register's and catalogue's together
    int64_t qty_milli         # > 0
    int64_t price_minor       # per unit or per 1.000 of measure
    int64_t gross_minor       # the register's own within one minor unit (or on a Commit), else price × quantity
    int64_t min_price_minor   # 0: none; per 1.000 of measure
    int64_t cost_minor        # -1: unknown; per 1.000 of measure
    int64_t external_minor    # sum of the register's own discounts
    int64_t manual_ppm        # -1: none
    int64_t manual_minor      # -1: none
    Text sku                  # these four in the order of rules.image.SymbolKind
    Text group
    Text brand
    Text supplier
    Text mark_code
    const Text* attributes    # name=value, of the catalogue, in ascending order; a sku has the same on every line
    int32_t attributes_count
    bint sum_mismatch         # the register's gross differs by more than one minor unit
    bint no_split             # one line of the fiscal receipt, when it is measured (semantics §6.11.24)

cdef enum:
    PAYMENT_TYPES_COUNT = 7    # altyn.pos.v1.PaymentType, unspecified included

cdef struct PointsWish:
    # What the customer wants to pay with points of an asset.
    Text asset
    int64_t points            # in the smallest unit; -1: as many as may be

cdef struct Receipt:
    Line* lines
    int32_t lines_count
    Text* coupons             # trimmed, ASCII upper case, in order of entry
    int32_t coupons_count
    PointsWish* wishes        # one per asset
    int32_t wishes_count
    int64_t paid_minor[PAYMENT_TYPES_COUNT]  # by type, as far as payments are told
    int32_t tenders_count
    int32_t gift_cards_count  # sold
    Text register_id
    Text channel              # sales_channel
    Text currency
    int32_t exponent

cdef struct Place:
    # The store and the business time. Wall times are microseconds since 1970-01-01T00:00 of the store's wall clock.
    Text store_id
    Text region
    Text format
    Text cluster
    int64_t wall_us
    # The forward jump of the store's clock within two days around, if any (semantics §6.11.27): wall times in
    # [gap_from_wall_us, gap_from_wall_us + gap_us) do not exist. gap_us = 0: none.
    int64_t gap_from_wall_us
    int64_t gap_us

cdef struct CouponFact:
    # One entered code, as the coupon series and the book know it.
    Text series               # size 0: no code of a series
    int32_t series_no
    int32_t reason            # altyn.pos.v1.Reason why it cannot be used; 0: it can
    bint unique               # the code is used up
    int64_t expires_at_us     # of an issued code, or one with grace; 0: as its series says
    uint8_t key[16]           # first bytes of its keyed hash; or its serial (core/ledger/serials)
    int64_t serial            # 0: it is known by its hash

cdef enum:
    # Of Holdings.birthday: the business date less the nearest birthday, in days, is added to it; BIRTHDAY_FAR: more than
    # BIRTHDAY_DAYS_MAX away.
    BIRTHDAY = 100
    BIRTHDAY_DAYS_MAX = 60
    BIRTHDAY_FAR = 200

cdef inline int32_t birthday_at(int64_t days) noexcept nogil:
    """Holdings.birthday of a birthday so many days ago."""
    return <int32_t>(BIRTHDAY + days) if -BIRTHDAY_DAYS_MAX <= days <= BIRTHDAY_DAYS_MAX else BIRTHDAY_FAR

cdef struct GrantFact:
    # A promotion given to the customer, in force at the business time, and the goods chosen in it.
    Text promotion_id
    Text* skus
    Text* categories
    int32_t skus_count
    int32_t categories_count

cdef struct Holdings:
    # What a decision may read of a customer and of what is scarce. has_card: an active card was presented.
    # What this receipt's own hold keeps is counted as free: `own_parts`.
    bint has_card
    int64_t customer_id       # 0: none
    int64_t card_id           # 0: none
    int32_t refused           # altyn.pos.v1.Reason why whoever is known in this way pays with no points; 0: the rules say
    bint anonymous            # the card is nobody's: it pays only where a rule says so
    int32_t input_method      # altyn.pos.v1.InputMethod
    Text card_type
    Text* segments
    int32_t segments_count
    Text* tiers               # the customer's, then the lower ones
    int32_t tiers_count
    int32_t birthday          # 0: not known; else how far it is
    Text* favourites          # categories
    int32_t favourites_count
    GrantFact* grants
    int32_t grants_count
    int64_t* balances         # points that may be spent, by the ruleset's asset index; NULL: nobody's
    const int64_t* accumulations  # numbers of earlier purchases, by the ruleset's accumulation; NULL: nobody keeps them
    CouponFact* coupons       # as many as the receipt has; NULL: none is of a series
    const Counters* counters  # NULL: every counter is 0
    const HoldPart* own_parts
    int32_t own_parts_count
    bint redemption_denied    # points may not pay: a rule against fraud was tripped
    bint limits_waived        # a fact whose price was promised: limits and budgets are counted and do not bind
