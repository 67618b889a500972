"""Interned texts: each distinct text is kept once and has a small number.

Texts given out stay valid as long as the owner. Invariant: numbers grow from 0 and never change; number 0 is the empty text.
A text is never forgotten: brands, groups, regions and segments are few, whatever the traffic.
"""
cimport cython
from libc.stdint cimport int32_t, uint32_t
from altyn.core.text cimport Text
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Arena, Records, record_at

cdef enum:
    FACT_ID_BYTES_MAX = 64       # ids and attributes, as the fact tables check

@cython.final
cdef class Texts:
    cdef Arena arena
    cdef Records texts
    cdef Index index

    cdef int intern(self, Text text, uint32_t* number) except -1
    cdef int32_t find(self, Text text) noexcept nogil            # number, -1 when never interned
    cdef size_t allocated_bytes(self) noexcept nogil

    cdef inline Text at(self, uint32_t number) noexcept nogil:
        return (<Text*>record_at(&self.texts, number))[0]

    cdef inline uint32_t count(self) noexcept nogil:
        return self.texts.count
