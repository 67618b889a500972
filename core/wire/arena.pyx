# cython: overflowcheck=False
"""Opening, closing and growing of arenas; see the header for the invariants."""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef int arena_open(Arena* arena, size_t size) except -1:
    """Own `size` bytes. Pages are touched only when used. Raises MemoryError."""
    arena.base = <uint8_t*>malloc(size)
    if arena.base == NULL:
        raise MemoryError
    arena.used = 0
    arena.size = size
    return 0


cdef void arena_close(Arena* arena) noexcept nogil:
    free(arena.base)
    arena.base = NULL
    arena.used = 0
    arena.size = 0


cdef void* arena_grow(
    Arena* arena, void* items, int32_t count, int32_t* room, int32_t more, size_t item_size
) noexcept nogil:
    """A larger copy of an array of `count` items with room for `more`, or NULL when the arena is full.

    Room at least doubles, so arrays that arrive in pieces are copied a bounded number of times.
    """
    cdef int32_t wanted = count + (more if more > count else count)
    cdef void* larger = arena_take(arena, <size_t>wanted * item_size)
    if larger != NULL:
        if count:
            memcpy(larger, items, <size_t>count * item_size)
        room[0] = wanted
    return larger
