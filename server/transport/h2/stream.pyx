"""One call on the wire: its fields and its one message, collected in bounded buffers.

Invariants: what a message announces is reserved, of its connection's share and of the door's, before a byte of it is
kept, so memory is bounded whatever peers announce; buffers grow with what has come, not with what was announced; a
stream that is refused keeps nothing more. Every function is total and touches no Python object. The references a
stream holds are the connection's matter. Never here: nghttp2, clocks, what a call means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

cimport altyn.server.transport.h2.semantics as semantics


cdef Stream* stream_new(Front* front, int32_t id, int64_t now_ns) noexcept nogil:
    """NULL: there is no memory."""
    cdef Stream* stream = <Stream*>calloc(1, sizeof(Stream))
    if stream == NULL:
        return NULL
    stream.id = id
    stream.path = NO_PATH
    stream.http_status = 200
    stream.begun_ns = now_ns
    stream.watched_said = -1
    front.streams_count += 1
    return stream


cdef void stream_free(Front* front, Stream* stream, int64_t* reserved) noexcept nogil:
    stream_drop_body(front, stream, reserved)
    front.streams_count -= 1
    free(stream)


cdef void stream_drop_body(Front* front, Stream* stream, int64_t* reserved) noexcept nogil:
    """Forget the message and give back what was reserved for it. `reserved`: the connection's sum."""
    free(stream.body)
    stream.body = NULL
    stream.body_size = stream.body_capacity = 0
    front.request_bytes -= stream.reserved
    reserved[0] -= stream.reserved
    stream.reserved = 0


cdef void stream_refuse(Stream* stream, int32_t status, const char* message) noexcept nogil:
    """The first refusal stands. `message`: a literal."""
    if stream.status == 0 and stream.http_status == 200:
        stream.status = status
        stream.message = message


cdef inline bint equals(const uint8_t* value, size_t size, const char* text, size_t text_size) noexcept nogil:
    return size == text_size and memcmp(value, text, size) == 0


cdef void stream_take_field(
    Front* front, Stream* stream, const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size
) noexcept nogil:
    """One header field. Names are lower case, pseudo fields come first: nghttp2 sees to both."""
    if name_size == 5:
        if memcmp(name, b":path", 5) == 0:
            stream.path = path_index(front, value, value_size)
    elif name_size == 7:
        if memcmp(name, b":method", 7) == 0:
            stream.is_post = equals(value, value_size, b"POST", 4)
    elif name_size == 2:
        if memcmp(name, b"te", 2) == 0 and equals(value, value_size, b"trailers", 8):
            stream.has_te = True
    elif name_size == 12:
        if memcmp(name, b"content-type", 12) == 0:
            stream.has_content_type = semantics.is_grpc(value, value_size)
        elif memcmp(name, b"grpc-timeout", 12) == 0:
            take_timeout(stream, value, value_size)
    elif name_size == 13:
        if memcmp(name, b"authorization", 13) == 0 and stream.authorization_size == 0:
            take_authorization(stream, value, value_size)
        elif memcmp(name, b"grpc-encoding", 13) == 0 and not equals(value, value_size, b"identity", 8):
            stream_refuse(stream, semantics.GRPC_UNIMPLEMENTED, b"messages are taken uncompressed")


cdef int32_t path_index(Front* front, const uint8_t* value, size_t size) noexcept nogil:
    cdef int32_t i
    for i in range(front.paths_count):
        if front.paths[i].size == size and memcmp(front.paths[i].text, value, size) == 0:
            return i
    return NO_PATH


cdef void take_timeout(Stream* stream, const uint8_t* value, size_t size) noexcept nogil:
    cdef int64_t timeout = semantics.timeout_ns(value, size)
    if timeout < 0:
        stream_refuse(stream, semantics.GRPC_INTERNAL, b"grpc-timeout is malformed")
    else:
        stream.deadline_ns = stream.begun_ns + timeout


cdef void take_authorization(Stream* stream, const uint8_t* value, size_t size) noexcept nogil:
    if size > AUTHORIZATION_BYTES_MAX:
        stream_refuse(stream, semantics.GRPC_RESOURCE_EXHAUSTED, b"authorization is longer than 512 bytes")
        return
    memcpy(stream.authorization, value, size)
    stream.authorization_size = <uint16_t>size


cdef void stream_end_fields(Stream* stream) noexcept nogil:
    """The request's headers are complete: is it a call of ours?"""
    if not stream.is_post:
        stream.http_status = 405
    elif not stream.has_content_type:
        stream.http_status = 415
    elif not stream.has_te:
        stream_refuse(stream, semantics.GRPC_INTERNAL, b"te: trailers is missing: something between us drops trailers")
    elif stream.path == NO_PATH:
        stream_refuse(stream, semantics.GRPC_UNIMPLEMENTED, b"Method not found!")


cdef void stream_take_chunk(
    Front* front, Stream* stream, int64_t* reserved, const uint8_t* chunk, size_t size
) noexcept nogil:
    """Some bytes of the request's body: a prefix of five bytes, then the message, and nothing after it."""
    cdef size_t part
    if stream.status != 0 or stream.http_status != 200:
        return
    if stream.prefix_size < PREFIX_BYTES:
        part = PREFIX_BYTES - stream.prefix_size
        if part > size:
            part = size
        memcpy(stream.prefix + stream.prefix_size, chunk, part)
        stream.prefix_size += <uint8_t>part
        chunk += part
        size -= part
        if stream.prefix_size < PREFIX_BYTES:
            return
        if not take_prefix(front, stream, reserved):
            return
    if size == 0:
        return
    if size > stream.body_expected - stream.body_size:
        stream_refuse(stream, semantics.GRPC_UNIMPLEMENTED, b"a unary call has one message")
    elif not make_room(stream, stream.body_size + <uint32_t>size):
        stream_refuse(stream, semantics.GRPC_RESOURCE_EXHAUSTED, b"no memory for the message")
    else:
        memcpy(stream.body + stream.body_size, chunk, size)
        stream.body_size += <uint32_t>size
    if stream.status != 0:
        stream_drop_body(front, stream, reserved)


cdef bint take_prefix(Front* front, Stream* stream, int64_t* reserved) noexcept nogil:
    """Reserve what the message announces. False: it is refused."""
    cdef int64_t expected = (
        <int64_t>stream.prefix[1] << 24 | stream.prefix[2] << 16 | stream.prefix[3] << 8 | stream.prefix[4])
    if stream.prefix[0] != 0:
        stream_refuse(stream, semantics.GRPC_INTERNAL, b"a message is marked compressed, and grpc-encoding is not given")
    elif expected > REQUEST_BYTES_MAX:
        stream_refuse(stream, semantics.GRPC_RESOURCE_EXHAUSTED, b"the message is longer than 1048576 bytes")
    elif reserved[0] + expected > CONNECTION_REQUEST_BYTES_MAX:
        stream_refuse(stream, semantics.GRPC_RESOURCE_EXHAUSTED, b"the connection's messages take too much memory")
    elif front.request_bytes + expected > front.request_bytes_max:
        stream_refuse(stream, semantics.GRPC_UNAVAILABLE, b"the messages of all connections take too much memory")
    else:
        stream.body_expected = <uint32_t>expected
        stream.reserved = expected
        reserved[0] += expected
        front.request_bytes += expected
    return stream.status == 0


cdef bint make_room(Stream* stream, uint32_t size) noexcept nogil:
    """A buffer of `size` at least: twice as large each time, never larger than announced."""
    cdef uint32_t capacity = stream.body_capacity
    cdef void* grown
    if size <= capacity:
        return True
    if capacity == 0:
        capacity = BODY_BYTES_AT_FIRST
    while capacity < size:
        capacity *= 2
    if capacity > stream.body_expected:
        capacity = stream.body_expected
    grown = realloc(stream.body, capacity)
    if grown == NULL:
        return False
    stream.body = <uint8_t*>grown
    stream.body_capacity = capacity
    return True


cdef void stream_end_request(Stream* stream) noexcept nogil:
    """Nothing more will come: was it one whole message?"""
    if stream.prefix_size == 0:
        stream_refuse(stream, semantics.GRPC_UNIMPLEMENTED, b"a unary call has one message")
    elif stream.prefix_size < PREFIX_BYTES or stream.body_size < stream.body_expected:
        stream_refuse(stream, semantics.GRPC_INTERNAL, b"the message is cut short")
