"""Grants in memory: promotions given to single customers, perhaps with goods chosen for them.

Invariants: a customer has one grant of a promotion, at most GRANTS_MAX in all (what is more is counted and left out); texts given
out stay valid as long as the owner; contents change only between calls. A grant takes 48 bytes, its place in an index, and
16 to 128 bytes for its goods; what a customer had and has no more is used again for the next of theirs. Nothing here knows
what time it is.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.facts.copy cimport CopyRows
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Records
from altyn.core.facts.texts cimport Texts
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena

cdef struct Grant:
    int64_t customer_id
    int64_t starts_at_us         # INT64_MIN: open
    int64_t ends_at_us           # INT64_MAX: open
    uint32_t promotion           # text number
    uint32_t goods_at            # place in the pool: text numbers of skus, then of categories
    uint8_t goods_size           # size class of the run: 4 << class numbers; 255: none
    uint8_t skus_count
    uint8_t categories_count
    bint present

@cython.final
cdef class Grants:
    cdef Records _grants
    cdef Index _index            # by customer
    cdef Texts _texts
    cdef Records _pool           # units of 4 text numbers
    cdef uint32_t _free_runs[4]  # by size class: unit number + 1 of the first free run
    cdef Py_ssize_t _present_count
    cdef readonly int64_t left_out

    # QUERIES
    # Those of the customer that hold at the instant, in ascending order of the promotion's id, as a list of `GrantFact` in the
    # arena; NULL: none. -1: the arena is full.
    cdef int32_t of_customer(self, int64_t customer_id, int64_t instant_us, void** facts, Arena* arena) noexcept nogil
    cdef Text text_at(self, const Grant* grant, int32_t number) noexcept nogil

    # COMMANDS
    cdef Grant* _slot(self, int64_t customer_id, Text promotion_id, Grant** free, int32_t* count) noexcept nogil
    cdef int _write(self, int64_t customer_id, Text promotion_id, int64_t starts_at_us, int64_t ends_at_us, Text skus,
                    Text categories) except -1
    cdef int32_t _numbers(self, Text lines, uint32_t* numbers, int32_t count) except -1
    cdef int _make_room(self, Grant* grant, int32_t count) except -1
    cdef bint _remove(self, int64_t customer_id, Text promotion_id) noexcept
