"""One call on the wire: what has come of it, what goes back. Plain C: frames fill it, the connection answers it."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum Limit:
    REQUEST_BYTES_MAX = 1 << 20
    # Of one connection: what its streams have announced and not been answered for.
    CONNECTION_REQUEST_BYTES_MAX = 4 << 20
    AUTHORIZATION_BYTES_MAX = 512
    # A field counts its name, its value and 32, as HTTP/2 counts them.
    HEADER_LIST_BYTES_MAX = 8 << 10
    PREFIX_BYTES = 5
    BODY_BYTES_AT_FIRST = 2_048
    PATHS_MAX = 64

cdef enum StreamState:
    RECEIVING  # headers or message are not complete
    READY      # complete, or refused; waits for the connection
    RUNNING    # the call table has it
    ANSWERING  # a reply or a refusal is being sent

cdef enum:
    NO_PATH = -1

cdef struct Path:
    const char* text
    size_t size

# What the connections of one door have in common.
cdef struct Front:
    Path[PATHS_MAX] paths
    int32_t paths_count
    int64_t request_bytes      # in buffers of all connections
    int64_t request_bytes_max
    int64_t streams_count
    bint keeps_traces          # somebody wants to know which trace a call belongs to

# An `authorization` that came, shared by the streams it came with.
cdef struct Credential:
    int32_t users
    uint16_t size
    uint8_t[AUTHORIZATION_BYTES_MAX] bytes

cdef struct Stream:
    int32_t id
    uint8_t state
    bint is_closed             # over for both sides, or reset
    bint in_ready              # linked by next_ready
    bint in_out                # linked by next_out
    bint has_ended             # the request is complete
    bint has_headers_sent
    bint is_watch              # the answer has no end: messages of small_reply follow one another
    bint is_ending             # of a watch: close it
    int32_t path               # index into Front.paths
    int32_t http_status        # other than 200: not gRPC at all
    int32_t status             # gRPC status it is refused with before the call table sees it; 0: it is not
    const char* message        # literal
    int64_t begun_ns
    int64_t deadline_ns        # 0: none
    int64_t stalled_ns         # when it was first seen to be answered and not gone; 0: not yet
    Credential* credential     # counted; NULL: none came

    int64_t content_length     # -1: not said
    int64_t data_bytes         # of the request's body so far
    uint32_t received          # of our window, and not given back yet
    uint8_t[PREFIX_BYTES] prefix
    uint8_t prefix_size
    bint is_borrowed           # body points into the read being worked on
    uint8_t* body
    uint32_t body_size
    uint32_t body_expected     # announced by the prefix, and reserved
    uint32_t body_capacity
    int64_t reserved

    int64_t send_window
    uint8_t* trailers          # a block of headers that is the whole answer, or NULL
    uint32_t trailers_size
    void* reply_owner          # a strong reference to bytes, or NULL
    const uint8_t* reply
    uint32_t reply_size
    uint32_t reply_offset      # of what was sent, prefix included
    uint8_t[8] small_reply
    int32_t watched            # of a watch: what is to be said, what was said last; -1: nothing
    int32_t watched_said
    void* watched_service      # a strong reference to str, or NULL

    void* waiting              # a strong reference to the connection's Waiting, or NULL

    Stream* next               # of all the connection's
    Stream* previous
    Stream* next_ready
    Stream* next_closed
    Stream* next_out

cdef Stream* stream_new(Front* front, int32_t id, int64_t now_ns) noexcept nogil
cdef void stream_free(Front* front, Stream* stream, int64_t* reserved) noexcept nogil
cdef void stream_refuse(Stream* stream, int32_t status, const char* message) noexcept nogil
cdef void stream_take_chunk(
    Front* front, Stream* stream, int64_t* reserved, const uint8_t* chunk, size_t size, bint is_whole
) noexcept nogil
cdef void stream_end_request(Stream* stream) noexcept nogil
cdef void stream_drop_body(Front* front, Stream* stream, int64_t* reserved) noexcept nogil
cdef void credential_release(Credential* credential) noexcept nogil
