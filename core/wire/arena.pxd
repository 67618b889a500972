"""Memory of one request's decoded structs: taken by moving a mark, given back all at once.

Invariants: an arena never holds more than the bytes it was opened with; taken memory is 8-byte aligned and lives until `arena_reset`; it is
zeroed unless the name says room. It must never grow: a request that needs more is too large.
"""
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

cdef struct Arena:
    uint8_t* base
    size_t used
    size_t size

cdef int arena_open(Arena* arena, size_t size) except -1
cdef void arena_close(Arena* arena) noexcept nogil
cdef void* arena_grow(
    Arena* arena, void* items, int32_t count, int32_t* room, int32_t more, size_t item_size
) noexcept nogil

cdef inline void arena_reset(Arena* arena) noexcept nogil:
    arena.used = 0

cdef inline void* arena_room(Arena* arena, size_t size) noexcept nogil:
    """`size` bytes as they are, for who fills them all; NULL when the arena is full."""
    cdef void* taken
    size = (size + 7) & ~(<size_t>7)
    if size > arena.size - arena.used:
        return NULL
    taken = arena.base + arena.used
    arena.used += size
    return taken

cdef inline void* arena_take(Arena* arena, size_t size) noexcept nogil:
    """`size` zeroed bytes, or NULL when the arena is full."""
    cdef void* taken = arena_room(arena, size)
    if taken != NULL:
        memset(taken, 0, size)
    return taken
