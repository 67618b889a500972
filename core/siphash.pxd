"""SipHash-2-4 with 128 bits of result: a keyed digest of short messages (Aumasson and Bernstein)."""
from libc.stdint cimport uint8_t, uint64_t
from altyn.core.text cimport Text

cdef struct Digest:
    uint64_t low
    uint64_t high

cdef struct SipKey:
    uint64_t low
    uint64_t high

cdef struct SipState:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3
    uint64_t tail          # bytes that do not fill a word yet, little-endian
    uint64_t size          # bytes taken so far

cdef void sip_start(SipState* state, SipKey key) noexcept nogil
cdef void sip_take(SipState* state, const uint8_t* data, uint64_t size) noexcept nogil
cdef Digest sip_end(SipState* state) noexcept nogil

cdef inline bint digest_equal(Digest a, Digest b) noexcept nogil:
    """In constant time."""
    return ((a.low ^ b.low) | (a.high ^ b.high)) == 0
