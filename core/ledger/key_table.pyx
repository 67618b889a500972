"""Body of the key table: see the header for what it keeps and what it promises.

No function raises. A `bint` answer False means that memory is not there; the table is then unchanged.
"""
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    CAPACITY_FIRST = 16
    CACHE_LINE_BYTES = 64


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    """Every input bit reaches every output bit."""
    x ^= x >> 30
    x *= 0xBF58476D1CE4E5B9u
    x ^= x >> 27
    x *= 0x94D049BB133111EBu
    return x ^ (x >> 31)


@cython.overflowcheck(False)
cdef inline uint64_t placed(const KeyTable* table, uint64_t low, uint64_t high) noexcept nogil:
    return mixed(mixed(low ^ table.seed) + high)


@cython.overflowcheck(False)
cdef inline uint32_t home(uint64_t hash_, uint32_t capacity) noexcept nogil:
    """The slot where a search starts: the low half of the hash scaled to the capacity. The shard is the top byte."""
    return <uint32_t>(((hash_ & 0xFFFFFFFFu) * capacity) >> 32)


cdef inline void read_key(const uint8_t* key, uint64_t* low, uint64_t* high) noexcept nogil:
    memcpy(low, key, 8)
    memcpy(high, key + 8, 8)


cdef inline bint is_full(const KeyShard* shard, uint32_t extra) noexcept nogil:
    return (<uint64_t>shard.count + extra) * 5 > <uint64_t>shard.capacity * 4


cdef void place(KeyTable* table, KeyShard* shard, KeySlot slot) noexcept nogil:
    cdef uint32_t at = home(placed(table, slot.key_low, slot.key_high), shard.capacity)
    while shard.slots[at].second != 0:
        at += 1
        if at == shard.capacity:
            at = 0
    shard.slots[at] = slot


cdef bint grow(KeyTable* table, KeyShard* shard, uint32_t extra) noexcept nogil:
    cdef KeyShard bigger
    cdef uint32_t i
    bigger.capacity = shard.capacity
    bigger.count = shard.count
    while is_full(&bigger, extra):
        bigger.capacity += (bigger.capacity >> 1) + CAPACITY_FIRST
    bigger.slots = <KeySlot*>calloc(bigger.capacity, sizeof(KeySlot))
    if bigger.slots == NULL:
        return False
    for i in range(shard.capacity):
        if shard.slots[i].second != 0:
            place(table, &bigger, shard.slots[i])
    free(shard.slots)
    shard[0] = bigger
    return True


cdef void keys_start(KeyTable* table, uint64_t seed) noexcept nogil:
    memset(table, 0, sizeof(KeyTable))
    table.seed = seed


cdef void keys_free(KeyTable* table) noexcept nogil:
    cdef int i
    for i in range(KEY_SHARDS):
        free(table.shards[i].slots)
    keys_start(table, table.seed)


cdef bint keys_reserve(KeyTable* table, const uint8_t* key, uint32_t extra) noexcept nogil:
    """Make room for `extra` more keys in the shard of this one: then as many puts cannot fail."""
    cdef uint64_t low, high
    read_key(key, &low, &high)
    cdef KeyShard* shard = &table.shards[placed(table, low, high) >> 56]
    return not is_full(shard, extra) or grow(table, shard, extra)


cdef void keys_expect(const KeyTable* table, const uint8_t* key) noexcept nogil:
    """Have the place where a search for the key starts brought near, for the search soon to come."""
    cdef uint64_t low, high
    read_key(key, &low, &high)
    cdef uint64_t hash_ = placed(table, low, high)
    cdef const KeyShard* shard = &table.shards[hash_ >> 56]
    cdef const char* at
    if shard.count > 0:
        at = <const char*>&shard.slots[home(hash_, shard.capacity)]
        prefetch(at)
        prefetch(at + CACHE_LINE_BYTES)  # runs are some slots long, and a line holds two


cdef KeySlot* keys_find(KeyTable* table, const uint8_t* key) noexcept nogil:
    """The slot of the key, or NULL. Valid until the next put or remove."""
    cdef uint64_t low, high
    read_key(key, &low, &high)
    cdef uint64_t hash_ = placed(table, low, high)
    cdef KeyShard* shard = &table.shards[hash_ >> 56]
    if shard.count == 0:
        return NULL
    cdef uint32_t at = home(hash_, shard.capacity)
    cdef KeySlot* slot
    while True:
        slot = &shard.slots[at]
        if slot.second == 0:
            return NULL
        if slot.key_low == low and slot.key_high == high:
            return slot
        at += 1
        if at == shard.capacity:
            at = 0


cdef bint keys_put(KeyTable* table, const uint8_t* key, uint64_t first, uint64_t value) noexcept nogil:
    """Set the two numbers of a key, new or known. False: no memory."""
    cdef KeySlot* found = keys_find(table, key)
    cdef KeySlot slot
    if found != NULL:
        found.first = first
        found.second = value << 1 | 1
        return True
    if not keys_reserve(table, key, 1):
        return False
    read_key(key, &slot.key_low, &slot.key_high)
    slot.first = first
    slot.second = value << 1 | 1
    cdef KeyShard* shard = &table.shards[placed(table, slot.key_low, slot.key_high) >> 56]
    place(table, shard, slot)
    shard.count += 1
    table.count += 1
    return True


cdef bint keys_remove(KeyTable* table, const uint8_t* key) noexcept nogil:
    """Forget a key; True when it was known. Later slots of its run move back, so that no search ends early."""
    cdef KeySlot* found = keys_find(table, key)
    if found == NULL:
        return False
    cdef uint64_t hash_ = placed(table, found.key_low, found.key_high)
    cdef KeyShard* shard = &table.shards[hash_ >> 56]
    cdef uint32_t hole = <uint32_t>(found - shard.slots)
    cdef uint32_t at = hole
    cdef uint32_t wanted, from_home, from_hole
    while True:
        at += 1
        if at == shard.capacity:
            at = 0
        if shard.slots[at].second == 0:
            break
        wanted = home(placed(table, shard.slots[at].key_low, shard.slots[at].key_high), shard.capacity)
        from_home = at - wanted if at >= wanted else at + shard.capacity - wanted
        from_hole = at - hole if at >= hole else at + shard.capacity - hole
        if from_home >= from_hole:
            shard.slots[hole] = shard.slots[at]
            hole = at
    shard.slots[hole].second = 0
    shard.count -= 1
    table.count -= 1
    return True


cdef KeySlot* keys_next(KeyTable* table, KeyCursor* cursor) noexcept nogil:
    """The next taken slot of a walk, or NULL at its end. The table must not change in between."""
    cdef KeyShard* shard
    while cursor.shard < KEY_SHARDS:
        shard = &table.shards[cursor.shard]
        while cursor.slot < shard.capacity:
            cursor.slot += 1
            if shard.slots[cursor.slot - 1].second != 0:
                return &shard.slots[cursor.slot - 1]
        cursor.shard += 1
        cursor.slot = 0
    return NULL


cdef int64_t keys_bytes(const KeyTable* table) noexcept nogil:
    """Memory of the slots."""
    cdef int64_t total = 0
    cdef int i
    for i in range(KEY_SHARDS):
        total += <int64_t>table.shards[i].capacity * <int64_t>sizeof(KeySlot)
    return total
