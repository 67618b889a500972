"""Gift cards: which card a number is, whose account has its money, and whether the back office lets it be used.

Only keyed hashes of numbers and PINs are here. Whether a card was sold and what is on it is the book's. Invariants: a number
belongs to one series and one account for life; a card that was removed is not found; pointers stay valid as long as this does.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.facts.copy cimport CopyRows
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Records

cdef enum:
    GIFT_HASH_BYTES = 16         # the first bytes of the HMAC-SHA-256

cdef enum GiftCardFlag:
    GIFT_KNOWN = 1               # a row came, and no tombstone after it
    GIFT_BLOCKED = 2
    GIFT_HAS_PIN = 4

cdef struct GiftCard:
    unsigned char number_hash[GIFT_HASH_BYTES]
    unsigned char pin_hash[GIFT_HASH_BYTES]
    int64_t gift_card_id
    int64_t account_id
    int32_t series_no
    char last4[4]
    uint8_t last4_size
    uint8_t flags                # GiftCardFlag bits

@cython.final
cdef class GiftCards:
    cdef Records _cards
    cdef Index _index
    cdef dict _series            # series_no → GiftSeriesFact
    cdef Py_ssize_t _present

    # QUERIES; the hash is GIFT_HASH_BYTES or longer
    cdef const GiftCard* find(self, const unsigned char* number_hash) noexcept nogil           # NULL: unknown

    # COMMANDS
    cdef GiftCard* _slot(self, const unsigned char* number_hash) noexcept nogil
    cdef int _write(self, const GiftCard* read) except -1
    cdef bint _remove(self, const unsigned char* number_hash) noexcept
