"""Blocks of headers: libnghttp2 reads HPACK, what the fields mean and whether they may be so is decided here.

A register sends the same indexed fields with every call. What such a run at the beginning of a block has meant is
kept, and holds as long as nothing was added to the table and its size was not touched: then the same bytes can mean
nothing else. Any other block goes through the inflater and, if it may change the table, makes us forget. Invariants:
every block is read to its end, whoever it was for, since all share one table; what a block says is bounded while it
is read. Never here: frames, streams' lives.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, malloc
from libc.string cimport memcmp, memcpy, memset

cimport altyn.server.transport.h2.nghttp2 as ng
cimport altyn.server.transport.h2.semantics as semantics
cimport altyn.server.transport.h2.stream as streams
from altyn.server.transport.h2.peer cimport (
    COMPRESSION_ERROR, ENHANCE_YOUR_CALM, HEADER_BLOCK_BYTES_MAX, IGNORED_BLOCK, INTERNAL_ERROR, KNOWN_BYTES_MAX,
    REQUEST_BLOCK, TRACE_BYTES, TRACES_KEPT, TRAILERS_BLOCK, Block, Peer, Trace, give_up, trace_at,
)
from altyn.server.transport.h2.stream cimport Credential, Front, Stream

cdef enum Seen:
    METHOD = 1
    SCHEME = 2
    PATH = 4
    AUTHORITY = 8        # or host
    REGULAR = 16         # a field that is not pseudo: no pseudo field may follow
    MALFORMED = 32
    POST = 64
    CONNECT = 128
    OPTIONS = 256
    TE_TRAILERS = 512
    GRPC = 1_024         # content-type says so
    HTTP_SCHEME = 2_048
    ABSOLUTE_PATH = 4_096
    ASTERISK = 8_192
    PSEUDO_AUTHORITY = 16_384
    TRACED = 32_768      # a traceparent came, and is kept


cdef void block_begin(Peer* peer) noexcept nogil:
    cdef Block* block = &peer.block
    memset(block, 0, sizeof(Block))
    block.path = streams.NO_PATH
    block.timeout_ns = block.content_length = -1


cdef void block_forget(Block* block) noexcept nogil:
    streams.credential_release(block.credential)
    block.credential = NULL


cdef void block_forget_known(Peer* peer) noexcept nogil:
    peer.known_size = 0
    block_forget(&peer.known_block)


# ---- HPACK

cdef int block_take_whole(Peer* peer, const uint8_t* start, size_t size) noexcept nogil:
    """All of a block. 0, or -1 and the connection's fault."""
    cdef size_t indexed
    if not leaves_table(start, size):
        block_forget_known(peer)
        return block_take(peer, start, size, True)
    indexed = indexed_size(start, size)
    if indexed == 0 or indexed > KNOWN_BYTES_MAX or peer.block_kind != REQUEST_BLOCK:
        return block_take(peer, start, size, True)
    if peer.known_size == indexed and memcmp(peer.known, start, indexed) == 0:
        peer.block = peer.known_block
        if peer.block.credential != NULL:
            peer.block.credential.users += 1
    else:
        if block_take(peer, start, indexed, indexed == size) != 0:
            return -1
        block_forget_known(peer)
        if not peer.block.seen & (MALFORMED | TRACED):  # a trace is a stream's own
            memcpy(peer.known, start, indexed)
            peer.known_size = <uint8_t>indexed
            peer.known_block = peer.block
            if peer.block.credential != NULL:
                peer.block.credential.users += 1
    if indexed == size:
        return 0
    return block_take(peer, start + indexed, size - indexed, True)


cdef int block_take(Peer* peer, const uint8_t* start, size_t size, bint is_final) noexcept nogil:
    """The next bytes of a block, to the last of them when `is_final`. 0, or -1 and the connection's fault."""
    cdef ng.nghttp2_nv found
    cdef int flags
    cdef ssize_t taken
    while True:
        flags = 0
        taken = ng.nghttp2_hd_inflate_hd2(peer.inflater, &found, &flags, start, size, is_final)
        if taken < 0:
            return give_up(peer, COMPRESSION_ERROR, b"headers_not_hpack")
        start += taken
        size -= <size_t>taken
        if flags & ng.NGHTTP2_HD_INFLATE_EMIT and take_field(peer, found.name, found.namelen, found.value, found.valuelen) != 0:
            return -1
        if flags & ng.NGHTTP2_HD_INFLATE_FINAL:
            ng.nghttp2_hd_inflate_end_headers(peer.inflater)
            return 0
        if not flags & ng.NGHTTP2_HD_INFLATE_EMIT and size == 0:
            return 0


cdef inline size_t indexed_size(const uint8_t* start, size_t size) noexcept nogil:
    """Bytes of the indexed fields the block begins with. Only for a block that `leaves_table`."""
    cdef const uint8_t* at = start
    cdef const uint8_t* end = start + size
    while at < end and at[0] & 0x80:
        at = after_integer(at, end, 0x7F)
    return <size_t>(at - start)


cdef bint leaves_table(const uint8_t* start, size_t size) noexcept nogil:
    """Every field is indexed, or a literal that is not to be remembered: reading it changes nothing. False: perhaps not."""
    cdef const uint8_t* at = start
    cdef const uint8_t* end = start + size
    cdef bint has_name
    while at < end:
        if at[0] & 0x80:
            at = after_integer(at, end, 0x7F)
        elif at[0] < 0x20:
            has_name = at[0] & 0x0F != 0
            at = after_integer(at, end, 0x0F)
            if not has_name:
                at = after_string(at, end)
            at = after_string(at, end)
        else:
            return False
        if at == NULL:
            return False
    return True


cdef inline const uint8_t* after_integer(const uint8_t* at, const uint8_t* end, uint8_t mask) noexcept nogil:
    """Past an HPACK integer; NULL: it is cut short, or longer than any of a sane block."""
    cdef int i
    if at[0] & mask != mask:
        return at + 1
    for i in range(1, 5):
        if at + i >= end:
            return NULL
        if at[i] < 0x80:
            return at + i + 1
    return NULL


cdef inline const uint8_t* after_string(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Past an HPACK string, coded or not; NULL: it is cut short."""
    cdef size_t size, shift = 0
    if at == NULL or at >= end:
        return NULL
    size = at[0] & 0x7F
    at += 1
    if size == 0x7F:
        while at < end and at[0] & 0x80 and shift <= 14:
            size += <size_t>(at[0] & 0x7F) << shift
            shift += 7
            at += 1
        if at >= end or at[0] & 0x80:
            return NULL
        size += <size_t>at[0] << shift
        at += 1
    return at + size if size <= <size_t>(end - at) else NULL


# ---- fields

cdef inline bint equals(const uint8_t* value, size_t size, const char* text, size_t text_size) noexcept nogil:
    return size == text_size and memcmp(value, text, size) == 0


cdef inline void refuse(Block* block, int32_t status, const char* message) noexcept nogil:
    """The first refusal stands. `message`: a literal."""
    if block.status == 0:
        block.status = status
        block.message = message


cdef int take_field(
    Peer* peer, const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size
) noexcept nogil:
    cdef Block* block = &peer.block
    cdef size_t i
    block.bytes += <int32_t>(name_size + value_size + 32)
    if block.bytes > HEADER_BLOCK_BYTES_MAX:
        return give_up(peer, ENHANCE_YOUR_CALM, b"headers_too_large")
    if peer.block_kind == IGNORED_BLOCK or block.seen & MALFORMED:
        return 0
    if name_size == 0:
        block.seen |= MALFORMED
        return 0
    if block.bytes > streams.HEADER_LIST_BYTES_MAX:
        refuse(block, semantics.GRPC_RESOURCE_EXHAUSTED, b"metadata is longer than 8192 bytes")
    if name[0] == b":":
        if (
            peer.block_kind == TRAILERS_BLOCK or block.seen & REGULAR or value_size == 0
            or not ng.nghttp2_check_header_value(value, value_size)
        ):
            block.seen |= MALFORMED
        else:
            take_pseudo(peer.front, block, name, name_size, value, value_size)
        return 0
    block.seen |= REGULAR
    if not ng.nghttp2_check_header_name(name, name_size):
        for i in range(name_size):
            if b"A" <= name[i] <= b"Z":
                block.seen |= MALFORMED
        return 0  # other strange names are read past, as is a strange value
    if is_spaced(value, value_size) or not ng.nghttp2_check_header_value(value, value_size):
        return 0
    if peer.block_kind == REQUEST_BLOCK and block.bytes <= streams.HEADER_LIST_BYTES_MAX:
        take_regular(peer, name, name_size, value, value_size)
    elif is_of_connection(name, name_size):
        block.seen |= MALFORMED
    return 0


cdef inline bint is_spaced(const uint8_t* value, size_t size) noexcept nogil:
    """It begins or ends with a space or a tab."""
    return size > 0 and (value[0] in (32, 9) or value[size - 1] in (32, 9))


cdef inline void take_once(Block* block, uint16_t which) noexcept nogil:
    block.seen |= MALFORMED if block.seen & which else which


cdef void take_pseudo(
    const Front* front, Block* block, const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size
) noexcept nogil:
    if equals(name, name_size, b":path", 5):
        take_once(block, PATH)
        block.path = path_index(front, value, value_size)
        if value[0] == b"/":
            block.seen |= ABSOLUTE_PATH
        elif equals(value, value_size, b"*", 1):
            block.seen |= ASTERISK
    elif equals(name, name_size, b":method", 7):
        take_once(block, METHOD)
        if equals(value, value_size, b"POST", 4):
            block.seen |= POST
        elif equals(value, value_size, b"CONNECT", 7):
            block.seen |= CONNECT
        elif equals(value, value_size, b"OPTIONS", 7):
            block.seen |= OPTIONS
    elif equals(name, name_size, b":scheme", 7):
        take_once(block, SCHEME)
        if equals(value, value_size, b"http", 4) or equals(value, value_size, b"https", 5):
            block.seen |= HTTP_SCHEME
    elif equals(name, name_size, b":authority", 10):
        take_once(block, PSEUDO_AUTHORITY)
        block.seen |= AUTHORITY
    else:
        block.seen |= MALFORMED


cdef inline bint is_of_connection(const uint8_t* name, size_t size) noexcept nogil:
    """Fields of HTTP/1 that HTTP/2 forbids."""
    return (
        equals(name, size, b"connection", 10) or equals(name, size, b"keep-alive", 10) or equals(name, size, b"upgrade", 7)
        or equals(name, size, b"proxy-connection", 16) or equals(name, size, b"transfer-encoding", 17)
    )


cdef void take_regular(
    Peer* peer, const uint8_t* name, size_t name_size, const uint8_t* value, size_t value_size
) noexcept nogil:
    cdef Block* block = &peer.block
    cdef int64_t timeout
    if name_size == 2:
        if memcmp(name, b"te", 2) == 0:
            block.seen |= TE_TRAILERS if is_trailers(value, value_size) else MALFORMED
    elif name_size == 4:
        if memcmp(name, b"host", 4) == 0:
            block.seen |= AUTHORITY if value_size else MALFORMED
    elif name_size == 12:
        if memcmp(name, b"content-type", 12) == 0:
            if semantics.is_grpc(value, value_size):
                block.seen |= GRPC
            else:
                block.seen &= ~GRPC
        elif memcmp(name, b"grpc-timeout", 12) == 0:
            timeout = semantics.timeout_ns(value, value_size)
            if timeout < 0:
                refuse(block, semantics.GRPC_INTERNAL, b"grpc-timeout is malformed")
            else:
                block.timeout_ns = timeout
    elif name_size == 13:
        if memcmp(name, b"authorization", 13) == 0:
            take_authorization(block, value, value_size)
        elif memcmp(name, b"grpc-encoding", 13) == 0 and not equals(value, value_size, b"identity", 8):
            refuse(block, semantics.GRPC_UNIMPLEMENTED, b"messages are taken uncompressed")
    elif name_size == 14:
        if memcmp(name, b"content-length", 14) == 0:
            take_content_length(block, value, value_size)
    elif name_size == 11:
        if peer.front.keeps_traces and memcmp(name, b"traceparent", 11) == 0:
            take_trace(peer, value, value_size)
    elif is_of_connection(name, name_size):
        block.seen |= MALFORMED


cdef void take_trace(Peer* peer, const uint8_t* value, size_t size) noexcept nogil:
    """The first one counts. Without memory, or after 64 newer streams, the call belongs to no trace."""
    cdef Trace* trace
    if size != TRACE_BYTES or peer.block.seen & TRACED:
        return
    if peer.traces == NULL:
        peer.traces = <Trace*>calloc(TRACES_KEPT, sizeof(Trace))
        if peer.traces == NULL:
            return
    peer.block.seen |= TRACED
    trace = trace_at(peer, peer.block_stream)
    trace.stream = peer.block_stream
    memcpy(trace.text, value, TRACE_BYTES)


cdef bint is_trailers(const uint8_t* value, size_t size) noexcept nogil:
    cdef size_t i
    if size != 8:
        return False
    for i in range(8):
        if value[i] | 0x20 != (<const uint8_t*>b"trailers")[i]:
            return False
    return True


cdef void take_content_length(Block* block, const uint8_t* value, size_t size) noexcept nogil:
    cdef int64_t length = 0
    cdef size_t i
    if size == 0 or size > 18 or block.content_length >= 0:
        block.seen |= MALFORMED
        return
    for i in range(size):
        if not b"0" <= value[i] <= b"9":
            block.seen |= MALFORMED
            return
        length = length * 10 + (value[i] - 48)
    block.content_length = length


cdef int32_t path_index(const Front* front, const uint8_t* value, size_t size) noexcept nogil:
    cdef int32_t i
    for i in range(front.paths_count):
        if front.paths[i].size == size and memcmp(front.paths[i].text, value, size) == 0:
            return i
    return streams.NO_PATH


cdef void take_authorization(Block* block, const uint8_t* value, size_t size) noexcept nogil:
    """The first one counts."""
    cdef Credential* credential
    if size == 0 or block.credential != NULL:
        return
    if size > streams.AUTHORIZATION_BYTES_MAX:
        refuse(block, semantics.GRPC_RESOURCE_EXHAUSTED, b"authorization is longer than 512 bytes")
        return
    credential = <Credential*>malloc(sizeof(Credential) - streams.AUTHORIZATION_BYTES_MAX + size)
    if credential == NULL:
        refuse(block, semantics.GRPC_RESOURCE_EXHAUSTED, b"no memory for the authorization")
        return
    credential.users = 1
    credential.size = <uint16_t>size
    memcpy(credential.bytes, value, size)
    block.credential = credential


# ---- the end of a block

cdef bint block_is_sound(Peer* peer) noexcept nogil:
    """What was read is a request, or trailers, as HTTP has them."""
    cdef uint16_t seen = peer.block.seen
    if seen & MALFORMED:
        return False
    if peer.block_kind != REQUEST_BLOCK:
        return True
    if seen & CONNECT:
        return seen & AUTHORITY and not seen & (PATH | SCHEME)
    if seen & (METHOD | SCHEME | PATH | AUTHORITY) != METHOD | SCHEME | PATH | AUTHORITY:
        return False
    return not seen & HTTP_SCHEME or seen & ABSOLUTE_PATH or seen & OPTIONS and seen & ASTERISK


cdef void block_give(Peer* peer, Stream* stream) noexcept nogil:
    """To its stream: is it a call of ours?"""
    cdef Block* block = &peer.block
    stream.path = block.path
    stream.status = block.status
    stream.message = block.message
    stream.content_length = block.content_length
    if block.timeout_ns >= 0:
        stream.deadline_ns = stream.begun_ns + block.timeout_ns
    stream.credential = block.credential
    block.credential = NULL
    if not block.seen & POST:
        stream.http_status = 405
    elif not block.seen & GRPC:
        stream.http_status = 415
    elif not block.seen & TE_TRAILERS:
        streams.stream_refuse(stream, semantics.GRPC_INTERNAL, b"te: trailers is missing: something between us drops trailers")
    elif stream.path == streams.NO_PATH:
        streams.stream_refuse(stream, semantics.GRPC_UNIMPLEMENTED, b"Method not found!")


cdef void block_end(Peer* peer) noexcept nogil:
    """It was read; what nobody has taken of it is given back."""
    block_forget(&peer.block)
