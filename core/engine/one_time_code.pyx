"""Body of one-time codes: six digits of an HMAC of the phone's hash and the step of five minutes, taken in their own step and the next.

The mark is made of other bytes of the same HMAC: it tells nothing of the code. Decides nothing else: who may try, how often, and what a
right code allows is identified.pyx's.
"""
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from altyn.core.calendar cimport floor_div
from altyn.core.engine.presented cimport keyed
from altyn.core.sha256 cimport SHA256_BYTES

cdef enum:
    CODE_DIGITS = 6
    CODES_COUNT = 1_000_000
    STEP_BYTES = 8
    # Steps a code is told to be over, rather than wrong: an hour.
    STEPS_REMEMBERED = 12


cdef inline int64_t step_us() noexcept nogil:
    return 300_000_000


cdef uint64_t number(const uint8_t* data) noexcept nogil:
    cdef uint64_t value = 0
    cdef int32_t i
    for i in range(8):
        value = value << 8 | data[i]
    return value


cdef int64_t code_of(const HmacKey* key, const uint8_t* phone_hash, int64_t step, int64_t* mark) noexcept nogil:
    cdef uint8_t message[SHA256_BYTES + STEP_BYTES]
    cdef uint8_t mac[SHA256_BYTES]
    cdef int32_t i
    memcpy(message, phone_hash, SHA256_BYTES)
    for i in range(STEP_BYTES):
        message[SHA256_BYTES + i] = <uint8_t>(<uint64_t>step >> (56 - 8 * i) & 0xFF)
    keyed(key, b"one-time-code:", 14, message, SHA256_BYTES + STEP_BYTES, mac)
    mark[0] = <int64_t>(number(mac + 8) & <uint64_t>INT64_MAX)
    return <int64_t>(number(mac) % CODES_COUNT)


cdef int64_t digits(Text code) noexcept nogil:
    """-1: not six of them."""
    cdef int64_t value = 0
    cdef int32_t i
    if code.size != CODE_DIGITS:
        return -1
    for i in range(CODE_DIGITS):
        if not c"0" <= code.data[i] <= c"9":
            return -1
        value = value * 10 + code.data[i] - c"0"
    return value


cdef void one_time_code_read(const HmacKey* key, const uint8_t* phone_hash, Text code, int64_t instant_us, OneTimeCode* out) noexcept nogil:
    cdef int64_t step = floor_div(instant_us, step_us()), told = digits(code), mark
    cdef int32_t back
    code_of(key, phone_hash, step, &out.tries_mark)
    out.tries_end_us = (step + 1) * step_us()
    out.state = CODE_WRONG
    for back in range(STEPS_REMEMBERED if told >= 0 else 0):
        if code_of(key, phone_hash, step - back, &mark) == told:
            out.state = CODE_RIGHT if back < 2 else CODE_OVER
            out.mark = mark
            out.ends_at_us = out.tries_end_us - back * step_us()
            return
