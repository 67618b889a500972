"""The calculation token: keeps a shown price for its time-out."""
from libc.stdint cimport int64_t, uint8_t
from altyn.core.siphash cimport Digest, SipKey
from altyn.core.text cimport Text

cdef enum:
    TOKEN_BYTES = 89
    TOKEN_FORMAT = 2

cdef struct Token:
    int64_t rules_version
    int64_t business_time_us   # decides schedules and dates, also of the commit that brings the token
    int64_t issued_us          # server clock
    Digest content             # goods, coupons, customer, points asked for
    Digest result              # the amounts shown
    Digest identification      # what identified the customer and ages, with the register it was presented at; zeros: nothing

cdef void token_write(const Token* token, SipKey key, uint8_t* out) noexcept nogil
# False when the bytes are not a token made with this key.
cdef bint token_read(Text text, SipKey key, Token* token) noexcept nogil
