"""The writing half of HTTP/2: see the body."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from altyn.server.transport.h2.peer cimport Peer
from altyn.server.transport.h2.stream cimport Stream

cdef enum ReplyLimit:
    # Of a message or of details; what is longer is left out.
    TRAILER_BYTES_MAX = 16 << 10
    # What `pull` may ask for: refusals are written whole.
    PULL_BYTES_MIN = 48 << 10

cdef int send_hello(Peer* peer) noexcept nogil
cdef int send_ack(Peer* peer, uint8_t kind, const uint8_t* payload, uint8_t size) noexcept nogil
cdef int send_window_update(Peer* peer, int32_t id, uint32_t increment) noexcept nogil
cdef int send_reset(Peer* peer, int32_t id, uint32_t code) noexcept nogil
cdef int send_notice(Peer* peer) noexcept nogil
cdef int send_goodbye(Peer* peer) noexcept nogil
cdef int reset_stream(Peer* peer, Stream* stream, uint32_t code) noexcept nogil
cdef void close_stream(Peer* peer, Stream* stream) noexcept nogil
cdef void answer(Peer* peer, Stream* stream) noexcept nogil
cdef int refuse(
    Peer* peer, Stream* stream, int status, const uint8_t* message, size_t message_size, const uint8_t* details,
    size_t details_size
) noexcept nogil
cdef int refuse_early(Peer* peer, Stream* stream) noexcept nogil
cdef void say(Peer* peer, Stream* stream, int32_t watched) noexcept nogil
cdef void end_watch(Peer* peer, Stream* stream) noexcept nogil
cdef size_t pull(Peer* peer, uint8_t* out, size_t capacity) noexcept nogil
cdef bint is_over(const Peer* peer) noexcept nogil
cdef size_t last_word(const Peer* peer, uint8_t* frame) noexcept nogil
