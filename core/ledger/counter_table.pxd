"""Counters of one window, kept small where many subjects count for one limit.

Decides nothing. A counter's key is its group's digest (8 bytes: limit, measure, per, window) and its subject (8). The first few of a group lie apart,
in a key table, 32 bytes a slot; further ones in pages: 64 neighbouring subjects share a block of which of them count, and how much: 2 or 4 bytes
each. What is held, and what fits no page, always lies apart. Where a counter lies depends on what came before and is no part of the state.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from altyn.core.ledger.blocks cimport Blocks
from altyn.core.ledger.key_table cimport KeyTable

cdef enum:
    PAGED_FROM = 32            # counters of a group that lie apart before the first page

cdef struct Counter:
    int64_t used
    int64_t held

cdef struct CounterTable:
    KeyTable apart             # key: used (0 when it is in a page), held
    KeyTable groups            # digest: counters that lie apart, the number of its pages (0: none yet)
    Blocks pages               # by number and subject >> 6; an owner's note is how many bytes each of its amounts has
    uint32_t paged_groups
    int64_t paged_count        # of counters

cdef struct CounterRow:
    uint64_t group
    int64_t subject
    int64_t used

cdef void table_start(CounterTable* table) noexcept nogil
cdef void table_free(CounterTable* table) noexcept nogil
cdef Counter table_read(CounterTable* table, const uint8_t* key) noexcept nogil
# Room to set this counter so, it being one of so many changes, and of so many of its page (`same_page`). False: no memory.
cdef bint table_room(CounterTable* table, const uint8_t* key, Counter value, uint32_t of_page, uint32_t changes) noexcept nogil
# Cannot fail after the room. A counter of nothing leaves no trace.
cdef void table_set(CounterTable* table, const uint8_t* key, Counter value) noexcept nogil
# Give back room that changes of a page did not need; once all of them are set.
cdef void table_fit(CounterTable* table, const uint8_t* key) noexcept nogil
cdef bint same_page(const uint8_t* key, const uint8_t* other) noexcept nogil
cdef int64_t table_bytes(const CounterTable* table) noexcept nogil

# For images: no more rows than this, and all of them that are used, in no order. False: no memory.
cdef int64_t table_rows_max(const CounterTable* table) noexcept nogil
cdef bint table_list(CounterTable* table, CounterRow* out, int64_t* count) noexcept nogil
# A whole new group: `count` pairs of subject and used > 0, subjects ascending. False: no memory.
cdef bint table_load(CounterTable* table, uint64_t group, const uint8_t* pairs, int64_t count) noexcept nogil
