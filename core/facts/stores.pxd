"""Stores in memory: attributes conditions may name, money of the receipts, and the store's wall clock.

Invariants as of the catalogue: pointers and texts stay valid as long as the owner, contents change only between calls.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.receipt cimport Place
from altyn.core.text cimport Text
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Records
from altyn.core.facts.texts cimport Texts
from altyn.core.facts.zones cimport Zones

cdef struct Store:
    Text store_id
    Text region                  # size 0: none
    Text format
    Text cluster
    Text currency                # ISO 4217
    int32_t exponent
    int32_t zone                 # number in Stores.zones
    bint present

@cython.final
cdef class Stores:
    cdef readonly Zones zones
    cdef Records _stores
    cdef Index _index
    cdef Texts _texts
    cdef Py_ssize_t _present_count

    # QUERIES
    cdef const Store* find(self, Text store_id) noexcept nogil   # NULL: no such store
    cdef void wall_clock(self, const Store* store, int64_t instant_us, int64_t* wall_us, int64_t* gap_from_wall_us,
                         int64_t* gap_us) noexcept nogil
    # Everything a calculation reads of the store at an instant.
    cdef void place(self, const Store* store, int64_t instant_us, Place* place) noexcept nogil

    # COMMANDS
    cdef Store* _slot(self, Text store_id) noexcept nogil
    cdef int _interned(self, str name, str text, int32_t bytes_max, Text* interned) except -1
