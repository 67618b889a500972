# cython: cdivision=True
"""Body of the account table and the lot pool: see the header for layout and cost.

No function raises; divisors are constants above 0. A `bint` answer False means that memory is not there; nothing has then changed. `lot_put`,
`account_write` and `accounts_put` cannot fail after the reserve that covers them.
"""
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

cdef extern from *:
    """
    #include <stdlib.h>
    #include <string.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* A chunk is one or two huge pages: a lookup of a random lot then misses the cache, but not the page table. */
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
    SHARD_FIRST = 4
    CHUNKS_FIRST = 64


cdef inline int64_t minute_us() noexcept nogil:
    return 60_000_000


cdef bint pool_start(LotPool* pool) noexcept nogil:
    pool.small = <Cells*>calloc(2, sizeof(Cells))
    if pool.small == NULL:
        return False
    pool.wide = pool.small + 1
    pool.small.cell_bytes = sizeof(SmallLot)
    pool.wide.cell_bytes = sizeof(Lot)
    return True


cdef bint cells_reserve(Cells* cells, uint32_t extra) noexcept nogil:
    """There are at most 2^31 of a kind."""
    cdef uint8_t** chunks
    cdef uint32_t wanted
    if cells.used == 0:
        cells.used = 1
    if extra > CHUNK_CELLS or cells.used > 0x7FFFFFFFu - extra:
        return False
    while (<int64_t>cells.chunks_count << CHUNK_BITS) - cells.used + cells.free_count < <int64_t>extra:
        if cells.chunks_count == cells.chunks_max:
            wanted = cells.chunks_max * 2 if cells.chunks_max else CHUNKS_FIRST
            chunks = <uint8_t**>realloc(cells.chunks, wanted * sizeof(uint8_t*))
            if chunks == NULL:
                return False
            cells.chunks = chunks
            cells.chunks_max = wanted
        cells.chunks[cells.chunks_count] = <uint8_t*>altyn_chunk(<size_t>CHUNK_CELLS * cells.cell_bytes)
        if cells.chunks[cells.chunks_count] == NULL:
            return False
        cells.chunks_count += 1
    return True


cdef inline uint32_t* cell_next(const Cells* cells, uint32_t cell) noexcept nogil:
    return <uint32_t*>(<uint8_t*>cell_at(cells, cell) + cells.cell_bytes - sizeof(uint32_t))


cdef uint32_t cell_take(Cells* cells) noexcept nogil:
    """A cell; what it holds is not defined."""
    cdef uint32_t cell = cells.free_first
    if cell != 0:
        cells.free_first = cell_next(cells, cell)[0]
        cells.free_count -= 1
        return cell
    cells.used += 1
    return cells.used - 1


cdef void cell_give(Cells* cells, uint32_t cell) noexcept nogil:
    memset(cell_at(cells, cell), 0, cells.cell_bytes)
    cell_next(cells, cell)[0] = cells.free_first
    cells.free_first = cell
    cells.free_count += 1


cdef void cells_free(Cells* cells) noexcept nogil:
    cdef uint32_t i
    for i in range(cells.chunks_count):
        free(cells.chunks[i])
    free(cells.chunks)


cdef bint pool_reserve(LotPool* pool, uint32_t small, uint32_t wide) noexcept nogil:
    return (small == 0 or cells_reserve(pool.small, small)) and (wide == 0 or cells_reserve(pool.wide, wide))


cdef void pool_free(LotPool* pool) noexcept nogil:
    if pool.small != NULL:
        cells_free(pool.small)
        cells_free(pool.wide)
    free(pool.small)
    memset(pool, 0, sizeof(LotPool))


# LOTS

cdef bint is_small(const Lot* lot) noexcept nogil:
    return (lot.lot_id > 0 and lot.lot_id >> 55 == 0 and lot.held_points == 0 and lot.remaining_points <= lot.initial_points
            and lot.initial_points <= <int64_t>0xFFFFFFFFu and lot.expires_at_us % minute_us() == 0
            and lot.expires_at_us // minute_us() <= <int64_t>0xFFFFFFFFu)


cdef void lot_write(const LotPool* pool, uint32_t cell, const Lot* lot, uint32_t next_) noexcept nogil:
    """Into a cell of the kind it takes."""
    if cell & WIDE:
        wide_at(pool, cell)[0] = lot[0]
        wide_at(pool, cell).next = next_
    else:
        small_at(pool, cell)[0] = [
            <uint64_t>lot.lot_id << 8 | <uint64_t>lot.asset_no, lot.active_from_us, <uint32_t>(lot.expires_at_us // minute_us()),
            <uint32_t>lot.initial_points, <uint32_t>lot.remaining_points, next_,
        ]


cdef uint32_t lot_put(LotPool* pool, const Lot* lot) noexcept nogil:
    cdef uint32_t cell = cell_take(pool.small) if is_small(lot) else cell_take(pool.wide) | WIDE
    lot_write(pool, cell, lot, 0)
    pool.count += 1
    return cell


cdef void lot_give(LotPool* pool, uint32_t cell) noexcept nogil:
    cell_give(pool.wide if cell & WIDE else pool.small, cell & ~<uint32_t>WIDE)
    pool.count -= 1


cdef void lot_rewrite(LotPool* pool, uint32_t* first, uint32_t cell, const Lot* after) noexcept nogil:
    """It has other points, and keeps its place in the chain."""
    cdef uint32_t next_ = next_of(pool, cell)[0]
    if is_small(after) == (cell & WIDE == 0):
        lot_write(pool, cell, after, next_)
        return
    while first[0] != cell:
        first = next_of(pool, first[0])
    lot_give(pool, cell)
    first[0] = lot_put(pool, after)
    next_of(pool, first[0])[0] = next_


cdef void chain_in(const LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil:
    """At its place in the order of use."""
    cdef Lot lot, other
    lot_read(pool, cell, 0, &lot)
    while first[0] != 0:
        lot_read(pool, first[0], 0, &other)
        if not used_before(&other, &lot):
            break
        first = next_of(pool, first[0])
    next_of(pool, cell)[0] = first[0]
    first[0] = cell


cdef void chain_out(LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil:
    while first[0] != cell:
        first = next_of(pool, first[0])
    first[0] = next_of(pool, cell)[0]
    lot_give(pool, cell)


cdef void account_write(LotPool* pool, AccountSlot* account, uint32_t cell, const Lot* after, bint is_gone) noexcept nogil:
    cdef bint is_empty = after.remaining_points == 0
    cdef uint32_t* chain
    cdef Lot former
    if cell != 0:
        lot_read(pool, cell, 0, &former)
        chain = &account.empty if former.remaining_points == 0 else &account.live
        if (former.remaining_points == 0) == is_empty and not is_gone:
            lot_rewrite(pool, chain, cell, after)
            return
        chain_out(pool, chain, cell)
    if is_gone:
        return
    cell = lot_put(pool, after)
    if is_empty:
        next_of(pool, cell)[0] = account.empty
        account.empty = cell
    else:
        chain_in(pool, &account.live, cell)


# ACCOUNTS

cdef inline bint is_full(uint32_t count, uint32_t extra, uint32_t capacity) noexcept nogil:
    return (<uint64_t>count + extra) * 8 > <uint64_t>capacity * 7


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
        bigger.capacity += (bigger.capacity >> 3) + SHARD_FIRST
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


# WALKS

cdef inline bint is_due(const Lot* lot, int64_t instant_us) noexcept nogil:
    return (lot.expires_at_us != 0 and lot.expires_at_us <= instant_us
            and (lot.remaining_points > lot.held_points or lot.remaining_points == 0))


cdef int account_due(
    const LotPool* pool, const AccountSlot* account, int64_t instant_us, int* budget, Lot* out, int capacity
) noexcept nogil:
    """Due lots of one account. Where some are found it ends with the budget or the room: those that were told end before it is looked at again."""
    cdef uint32_t cell
    cdef int chain, count = 0
    for chain in range(2):
        cell = account.live if chain == 0 else account.empty
        while cell != 0 and count < capacity and (budget[0] > 0 or count == 0):
            lot_read(pool, cell, account.account_id, &out[count])
            cell = out[count].next
            count += is_due(&out[count], instant_us)
            budget[0] -= 1
    if account.live == 0 and account.empty == 0:
        budget[0] -= 1
    return count


cdef int lots_due(
    const AccountShard* shards, const LotPool* pool, uint32_t* cursor, int64_t instant_us, int scanned_max, Lot* out, int capacity
) noexcept nogil:
    """The cursor is a shard << 20 | a slot, and stays at an account that may have more."""
    cdef uint32_t shard = cursor[0] >> 20, slot = cursor[0] & 0xFFFFF
    cdef int found, count = 0, budget = scanned_max
    while shard < ACCOUNT_SHARDS:
        while slot < shards[shard].capacity:
            if shards[shard].slots[slot].account_id != 0:
                if budget <= 0:
                    cursor[0] = shard << 20 | slot
                    return count
                found = account_due(pool, &shards[shard].slots[slot], instant_us, &budget, out + count, capacity - count)
                count += found
                if found > 0 and (budget <= 0 or count == capacity):
                    cursor[0] = shard << 20 | slot
                    return count
            slot += 1
        shard += 1
        slot = 0
    cursor[0] = 0
    return count


@cython.overflowcheck(False)
cdef void lots_sum(const LotPool* pool, uint64_t* sums) noexcept nogil:
    """A free cell is all zeros."""
    cdef uint32_t cell
    cdef const SmallLot* small
    cdef const Lot* wide
    for cell in range(1, pool.small.used):
        small = <const SmallLot*>cell_at(pool.small, cell)
        sums[small.name & 0xFF] += small.remaining_points
    for cell in range(1, pool.wide.used):
        wide = <const Lot*>cell_at(pool.wide, cell)
        sums[wide.asset_no] += <uint64_t>wide.remaining_points


cdef int64_t pool_bytes(const LotPool* pool) noexcept nogil:
    return (<int64_t>pool.small.chunks_count * pool.small.cell_bytes + <int64_t>pool.wide.chunks_count * pool.wide.cell_bytes) * CHUNK_CELLS


cdef int64_t accounts_bytes(const AccountShard* shards) noexcept nogil:
    cdef int64_t total = ACCOUNT_SHARDS * <int64_t>sizeof(AccountShard)
    cdef int i
    for i in range(ACCOUNT_SHARDS):
        total += <int64_t>shards[i].capacity * <int64_t>sizeof(AccountSlot)
    return total
