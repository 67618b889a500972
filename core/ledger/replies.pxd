"""Replies given in the last minutes, to be given again byte for byte without a look into the journal.

A ring of bytes: a reply is kept for `kept_us` or until the room is needed, whichever comes first. Missing here means nothing:
the journal has every reply.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.key_table cimport KeyTable

cdef struct Reply:
    # Stands before the reply's bytes in the ring.
    uint8_t op_id[16]
    int64_t instant_us
    int64_t size               # −1: the rest of the ring was too short, go on at its start

cdef class Replies:
    cdef:
        uint8_t* ring
        int64_t bytes_max
        int64_t kept_us
        int64_t first          # offset of the oldest reply
        int64_t used           # bytes from there on, wrapping
        KeyTable by_op_id      # offset in the ring

    cdef const uint8_t* find(self, const uint8_t* op_id, int64_t* size) noexcept nogil
    cdef bint keep(self, const uint8_t* op_id, int64_t instant_us, const uint8_t* data, int64_t size) noexcept nogil
    cdef void drop_oldest(self) noexcept nogil
