"""Reading the token of a virtual card: `A1` and 20 bytes in Crockford's base 32.

The bytes, big-endian: card 6, expiry in tens of seconds since 2026 4, nonce 2, and 8 of HMAC-SHA-256 over these under the pepper. Blanks,
dashes and the case of letters do not matter. Never here: the time, the card's state, whether the token was used.
"""
from libc.stdint cimport INT64_MAX, int32_t, uint8_t, uint64_t
from altyn.core.engine.presented cimport keyed, plain_card
from altyn.core.limits cimport TEXT_BYTES_MAX
from altyn.core.sha256 cimport SHA256_BYTES

cdef enum:
    BODY_BYTES = 12
    MAC_BYTES = 8
    TOKEN_CHARS = 34
    MARK_CHARS = 2

cdef inline int64_t epoch_us() noexcept nogil:
    """2026-01-01."""
    return 1_767_225_600_000_000

cdef inline int64_t unit_us() noexcept nogil:
    return 10_000_000


cdef int32_t digit(uint8_t c) noexcept nogil:
    """Crockford's: I and L are 1, O is 0, there is no U. -1: none."""
    if c"0" <= c <= c"9":
        return c - c"0"
    if c == c"O":
        return 0
    if c == c"I" or c == c"L":
        return 1
    if c < c"A" or c > c"Z" or c == c"U":
        return -1
    return 10 + c - c"A" - (c > c"I") - (c > c"L") - (c > c"O") - (c > c"U")


cdef bint unpack(const uint8_t* chars, uint8_t* out) noexcept nogil:
    """8 characters are 5 bytes."""
    cdef uint64_t value
    cdef int32_t group, place, d
    for group in range((BODY_BYTES + MAC_BYTES) // 5):
        value = 0
        for place in range(8):
            d = digit(chars[group * 8 + place])
            if d < 0:
                return False
            value = value << 5 | <uint64_t>d
        for place in range(5):
            out[group * 5 + place] = <uint8_t>(value >> (32 - 8 * place) & 0xFF)
    return True


cdef uint64_t number(const uint8_t* data, int32_t size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int32_t i
    for i in range(size):
        value = value << 8 | data[i]
    return value


cdef QrReading qr_token_read(const HmacKey* key, Text text, QrToken* out) noexcept nogil:
    cdef uint8_t plain[TEXT_BYTES_MAX]
    cdef uint8_t packed[BODY_BYTES + MAC_BYTES]
    cdef uint8_t mac[SHA256_BYTES]
    cdef uint8_t differs = 0
    cdef int32_t i
    if text.size < TOKEN_CHARS or plain_card(text, plain) != TOKEN_CHARS or plain[0] != c"A" or plain[1] != c"1":
        return QR_NONE
    if not unpack(plain + MARK_CHARS, packed):
        return QR_FORGED
    keyed(key, b"qr-token:", 9, packed, BODY_BYTES, mac)
    for i in range(MAC_BYTES):
        differs |= mac[i] ^ packed[BODY_BYTES + i]
    if differs:
        return QR_FORGED
    out.card_id = <int64_t>number(packed, 6)
    out.expires_at_us = epoch_us() + <int64_t>number(packed + 6, 4) * unit_us()
    out.mark = <int64_t>(number(mac, MAC_BYTES) & <uint64_t>INT64_MAX)
    return QR_GENUINE
