"""The hash that chains a shard's journal rows. It is in every row: it may never answer differently."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from altyn.core.sha256 cimport SHA256_BYTES, Sha256, sha256_end, sha256_start, sha256_take, sha256_take_number

# What stands before the first row.
ORIGIN = bytes(SHA256_BYTES)


cdef void chain_bytes(const uint8_t* previous, int64_t seq, int64_t epoch, const void* body, size_t size, uint8_t* out) noexcept nogil:
    """SHA-256(previous ‖ seq ‖ epoch ‖ body), the numbers as 8 bytes big-endian; `previous` is the hash of seq − 1."""
    cdef Sha256 state
    sha256_start(&state)
    sha256_take(&state, previous, SHA256_BYTES)
    sha256_take_number(&state, <uint64_t>seq)
    sha256_take_number(&state, <uint64_t>epoch)
    sha256_take(&state, body, size)
    sha256_end(&state, out)


cpdef bytes chain_hash(bytes previous, long long seq, long long epoch, bytes body):
    """The chain hash of row `seq`: see `chain_bytes`."""
    cdef uint8_t out[SHA256_BYTES]
    if previous is None or len(previous) != SHA256_BYTES:
        raise ValueError("previous must be 32 bytes")
    if body is None or seq < 0 or epoch < 0:
        raise ValueError("seq and epoch are not negative, body is bytes")
    chain_bytes(<const uint8_t*>PyBytes_AS_STRING(previous), seq, epoch, PyBytes_AS_STRING(body), <size_t>len(body), out)
    return PyBytes_FromStringAndSize(<char*>out, SHA256_BYTES)
