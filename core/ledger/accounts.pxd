"""Accounts and their lots: the table from an account's id to its lots, and the pools the lots live in.

Decides nothing about points. An account is 16 bytes in an open addressing table of 4,096 shards, each at most seven
eighths full and growing by an eighth: the longest step moves one shard (about 12,000 accounts, 0.2 ms, at 50 million accounts).
A lot as sales leave it takes 32 bytes, two to a cache line; one that does not fit there (something of it is held, it is a debt, more than
four billion points, over at no whole minute) takes 64. Cells lie in chunks that never move; a lot's cell may change whenever it is written. An
account has two chains: lots with points left (and debts), in the order they are used; and empty lots, in no order, kept because a return gives
points back to them. A lot with id 0 is a debt: its remaining points are below 0.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    ACCOUNT_SHARDS = 4096
    CHUNK_BITS = 16
    CHUNK_CELLS = 65536
    CHUNK_MASK = 65535
    WIDE = 0x80000000          # of a cell's number: it is one of 64 bytes

cdef struct Lot:
    # 64 bytes, and a wide cell as it is.
    int64_t lot_id             # seq × 256 + n; 0: a debt
    int64_t account_id         # 0: a free cell
    int64_t initial_points
    int64_t remaining_points
    int64_t held_points        # by pending holds
    int64_t active_from_us
    int64_t expires_at_us      # 0: never
    int32_t asset_no
    uint32_t next              # cell of the next lot of the chain; 0: none

cdef struct SmallLot:
    # 32 bytes. Whose it is, the account says.
    uint64_t name              # lot_id << 8 | asset_no; 0: a free cell
    int64_t active_from_us
    uint32_t expires_minute    # since 1970-01-01; 0: never
    uint32_t initial_points
    uint32_t remaining_points
    uint32_t next

cdef struct Cells:
    uint8_t** chunks
    uint32_t cell_bytes        # whose last four are `next`
    uint32_t chunks_count
    uint32_t chunks_max
    uint32_t used              # cells ever used; cell 0 never is
    uint32_t free_first        # chain of cells given back
    uint32_t free_count

cdef struct LotPool:
    Cells* small
    Cells* wide
    int64_t count              # of lots and debts

cdef struct AccountSlot:
    int64_t account_id         # 0: free
    uint32_t live              # first lot with points left, or debt; 0: none
    uint32_t empty             # first empty lot; 0: none

cdef struct AccountShard:
    AccountSlot* slots
    uint32_t capacity
    uint32_t count

cdef bint pool_start(LotPool* pool) noexcept nogil
# Room for so many more lots of 32 bytes (`is_small`) and of 64: then as many puts cannot fail.
cdef bint pool_reserve(LotPool* pool, uint32_t small, uint32_t wide) noexcept nogil
cdef bint is_small(const Lot* lot) noexcept nogil
cdef void pool_free(LotPool* pool) noexcept nogil
cdef bint accounts_reserve(AccountShard* shards, int64_t account_id, uint32_t extra) noexcept nogil
cdef AccountSlot* accounts_put(AccountShard* shards, int64_t account_id) noexcept nogil
# A lot in a cell of its own, in no chain yet; what `next` says is not read.
cdef uint32_t lot_put(LotPool* pool, const Lot* lot) noexcept nogil
# The lot of a cell (0: a new one) of the account as it is now, in the chain where it then belongs; or it is gone.
cdef void account_write(LotPool* pool, AccountSlot* account, uint32_t cell, const Lot* after, bint is_gone) noexcept nogil
# Walk on through the accounts for lots to be expired, see the book's `due_lots`.
cdef int lots_due(
    const AccountShard* shards, const LotPool* pool, uint32_t* cursor, int64_t instant_us, int scanned_max, Lot* out, int capacity
) noexcept nogil
# Points of all lots by asset, modulo 2^64, added to `sums`.
cdef void lots_sum(const LotPool* pool, uint64_t* sums) noexcept nogil
cdef void accounts_free(AccountShard* shards) noexcept nogil
# Memory.
cdef int64_t pool_bytes(const LotPool* pool) noexcept nogil
cdef int64_t accounts_bytes(const AccountShard* shards) noexcept nogil

cdef inline void* cell_at(const Cells* cells, uint32_t cell) noexcept nogil:
    return cells.chunks[cell >> CHUNK_BITS] + <size_t>(cell & CHUNK_MASK) * cells.cell_bytes

cdef inline Lot* wide_at(const LotPool* pool, uint32_t cell) noexcept nogil:
    return <Lot*>cell_at(pool.wide, cell & ~<uint32_t>WIDE)

cdef inline SmallLot* small_at(const LotPool* pool, uint32_t cell) noexcept nogil:
    return <SmallLot*>cell_at(pool.small, cell)

cdef inline uint32_t* next_of(const LotPool* pool, uint32_t cell) noexcept nogil:
    return &wide_at(pool, cell).next if cell & WIDE else &small_at(pool, cell).next

cdef inline void lot_read(const LotPool* pool, uint32_t cell, int64_t account_id, Lot* out) noexcept nogil:
    """The lot of a cell of this account; who asks for nothing that needs the account may say 0."""
    cdef const SmallLot* small
    if cell & WIDE:
        out[0] = wide_at(pool, cell)[0]
        return
    small = small_at(pool, cell)
    out.lot_id = <int64_t>(small.name >> 8)
    out.account_id = account_id
    out.initial_points = small.initial_points
    out.remaining_points = small.remaining_points
    out.held_points = 0
    out.active_from_us = small.active_from_us
    out.expires_at_us = small.expires_minute * <int64_t>60_000_000
    out.asset_no = small.name & 0xFF
    out.next = small.next

cdef inline bint is_named(const LotPool* pool, uint32_t cell, int64_t lot_id, int32_t asset_no) noexcept nogil:
    cdef const Lot* wide
    if cell & WIDE:
        wide = wide_at(pool, cell)
        return wide.lot_id == lot_id and wide.asset_no == asset_no
    return small_at(pool, cell).name >> 8 == <uint64_t>lot_id and <int32_t>(small_at(pool, cell).name & 0xFF) == asset_no

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
