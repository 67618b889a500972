"""How many calls a register may make: see the body."""

cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Pace:
    cdef int64_t call_ns
    cdef int64_t burst_ns
    cdef object clock_ns
    cdef dict full_at_ns         # Scope → when its bucket is full again

    cpdef int take(self, scope) except -1
