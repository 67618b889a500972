"""Holds: what a Reserve has set aside, found by its id, by its receipt, and by when it is due.

Keeps pending holds, and expired ones for 30 days after, because a late commit wants to know what it had. Posted and voided
holds are gone. A receipt has at most one hold. A hold without parts is legal: it keeps a price.
The parts' points are counted in `held_points` of their lots by the book; nothing here touches a lot.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.ledger.key_table cimport KeyTable

cdef enum HoldState:
    # altyn.journal.v1.HoldState
    HOLD_PENDING = 1
    HOLD_POSTED = 2
    HOLD_VOIDED = 3
    HOLD_EXPIRED = 4

cdef struct HoldPart:
    int64_t points
    int64_t lot_id
    int32_t asset_no

cdef struct Hold:
    uint8_t hold_id[16]        # op_id of the Reserve
    uint8_t receipt_key[16]    # zeros: no receipt
    int64_t account_id         # 0: nobody; then there are no parts
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
