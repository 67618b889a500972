"""One HTTP/2 connection as nghttp2 sees it, and what it has cost: see the body."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from altyn.server.transport.h2.nghttp2 cimport nghttp2_session
from altyn.server.transport.h2.stream cimport Front, Stream

cdef enum SessionLimit:
    STREAMS_MAX = 64
    WINDOW_BYTES = 256 << 10
    CONNECTION_WINDOW_BYTES = 1 << 20
    # Of one block of headers, decoded; beyond it the connection ends.
    HEADER_BLOCK_BYTES_MAX = 64 << 10
    SETTINGS_ENTRIES_MAX = 32
    ACKS_WAITING_MAX = 64
    # Streams reset by the peer, or by us because of it: so many at once, and some more each second.
    RESETS_MAX = 256
    RESETS_PER_S = 33
    # Frames that carry no call: so many at once, some more each second and for each call.
    NOISE_MAX = 2_048
    NOISE_PER_S = 256
    NOISE_PER_FRAME_SENT = 8
    SETTINGS_NOISE = 64
    CONTINUATION_NOISE = 32
    TINY_DATA_BYTES = 16
    IGNORED_BYTES_PER_NOISE = 256
    # As grpc has it: pings that come sooner are strikes, unless an answer was sent meanwhile.
    PING_STRIKES_MAX = 2
    # One frame of ours, at most, with its header.
    FRAME_BYTES_MAX = 16_384 + 9

cdef struct Peer:
    nghttp2_session* session
    Front* front
    Stream* streams            # all of them
    Stream* ready              # to be answered, oldest first
    Stream* ready_last
    Stream* closed             # forgotten by nghttp2, not yet freed
    Stream* current            # whose headers are being read; NULL: of none that we keep
    int64_t now_ns             # of the read or the turn being worked on
    int64_t request_bytes      # reserved by its streams
    int64_t refilled_ns
    int64_t hidden_bytes       # fed and of no frame that was told of
    int64_t last_ping_ns
    int64_t ping_interval_ns
    int32_t streams_count
    int32_t header_bytes       # of the block being read
    int32_t resets_left
    int32_t noise_left
    int32_t ping_strikes
    bint in_headers
    bint has_settings
    const char* fault          # why the connection ends, a literal; NULL: it does not

cdef int session_open(Peer* peer, Front* front, int64_t now_ns, int64_t ping_interval_ns) noexcept nogil
cdef void session_close(Peer* peer) noexcept nogil
cdef int session_feed(Peer* peer, const uint8_t* start, size_t size) noexcept nogil
cdef Stream* session_next_ready(Peer* peer) noexcept nogil
cdef Stream* session_next_closed(Peer* peer) noexcept nogil
cdef void session_forget(Peer* peer, Stream* stream) noexcept nogil
cdef int session_answer(Peer* peer, Stream* stream) noexcept nogil
cdef int session_refuse(
    Peer* peer, Stream* stream, int status, const uint8_t* message, size_t message_size, const uint8_t* details,
    size_t details_size
) noexcept nogil
cdef int session_refuse_early(Peer* peer, Stream* stream) noexcept nogil
cdef int session_say(Peer* peer, Stream* stream, int32_t watched) noexcept nogil
cdef int session_end_watch(Peer* peer, Stream* stream) noexcept nogil
cdef void session_refill(Peer* peer, int64_t now_ns) noexcept nogil
cdef size_t goaway_frame(Peer* peer, uint8_t* frame) noexcept nogil
