"""Layout of a ruleset image: fixed little-endian rows, no pointers. `compile.py` writes it, `Ruleset` verifies it once.

Header: magic, format, a zero word, sha256 of everything after it; then version, size and the table of sections.
Slices are half-open row numbers. -1 is "none" for an index, INT64_MIN for a 64-bit bound. Texts are (begin, size) in
TEXTS.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    IMAGE_FORMAT = 1
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
    SECTIONS_COUNT = 15

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

cdef enum RuleKind:
    PERCENT = 0
    AMOUNT_UNIT = 1
    AMOUNT_LINE = 2
    AMOUNT_RECEIPT = 3
    POINTS_PERCENT = 4
    POINTS_FIXED = 5

cdef enum PromotionFlag:
    ALLOW_FREE = 1
    COST_FLOOR = 2
    NAMES_COUPON = 4
    LINE_RULES = 8             # every reward is a line rule (semantics §6.11.9)

cdef enum RuleFlag:
    EXCLUDE_POINTS_PAID = 1
    SKIP_IF_PAID_WITH_POINTS = 2

cdef enum SetFlag:
    ALL_GOODS = 1
    HAS_PRICE = 2
    HAS_EXCEPTED = 4

cdef enum ExpiryKind:
    NEVER = 0
    AFTER_DAYS = 1
    ON_DATE = 2
    END_OF_MONTH = 3

cdef struct SummaryRow:
    int64_t always_begin       # postings of promotions without a gate
    int64_t always_end
    uint32_t kinds             # bit per SymbolKind that has symbols
    uint32_t bases             # bit per SumBase that a condition reads
    int64_t slots_mask
    int64_t filter_mask        # in bits

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
    int32_t reserved[3]

cdef struct RuleRow:
    # One reward. The row's number is the rule's ordinal: the order of evaluation.
    int32_t promotion
    int32_t kind               # RuleKind
    int32_t targets            # set
    int32_t reward_no
    int64_t value              # rate_ppm, off_minor or fixed points
    int32_t asset              # -1: a discount
    uint32_t flags             # RuleFlag
    int32_t active_after_days
    int32_t expiry             # ExpiryKind
    int32_t expiry_value       # days, date as days since 1970-01-01, months
    int32_t path
    int64_t reserved[2]

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
    int32_t subject            # SymbolKind, set, schedule, coupon symbol, or the wanted has_card
    int64_t low                # included; INT64_MIN: none
    int64_t high               # excluded; INT64_MIN: none
    int32_t any_begin          # list; any_end ABSENT: not given
    int32_t any_end
    int32_t none_begin
    int32_t none_end
    int32_t option             # SumBase or CountBy
    int32_t reserved

cdef struct Span:
    int32_t begin
    int32_t end

cdef struct SetRow:
    Span columns[4]            # by SymbolKind; end ABSENT: not given, ONE: begin is the only symbol
    int64_t price_from_minor
    int64_t price_to_minor
    Span excepted              # list of sets
    uint32_t flags             # SetFlag
    uint32_t reserved

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
    Span promotions            # postings of the promotions this symbol is a gate of
    uint8_t kind
    uint8_t size
    char text[14]              # the text, or its place in TEXTS when longer

cdef struct AssetRow:
    int64_t step_points
    int32_t id_begin
    int32_t id_size
    int32_t scale
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
    int32_t promotions_count
    int32_t rules_count
    int32_t assets_count
