"""Register keys and certificates: see the body."""

cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Credentials:
    cdef dict scopes             # hash of a key → Scope
    cdef dict certificates       # hash of a certificate or of its name → Scope
    cdef set revoked             # of certificates and their names
    cdef dict ends_us
    cdef dict recent             # `Bearer <key>` as it came → Scope
    cdef object clock

    cdef object find_sent(self, str sent)
    cpdef object find(self, bytes key)
    cpdef object find_certificate(self, certificate)
    cpdef int drop(self, bytes key_hash) except -1
    cdef bint is_before(self, end_us) except -1
