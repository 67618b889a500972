"""Holds: what a Reserve has set aside, found by its id, by its receipt, and by when it is due.

Keeps pending holds, and expired ones for 30 days after, because a late commit wants to know what it had. Posted and voided
holds are gone. A receipt has at most one hold. A hold without parts is legal: it keeps a price.
A part keeps points of a lot (of the hold's account, or of one it names), an amount of a counter, or a coupon; the book counts it there, nothing here does.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset
from altyn.core.ledger.counters cimport CounterId
from altyn.core.ledger.key_table cimport KeyTable

cdef enum HoldState:
    # altyn.journal.v1.HoldState
    HOLD_PENDING = 1
    HOLD_POSTED = 2
    HOLD_VOIDED = 3
    HOLD_EXPIRED = 4

cdef enum HoldPartKind:
    PART_POINTS = 0
    PART_COUNTER = 1
    PART_COUPON = 2

cdef struct HoldPart:
    # 48 bytes.
    int64_t points             # or the counter's amount; 0 for a coupon
    int64_t lot_id             # or the counter's window_day
    int32_t asset_no           # or the counter's LimitWindow
    int32_t kind               # HoldPartKind
    uint8_t key[16]            # of the counter or the coupon; zeros for points
    int64_t account_id         # of points that are not of the hold's account; else 0

cdef struct Hold:
    uint8_t hold_id[16]        # op_id of the Reserve
    uint8_t receipt_key[16]    # zeros: no receipt
    int64_t account_id         # 0: nobody; then no part keeps points
    int64_t expires_at_us
    int64_t due_us             # pending: expires_at_us; expired: when it is forgotten
    int32_t state              # PENDING or EXPIRED
    int32_t parts_count
    uint32_t place             # in the heap
    HoldPart* parts

cdef struct Holds:
    KeyTable by_id             # first: the address of the hold
    KeyTable by_receipt
    Hold** heap                # smallest (due_us, hold_id) first
    uint32_t count
    uint32_t capacity

cdef inline HoldPart points_part(int64_t points, int64_t lot_id, int32_t asset_no) noexcept nogil:
    cdef HoldPart part
    memset(&part, 0, sizeof(HoldPart))
    part.points = points
    part.lot_id = lot_id
    part.asset_no = asset_no
    return part

cdef inline HoldPart counter_part(const CounterId* id, int64_t amount) noexcept nogil:
    cdef HoldPart part = points_part(amount, id.window_day, id.window)
    part.kind = PART_COUNTER
    memcpy(part.key, id.key, 16)
    return part

cdef inline HoldPart coupon_part(const uint8_t* key) noexcept nogil:
    cdef HoldPart part = points_part(0, 0, 0)
    part.kind = PART_COUPON
    memcpy(part.key, key, 16)
    return part

cdef inline CounterId part_counter(const HoldPart* part) noexcept nogil:
    cdef CounterId id
    memcpy(id.key, part.key, 16)
    id.window = part.asset_no
    id.window_day = part.lot_id
    return id

# True when a part's numbers are those of its kind; points need somebody's account.
cdef bint is_part(const HoldPart* part, int64_t account_id, int64_t amount_max) noexcept nogil
cdef void holds_start(Holds* holds) noexcept nogil
cdef void holds_free(Holds* holds) noexcept nogil
cdef Hold* hold_new(const uint8_t* hold_id, const uint8_t* receipt_key, int64_t account_id, int64_t expires_at_us,
                    const HoldPart* parts, int32_t parts_count) noexcept nogil
cdef void hold_free(Hold* hold) noexcept nogil
cdef bint holds_reserve(Holds* holds, const Hold* hold, uint32_t extra) noexcept nogil
cdef void holds_add(Holds* holds, Hold* hold) noexcept nogil
cdef void holds_remove(Holds* holds, Hold* hold) noexcept nogil
cdef void holds_expire(Holds* holds, Hold* hold) noexcept nogil
cdef void holds_forget(Holds* holds, int64_t instant_us, int most) noexcept nogil
cdef Hold* hold_of_id(Holds* holds, const uint8_t* hold_id) noexcept nogil
cdef Hold* hold_due(Holds* holds, int64_t instant_us) noexcept nogil
cdef Hold* hold_of_receipt(Holds* holds, const uint8_t* receipt_key) noexcept nogil
cdef bint has_receipt(const Hold* hold) noexcept nogil
