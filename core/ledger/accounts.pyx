"""Body of the account table and the lot pool: see the header for layout and cost.

No function raises. A `bint` answer False means that memory is not there; nothing has then changed. `pool_take` and
`accounts_put` cannot fail after the reserve that covers them.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

cdef extern from *:
    """
    #include <stdlib.h>
    #include <string.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* A chunk is two huge pages: a lookup of a random lot then misses the cache, but not the page table. */
    static void *altyn_chunk(size_t size) {
        void *memory = NULL;
        if (posix_memalign(&memory, (size_t)1 << 21, size) != 0) return NULL;
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        madvise(memory, size, MADV_HUGEPAGE);
    #endif
        return memory;
    }
    """
    void* altyn_chunk(size_t size) noexcept nogil

cdef enum:
    SHARD_FIRST = 8
    CHUNKS_FIRST = 64


cdef bint pool_reserve(LotPool* pool, uint32_t extra) noexcept nogil:
    """Make room for `extra` lots: then as many takes cannot fail. The pool ends at 2^32 lots."""
    cdef Lot** chunks
    cdef uint32_t wanted
    if extra == 0:
        return True
    if pool.used == 0:
        pool.used = 1
    if extra > CHUNK_LOTS or pool.used > 0xFFFFFFFFu - extra:
        return False
    while (<int64_t>pool.chunks_count << CHUNK_BITS) - pool.used + pool.free_count < <int64_t>extra:
        if pool.chunks_count == pool.chunks_max:
            wanted = pool.chunks_max * 2 if pool.chunks_max else CHUNKS_FIRST
            chunks = <Lot**>realloc(pool.chunks, wanted * sizeof(Lot*))
            if chunks == NULL:
                return False
            pool.chunks = chunks
            pool.chunks_max = wanted
        pool.chunks[pool.chunks_count] = <Lot*>altyn_chunk(CHUNK_LOTS * sizeof(Lot))
        if pool.chunks[pool.chunks_count] == NULL:
            return False
        pool.chunks_count += 1
    return True


cdef uint32_t pool_take(LotPool* pool) noexcept nogil:
    """A cell; what it holds is not defined."""
    cdef uint32_t cell = pool.free_first
    if cell != 0:
        pool.free_first = lot_at(pool, cell).next
        pool.free_count -= 1
        return cell
    pool.used += 1
    return pool.used - 1


cdef void pool_give(LotPool* pool, uint32_t cell) noexcept nogil:
    cdef Lot* lot = lot_at(pool, cell)
    memset(lot, 0, sizeof(Lot))
    lot.next = pool.free_first
    pool.free_first = cell
    pool.free_count += 1


cdef void pool_free(LotPool* pool) noexcept nogil:
    cdef uint32_t i
    for i in range(pool.chunks_count):
        free(pool.chunks[i])
    free(pool.chunks)
    memset(pool, 0, sizeof(LotPool))


cdef inline bint is_full(uint32_t count, uint32_t extra, uint32_t capacity) noexcept nogil:
    return (<uint64_t>count + extra) * 5 > <uint64_t>capacity * 4


cdef AccountSlot* place(AccountShard* shard, AccountSlot slot) noexcept nogil:
    cdef uint32_t at = account_home(account_hash(slot.account_id), shard.capacity)
    while shard.slots[at].account_id != 0:
        at += 1
        if at == shard.capacity:
            at = 0
    shard.slots[at] = slot
    return &shard.slots[at]


cdef bint accounts_reserve(AccountShard* shards, int64_t account_id, uint32_t extra) noexcept nogil:
    """Make room for `extra` more accounts in the shard of this one."""
    cdef AccountShard* shard = &shards[account_hash(account_id) >> 52]
    cdef AccountShard bigger
    cdef uint32_t i
    if not is_full(shard.count, extra, shard.capacity):
        return True
    bigger.capacity = shard.capacity
    bigger.count = shard.count
    while is_full(bigger.count, extra, bigger.capacity):
        bigger.capacity += (bigger.capacity >> 2) + SHARD_FIRST
    bigger.slots = <AccountSlot*>calloc(bigger.capacity, sizeof(AccountSlot))
    if bigger.slots == NULL:
        return False
    for i in range(shard.capacity):
        if shard.slots[i].account_id != 0:
            place(&bigger, shard.slots[i])
    free(shard.slots)
    shard[0] = bigger
    return True


cdef AccountSlot* accounts_put(AccountShard* shards, int64_t account_id) noexcept nogil:
    """The account, made when it is not there yet. Room must have been reserved."""
    cdef AccountSlot* found = accounts_find(shards, account_id)
    cdef AccountSlot slot
    if found != NULL:
        return found
    slot.account_id = account_id
    slot.live = 0
    slot.empty = 0
    cdef AccountShard* shard = &shards[account_hash(account_id) >> 52]
    shard.count += 1
    return place(shard, slot)


cdef void accounts_free(AccountShard* shards) noexcept nogil:
    cdef int i
    for i in range(ACCOUNT_SHARDS):
        free(shards[i].slots)
    memset(shards, 0, ACCOUNT_SHARDS * sizeof(AccountShard))


cdef void chain_in(const LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil:
    cdef Lot* lot = lot_at(pool, cell)
    while first[0] != 0 and used_before(lot_at(pool, first[0]), lot):
        first = &lot_at(pool, first[0]).next
    lot.next = first[0]
    first[0] = cell


cdef void chain_out(const LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil:
    while first[0] != cell:
        first = &lot_at(pool, first[0]).next
    first[0] = lot_at(pool, cell).next


cdef int lots_due(const LotPool* pool, uint32_t* cursor, int64_t instant_us, int scanned_max, const Lot** out, int capacity) noexcept nogil:
    cdef int count = 0
    cdef const Lot* lot
    while cursor[0] + 1 < pool.used and scanned_max > 0 and count < capacity:
        cursor[0] += 1
        scanned_max -= 1
        lot = lot_at(pool, cursor[0])
        if lot.account_id == 0 or lot.expires_at_us == 0 or lot.expires_at_us > instant_us:
            continue
        if lot.remaining_points > lot.held_points or lot.remaining_points == 0:
            out[count] = lot
            count += 1
    if cursor[0] + 1 >= pool.used:
        cursor[0] = 0
    return count
