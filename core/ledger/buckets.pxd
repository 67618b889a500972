"""Buckets: what one account's purchases of one accumulation come to on one date (or in one calendar window), in one store.

Each account that has any owns one block of 16-byte buckets in ascending order of (accumulation, store, date). An account without buckets
takes no memory here.
"""
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t
from altyn.core.ledger.accounts cimport AccountSlot
from altyn.core.ledger.blocks cimport Blocks, block_data, block_note, block_owner

cdef enum:
    BUCKETS_MAX = 65536        # of one account
    ACCUMULATION_NO_MAX = 16383
    DAY_MAX = 65535            # 2149-06-06

cdef enum BucketFlag:
    # Of an accumulation whose value is a date: what was before the bucket's date is in it, too; and nothing after it is kept.
    MERGED = 0x4000
    CLOSED = 0x8000

cdef struct Bucket:
    int64_t sum
    uint32_t store_no          # 0: not kept by store
    uint16_t accumulation      # its number, and BucketFlags
    uint16_t day               # days since 1970-01-01; 0: of all days

cdef struct BucketPool:
    Blocks blocks              # an account's note is how many buckets it has
    int64_t count              # of buckets

cdef inline int32_t number_of(const Bucket* bucket) noexcept nogil:
    return bucket.accumulation & ACCUMULATION_NO_MAX

cdef inline uint32_t buckets_count(const AccountSlot* account) noexcept nogil:
    return block_note(account)

cdef inline Bucket* buckets_of(const BucketPool* pool, const AccountSlot* account) noexcept nogil:
    """The account's block; it must have one. Valid until room is made for any account, or one is fitted."""
    return <Bucket*>block_data(&pool.blocks, account)

cdef inline AccountSlot* account_of(const BucketPool* pool, int64_t account_id) noexcept nogil:
    """NULL: it has no buckets."""
    cdef AccountSlot* found = block_owner(&pool.blocks, account_id)
    return found if found != NULL and buckets_count(found) > 0 else NULL

# Where the bucket stands among the account's, or would.
cdef uint32_t bucket_place(const Bucket* buckets, uint32_t count, int32_t number, uint32_t store_no, int64_t day) noexcept nogil
# Make room for `extra` more buckets of an account: then as many puts cannot fail. False: no memory, or more than BUCKETS_MAX.
cdef bint buckets_reserve(BucketPool* pool, int64_t account_id, uint32_t extra) noexcept nogil
cdef void bucket_put(BucketPool* pool, AccountSlot* account, uint32_t place, const Bucket* bucket) noexcept nogil
# Forget the buckets from `begin` up to `end`. The room stays until the account is fitted, which is never between a reserve and its puts.
cdef void buckets_drop(BucketPool* pool, AccountSlot* account, uint32_t begin, uint32_t end) noexcept nogil
cdef void buckets_fit(BucketPool* pool, AccountSlot* account) noexcept nogil
cdef void buckets_free(BucketPool* pool) noexcept nogil
cdef int64_t buckets_bytes(const BucketPool* pool) noexcept nogil
