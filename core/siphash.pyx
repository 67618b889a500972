"""SipHash-2-4-128 over a message given in pieces.

Keyed and unforgeable without the key, and short enough to run for every calculation. Never use it without a secret key.
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef inline uint64_t rotated(uint64_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))

cdef inline void sip_round(SipState* s) noexcept nogil:
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotated(s.v1, 13) ^ s.v0
    s.v3 = rotated(s.v3, 16) ^ s.v2
    s.v0 = rotated(s.v0, 32)
    s.v2 += s.v1
    s.v0 += s.v3
    s.v1 = rotated(s.v1, 17) ^ s.v2
    s.v3 = rotated(s.v3, 21) ^ s.v0
    s.v2 = rotated(s.v2, 32)

cdef inline void sip_word(SipState* s, uint64_t word) noexcept nogil:
    s.v3 ^= word
    sip_round(s)
    sip_round(s)
    s.v0 ^= word

cdef void sip_start(SipState* state, SipKey key) noexcept nogil:
    state.v0 = <uint64_t>0x736F6D6570736575 ^ key.low
    state.v1 = <uint64_t>0x646F72616E646F6D ^ key.high ^ 0xEE
    state.v2 = <uint64_t>0x6C7967656E657261 ^ key.low
    state.v3 = <uint64_t>0x7465646279746573 ^ key.high
    state.tail = 0
    state.size = 0

cdef void sip_take(SipState* state, const uint8_t* data, uint64_t size) noexcept nogil:
    cdef uint64_t word, used = state.size & 7
    cdef const uint8_t* end = data + size
    state.size += size
    while used != 0 and data < end:
        state.tail |= <uint64_t>data[0] << (8 * used)
        data += 1
        used = (used + 1) & 7
        if used == 0:
            sip_word(state, state.tail)
            state.tail = 0
    while end - data >= 8:
        memcpy(&word, data, 8)
        sip_word(state, word)
        data += 8
    while data < end:
        state.tail |= <uint64_t>data[0] << (8 * used)
        used += 1
        data += 1

cdef Digest sip_end(SipState* state) noexcept nogil:
    cdef Digest digest
    cdef int i
    sip_word(state, state.tail | (state.size << 56))
    state.v2 ^= 0xEE
    for i in range(4):
        sip_round(state)
    digest.low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    state.v1 ^= 0xDD
    for i in range(4):
        sip_round(state)
    digest.high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    return digest

def siphash128(bytes key, *pieces) -> bytes:
    """Digest of the joined pieces, 16 bytes; `key` has 16 bytes. For tests."""
    cdef SipState state
    cdef SipKey sip_key
    cdef Digest digest
    cdef const uint8_t[:] view
    if len(key) != 16:
        raise ValueError("a SipHash key has 16 bytes")
    memcpy(&sip_key, <const uint8_t*>key, 16)
    sip_start(&state, sip_key)
    for piece in pieces:
        if len(piece):
            view = piece
            sip_take(&state, &view[0], len(piece))
    digest = sip_end(&state)
    return (<uint8_t*>&digest)[:16]
