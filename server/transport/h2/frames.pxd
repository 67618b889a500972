"""The reading half of HTTP/2: see the body."""

from libc.stdint cimport int64_t, uint8_t

from altyn.server.transport.h2.peer cimport Peer
from altyn.server.transport.h2.stream cimport Front, Stream

cdef int peer_open(Peer* peer, Front* front, int64_t now_ns, int64_t ping_interval_ns) noexcept nogil
cdef void peer_close(Peer* peer) noexcept nogil
cdef int peer_feed(Peer* peer, const uint8_t* start, size_t size) noexcept nogil
cdef int peer_stranger(Peer* peer) noexcept nogil
cdef void peer_refill(Peer* peer, int64_t now_ns) noexcept nogil
cdef Stream* peer_next_ready(Peer* peer) noexcept nogil
cdef Stream* peer_next_closed(Peer* peer) noexcept nogil
cdef void peer_forget(Peer* peer, Stream* stream) noexcept nogil
