"""Card numbers, phones and coupon codes from the wire to their keyed hashes, without leaving the bytes they came in.

Spaces, dashes and the case of a card number do not matter; of a phone only the digits do. Invariant: the same text gives the same
hash as altyn.core.engine.identity, which the back office stores. What is not ASCII is left to it.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t
from altyn.core.limits cimport TEXT_BYTES_MAX
from altyn.core.sha256 cimport SHA256_BYTES, HmacKey, Sha256, hmac_end, hmac_key, sha256_take
from altyn.core.text cimport Text

from altyn.core.engine.identity import normalised_card, normalised_phone

cdef enum:
    PHONE_DIGITS = 11


cdef int keyed(const HmacKey* key, const char* kind, size_t kind_size, const uint8_t* value, size_t size, uint8_t* out) noexcept nogil:
    cdef Sha256 state = key.inner
    sha256_take(&state, kind, kind_size)
    sha256_take(&state, value, size)
    hmac_end(key, &state, out)
    return 0


cdef int32_t plain_card(Text number, uint8_t* out) noexcept nogil:
    """Its size without spaces and dashes, in capitals; -1: too long, or not ASCII."""
    cdef int32_t i, n = 0
    cdef uint8_t c
    if number.size > TEXT_BYTES_MAX:
        return -1
    for i in range(number.size):
        c = <uint8_t>number.data[i]
        if c >= 0x80:
            return -1
        if c == c" " or c == c"-":
            continue
        out[n] = c - 0x20 if c"a" <= c <= c"z" else c
        n += 1
    return n


cdef int32_t plain_phone(Text phone, uint8_t* out) noexcept nogil:
    """How many digits it has; -1: too long."""
    cdef int32_t i, n = 0
    if phone.size > TEXT_BYTES_MAX:
        return -1
    for i in range(phone.size):
        if c"0" <= phone.data[i] <= c"9":
            out[n] = <uint8_t>phone.data[i]
            n += 1
    if n == PHONE_DIGITS and out[0] == c"8":
        out[0] = c"7"
    return n


cdef int card_hash(const HmacKey* key, Text number, uint8_t* out) except -1:
    cdef uint8_t plain[TEXT_BYTES_MAX]
    cdef int32_t size = plain_card(number, plain)
    cdef bytes rare
    if size >= 0:
        return keyed(key, b"card:", 5, plain, <size_t>size, out)
    rare = normalised_card(number.data[:number.size].decode()).encode()
    return keyed(key, b"card:", 5, <const uint8_t*>PyBytes_AS_STRING(rare), <size_t>len(rare), out)


cdef int phone_hash(const HmacKey* key, Text phone, uint8_t* out) except -1:
    cdef uint8_t plain[TEXT_BYTES_MAX]
    cdef int32_t size = plain_phone(phone, plain)
    cdef bytes rare
    if size >= 0:
        return keyed(key, b"phone:", 6, plain, <size_t>size, out)
    rare = normalised_phone(phone.data[:phone.size].decode()).encode()
    return keyed(key, b"phone:", 6, <const uint8_t*>PyBytes_AS_STRING(rare), <size_t>len(rare), out)


cdef int coupon_hash(const HmacKey* key, Text code, uint8_t* out) noexcept nogil:
    return keyed(key, b"coupon:", 7, <const uint8_t*>code.data, <size_t>code.size, out)


def entered_hash(bytes pepper not None, bytes code not None):
    """16 bytes: what the engine makes of a coupon code as the edge leaves it."""
    cdef HmacKey key
    cdef uint8_t out[SHA256_BYTES]
    cdef Text entered
    entered.data = PyBytes_AS_STRING(code)
    entered.size = <int32_t>len(code)
    hmac_key(&key, PyBytes_AS_STRING(pepper), <size_t>len(pepper))
    coupon_hash(&key, entered, out)
    return PyBytes_FromStringAndSize(<char*>out, 16)


def presented_hash(bytes pepper not None, bytes text not None, bint is_phone):
    """32 bytes: what the engine makes of a card number or a phone, as UTF-8."""
    cdef HmacKey key
    cdef uint8_t out[SHA256_BYTES]
    cdef Text presented
    presented.data = PyBytes_AS_STRING(text)
    presented.size = <int32_t>len(text)
    hmac_key(&key, PyBytes_AS_STRING(pepper), <size_t>len(pepper))
    if is_phone:
        phone_hash(&key, presented, out)
    else:
        card_hash(&key, presented, out)
    return PyBytes_FromStringAndSize(<char*>out, SHA256_BYTES)
