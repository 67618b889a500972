"""Journal rows as messages of PostgreSQL's binary COPY, built where they are appended."""
from libc.stdint cimport int64_t, uint8_t

from altyn.core.engine.answers cimport Record

cdef class CopyRows:
    cdef:
        uint8_t* data
        Py_ssize_t room
        Py_ssize_t used
        readonly int64_t count
        readonly int64_t first_seq
        readonly int64_t last_seq
        readonly bytes last_hash
        bint is_closed
        int exports

    cdef bytes add_row(self, Record record, int64_t epoch, int shard, bytes previous)
    cdef Py_ssize_t end_bytes(self) noexcept
    cdef bint clear(self) noexcept
    cdef int make_room(self, Py_ssize_t extra) except -1
    cdef void put(self, const void* data, Py_ssize_t size) noexcept nogil
    cdef void put_message(self, Py_ssize_t begun) noexcept nogil
    cdef void put_key(self, bytes key) noexcept
    cdef void put_number(self, int64_t value, int size) noexcept nogil
