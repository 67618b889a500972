"""Codes that are computed, never kept: the serial of a series, permuted by the series' own key, in the form of its template.

A template's `#` hold five bits each, so a body of n of them holds exactly the numbers below 32^n: the permutation of 5n bits gives every
body once. Invariants: different serials of a series have different codes; a code gives its serial back to whoever has the key; a text of
the form takes equal work, whatever it says. It must never keep a key or a code.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.sha256 cimport HmacKey
from altyn.core.siphash cimport SipKey
from altyn.core.text cimport Text

cdef enum:
    SERIAL_ROUNDS = 10         # as NIST SP 800-38G has them
    SERIAL_SYMBOLS_MIN = 8     # 40 bits
    SERIAL_SYMBOLS_MAX = 12    # 60 bits
    SYMBOL_BITS = 5

cdef int32_t symbols_of(Text template) noexcept nogil
cdef bint is_serial_template(Text template) noexcept nogil
# The key of a series, of the identity key: of this tenant's series alone.
cdef SipKey series_key(const HmacKey* pepper, Text tenant, int32_t series_no) noexcept nogil
# `code` has the size of the template and its literal characters. 0: a wrong character, or a wrong check character.
cdef int64_t serial_of(SipKey key, Text template, const char* code) noexcept nogil
# template.size bytes into `out`.
cdef void write_code(SipKey key, Text template, int64_t serial, char* out) noexcept nogil
