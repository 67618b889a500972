"""Body of the accumulators' image: rows by number, stores by theirs, accounts by shard of their id's hash and then by id.

Loaders believe nothing; what was half filled by a damaged image must be thrown away.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from altyn.core.ledger.accounts cimport ACCOUNT_SHARDS, AccountShard, AccountSlot, accounts_find
from altyn.core.ledger.accumulators cimport (
    COUNTING, DROPPED, Accumulation, accumulation_of, put_row, put_store, read_name, store_number,
)
from altyn.core.ledger.buckets cimport (
    BUCKETS_MAX, CLOSED, MERGED, Bucket, account_of, bucket_put, buckets_count, buckets_of, buckets_reserve, number_of,
)
from altyn.core.limits cimport ACCUMULATIONS_KEPT_MAX
from altyn.core.text cimport Text


cdef inline bytes raw(const void* data, size_t size):
    return PyBytes_FromStringAndSize(<const char*>data, <Py_ssize_t>size)


# WRITE

cdef bytes register_image(const Accumulators* kept):
    cdef RegisterImage head = [kept.swept_slot, 0, <int32_t>kept.stores_count]
    cdef RowImage image
    cdef const Accumulation* row
    cdef int32_t number, i
    cdef list parts = []
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if kept.rows != NULL else 1):
        row = accumulation_of(kept, number)
        if row == NULL:
            continue
        head.rows_count += 1
        image = [row.from_seq, row.counted_seq, row.since_us, row.dropped_slot, number, row.state, row.name.size, 0]
        parts.append(raw(&image, sizeof(RowImage)) + row.name.data[:row.name.size])
    for i in range(head.stores_count):
        parts.append(raw(&kept.stores[i].size, sizeof(int32_t)) + kept.stores[i].data[:kept.stores[i].size])
    return b"" if kept.rows == NULL else raw(&head, sizeof(RegisterImage)) + b"".join(parts)


cdef object by_account(tuple row):
    return row[0]


cdef bytes shard_image(const Accumulators* kept, const AccountShard* shard):
    cdef const AccountSlot* account
    cdef BucketsHead head
    cdef uint32_t i
    cdef list rows = []
    for i in range(shard.capacity):
        account = &shard.slots[i]
        if buckets_count(account) > 0:
            head = [account.account_id, buckets_count(account)]
            rows.append((account.account_id, raw(&head, sizeof(BucketsHead))
                         + raw(buckets_of(&kept.buckets, account), buckets_count(account) * sizeof(Bucket))))
    rows.sort(key=by_account)
    return b"".join([row[1] for row in rows])


cdef bytes buckets_image(const Accumulators* kept, int* shard, Py_ssize_t size_wanted):
    cdef list parts = []
    cdef Py_ssize_t size = 0
    while kept.buckets.blocks.shards != NULL and shard[0] < ACCOUNT_SHARDS and size < size_wanted:
        if kept.buckets.blocks.shards[shard[0]].count > 0:
            part = shard_image(kept, &kept.buckets.blocks.shards[shard[0]])
            parts.append(part)
            size += len(part)
        shard[0] += 1
    return b"".join(parts)


# LOAD

cdef bint load_register(Accumulators* kept, const uint8_t* data, int64_t size) except -1:
    cdef RegisterImage head
    cdef RowImage image
    cdef int32_t i, bytes_of_name
    cdef Accumulation made
    cdef Text name
    if size < <int64_t>sizeof(RegisterImage) or kept.rows != NULL:
        return False
    memcpy(&head, data, sizeof(RegisterImage))
    kept.swept_slot = head.swept_slot
    data += sizeof(RegisterImage)
    size -= sizeof(RegisterImage)
    for i in range(head.rows_count):
        if size < <int64_t>sizeof(RowImage):
            return False
        memcpy(&image, data, sizeof(RowImage))
        data += sizeof(RowImage)
        size -= sizeof(RowImage)
        name = [<const char*>data, image.name_size]
        if image.name_size <= 0 or image.name_size > size or image.number < 1 or image.number > ACCUMULATIONS_KEPT_MAX:
            return False
        if image.state < COUNTING or image.state > DROPPED or image.zero != 0 or accumulation_of(kept, image.number) != NULL:
            return False
        if not read_name(name, &made):
            return False
        made.from_seq, made.counted_seq, made.since_us = image.from_seq, image.counted_seq, image.since_us
        made.dropped_slot, made.state = image.dropped_slot, image.state
        if not put_row(kept, image.number, &made, name):
            raise MemoryError
        data += image.name_size
        size -= image.name_size
    for i in range(head.stores_count):
        if size < <int64_t>sizeof(int32_t):
            return False
        memcpy(&bytes_of_name, data, sizeof(int32_t))
        data += sizeof(int32_t)
        size -= sizeof(int32_t)
        name = [<const char*>data, bytes_of_name]
        if bytes_of_name <= 0 or bytes_of_name > size or store_number(kept, name) != 0:
            return False
        if not put_store(kept, name):
            raise MemoryError
        data += bytes_of_name
        size -= bytes_of_name
    return size == 0 and kept.rows != NULL


cdef bint is_bucket(const Accumulators* kept, const Bucket* bucket, const Bucket* former) noexcept nogil:
    cdef const Accumulation* row = accumulation_of(kept, number_of(bucket))
    if row == NULL or (bucket.store_no != 0) != row.same_store or bucket.store_no > kept.stores_count:
        return False
    if bucket.accumulation & MERGED:
        if row.needed == 0 or (former != NULL and number_of(former) == number_of(bucket) and former.store_no == bucket.store_no):
            return False
    elif bucket.sum == 0 or bucket.accumulation & CLOSED:
        return False
    if former == NULL or number_of(former) != number_of(bucket):
        return former == NULL or number_of(former) < number_of(bucket)
    return former.store_no < bucket.store_no or (former.store_no == bucket.store_no and former.day < bucket.day)


cdef bint load_buckets(Accumulators* kept, const uint8_t* data, int64_t size) except -1:
    cdef BucketsHead head
    cdef Bucket bucket, former
    cdef AccountSlot* account
    cdef int64_t i
    while size > 0:
        if size < <int64_t>sizeof(BucketsHead):
            return False
        memcpy(&head, data, sizeof(BucketsHead))
        data += sizeof(BucketsHead)
        size -= sizeof(BucketsHead)
        if head.account_id <= 0 or head.count <= 0 or head.count > BUCKETS_MAX or head.count * <int64_t>sizeof(Bucket) > size:
            return False
        if account_of(&kept.buckets, head.account_id) != NULL:
            return False
        if not buckets_reserve(&kept.buckets, head.account_id, <uint32_t>head.count):
            raise MemoryError
        account = accounts_find(kept.buckets.blocks.shards, head.account_id)
        for i in range(head.count):
            memcpy(&bucket, data + i * <int64_t>sizeof(Bucket), sizeof(Bucket))
            if not is_bucket(kept, &bucket, &former if i > 0 else NULL):
                return False
            bucket_put(&kept.buckets, account, <uint32_t>i, &bucket)
            former = bucket
        data += head.count * <int64_t>sizeof(Bucket)
        size -= head.count * <int64_t>sizeof(Bucket)
    return True
