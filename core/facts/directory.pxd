"""The directory: who a card or a phone is. Only keyed hashes and opaque ids; no number, phone or name is ever here.

Invariants: pointers stay valid as long as the directory, contents change only between calls; a card or customer that was
removed is not found; a phone that two customers share identifies nobody. Rows may arrive in any order: a membership may
come before its customer.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint8_t
from altyn.core.text cimport Text
from altyn.core.facts.copy cimport CopyRows, Field
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Records
from altyn.core.facts.texts cimport Texts

cdef enum:
    IDENTITY_HASH_BYTES = 16     # the first bytes of the HMAC-SHA-256 that are kept
    SEGMENTS_MAX = 1_024         # of one customer; further memberships are counted and left out
    PHONE_NOT_UNIQUE = -1

cdef enum CardState:
    CARD_ABSENT = 0
    CARD_NEW = 1
    CARD_ACTIVE = 2
    CARD_BLOCKED = 3
    CARD_CLOSED = 4
    CARD_FINISHED = 5

cdef enum:
    # Of Card.marks.
    LAST4_MARKS = 7
    CARD_VIRTUAL = 8

cdef struct Card:
    unsigned char number_hash[IDENTITY_HASH_BYTES]
    int64_t card_id
    int64_t account_id
    int64_t customer_id          # 0: anonymous
    char last4[4]
    uint16_t card_type           # text number, see Directory.card_type
    uint8_t marks                # how many of last4, and CARD_VIRTUAL
    uint8_t state                # CardState

cdef inline bint is_virtual(const Card* card) noexcept nogil:
    """Known by its tokens only; its number by itself is nobody's."""
    return card.marks & CARD_VIRTUAL

cdef struct Customer:
    unsigned char phone_hash[IDENTITY_HASH_BYTES]
    int64_t customer_id
    int64_t account_id
    uint32_t segments_at         # place in the pool
    uint16_t segments_count
    uint8_t segments_size        # size class of the run: 4 << class numbers; 255: none
    uint8_t state                # bits KNOWN, HAS_PHONE
    uint32_t favourites_at       # place in the pool
    uint16_t birthday_mmdd       # month × 100 + day; 0: not known
    uint8_t favourites_count
    uint8_t favourites_size      # as segments_size

@cython.final
cdef class Directory:
    cdef Records _cards
    cdef Index _cards_index
    cdef Index _virtual_index    # by card_id, to virtual cards
    cdef Records _customers
    cdef Index _customers_index
    cdef Index _phones_index     # to customers
    cdef Texts _card_types
    cdef Texts _segments
    cdef Texts _categories       # favourite ones
    cdef Records _pool           # units of 4 numbers of segments or categories
    cdef uint32_t _free_runs[9]  # by size class: unit number + 1 of the first free run
    cdef Py_ssize_t _cards_present
    cdef Py_ssize_t _customers_present
    cdef readonly int64_t memberships_left_out
    cdef readonly int64_t favourites_left_out

    # QUERIES; hashes are IDENTITY_HASH_BYTES or longer
    cdef const Card* find_card(self, const unsigned char* number_hash) noexcept nogil          # NULL: unknown
    cdef const Card* find_virtual(self, int64_t card_id) noexcept nogil                        # NULL: unknown, or not virtual
    cdef const Customer* find_customer(self, int64_t customer_id) noexcept nogil               # NULL: unknown
    cdef int64_t find_phone(self, const unsigned char* phone_hash) noexcept nogil              # customer_id; 0: unknown; PHONE_NOT_UNIQUE
    cdef Text card_type(self, const Card* card) noexcept nogil
    cdef Text last4(self, const Card* card) noexcept nogil
    # Writes at most SEGMENTS_MAX texts, in ascending order of bytes, and returns how many.
    cdef int32_t segments_of(self, const Customer* customer, Text* texts) noexcept nogil

    # Writes at most FAVOURITES_MAX texts, as they came, and returns how many.
    cdef int32_t favourites_of(self, const Customer* customer, Text* texts) noexcept nogil

    # COMMANDS
    cdef Card* _card_slot(self, const unsigned char* number_hash, uint32_t* number) noexcept nogil
    cdef int _write_card(self, Card read) except -1
    cdef bint _remove_card(self, const unsigned char* number_hash) noexcept
    cdef int _fill_card(self, Card* card, const unsigned char* number_hash, int64_t state, Text card_type, Text last4, bint virtual) except -1
    cdef Customer* _customer_slot(self, int64_t customer_id, uint32_t* number) noexcept nogil
    cdef Customer* _customer_to_write(self, int64_t customer_id, uint32_t* number) except NULL
    cdef int _write_customer(self, int64_t customer_id, int64_t account_id, const unsigned char* phone_hash, int64_t birthday_mmdd, Text favourites) except -1
    cdef int _set_favourites(self, Customer* customer, Text favourites) except -1
    cdef int _take_run(self, uint8_t size_class, uint32_t* unit) except -1
    cdef void _give_run(self, uint32_t unit, uint8_t size_class) noexcept
    cdef int _index_phone(self, const unsigned char* phone_hash, uint32_t customer_number) except -1
    cdef bint _remove_customer(self, int64_t customer_id) noexcept
    cdef uint16_t* _run(self, const Customer* customer) noexcept nogil
    cdef int32_t _place_in_run(self, const Customer* customer, Text segment) noexcept nogil
    cdef int _grow_run(self, Customer* customer) except -1
    cdef int _add_segment(self, int64_t customer_id, Text segment) except -1
    cdef int _remove_segment(self, int64_t customer_id, Text segment) noexcept
