"""Accounts and their lots: the table from an account's id to its lots, and the pool the lots live in.

Decides nothing about points. An account is 16 bytes in an open addressing table of 4,096 shards, each at most four fifths
full and growing by a quarter: the longest step moves one shard (about 12,000 accounts, 0.2 ms, at 50 million accounts).
A lot is one cache line in a pool of chunks that never move. An account has two chains: lots with points left (and debts), in
the order they are used; and empty lots, in no order, kept because a return gives points back to them.
A lot with id 0 is a debt: its remaining points are below 0.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    ACCOUNT_SHARDS = 4096
    CHUNK_BITS = 16
    CHUNK_LOTS = 65536
    CHUNK_MASK = 65535

cdef struct Lot:
    # 64 bytes.
    int64_t lot_id             # seq × 256 + n; 0: a debt
    int64_t account_id         # 0: a free cell
    int64_t initial_points
    int64_t remaining_points
    int64_t held_points        # by pending holds
    int64_t active_from_us
    int64_t expires_at_us      # 0: never
    int32_t asset_no
    uint32_t next              # cell of the next lot of the chain; 0: none

cdef struct LotPool:
    Lot** chunks
    uint32_t chunks_count
    uint32_t chunks_max
    uint32_t used              # cells ever used; cell 0 never is
    uint32_t free_first        # chain of cells given back
    uint32_t free_count

cdef struct AccountSlot:
    int64_t account_id         # 0: free
    uint32_t live              # first lot with points left, or debt; 0: none
    uint32_t empty             # first empty lot; 0: none

cdef struct AccountShard:
    AccountSlot* slots
    uint32_t capacity
    uint32_t count

cdef bint pool_reserve(LotPool* pool, uint32_t extra) noexcept nogil
cdef uint32_t pool_take(LotPool* pool) noexcept nogil
cdef void pool_give(LotPool* pool, uint32_t cell) noexcept nogil
cdef void pool_free(LotPool* pool) noexcept nogil
cdef bint accounts_reserve(AccountShard* shards, int64_t account_id, uint32_t extra) noexcept nogil
cdef AccountSlot* accounts_put(AccountShard* shards, int64_t account_id) noexcept nogil
# Lots of an account as a chain of cells: into the chain of live lots at its place in the order of use, and out of a chain.
cdef void chain_in(const LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil
cdef void chain_out(const LotPool* pool, uint32_t* first, uint32_t cell) noexcept nogil
# Walk on through the pool for lots to be expired, see the book's `due_lots`.
cdef int lots_due(const LotPool* pool, uint32_t* cursor, int64_t instant_us, int scanned_max, const Lot** out, int capacity) noexcept nogil
cdef void accounts_free(AccountShard* shards) noexcept nogil

cdef inline Lot* lot_at(const LotPool* pool, uint32_t cell) noexcept nogil:
    return &pool.chunks[cell >> CHUNK_BITS][cell & CHUNK_MASK]

@cython.overflowcheck(False)
cdef inline uint64_t account_hash(int64_t account_id) noexcept nogil:
    cdef uint64_t x = <uint64_t>account_id
    x ^= x >> 30
    x *= 0xBF58476D1CE4E5B9u
    x ^= x >> 27
    x *= 0x94D049BB133111EBu
    return x ^ (x >> 31)

@cython.overflowcheck(False)
cdef inline uint32_t account_home(uint64_t hash_, uint32_t capacity) noexcept nogil:
    return <uint32_t>(((hash_ & 0xFFFFFFFFu) * capacity) >> 32)

cdef inline AccountSlot* accounts_find(const AccountShard* shards, int64_t account_id) noexcept nogil:
    """The account, or NULL. Valid until an account is put."""
    cdef uint64_t hash_ = account_hash(account_id)
    cdef const AccountShard* shard = &shards[hash_ >> 52]
    if shard.count == 0 or account_id == 0:
        return NULL
    cdef uint32_t at = account_home(hash_, shard.capacity)
    while shard.slots[at].account_id != 0:
        if shard.slots[at].account_id == account_id:
            return &shard.slots[at]
        at += 1
        if at == shard.capacity:
            at = 0
    return NULL

cdef inline bint used_before(const Lot* a, const Lot* b) noexcept nogil:
    """The order of use: by asset, a debt first, then expiry (never is last), then earned earlier, then lower id."""
    if a.asset_no != b.asset_no:
        return a.asset_no < b.asset_no
    if (a.lot_id == 0) != (b.lot_id == 0):
        return a.lot_id == 0
    if a.expires_at_us != b.expires_at_us:
        return a.expires_at_us != 0 and (b.expires_at_us == 0 or a.expires_at_us < b.expires_at_us)
    if a.active_from_us != b.active_from_us:
        return a.active_from_us < b.active_from_us
    return a.lot_id < b.lot_id
