"""Chunks of records and an arena of texts; see the header for the invariants."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy
from altyn.core.text cimport Text


cdef int _add_chunk(char*** chunks, uint32_t* chunks_count, char* chunk) except -1:
    """Append a chunk to the list; takes it over, also when there is no memory for the list."""
    cdef char** longer
    if chunk == NULL:
        raise MemoryError()
    longer = <char**>realloc(chunks[0], (<size_t>chunks_count[0] + 1) * sizeof(char*))
    if longer == NULL:
        free(chunk)
        raise MemoryError()
    longer[chunks_count[0]] = chunk
    chunks[0] = longer
    chunks_count[0] += 1
    return 0


cdef void records_init(Records* records, size_t record_bytes) noexcept nogil:
    records.chunks = NULL
    records.chunks_count = 0
    records.count = 0
    records.record_bytes = record_bytes


cdef int records_add(Records* records, uint32_t count, uint32_t* number) except -1:
    cdef unsigned long long first = records.count
    cdef unsigned long long capacity = <unsigned long long>records.chunks_count << CHUNK_BITS
    assert 0 < count <= CHUNK_RECORDS
    if first + count > capacity:
        if capacity + CHUNK_RECORDS > 0xFFFF0000ULL:
            raise OverflowError("more records than 32 bits can number")
        # calloc leaves pages of a large chunk untouched, so an unused one costs only address space.
        _add_chunk(&records.chunks, &records.chunks_count, <char*>calloc(CHUNK_RECORDS, records.record_bytes))
        first = capacity  # a run does not cross chunks
    number[0] = <uint32_t>first
    records.count = <uint32_t>(first + count)
    return 0


cdef void records_free(Records* records) noexcept nogil:
    cdef uint32_t i
    for i in range(records.chunks_count):
        free(records.chunks[i])
    free(records.chunks)
    records_init(records, records.record_bytes)


cdef size_t records_bytes(const Records* records) noexcept nogil:
    return records.chunks_count * (CHUNK_RECORDS * records.record_bytes + sizeof(char*))


cdef void arena_init(Arena* arena) noexcept nogil:
    arena.chunks = NULL
    arena.chunks_count = 0
    arena.used_bytes = 0


cdef int arena_copy(Arena* arena, Text text, Text* copy) except -1:
    cdef char* place
    assert 0 <= text.size <= ARENA_CHUNK_BYTES
    if arena.chunks_count == 0 or arena.used_bytes + <uint32_t>text.size > ARENA_CHUNK_BYTES:
        _add_chunk(&arena.chunks, &arena.chunks_count, <char*>malloc(ARENA_CHUNK_BYTES))
        arena.used_bytes = 0
    place = arena.chunks[arena.chunks_count - 1] + arena.used_bytes
    if text.size > 0:
        memcpy(place, text.data, <size_t>text.size)
    arena.used_bytes += <uint32_t>text.size
    copy.data = place
    copy.size = text.size
    return 0


cdef void arena_free(Arena* arena) noexcept nogil:
    cdef uint32_t i
    for i in range(arena.chunks_count):
        free(arena.chunks[i])
    free(arena.chunks)
    arena_init(arena)


cdef size_t arena_bytes(const Arena* arena) noexcept nogil:
    return arena.chunks_count * <size_t>ARENA_CHUNK_BYTES
