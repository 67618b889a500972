"""A hash table from 16 bytes to two 64-bit numbers, that grows in small steps.

Decides nothing: it is the memory behind ids (operations, natural keys, receipts, registers, holds). 256 shards, each an open
addressing table of its own with linear probing, at most four fifths full: one step of growth moves one shard, never the
whole. `seed` keeps a stranger who chooses ids from choosing their places.
A free slot has `taken` = 0; so the second number holds 63 bits.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    KEY_BYTES = 16
    KEY_SHARDS = 256

cdef struct KeySlot:
    uint64_t key_low
    uint64_t key_high
    uint64_t first             # any 64 bits
    uint64_t second            # value << 1 | 1; 0: the slot is free

cdef struct KeyShard:
    KeySlot* slots
    uint32_t capacity
    uint32_t count

cdef struct KeyTable:
    KeyShard shards[KEY_SHARDS]
    uint64_t seed
    int64_t count

cdef struct KeyCursor:
    # Where a walk over the table stands; starts as zeros.
    int shard
    uint32_t slot

cdef void keys_start(KeyTable* table, uint64_t seed) noexcept nogil
cdef void keys_free(KeyTable* table) noexcept nogil
cdef bint keys_reserve(KeyTable* table, const uint8_t* key, uint32_t extra) noexcept nogil
cdef void keys_expect(const KeyTable* table, const uint8_t* key) noexcept nogil
cdef KeySlot* keys_find(KeyTable* table, const uint8_t* key) noexcept nogil
cdef bint keys_put(KeyTable* table, const uint8_t* key, uint64_t first, uint64_t value) noexcept nogil
cdef bint keys_remove(KeyTable* table, const uint8_t* key) noexcept nogil
cdef KeySlot* keys_next(KeyTable* table, KeyCursor* cursor) noexcept nogil
cdef int64_t keys_bytes(const KeyTable* table) noexcept nogil

cdef inline uint64_t slot_value(const KeySlot* slot) noexcept nogil:
    return slot.second >> 1
