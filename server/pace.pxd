"""How many calls a register may make: see the body."""

cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Bucket:
    cdef int64_t full_at_ns      # when it is full again

@cython.final
cdef class Pace:
    cdef int64_t call_ns
    cdef int64_t burst_ns
    cdef object clock_ns         # None: the meters' clock
    cdef dict buckets            # by Scope

    cpdef int take(self, scope) except -1
