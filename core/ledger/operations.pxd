"""Seen before? What the sequencer remembers of the operations it has journalled.

An operation is found by its op_id (seq and the first 8 bytes of its content hash), by its natural key (seq), a receipt by its
five parts (state and the seq that made it). Memory is bounded by four generations: an entry joins the newest; when that one is
full or old, the oldest is dropped whole. Everything from `complete_since_seq` on is here; what may be older must be looked for
in the journal. Which registers exist is never forgotten: per register the highest register_seq, and the highest
(shift, receipt number), both of which tell what is certainly new.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from altyn.core.ledger.key_table cimport KeyTable

cdef enum:
    GENERATIONS = 4

cdef enum ReceiptState:
    RECEIPT_UNKNOWN = 0
    RECEIPT_RESERVED = 1
    RECEIPT_COMMITTED = 2
    RECEIPT_VOIDED = 3
    RECEIPT_AWAITED = 4        # a return came first
    RECEIPT_OWED = 5           # committed, and returns had waited for it

cdef struct Operation:
    # One journalled operation as it is remembered. A key of zeros: there is none.
    uint8_t op_id[16]
    uint8_t natural_key[16]    # none when it was already taken
    uint8_t receipt_key[16]
    uint8_t register_key[16]
    uint64_t content           # first 8 bytes of the content hash, little-endian
    int64_t seq
    int64_t instant_us
    int64_t register_seq
    int64_t shift_number
    int64_t receipt_number
    int32_t receipt_state      # ReceiptState after the operation; UNKNOWN: as before
    int32_t original_state     # of the receipt that this one takes back
    uint8_t original_key[16]

cdef struct SeenOperation:
    int64_t seq                # 0: not here
    uint64_t content

cdef struct SeenReceipt:
    int64_t seq                # of the operation that gave it its state; 0: not here
    int32_t state

cdef struct Generation:
    KeyTable operations        # op_id: content, seq
    KeyTable naturals          # natural key: 0, seq
    KeyTable receipts          # receipt key: seq, state
    int64_t first_seq
    int64_t first_instant_us
    int64_t count

cdef class Operations:
    cdef:
        Generation* generations
        Generation* dying      # dropped, given back in small steps
        int dying_shard
        int newest
        int kept               # generations in use
        KeyTable registers     # register key: register_seq, journal seq
        KeyTable tapes         # register key: shift number, receipt number
        uint64_t seed
        int64_t generation_entries
        int64_t generation_us
        readonly int64_t complete_since_seq

    cdef void expect(self, const uint8_t* op_id, const uint8_t* natural_key, const uint8_t* receipt_key) noexcept nogil
    cdef SeenOperation find_operation(self, const uint8_t* op_id) noexcept nogil
    cdef int64_t find_natural(self, const uint8_t* natural_key) noexcept nogil
    # The receipt's state, and the latest operation that gave it one or took something of it back.
    cdef SeenReceipt find_receipt(self, const uint8_t* receipt_key) noexcept nogil
    cdef int64_t register_seq(self, const uint8_t* register_key) noexcept nogil
    cdef bint is_new_receipt(self, const uint8_t* register_key, int64_t shift_number, int64_t receipt_number) noexcept nogil
    cdef int add(self, const Operation* operation) except -1

    cdef void rotate(self, int64_t seq, int64_t instant_us) noexcept nogil
    cdef void release(self, int shards) noexcept nogil
    cdef bint add_register(self, const Operation* operation) noexcept nogil
