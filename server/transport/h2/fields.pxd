"""Blocks of headers: see the body."""

from libc.stdint cimport uint8_t

from altyn.server.transport.h2.peer cimport Block, Peer
from altyn.server.transport.h2.stream cimport Stream

cdef void block_begin(Peer* peer) noexcept nogil
cdef int block_take_whole(Peer* peer, const uint8_t* start, size_t size) noexcept nogil
cdef int block_take(Peer* peer, const uint8_t* start, size_t size, bint is_final) noexcept nogil
cdef bint block_is_sound(Peer* peer) noexcept nogil
cdef void block_give(Peer* peer, Stream* stream) noexcept nogil
cdef void block_end(Peer* peer) noexcept nogil
cdef void block_forget(Block* block) noexcept nogil
cdef void block_forget_known(Peer* peer) noexcept nogil
