"""Interning; see the header."""
from libc.stdint cimport int32_t, uint32_t
from altyn.core.text cimport Text, text_equal
from altyn.core.facts.index cimport (
    Probe, hash_bytes, index_add, index_bytes, index_free, index_init, index_next, index_probe,
)
from altyn.core.facts.memory cimport (
    arena_bytes, arena_copy, arena_free, arena_init, record_at, records_add, records_bytes, records_free, records_init,
)
cimport cython


@cython.final
cdef class Texts:
    def __cinit__(self):
        cdef Text empty
        cdef uint32_t number
        arena_init(&self.arena)
        records_init(&self.texts, sizeof(Text))
        index_init(&self.index)
        empty.data = b""
        empty.size = 0
        self.intern(empty, &number)

    def __dealloc__(self):
        arena_free(&self.arena)
        records_free(&self.texts)
        index_free(&self.index)

    cdef int32_t find(self, Text text) noexcept nogil:
        cdef Probe probe = index_probe(&self.index, hash_bytes(text.data, text.size))
        cdef uint32_t number
        while index_next(&probe, &number):
            if text_equal((<Text*>record_at(&self.texts, number))[0], text):
                return <int32_t>number
        return -1

    cdef int intern(self, Text text, uint32_t* number) except -1:
        cdef int32_t found = self.find(text)
        if found >= 0:
            number[0] = <uint32_t>found
            return 0
        records_add(&self.texts, 1, number)
        arena_copy(&self.arena, text, <Text*>record_at(&self.texts, number[0]))
        index_add(&self.index, hash_bytes(text.data, text.size), number[0])
        return 0

    cdef size_t allocated_bytes(self) noexcept nogil:
        return arena_bytes(&self.arena) + records_bytes(&self.texts) + index_bytes(&self.index)
