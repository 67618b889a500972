"""Layout of the stage meters."""

from libc.stdint cimport int64_t

from altyn.core.wire.arena cimport Arena
from altyn.server.meters cimport Histogram


cdef enum Request:
    OTHER
    CALCULATE
    RESERVE
    COMMIT


cdef class Stages:
    cdef Arena arena
    cdef readonly list calls


cdef class StagedCall:
    cdef Stages stages
    cdef object call
    cdef readonly str method
    cdef Request kind
    cdef int64_t turn
    cdef Histogram decided
    cdef Histogram decoded

    cdef int try_decoding(self, bytes request) except -1
