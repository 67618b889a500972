"""The hash that chains a shard's journal rows."""
from libc.stdint cimport int64_t, uint8_t

# `out` may be `previous`; both have 32 bytes.
cdef void chain_bytes(const uint8_t* previous, int64_t seq, int64_t epoch, const void* body, size_t size, uint8_t* out) noexcept nogil
cpdef bytes chain_hash(bytes previous, long long seq, long long epoch, bytes body)
