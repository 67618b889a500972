"""Body of the computed codes; see the header for the invariants."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t
from libc.string cimport memcpy, memset
from altyn.core.limits cimport SERIALS_MAX
from altyn.core.permutation cimport permuted, unpermuted
from altyn.core.sha256 cimport SHA256_BYTES, HmacKey, Sha256, hmac_end, hmac_key, sha256_take, sha256_take_number
from altyn.core.siphash cimport SipKey
from altyn.core.text cimport Text

from altyn.core.facts import coupon_codes

globals().update(SERIALS_MAX=SERIALS_MAX, SERIAL_SYMBOLS_MIN=SERIAL_SYMBOLS_MIN, SERIAL_SYMBOLS_MAX=SERIAL_SYMBOLS_MAX)

cdef enum:
    NO_PLACE = 255
    CODES_AT_ONCE_MAX = 65_536
    TEMPLATE_BYTES_MAX = 64

cdef char SYMBOLS[32]
cdef uint8_t PLACES[256]       # of a character among the symbols
memset(PLACES, NO_PLACE, 256)
for _place, _one in enumerate(coupon_codes.ALPHABET.encode()):
    SYMBOLS[_place] = _one
    PLACES[_one] = _place


cdef inline int32_t checked_on(int32_t total, uint8_t character) noexcept nogil:
    """The check character's sum with one character more; the same as coupon_codes.check_character."""
    cdef uint8_t place = PLACES[character]
    return total if place == NO_PLACE else (total * 3 + place + 1) % 31


cdef int32_t symbols_of(Text template) noexcept nogil:
    cdef int32_t i, count = 0
    for i in range(template.size):
        count += template.data[i] == c"#"
    return count


cdef bint is_serial_template(Text template) noexcept nogil:
    return template.size <= TEMPLATE_BYTES_MAX and SERIAL_SYMBOLS_MIN <= symbols_of(template) <= SERIAL_SYMBOLS_MAX


cdef SipKey series_key(const HmacKey* pepper, Text tenant, int32_t series_no) noexcept nogil:
    cdef Sha256 state = pepper.inner
    cdef uint8_t out[SHA256_BYTES]
    cdef SipKey key
    sha256_take(&state, <const char*>b"coupon-series:", 14)
    sha256_take_number(&state, <uint64_t>series_no)
    sha256_take(&state, tenant.data, <size_t>tenant.size)
    hmac_end(pepper, &state, out)
    memcpy(&key, out, sizeof(SipKey))
    return key


cdef int64_t serial_of(SipKey key, Text template, const char* code) noexcept nogil:
    cdef uint64_t body = 0
    cdef int32_t i, total = 0, count = 0
    cdef uint8_t place
    cdef bint is_wrong = False
    for i in range(template.size):
        place = PLACES[<uint8_t>code[i]]
        if template.data[i] == c"#":
            is_wrong = is_wrong or place == NO_PLACE
            body = body << SYMBOL_BITS | (place & 31)
            count += 1
        elif template.data[i] == c"?":
            is_wrong = is_wrong or code[i] != SYMBOLS[total]
        total = checked_on(total, <uint8_t>code[i])
    body = unpermuted(key, <uint8_t>(count * SYMBOL_BITS), SERIAL_ROUNDS, body)
    return 0 if is_wrong or body > <uint64_t>SERIALS_MAX else <int64_t>body


cdef void write_code(SipKey key, Text template, int64_t serial, char* out) noexcept nogil:
    cdef int32_t i, total = 0, left = symbols_of(template)
    cdef uint64_t body = permuted(key, <uint8_t>(left * SYMBOL_BITS), SERIAL_ROUNDS, <uint64_t>serial)
    for i in range(template.size):
        if template.data[i] == c"#":
            left -= 1
            out[i] = SYMBOLS[body >> (left * SYMBOL_BITS) & 31]
        else:
            out[i] = SYMBOLS[total] if template.data[i] == c"?" else template.data[i]
        total = checked_on(total, <uint8_t>out[i])


cdef SipKey key_for(bytes pepper, bytes tenant, int32_t series_no) noexcept:
    cdef HmacKey hmac
    cdef Text name
    name.data = PyBytes_AS_STRING(tenant)
    name.size = <int32_t>len(tenant)
    hmac_key(&hmac, PyBytes_AS_STRING(pepper), <size_t>len(pepper))
    return series_key(&hmac, name, series_no)


cdef Text template_text(bytes template) except *:
    cdef Text text
    text.data = PyBytes_AS_STRING(template)
    text.size = <int32_t>len(template)
    if not is_serial_template(text):
        raise ValueError(f"a template of 8 to 12 # in at most 64 bytes, not {template.decode()}")
    return text


def serial_codes(bytes pepper not None, str tenant not None, int32_t series_no, str template not None, int64_t first, int64_t count):
    cdef bytes form = template.encode()
    cdef Text text = template_text(form)
    cdef SipKey key = key_for(pepper, tenant.encode(), series_no)
    cdef bytes made
    cdef char* out
    cdef int64_t i
    if first < 1 or not 1 <= count <= CODES_AT_ONCE_MAX or first + count - 1 > SERIALS_MAX:
        raise ValueError(f"serials from 1 to {SERIALS_MAX}, at most {CODES_AT_ONCE_MAX} at once")
    made = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(count * (text.size + 1)))
    out = PyBytes_AS_STRING(made)
    with nogil:
        for i in range(count):
            write_code(key, text, first + i, out)
            out[text.size] = c"\n"
            out += text.size + 1
    return made


def serial_of_code(bytes pepper not None, str tenant not None, int32_t series_no, str template not None, str code not None):
    cdef bytes form = template.encode(), told = coupon_codes.normalised_code(code).encode()
    cdef Text text = template_text(form)
    cdef int32_t i
    if len(told) != text.size:
        return 0
    for i in range(text.size):
        if text.data[i] != c"#" and text.data[i] != c"?" and text.data[i] != told[i]:
            return 0
    return serial_of(key_for(pepper, tenant.encode(), series_no), text, PyBytes_AS_STRING(told))
