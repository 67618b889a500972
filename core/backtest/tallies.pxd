"""Counters of limits as a draft would have counted them.

The journal tells at each sale how its own counters stood, so the draft's stand there plus what the draft has taken more than the journal
since. By the journal's own rules the difference is always 0, and every decision reads exactly what it read then: holds of other receipts,
returns and counts from before the replay included. A counter the journal never looked at starts from 0.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.counters cimport CounterId, Counters
from altyn.core.ledger.key_table cimport KeyTable

cdef struct Tally:
    uint8_t key[16]
    int64_t window_day
    int64_t journal            # as last known, with what the journal has taken since
    int64_t more               # what the draft took, less what the journal took
    int32_t window
    int32_t told               # the journal has shown it

@cython.final
cdef class Tallies:
    cdef Counters seen         # what the draft's decisions read
    cdef KeyTable places       # key: index in rows
    cdef Tally* rows
    cdef int64_t count
    cdef int64_t capacity

    cdef Tally* row(self, const CounterId* id) except NULL
    cdef int show(self, const Tally* row) except -1
    # The journal's decision saw this.
    cdef int told(self, const CounterId* id, int64_t counted) except -1
    cdef int took(self, const CounterId* id, int64_t by_draft, int64_t by_journal) except -1
    cdef int64_t untold(self) noexcept
    cdef bytes kept(self)
    cdef int restore(self, bytes kept) except -1
