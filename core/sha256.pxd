"""SHA-256 (FIPS 180-4) and its HMAC (RFC 2104) without an object or a copy: state in a struct, bytes taken where they lie."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    SHA256_BYTES = 32
    SHA256_BLOCK_BYTES = 64

cdef struct Sha256:
    uint32_t words[8]
    uint64_t size                          # bytes taken so far
    uint8_t rest[SHA256_BLOCK_BYTES]       # bytes that do not fill a block yet

cdef struct HmacKey:
    # What the key leaves behind once its blocks are taken: a message starts from here.
    Sha256 inner
    Sha256 outer

cdef void sha256_start(Sha256* state) noexcept nogil
cdef void sha256_take(Sha256* state, const void* data, size_t size) noexcept nogil
# 8 bytes, big-endian.
cdef void sha256_take_number(Sha256* state, uint64_t value) noexcept nogil
# A state that was ended is used up; copy it before to go on from it.
cdef void sha256_end(Sha256* state, uint8_t* out) noexcept nogil

cdef void hmac_key(HmacKey* key, const void* data, size_t size) noexcept nogil
# `state` was copied from key.inner and has taken the message.
cdef void hmac_end(const HmacKey* key, Sha256* state, uint8_t* out) noexcept nogil
