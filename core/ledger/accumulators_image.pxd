"""The accumulators as bytes, in one order only: equal books give equal bytes, however they came to be."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.accumulators cimport Accumulators

cdef struct RegisterImage:
    # Then the rows and the stores' ids, each text behind its size (4 bytes).
    int64_t swept_slot
    int32_t rows_count
    int32_t stores_count

cdef struct RowImage:
    # 48 bytes, then the name.
    int64_t from_seq
    int64_t counted_seq
    int64_t since_us
    int64_t dropped_slot
    int32_t number
    int32_t state
    int32_t name_size
    int32_t zero

cdef struct BucketsHead:
    # Then the account's buckets as they are kept: Bucket, 16 bytes.
    int64_t account_id
    int64_t count

# What is kept, and stores' numbers; empty when nothing ever was.
cdef bytes register_image(const Accumulators* kept)
# Buckets of whole shards from `shard` on, until so many bytes are together; empty when there are no more.
cdef bytes buckets_image(const Accumulators* kept, int* shard, Py_ssize_t size_wanted)
# False: the bytes are not such an image. MemoryError. The register comes before the buckets.
cdef bint load_register(Accumulators* kept, const uint8_t* data, int64_t size) except -1
cdef bint load_buckets(Accumulators* kept, const uint8_t* data, int64_t size) except -1
