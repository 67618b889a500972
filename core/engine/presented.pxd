"""Keyed hashes of what a person presents, made of wire bytes; the same values as altyn.core.engine.identity."""
from libc.stdint cimport int32_t, uint8_t
from altyn.core.sha256 cimport HmacKey
from altyn.core.text cimport Text

# HMAC of `kind` and the value, 32 bytes.
cdef int keyed(const HmacKey* key, const char* kind, size_t kind_size, const uint8_t* value, size_t size, uint8_t* out) noexcept nogil
# Without spaces and dashes, in capitals: how many bytes; -1: longer than TEXT_BYTES_MAX, or not ASCII.
cdef int32_t plain_card(Text number, uint8_t* out) noexcept nogil
# 32 bytes into `out`; the key is the pepper's.
cdef int card_hash(const HmacKey* key, Text number, uint8_t* out) except -1
cdef int phone_hash(const HmacKey* key, Text phone, uint8_t* out) except -1
# Of an entered code as the edge leaves it; its first 16 bytes are those of coupon_codes.code_hash.
cdef int coupon_hash(const HmacKey* key, Text code, uint8_t* out) noexcept nogil
