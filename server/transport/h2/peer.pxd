"""One HTTP/2 connection: what is known of it between two reads, and its bounds. Plain C.

fields.pyx reads blocks of headers into `block`, frames.pyx reads frames, replies.pyx writes them.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from altyn.server.transport.h2.nghttp2 cimport nghttp2_hd_inflater
from altyn.server.transport.h2.stream cimport Credential, Front, Stream

cdef enum PeerLimit:
    STREAMS_MAX = 64
    WINDOW_BYTES = 256 << 10
    CONNECTION_WINDOW_BYTES = 1 << 20
    # Of one block of headers, decoded; beyond it the connection ends.
    HEADER_BLOCK_BYTES_MAX = 64 << 10
    SETTINGS_ENTRIES_MAX = 32
    ACKS_WAITING_MAX = 64
    CONTROL_BYTES_MAX = 8 << 10
    # Streams reset by the peer, or by us because of it: so many at once, and some more each second.
    RESETS_MAX = 256
    RESETS_PER_S = 33
    # Calls in a row without a credential that is known: a register with a wrong key asks seldom, a thief often.
    STRANGE_CALLS_MAX = 16
    # Frames that carry no call: so many at once, some more each second and for each call.
    NOISE_MAX = 2_048
    NOISE_PER_S = 256
    NOISE_PER_FRAME_SENT = 8
    SETTINGS_NOISE = 64
    CONTINUATION_NOISE = 32
    TINY_DATA_BYTES = 16
    # What was on its way to a call that has been refused is at most what was announced, and costs half of the noise.
    IGNORED_BYTES_PER_NOISE = 4_096
    # As grpc has it: pings that come sooner are strikes, unless an answer was sent meanwhile.
    PING_STRIKES_MAX = 2
    # Of a block of indexed fields that is known when it comes again.
    KNOWN_BYTES_MAX = 40
    # A `traceparent` of W3C Trace Context, version 00; and of how many streams it is kept, a power of two.
    TRACE_BYTES = 55
    TRACES_KEPT = 64
    FRAME_HEAD_BYTES = 9
    FRAME_BYTES_MAX = 16_384
    WINDOW_MAX = 0x7FFFFFFF
    STREAM_ID_MAX = 0x7FFFFFFF

cdef enum FrameType:
    DATA
    HEADERS
    PRIORITY
    RST_STREAM
    SETTINGS
    PUSH_PROMISE
    PING
    GOAWAY
    WINDOW_UPDATE
    CONTINUATION

cdef enum FrameFlag:
    END_STREAM = 1
    ACK = 1
    END_HEADERS = 4
    PADDED = 8
    HAS_PRIORITY = 32

cdef enum Http2Error:
    NO_ERROR
    PROTOCOL_ERROR
    INTERNAL_ERROR
    FLOW_CONTROL_ERROR
    SETTINGS_TIMEOUT
    STREAM_CLOSED
    FRAME_SIZE_ERROR
    REFUSED_STREAM
    CANCEL
    COMPRESSION_ERROR
    CONNECT_ERROR
    ENHANCE_YOUR_CALM

cdef enum BlockKind:
    REQUEST_BLOCK
    TRAILERS_BLOCK
    IGNORED_BLOCK  # read for the sake of the table alone

# What a block of headers has said so far.
cdef struct Block:
    int32_t bytes              # as HTTP/2 counts them
    int32_t path               # index into Front.paths
    int32_t status             # gRPC status it is refused with; 0: it is not
    const char* message        # literal
    int64_t timeout_ns         # -1: none
    int64_t content_length     # -1: none
    Credential* credential     # counted; NULL: none
    uint16_t seen              # bits of Seen in fields.pyx

cdef struct Trace:
    int32_t stream             # whose; 0: nobody's
    uint8_t[TRACE_BYTES] text

cdef struct Peer:
    Front* front
    Stream* streams            # all of them
    Stream* ready              # to be answered, oldest first
    Stream* ready_last
    Stream* closed             # over, and not yet freed
    Stream* out                # with something to send, oldest first
    Stream* out_last
    Stream* current            # whose headers are being read; NULL: of none that we keep
    int64_t now_ns             # of the read or the turn being worked on
    int64_t request_bytes      # reserved by its streams
    int64_t refilled_ns
    int64_t last_ping_ns
    int64_t ping_interval_ns
    int64_t send_window        # below 0 never; a stream's may be
    int64_t initial_window     # of a new stream's window to send into
    uint32_t received          # of our window, and not given back yet
    int32_t open_count         # streams that are not over
    int32_t last_stream        # the highest that was opened
    int32_t stream_max         # beyond it they are ignored: we have said goodbye
    int32_t resets_left
    int32_t noise_left
    int32_t strange_calls      # in a row, by nobody we know
    int32_t ping_strikes
    int32_t acks_waiting
    bint in_headers            # between HEADERS and END_HEADERS
    bint has_settings
    bint has_goaway            # the peer opens no more streams
    bint must_shrink           # our next block of headers says that we index nothing
    bint has_shrunk

    # of the frame being read
    uint8_t stage
    uint8_t type
    uint8_t flags
    uint8_t pad
    uint8_t part_size          # bytes of `part`: a head, or fixed fields, that came in pieces
    uint8_t[FRAME_HEAD_BYTES] part
    int32_t stream_id
    uint32_t left              # of the payload without padding
    uint32_t entries           # of SETTINGS

    # of the block being read
    nghttp2_hd_inflater* inflater
    uint8_t block_kind
    bint ends_stream
    bint is_refused            # there are too many streams
    bint has_part              # some of it was read
    int32_t block_stream
    Block block
    # What a run of indexed fields meant when nothing was added to the table since.
    uint8_t known_size         # 0: nothing is known
    uint8_t[KNOWN_BYTES_MAX] known
    Block known_block
    Trace* traces              # by half a stream's id, a newer one in place of an older; NULL: none came

    # frames of control that wait to be sent
    uint8_t* control
    uint32_t control_size
    uint32_t control_capacity

    const char* fault          # why the connection ends, a literal; NULL: it does not
    uint32_t fault_code


cdef inline Trace* trace_at(Peer* peer, int32_t stream_id) noexcept nogil:
    return &peer.traces[stream_id >> 1 & (TRACES_KEPT - 1)]


cdef inline int give_up(Peer* peer, uint32_t code, const char* why) noexcept nogil:
    """End the connection: -1. The first reason stands."""
    if peer.fault == NULL:
        peer.fault = why
        peer.fault_code = code
    return -1


cdef inline uint32_t read32(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline void write32(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 24)
    at[1] = <uint8_t>(value >> 16 & 255)
    at[2] = <uint8_t>(value >> 8 & 255)
    at[3] = <uint8_t>(value & 255)


cdef inline void write_head(uint8_t* at, size_t length, uint8_t kind, uint8_t flags, int32_t id) noexcept nogil:
    """Nine bytes."""
    at[0] = <uint8_t>(length >> 16 & 255)
    at[1] = <uint8_t>(length >> 8 & 255)
    at[2] = <uint8_t>(length & 255)
    at[3] = kind
    at[4] = flags
    write32(at + 5, <uint32_t>id)
