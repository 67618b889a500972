"""Coupons: which series a code presented at the till belongs to, and whether it may be used at that instant.

Only keyed hashes of codes are here, never a code, and of serial series not even those (serial_codes). What has become of a unique code (free, held, used) is money-like and the
book's; here is what the back office decides. Invariants: a code belongs to one series for life and keeps its `code_id`; a code
whose series is not known is unknown; answers are given by value, for rows move while a page grows. It must never tell a removed
code from one that never was.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint8_t
from altyn.core.text cimport Text
from altyn.core.facts.copy cimport CopyRows
from altyn.core.facts.memory cimport Arena
from altyn.core.facts.serials cimport Serials
from altyn.core.limits cimport SERIES_NO_MAX

cdef enum:
    CODE_HASH_BYTES = 16         # the first bytes of the HMAC-SHA-256
    CODE_PAGES = 4_096           # by the hash's first 12 bits; a page grows alone, so never for long

cdef enum CouponKind:
    COUPON_SHARED = 1            # everybody's code
    COUPON_UNIQUE = 2            # every code is somebody's

cdef enum CodeResult:
    CODE_UNKNOWN = 0
    CODE_FOUND = 1
    CODE_BLOCKED = 2             # the code or its whole series
    CODE_TOO_EARLY = 3
    CODE_TOO_LATE = 4

cdef struct CouponSeries:
    Text series                  # size 0: there is no such series
    Text template                # of codes made for it, see coupon_codes; size 0: none
    int64_t starts_at_us
    int64_t ends_at_us           # not included; INT64_MAX: never
    int32_t series_no
    int32_t uses_max             # of one code; 0: any number
    uint8_t kind                 # CouponKind
    uint8_t is_blocked
    uint8_t is_serial            # its codes are computed
    uint8_t keeps_used           # a return does not let a code be used again
    int32_t grace_days           # a code that a return lets be used again is good for at least so long

cdef struct CodeSlot:
    unsigned char code_hash[CODE_HASH_BYTES]
    uint32_t id_low              # a code_id has 40 bits
    uint8_t id_high
    uint8_t state
    uint16_t series_no

cdef struct CodePage:
    CodeSlot* slots
    uint32_t capacity
    uint32_t used                # slots that are not empty, removed ones included

cdef struct Resolution:
    int64_t code_id              # or the serial; 0 when unknown
    int32_t series_no            # 0 when unknown
    CodeResult result

@cython.final
cdef class Coupons:
    cdef CodePage* _pages
    cdef CouponSeries* _series   # by series_no
    cdef Arena _names
    cdef Py_ssize_t _codes_present
    cdef Py_ssize_t _series_present
    cdef dict _numbers           # bytes of a series' name → series_no
    cdef Serials serials

    # QUERIES; hashes are CODE_HASH_BYTES or longer. Those of a known code that may not be used are told as well.
    cdef Resolution resolve_code(self, const unsigned char* code_hash, int64_t instant_us) noexcept nogil
    cdef Resolution resolve_serial(self, int32_t series_no, int64_t serial, int64_t instant_us) noexcept nogil
    cdef const CouponSeries* find_series(self, int32_t series_no) noexcept nogil       # NULL: unknown
    cdef const CouponSeries* find_named(self, Text series) except? NULL               # NULL: unknown

    # COMMANDS
    cdef CodeSlot* _slot(self, const unsigned char* code_hash) noexcept nogil
    cdef void _resolve(self, Resolution* found, int32_t series_no, int64_t code_id, bint is_blocked, int64_t instant_us) noexcept nogil
    cdef int _write_series(self, CouponSeries read) except -1
    cdef bint _remove_series(self, int32_t series_no) except -1
    cdef int _write_code(self, const unsigned char* code_hash, int64_t code_id, int64_t series_no, bint is_blocked) except -1
    cdef bint _remove_code(self, const unsigned char* code_hash) noexcept
