"""Memory that never moves: records in chunks, and an arena of texts.

Invariants: an address once given out stays valid until its owner is freed, so texts and records may be lent to a running
call; growing copies nothing. It must never give memory back one record at a time: facts that go away are marked, not freed.
"""
from libc.stdint cimport uint32_t
from altyn.core.text cimport Text

cdef extern from *:
    # Have a line of the cache fetched; any address will do.
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    CHUNK_BITS = 16
    CHUNK_RECORDS = 65_536       # records of a chunk; pages nobody wrote to cost nothing
    ARENA_CHUNK_BYTES = 262_144

cdef struct Records:
    char** chunks
    uint32_t chunks_count
    uint32_t count               # records handed out
    size_t record_bytes

cdef inline void* record_at(const Records* records, uint32_t number) noexcept nogil:
    """The record of that number; number < count."""
    return records.chunks[number >> CHUNK_BITS] + (number & (CHUNK_RECORDS - 1)) * records.record_bytes

cdef void records_init(Records* records, size_t record_bytes) noexcept nogil
# `count` zeroed records in a row (≤ CHUNK_RECORDS); their first number. MemoryError; OverflowError after 2^32 records.
cdef int records_add(Records* records, uint32_t count, uint32_t* number) except -1
cdef void records_free(Records* records) noexcept nogil
cdef size_t records_bytes(const Records* records) noexcept nogil       # address space taken

cdef struct Arena:
    char** chunks
    uint32_t chunks_count
    uint32_t used_bytes          # of the last chunk

cdef void arena_init(Arena* arena) noexcept nogil
cdef int arena_copy(Arena* arena, Text text, Text* copy) except -1     # text.size ≤ ARENA_CHUNK_BYTES; MemoryError
cdef void arena_free(Arena* arena) noexcept nogil
cdef size_t arena_bytes(const Arena* arena) noexcept nogil
