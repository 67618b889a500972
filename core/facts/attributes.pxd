"""Attributes of products in memory: each distinct set of them is kept once.

Invariants: texts given out stay valid as long as the owner and never change. A set is never forgotten: products of a kind share
theirs, and a set takes at most 16 × (129 + 16) bytes and its place in an index.
"""
cimport cython
from libc.stdint cimport int32_t, uint32_t
from altyn.core.facts.memory cimport Records
from altyn.core.facts.texts cimport Texts
from altyn.core.limits cimport ATTRIBUTES_MAX
from altyn.core.text cimport Text

cdef enum:
    ATTRIBUTE_BYTES_MAX = 129    # a name and a value of 64 bytes each
    ATTRIBUTES_BYTES_MAX = ATTRIBUTES_MAX * (ATTRIBUTE_BYTES_MAX + 1)

@cython.final
cdef class AttributeSets:
    cdef Texts _spelled          # sets as they come; the number is that of _sets
    cdef Records _sets           # AttributeSet
    cdef Records _pairs          # Text

    # The pairs of a set that is spelled one name=value a line, in ascending order; empty: none, NULL. ValueError.
    cdef const Text* keep(self, Text spelled, int32_t* count) except? NULL
    cdef int _add(self, Text spelled) except -1
    cdef size_t allocated_bytes(self) noexcept nogil
