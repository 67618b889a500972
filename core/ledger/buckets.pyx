"""Body of the buckets' memory: see the header for layout and cost.

No function raises. A `bint` answer False means that memory is not there; nothing of an account has then changed.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from altyn.core.ledger.accounts cimport AccountSlot
from altyn.core.ledger.blocks cimport block_fit, block_owner, block_reserve, blocks_bytes, blocks_free


cdef inline bint stands_before(const Bucket* bucket, int32_t number, uint32_t store_no, int64_t day) noexcept nogil:
    if number_of(bucket) != number:
        return number_of(bucket) < number
    return bucket.store_no < store_no or (bucket.store_no == store_no and bucket.day < day)


cdef uint32_t bucket_place(const Bucket* buckets, uint32_t count, int32_t number, uint32_t store_no, int64_t day) noexcept nogil:
    cdef uint32_t low = 0, high = count, middle
    cdef const Bucket* bucket
    while low < high:
        middle = (low + high) >> 1
        bucket = &buckets[middle]
        if stands_before(bucket, number, store_no, day):
            low = middle + 1
        else:
            high = middle
    return low


cdef bint buckets_reserve(BucketPool* pool, int64_t account_id, uint32_t extra) noexcept nogil:
    cdef const AccountSlot* account = block_owner(&pool.blocks, account_id)
    cdef uint64_t wanted = <uint64_t>extra + (buckets_count(account) if account != NULL else 0)
    return wanted <= BUCKETS_MAX and block_reserve(&pool.blocks, account_id, <uint32_t>wanted * <uint32_t>sizeof(Bucket)) != NULL


cdef void bucket_put(BucketPool* pool, AccountSlot* account, uint32_t place, const Bucket* bucket) noexcept nogil:
    """A new bucket at its place. Room must have been reserved."""
    cdef Bucket* buckets = buckets_of(pool, account)
    memmove(&buckets[place + 1], &buckets[place], (buckets_count(account) - place) * sizeof(Bucket))
    buckets[place] = bucket[0]
    account.empty += 1
    pool.count += 1


cdef void buckets_drop(BucketPool* pool, AccountSlot* account, uint32_t begin, uint32_t end) noexcept nogil:
    cdef Bucket* buckets = buckets_of(pool, account)
    memmove(&buckets[begin], &buckets[end], (buckets_count(account) - end) * sizeof(Bucket))
    account.empty -= end - begin
    pool.count -= end - begin


cdef void buckets_fit(BucketPool* pool, AccountSlot* account) noexcept nogil:
    block_fit(&pool.blocks, account, buckets_count(account) * <uint32_t>sizeof(Bucket))


cdef void buckets_free(BucketPool* pool) noexcept nogil:
    blocks_free(&pool.blocks)
    memset(pool, 0, sizeof(BucketPool))


cdef int64_t buckets_bytes(const BucketPool* pool) noexcept nogil:
    """Memory of blocks and of the table of accounts."""
    return blocks_bytes(&pool.blocks)
