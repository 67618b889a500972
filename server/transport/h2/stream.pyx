"""One call on the wire: its one message, collected in a bounded buffer.

Invariants: what a message announces is reserved, of its connection's share and of the door's, before a byte of it is
kept, so memory is bounded whatever peers announce; buffers grow with what has come, not with what was announced; a
stream that is refused keeps nothing more. Every function is total and touches no Python object. The references a
stream holds are the connection's matter. Never here: frames, fields, clocks, what a call means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

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
    stream.content_length = -1
    stream.watched_said = -1
    front.streams_count += 1
    return stream


cdef void stream_free(Front* front, Stream* stream, int64_t* reserved) noexcept nogil:
    stream_drop_body(front, stream, reserved)
    credential_release(stream.credential)
    free(stream.trailers)
    front.streams_count -= 1
    free(stream)


cdef void stream_drop_body(Front* front, Stream* stream, int64_t* reserved) noexcept nogil:
    """Forget the message and give back what was reserved for it. `reserved`: the connection's sum."""
    if not stream.is_borrowed:
        free(stream.body)
    stream.is_borrowed = False
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


cdef void credential_release(Credential* credential) noexcept nogil:
    """One user less; the last one frees it."""
    if credential != NULL:
        credential.users -= 1
        if credential.users == 0:
            free(credential)


cdef void stream_take_chunk(
    Front* front, Stream* stream, int64_t* reserved, const uint8_t* chunk, size_t size, bint is_whole
) noexcept nogil:
    """Some bytes of the request's body: a prefix of five bytes, then the message, and nothing after it.

    `is_whole`: nothing came before and nothing follows, and the bytes stay where they are until the call has begun; a
    message is then taken where it lies.
    """
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
    elif is_whole and size == stream.body_expected:
        stream.is_borrowed = True
        stream.body = <uint8_t*>chunk
        stream.body_size = <uint32_t>size
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
