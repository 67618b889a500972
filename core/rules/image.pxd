"""Layout of a ruleset image: fixed little-endian rows, no pointers. `compile.py` writes it, `Ruleset` verifies it once.

Header: magic, format, a zero word, sha256 of everything after it; then version, size and the table of sections.
Slices are half-open row numbers. -1 is "none" for an index, INT64_MIN for a 64-bit bound. Texts are (begin, size) in
TEXTS.

Beside the promotions stand these tables that a calculation walks by themselves:

- LIMITS: the limits of a promotion, PromotionRow.limits; in written order. A counter is (promotion id, measure, per,
  window), so nothing of a row but its cap may change its meaning. RECEIPT limits have no counter.
- CAPS: `limit` documents with a cap, in (priority, id) order, which is the order of stage 8.
- PAYMENTS: payment rules of all `limit` documents in (priority, id, place) order: the first whose condition holds is
  the asset's. Stage 9 walks it; assets pay in the order of their chosen rules.
- ROUNDINGS: in (priority, id) order: the first whose condition holds rounds what is to pay in stage 10.
- ACCUMULATIONS: the numbers that conditions on earlier purchases ask for, each once.
- MESSAGES: what a promotion says when it gave something (SpeechRow.messages), and what a `message` or `issue_coupon`
  reward says (RuleRow.detail). Texts by language are slices of TRANSLATIONS, in order of the language; a text
  holds placeholders as ``{{ name }}``, known ones only.

Set rewards keep their numbers in SET_REWARDS (RuleRow.detail): parts of a bundle and the two sides of buy_get in PARTS,
rungs in NUMBERS. Tiers (RuleRow.tiers) are rows of TIERS with pairs (from, value) in NUMBERS.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    IMAGE_FORMAT = 6
    HASHED_FROM = 48           # bytes 16..48 are the hash of the bytes from here on
    TABLE_FROM = 64
    ONE = -2                   # end of a list of a single symbol: begin is that symbol
    ABSENT = -1                # end of a list that is not given

cdef enum Section:
    SUMMARY = 0
    TEXTS = 1
    PATHS = 2
    PROMOTIONS = 3
    RULES = 4
    GROUPS = 5
    CONDITIONS = 6
    SETS = 7
    LISTS = 8
    SCHEDULES = 9
    SLOTS = 10
    FILTER = 11
    POSTINGS = 12
    ASSETS = 13
    READ_SET = 14
    SET_REWARDS = 15
    PARTS = 16
    NUMBERS = 17
    TIERS = 18
    LIMITS = 19
    CAPS = 20
    PAYMENTS = 21
    SPEECHES = 22
    MESSAGES = 23
    TRANSLATIONS = 24
    ISSUES = 25
    ROUNDINGS = 26
    MULTIPLIERS = 27
    ACCUMULATIONS = 28
    GIFTS = 29
    SECTIONS_COUNT = 30

cdef enum SymbolKind:
    # The first four are also the columns of a product set.
    SKU = 0
    CATEGORY = 1
    BRAND = 2
    SUPPLIER = 3
    STORE_ID = 4
    REGION = 5
    FORMAT = 6
    CLUSTER = 7
    CARD_TYPE = 8
    SEGMENT = 9
    CUSTOMER_ID = 10
    COUPON = 11
    COUPON_SERIES = 12
    REGISTER_ID = 13
    REGISTER_CHANNEL = 14
    ATTRIBUTE = 15             # name=value, of the catalogue; FAVOURITES for a favourite category
    GRANT = 16                 # id of a promotion
    TIER = 17
    TIER_FROM = 18             # that tier or a higher one

cdef extern from *:
    """
    #define ALTYN_FAVOURITES "favourite"
    """
    # The ATTRIBUTE of a line whose category is the customer's favourite: no name=value is like it.
    const char* FAVOURITES "ALTYN_FAVOURITES"

cdef enum ConditionKind:
    ALL_OF = 0
    ANY_OF = 1
    NONE_OF = 2
    SCHEDULE_IS = 3
    STORE_IS = 4
    CUSTOMER_IS = 5
    HAS_CARD_IS = 6
    COUPON_IS = 7
    SUM_IS = 8
    QUANTITY_IS = 9
    SERIES_IS = 10
    BALANCE_IS = 11
    PAYMENT_IS = 12
    REGISTER_IS = 13
    BIRTHDAY_IS = 14
    PERSONAL_IS = 15
    PURCHASES_IS = 16
    TURNOVER_IS = 17
    PURCHASE_NUMBER_IS = 18
    VALIDITY_IS = 19

cdef enum RuleKind:
    PERCENT = 0
    AMOUNT_UNIT = 1
    AMOUNT_LINE = 2
    AMOUNT_RECEIPT = 3
    POINTS_PERCENT = 4
    POINTS_FIXED = 5
    FIXED_PRICE = 6
    MULTI_BUY = 7
    BUNDLE = 8
    BUY_GET = 9
    LADDER = 10
    MESSAGE = 11               # with ISSUE_COUPON: takes nothing off, is said when the promotion gave something
    ISSUE_COUPON = 12
    GIFT = 13                  # like those two
    MULTIPLY = 14              # rows of MULTIPLIERS of another promotion act for it

cdef enum PromotionFlag:
    ALLOW_FREE = 1
    COST_FLOOR = 2
    NAMES_COUPON = 4           # a condition asks for a code or a series
    LINE_RULES = 8             # every reward is a line rule (semantics §6.11.9)
    EXCLUSIVE_STAGE = 16       # at most one of these two
    EXCLUSIVE_ALL = 32
    EXCLUSIVE_RECEIPT = 64     # with one of them: scope RECEIPT, else UNIT
    SKIP_DISCOUNTED = 128
    HAS_LIMITS = 256
    SPEAKS = 512               # has messages, or rewards of kind MESSAGE, ISSUE_COUPON or GIFT
    HAS_TIERS = 1024
    READS_BALANCE = 2048       # a condition asks for one
    READS_BIRTHDAY = 4096
    READJUDICATES = 8192       # a return decides what it gave again (on_return)
    FORBIDS_PARTIAL = 16384    # what it gave on comes back together
    NUDGES = 65536             # has a text for what little is missing to it

cdef enum RuleFlag:
    EXCLUDE_POINTS_PAID = 1
    SKIP_IF_PAID_WITH_POINTS = 2
    PROGRESSIVE = 4            # AMOUNT_RECEIPT with tiers of rates: each part of the base at its own

cdef enum SetFlag:
    ALL_GOODS = 1
    HAS_PRICE = 2
    HAS_EXCEPTED = 4
    ONLY_COLUMN = 8            # nothing but first_column is given
    HAS_ATTRIBUTES = 16        # behind the list of what is excepted stand how many, and for each the list of its symbols

cdef enum:
    NO_COLUMN = 4

cdef enum SetRewardFlag:
    SHARE_UNITS = 1
    REUSABLE_QUALIFIERS = 2
    COUNT_LINES = 4            # multi_buy: a line counts one
    GLOBAL_CHEAPEST = 8        # multi_buy
    ON_FREE = 16               # multi_buy: allocate
    TO_TARGETS = 32            # bundle: allocate_to
    REPEAT_RUNGS = 64          # ladder: after_last

cdef enum CapFlag:
    BY_LINE = 1
    INCLUDE_POINTS = 2

cdef enum PaymentFlag:
    # Cards that are nobody's may pay too.
    ANONYMOUS_PAYS = 1

cdef enum ExpiryKind:
    NEVER = 0
    AFTER_DAYS = 1
    ON_DATE = 2
    END_OF_MONTH = 3
    END_OF_YEAR = 4

cdef struct SummaryRow:
    int64_t always_begin       # postings of promotions without a gate
    int64_t always_end
    uint32_t kinds             # bit per SymbolKind that has symbols
    uint32_t bases             # bit per SumBase that a condition reads
    int64_t slots_mask
    int64_t filter_mask        # in words of 64 bits
    uint32_t promotion_flags   # PromotionFlag bits that some promotion has
    uint32_t rule_kinds        # bit per RuleKind that some rule has

cdef struct PathRow:
    int32_t begin
    int32_t size

cdef struct PromotionRow:
    # In order of evaluation: (stage, group priority, group id, priority, id).
    int32_t group
    int32_t rules_begin
    int32_t rules_end
    int32_t condition          # its root, -1: always
    int32_t stage
    uint32_t flags             # PromotionFlag
    int64_t floor_minor        # -1: none; per 1.000 of measure
    int64_t floor_ppm          # -1: none; of the unit's gross
    int32_t id_begin
    int32_t id_size
    int32_t priority
    int32_t limits_begin
    int32_t limits_end
    int32_t speech             # -1: says nothing

cdef struct RuleRow:
    # One reward. The row's number is the rule's ordinal: the order of evaluation.
    int32_t promotion
    int32_t kind               # RuleKind
    int32_t targets            # set
    int32_t reward_no
    int64_t value              # rate_ppm, off_minor, price_minor or fixed points; 0 when tiers or a detail row give it
    int32_t asset              # -1: no points
    uint32_t flags             # RuleFlag
    int32_t active_after_days
    int32_t expiry             # ExpiryKind
    int32_t expiry_value       # days, date as days since 1970-01-01, months
    int32_t path
    int32_t tiers              # -1: none
    int32_t detail             # row of SET_REWARDS, MESSAGES, ISSUES or GIFTS by kind; -1
    int32_t multipliers_begin
    int32_t multipliers_end

cdef struct GroupRow:
    int32_t mode               # promotion.GroupMode
    int32_t scope              # promotion.GroupScope
    int32_t stage
    int32_t priority
    int32_t promotions_begin
    int32_t promotions_end
    int32_t name_begin
    int32_t name_size

cdef struct ConditionRow:
    # Preorder: children follow their parent up to `end`.
    int32_t kind               # ConditionKind
    int32_t end
    int32_t path
    int32_t subject            # SymbolKind, set, schedule, symbol of a coupon or grant, wanted has_card, asset, bits of PaymentType, or accumulation
    int64_t low                # included; INT64_MIN: none
    int64_t high               # excluded; INT64_MIN: none
    int32_t any_begin          # list, of numbers for PURCHASE_NUMBER_IS; any_end ABSENT: not given
    int32_t any_end
    int32_t none_begin
    int32_t none_end
    int32_t option             # SumBase or CountBy; of TURNOVER_IS include_current, of VALIDITY_IS: holds before the start
    int32_t reserved
    int64_t also_reserved      # 64 bytes: one cache line

cdef struct Span:
    int32_t begin
    int32_t end

cdef struct SetRow:
    Span columns[4]            # by SymbolKind; end ABSENT: not given, ONE: begin is the only symbol
    int64_t price_from_minor
    int64_t price_to_minor
    Span excepted              # list of sets
    uint32_t flags             # SetFlag
    int32_t first_column       # the one with the fewest symbols, by which most goods are passed over; NO_COLUMN: none

cdef struct ScheduleRow:
    int64_t from_wall_us       # INT64_MIN: none
    int64_t to_wall_us
    int64_t from_date          # days; INT64_MIN: none
    int64_t to_date
    Span windows               # list of (start, end) minutes, flat; empty: the whole day
    uint32_t weekdays          # bit per day, Monday first; 0: every day
    uint32_t days_of_month     # bit per day, bit 1 is the first; 0: every day

cdef struct SymbolSlot:
    # Open addressing by linear probing; symbol 0 is an empty slot.
    uint32_t hash
    int32_t symbol
    Span promotions            # postings of the promotions this symbol is a gate of; end ONE: begin is the only one
    uint8_t kind
    uint8_t size
    char text[14]              # the text, or its place in TEXTS when longer

cdef struct AssetRow:
    int64_t step_points
    int32_t id_begin
    int32_t id_size
    int32_t scale
    int32_t reserved

cdef struct SetRewardRow:
    # What of it a kind uses: MULTI_BUY take, pay; BUNDLE discount_by, value, parts; BUY_GET the same, its parts are buy
    # and get; LADDER discount_by (of the rungs), rungs, order.
    int64_t value              # ppm, minor off, or price
    int32_t discount_by        # promotion.DiscountBy: 0 percent, 1 amount, 2 price
    int32_t take
    int32_t pay
    int32_t max_applications   # 0: no bound
    int32_t order              # promotion.UnitOrder: 0 PRICE_DESC, 1 PRICE_ASC, 2 SCAN
    uint32_t flags             # SetRewardFlag
    Span parts
    Span rungs                 # of NUMBERS

cdef struct PartRow:
    int32_t targets            # set
    int32_t quantity           # 0: ALL (get only)
    int32_t is_target
    int32_t reserved

cdef struct TierRow:
    int32_t base               # SumBase
    int32_t over               # set
    Span steps                 # of NUMBERS: from, value, from, value, …; from grows

cdef struct LimitRow:
    int64_t cap                # minor units, thousandths, points in the smallest unit, or receipts
    int32_t promotion
    int32_t measure            # promotion.LimitMeasure: 1 times, 2 amount, 3 quantity, 4 points
    int32_t per                # promotion.LimitPer: 0 receipt, 1 customer, 2 card, 3 promotion
    int32_t window             # promotion.LimitWindow: 0 none, 1 day, 2 week, 3 month, 4 year, 5 always
    int32_t on_short           # 0 PARTIAL, 1 SKIP
    int32_t asset              # of points, else -1
    int32_t path
    int32_t reserved

cdef struct CapRow:
    int64_t rate_ppm           # of the gross of the covered lines; -1: amount_minor
    int64_t amount_minor       # -1: rate_ppm
    int32_t targets            # set
    uint32_t flags             # CapFlag
    int32_t id_begin
    int32_t id_size

cdef struct PaymentRow:
    int64_t point_ppm          # money for one point on paper, in millionths of a money unit (1.00: 1 000 000)
    int64_t step_points        # in the smallest unit, as are the next two; at least 1
    int64_t min_points
    int64_t max_points         # -1: no bound
    int64_t line_ppm           # of each line's running price
    int64_t receipt_ppm        # of the running price of all lines that may be paid with points
    int32_t asset
    int32_t targets            # set
    int32_t condition          # root, -1: always
    uint32_t denied_inputs     # bit per altyn.pos.v1.InputMethod
    int32_t id_begin           # of the limit document
    int32_t id_size
    int32_t place              # of the rule in its document
    uint32_t flags             # PaymentFlag

cdef struct SpeechRow:
    Span title                 # of TRANSLATIONS: what {{ promotion }} stands for
    Span messages
    Span nudge                 # of TRANSLATIONS

cdef struct MessageRow:
    int32_t channel            # altyn.pos.v1.Channel
    int32_t priority
    Span texts                 # of TRANSLATIONS
    int32_t barcode_begin
    int32_t barcode_size       # 0: none

cdef struct TranslationRow:
    int32_t language_begin
    int32_t language_size
    int32_t text_begin
    int32_t text_size

cdef struct IssueRow:
    # The expiry stands in the RuleRow.
    int32_t series_begin
    int32_t series_size
    Span texts                 # of TRANSLATIONS

cdef struct GiftRow:
    Span skus                  # of LISTS, which are rows of PATHS
    Span texts                 # of TRANSLATIONS
    int32_t quantity
    int32_t reserved

cdef struct RoundingRow:
    int64_t to_minor
    int32_t condition          # root, -1: always
    int32_t id_begin
    int32_t id_size
    int32_t reserved

cdef struct MultiplierRow:
    # What multiplies the number of a rule: a rate, or fixed points.
    int64_t most_ppm           # the product is at most this, -1: no bound of the document's
    int32_t times              # ten-thousandths
    int32_t condition          # root, -1: always
    int32_t targets            # set
    int32_t names_coupon       # the condition asks for a code or a series
    int32_t owner              # rule of stage rate that it is the factor of, -1: the promotion's own
    int32_t reserved

cdef enum Measured:
    # words.AccumulationMeasure
    RECEIPTS_COUNT = 0
    UNITS_MILLI = 1
    WEIGHT_MILLI = 2
    SUM_MINOR = 3
    FIRST_USE_DAY = 4
    REACHED_DAY = 5

cdef struct AccumulationRow:
    # A number made of a customer's earlier receipts. Conditions name its row; its values stand in Holdings.accumulations.
    int64_t sum_minor          # of REACHED_DAY: what the running total comes to
    int32_t measure            # Measured
    int32_t window             # words.PurchaseWindow: 1 days, 2 week, 3 month, 4 year, 5 always
    int32_t days
    int32_t products           # set
    int32_t same_store
    Span stores[8]             # any_of and none_of by STORE_ID, REGION, FORMAT, CLUSTER; end ABSENT: not given
    int32_t id_begin           # of FIRST_USE_DAY: the promotion
    int32_t id_size
    int32_t reserved

cdef struct RulesView:
    # The sections of one verified image.
    const char* texts
    const SummaryRow* summary
    const PathRow* paths
    const PromotionRow* promotions
    const RuleRow* rules
    const GroupRow* groups
    const ConditionRow* conditions
    const SetRow* sets
    const int32_t* lists
    const ScheduleRow* schedules
    const SymbolSlot* slots
    const uint64_t* filter
    const int32_t* postings
    const AssetRow* assets
    const SetRewardRow* set_rewards
    const PartRow* parts
    const int64_t* numbers
    const TierRow* tiers
    const LimitRow* limits
    const CapRow* caps
    const PaymentRow* payments
    const SpeechRow* speeches
    const MessageRow* messages
    const TranslationRow* translations
    const IssueRow* issues
    const RoundingRow* roundings
    const MultiplierRow* multipliers
    const AccumulationRow* accumulations
    const GiftRow* gifts
    int32_t promotions_count
    int32_t rates_begin        # promotions of stage rate are the last; nobody looks at them but through what they multiply
    int32_t rules_count
    int32_t assets_count
    int32_t caps_count
    int32_t payments_count
    int32_t roundings_count
    int32_t accumulations_count
