"""Batches on their way over one connection: see the body."""
from libc.stdint cimport uint8_t

from altyn.server.copy_rows cimport CopyRows

cdef class CopyExchange:
    cdef object connection
    cdef object owner          # the protocol that the connection belongs to between batches
    cdef object transport
    cdef int socket            # what is sent straight to and looked at; -1: all goes through the transport
    cdef bint is_queued        # the transport was given what the socket had no room for
    cdef readonly str table
    cdef object statement
    cdef bytes head
    cdef bytearray answer      # of the batch under way, as far as it has come
    cdef bytes told            # by the server besides, for the owner
    cdef object error
    cdef object loop
    cdef object waiter         # of `send`; None: the connection is its owner's
    cdef object timer
    cdef double patience_s
    cdef object confirmed
    cdef bint is_ending
    cdef CopyRows batch        # the one under way; None: none is
    cdef CopyRows early        # the one that comes next, of which some was sent; None: nothing was
    cdef Py_ssize_t early_used # so much of it
    cdef object refused        # why a batch was refused after which something was sent early, which is being taken back

    cdef int look(self) except -1
    cdef bint rests(self) except -1
    cdef int begin(self, CopyRows batch) except -1
    cpdef int send_early(self, CopyRows batch) except -1
    cdef bint goes_straight(self) except -1
    cdef int deliver(self, const uint8_t* start, Py_ssize_t size) except -1
    cdef int is_ready(self) except -1
    cdef int go_on(self) except -1
    cdef int pass_on(self) except -1
    cdef int put_off(self) except -1
    cdef int settle(self, error) except -1
