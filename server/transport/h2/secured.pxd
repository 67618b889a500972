"""TLS of one connection, over bytes in memory: see the body."""

cimport cython
from libc.stdint cimport uint8_t

@cython.final
cdef class Secured:
    cdef object incoming         # ssl.MemoryBIO: what came and was not opened
    cdef object outgoing         # and what is sealed and was not sent
    cdef readonly object session # ssl.SSLObject

    cdef int take(self, came) except -1
    cdef bint shake(self) except -1
    cdef Py_ssize_t open(self, into) except -2
    cdef bytes seal(self, const uint8_t* start, Py_ssize_t size)
    cdef bytes to_send(self)
    cdef bytes farewell(self)
