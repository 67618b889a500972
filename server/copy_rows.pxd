"""Journal rows in PostgreSQL's binary COPY format, built where they are appended."""
from libc.stdint cimport int64_t, uint8_t

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

    cdef int make_room(self, Py_ssize_t extra) except -1
    cdef void put(self, const void* data, Py_ssize_t size) noexcept nogil
    cdef void put_key(self, bytes key) noexcept
    cdef void put_number(self, int64_t value, int size) noexcept nogil
