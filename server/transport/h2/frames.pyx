"""The reading half of HTTP/2 (RFC 9113), for a server of unary calls: frames in, streams and their requests out.

Bytes come in whatever pieces; nothing is copied that is whole in its read. What the protocol lets a server take for an
error of the connection ends the connection; errors of a stream reset it. Invariants: no function touches a Python
object, so none can raise; a stream is freed once, by the connection, after it was closed; a peer that resets, pings or
chatters beyond its budget ends its connection in the middle of the read, with ENHANCE_YOUR_CALM. Budgets count what
reaches us, and resets we are made to send as well: both ways of making a server work for calls nobody waits for. Our
window is given back as bytes come, for what is kept of them is bounded where it is kept. Never here: what a call or a
field means, the transport.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

cimport altyn.server.transport.h2.fields as fields
cimport altyn.server.transport.h2.nghttp2 as ng
cimport altyn.server.transport.h2.peer as h2
cimport altyn.server.transport.h2.replies as replies
cimport altyn.server.transport.h2.stream as streams
from altyn.server.transport.h2.peer cimport Peer, give_up, read32
from altyn.server.transport.h2.stream cimport Front, Stream

cdef enum Stage:
    PREFACE
    HEAD
    PREFIX     # the length of padding, and what was a priority
    BODY       # of DATA
    BLOCK      # of HEADERS and CONTINUATION
    ENTRIES    # of SETTINGS
    FIXED      # fields of a length that is known
    SKIPPED    # whatever is left
    PADDING

cdef enum:
    PREFACE_BYTES = 24
    PRIORITY_BYTES = 5
    ENTRY_BYTES = 6

cdef enum Setting:
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5

cdef const char* PREFACE_TEXT = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


# ---- the connection

cdef int peer_open(Peer* peer, Front* front, int64_t now_ns, int64_t ping_interval_ns) noexcept nogil:
    """Not 0: there is no memory. `ping_interval_ns`: pings that come sooner, without an answer between, are strikes."""
    memset(peer, 0, sizeof(Peer))
    peer.front = front
    peer.now_ns = peer.refilled_ns = now_ns
    peer.ping_interval_ns = ping_interval_ns
    peer.resets_left = h2.RESETS_MAX
    peer.noise_left = h2.NOISE_MAX
    peer.send_window = peer.initial_window = 65_535
    peer.stream_max = h2.STREAM_ID_MAX
    peer.stage = PREFACE
    if ng.nghttp2_hd_inflate_new(&peer.inflater) != 0:
        peer.inflater = NULL
        return -1
    return replies.send_hello(peer)


cdef void peer_close(Peer* peer) noexcept nogil:
    """Free all that is left. The connection has given up its references before."""
    if peer.inflater != NULL:
        ng.nghttp2_hd_inflate_del(peer.inflater)
        peer.inflater = NULL
    fields.block_end(peer)
    fields.block_forget_known(peer)
    free(peer.traces)
    peer.traces = NULL
    free(peer.control)
    peer.control = NULL
    peer.control_size = peer.control_capacity = 0
    peer.ready = peer.ready_last = peer.closed = peer.out = peer.out_last = NULL
    while peer.streams != NULL:
        peer_forget(peer, peer.streams)


cdef void peer_refill(Peer* peer, int64_t now_ns) noexcept nogil:
    """Give back what the time since the last turn allows."""
    cdef int64_t elapsed_ms = (now_ns - peer.refilled_ns) // 1_000_000
    cdef int32_t turns
    if elapsed_ms < 1_000:
        return
    turns = <int32_t>(elapsed_ms // 1_000) if elapsed_ms < 60_000 else 60
    peer.refilled_ns = now_ns
    peer.resets_left = min(<int32_t>h2.RESETS_MAX, peer.resets_left + turns * h2.RESETS_PER_S)
    peer.noise_left = min(<int32_t>h2.NOISE_MAX, peer.noise_left + turns * h2.NOISE_PER_S)


# ---- lists of streams

cdef Stream* find(const Peer* peer, int32_t id) noexcept nogil:
    """The stream, if it is not over. There are few, and it is the newest as a rule."""
    cdef Stream* stream = peer.streams
    while stream != NULL and (stream.id != id or stream.is_closed):
        stream = stream.next
    return stream


cdef inline bint is_idle(const Peer* peer, int32_t id) noexcept nogil:
    """Nobody has opened it: those of even numbers would be ours, and goodbye was said to those beyond."""
    return id & 1 == 0 or id > peer.last_stream and peer.stream_max == h2.STREAM_ID_MAX


cdef void put_ready(Peer* peer, Stream* stream) noexcept nogil:
    if stream.state != streams.RECEIVING:
        return
    stream.state = streams.READY
    stream.in_ready = True
    stream.next_ready = NULL
    if peer.ready_last == NULL:
        peer.ready = stream
    else:
        peer.ready_last.next_ready = stream
    peer.ready_last = stream


cdef Stream* peer_next_ready(Peer* peer) noexcept nogil:
    """The next one to answer, closed or not; NULL: none."""
    cdef Stream* stream = peer.ready
    if stream != NULL:
        peer.ready = stream.next_ready
        if peer.ready == NULL:
            peer.ready_last = NULL
        stream.in_ready = False
    return stream


cdef Stream* peer_next_closed(Peer* peer) noexcept nogil:
    """The next one that is over; NULL: none. Only while none is ready."""
    cdef Stream* stream = peer.closed
    if stream != NULL:
        peer.closed = stream.next_closed
    return stream


cdef void peer_forget(Peer* peer, Stream* stream) noexcept nogil:
    """Unlink and free."""
    if stream.previous == NULL:
        peer.streams = stream.next
    else:
        stream.previous.next = stream.next
    if stream.next != NULL:
        stream.next.previous = stream.previous
    streams.stream_free(peer.front, stream, &peer.request_bytes)


# ---- bytes

cdef int peer_feed(Peer* peer, const uint8_t* start, size_t size) noexcept nogil:
    """0, or -1 when the connection ends: `fault` says why; NULL: it is not HTTP/2."""
    cdef const uint8_t* at = start
    cdef const uint8_t* end = start + size
    cdef const uint8_t* head
    cdef size_t part
    while True:
        if peer.stage == HEAD:
            if peer.part_size == 0 and end - at >= h2.FRAME_HEAD_BYTES:
                head = at
                at += h2.FRAME_HEAD_BYTES
            else:
                at = collect(peer, at, end, h2.FRAME_HEAD_BYTES)
                if peer.part_size < h2.FRAME_HEAD_BYTES:
                    return 0
                head = peer.part
            peer.part_size = 0
            if begin_frame(peer, head) != 0:
                return -1
        elif peer.stage == BODY or peer.stage == BLOCK:
            part = min(<size_t>(end - at), <size_t>peer.left)
            if part == 0 and peer.left != 0:
                return 0
            peer.left -= <uint32_t>part
            if (take_body(peer, at, part) if peer.stage == BODY else take_block(peer, at, part)) != 0:
                return -1
            at += part
            if peer.left != 0:
                return 0
            peer.left = peer.pad
            peer.stage = PADDING
        elif peer.stage == PADDING or peer.stage == SKIPPED:
            part = min(<size_t>(end - at), <size_t>peer.left)
            at += part
            peer.left -= <uint32_t>part
            if peer.left != 0:
                return 0
            peer.stage = HEAD
            if end_frame(peer) != 0:
                return -1
        elif peer.stage == PREFACE:
            part = min(<size_t>(end - at), <size_t>(PREFACE_BYTES - peer.left))
            if memcmp(at, PREFACE_TEXT + peer.left, part) != 0:
                return -1
            at += part
            peer.left += <uint32_t>part
            if peer.left < PREFACE_BYTES:
                return 0
            peer.stage = HEAD
        else:
            part = fixed_size(peer)
            at = collect(peer, at, end, part)
            if peer.part_size < part:
                return 0
            peer.part_size = 0
            peer.left -= <uint32_t>part
            if take_fixed(peer) != 0:
                return -1


cdef inline const uint8_t* collect(Peer* peer, const uint8_t* at, const uint8_t* end, size_t size) noexcept nogil:
    """Bring `part` to `size` bytes, or as far as there are any."""
    cdef size_t some = min(size - peer.part_size, <size_t>(end - at))
    memcpy(peer.part + peer.part_size, at, some)
    peer.part_size += <uint8_t>some
    return at + some


cdef inline size_t fixed_size(const Peer* peer) noexcept nogil:
    """How many bytes `take_fixed` takes next."""
    if peer.stage == PREFIX:
        return (1 if peer.flags & h2.PADDED else 0) + (
            PRIORITY_BYTES if peer.type == h2.HEADERS and peer.flags & h2.HAS_PRIORITY else 0)
    if peer.stage == ENTRIES:
        return ENTRY_BYTES
    return 8 if peer.type == h2.PING or peer.type == h2.GOAWAY else 4


# ---- frames

cdef int begin_frame(Peer* peer, const uint8_t* head) noexcept nogil:
    """What a frame costs, and whether it may come now; then where its payload goes."""
    cdef uint32_t size = <uint32_t>head[0] << 16 | <uint32_t>head[1] << 8 | head[2]
    peer.type = head[3]
    peer.flags = head[4]
    peer.stream_id = <int32_t>(read32(head + 5) & h2.STREAM_ID_MAX)
    peer.left = size
    peer.pad = 0
    if size > h2.FRAME_BYTES_MAX:
        return give_up(peer, h2.FRAME_SIZE_ERROR, b"frame_too_long")
    if not peer.has_settings and (peer.type != h2.SETTINGS or peer.flags & h2.ACK):
        return give_up(peer, h2.PROTOCOL_ERROR, b"no_settings_first")
    if peer.in_headers and (peer.type != h2.CONTINUATION or peer.stream_id != peer.block_stream):
        return give_up(peer, h2.PROTOCOL_ERROR, b"headers_interrupted")
    if pay(peer, size) != 0:
        return -1
    if peer.type == h2.DATA:
        return begin_data(peer, size)
    if peer.type == h2.HEADERS:
        return begin_headers(peer, size)
    if peer.type == h2.CONTINUATION:
        if not peer.in_headers:
            return give_up(peer, h2.PROTOCOL_ERROR, b"continuation_of_nothing")
        peer.stage = BLOCK
        return 0
    if peer.type == h2.SETTINGS:
        return begin_settings(peer, size)
    if peer.type == h2.PUSH_PROMISE:
        return give_up(peer, h2.PROTOCOL_ERROR, b"push_promise_of_a_client")
    if peer.type > h2.CONTINUATION:
        peer.stage = SKIPPED  # of a type we do not know
        return 0
    return begin_fixed(peer, size)


cdef inline int pay(Peer* peer, uint32_t size) noexcept nogil:
    """Count a frame that carries no call, before it is looked at."""
    if peer.type == h2.HEADERS:
        return 0
    if peer.type == h2.DATA:
        if size < streams.PREFIX_BYTES + h2.TINY_DATA_BYTES and not peer.flags & h2.END_STREAM:
            peer.noise_left -= 1
    elif peer.type == h2.RST_STREAM:
        return pay_reset(peer)
    elif peer.type == h2.SETTINGS and not peer.flags & h2.ACK:
        peer.noise_left -= h2.SETTINGS_NOISE
    elif peer.type == h2.CONTINUATION:
        peer.noise_left -= h2.CONTINUATION_NOISE
    else:
        peer.noise_left -= 1
        if peer.type > h2.CONTINUATION:
            peer.noise_left -= <int32_t>(size // h2.IGNORED_BYTES_PER_NOISE)
    return overdrawn(peer)


cdef inline int overdrawn(Peer* peer) noexcept nogil:
    if peer.noise_left < 0:
        return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_frames_without_a_call")
    return 0


cdef inline int pay_reset(Peer* peer) noexcept nogil:
    peer.resets_left -= 1
    if peer.resets_left < 0:
        return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_resets")
    return 0


cdef int peer_stranger(Peer* peer) noexcept nogil:
    """A call came by somebody unknown; not 0: the connection has to end."""
    peer.strange_calls += 1
    if peer.strange_calls > h2.STRANGE_CALLS_MAX:
        return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_calls_by_nobody")
    return 0


cdef int ignore(Peer* peer, uint32_t size) noexcept nogil:
    """Something for a stream that is over: it may have been on its way when we reset it."""
    peer.noise_left -= 1 + <int32_t>(size // h2.IGNORED_BYTES_PER_NOISE)
    return overdrawn(peer)


cdef inline int begin_payload(Peer* peer, uint8_t stage) noexcept nogil:
    """Of DATA or HEADERS, which may have something before it."""
    peer.stage = PREFIX
    if fixed_size(peer) == 0:
        peer.stage = stage
    elif peer.left < fixed_size(peer):
        return give_up(peer, h2.FRAME_SIZE_ERROR, b"frame_too_short")
    return 0


cdef int begin_data(Peer* peer, uint32_t size) noexcept nogil:
    cdef Stream* stream = find(peer, peer.stream_id)
    if stream == NULL:
        if is_idle(peer, peer.stream_id):
            return give_up(peer, h2.PROTOCOL_ERROR, b"data_of_idle_stream")
        if ignore(peer, size) != 0:
            return -1
    elif stream.has_ended:
        return give_up(peer, h2.STREAM_CLOSED, b"data_after_the_end")
    elif not peer.flags & h2.END_STREAM:
        stream.received += size
        if stream.received >= h2.WINDOW_BYTES // 2:
            if replies.send_window_update(peer, stream.id, stream.received) != 0:
                return -1
            stream.received = 0
    peer.received += size
    if peer.received >= h2.CONNECTION_WINDOW_BYTES // 2:
        if replies.send_window_update(peer, 0, peer.received) != 0:
            return -1
        peer.received = 0
    return begin_payload(peer, BODY)


cdef int begin_headers(Peer* peer, uint32_t size) noexcept nogil:
    cdef Stream* stream
    cdef int32_t id = peer.stream_id
    if id & 1 == 0:
        return give_up(peer, h2.PROTOCOL_ERROR, b"headers_of_no_stream")
    stream = find(peer, id)
    peer.in_headers = True
    peer.block_stream = id
    peer.has_part = peer.is_refused = False
    peer.ends_stream = peer.flags & h2.END_STREAM != 0
    peer.block_kind = h2.IGNORED_BLOCK
    fields.block_begin(peer)
    if stream != NULL:
        if stream.has_ended:
            return give_up(peer, h2.STREAM_CLOSED, b"headers_after_the_end")
        peer.block_kind = h2.TRAILERS_BLOCK
    elif id <= peer.last_stream or id > peer.stream_max:
        if ignore(peer, size) != 0:
            return -1
    else:
        peer.last_stream = id
        if peer.open_count < h2.STREAMS_MAX:
            stream = streams.stream_new(peer.front, id, peer.now_ns)
        if stream == NULL:
            peer.is_refused = True
        else:
            peer.block_kind = h2.REQUEST_BLOCK
            stream.send_window = peer.initial_window
            stream.next = peer.streams
            if peer.streams != NULL:
                peer.streams.previous = stream
            peer.streams = stream
            peer.open_count += 1
    peer.current = stream
    return begin_payload(peer, BLOCK)


cdef int begin_settings(Peer* peer, uint32_t size) noexcept nogil:
    if peer.stream_id != 0:
        return give_up(peer, h2.PROTOCOL_ERROR, b"settings_of_a_stream")
    if size % ENTRY_BYTES != 0 or size != 0 and peer.flags & h2.ACK:
        return give_up(peer, h2.FRAME_SIZE_ERROR, b"settings_of_a_wrong_length")
    if size > h2.SETTINGS_ENTRIES_MAX * ENTRY_BYTES:
        return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_settings")
    peer.stage = ENTRIES if size else SKIPPED
    return 0


cdef int begin_fixed(Peer* peer, uint32_t size) noexcept nogil:
    """PRIORITY, RST_STREAM, PING, GOAWAY, WINDOW_UPDATE."""
    cdef bint is_of_stream = peer.type == h2.PRIORITY or peer.type == h2.RST_STREAM
    if is_of_stream and peer.stream_id == 0 or (
        (peer.type == h2.PING or peer.type == h2.GOAWAY) and peer.stream_id != 0):
        return give_up(peer, h2.PROTOCOL_ERROR, b"frame_of_a_wrong_stream")
    if peer.type == h2.PRIORITY:
        peer.stage = SKIPPED
        return 0 if size == PRIORITY_BYTES else give_up(peer, h2.FRAME_SIZE_ERROR, b"frame_of_a_wrong_length")
    peer.stage = FIXED
    if size < fixed_size(peer) or size > fixed_size(peer) and peer.type != h2.GOAWAY:
        return give_up(peer, h2.FRAME_SIZE_ERROR, b"frame_of_a_wrong_length")
    if peer.type == h2.RST_STREAM and is_idle(peer, peer.stream_id):
        return give_up(peer, h2.PROTOCOL_ERROR, b"reset_of_idle_stream")
    if peer.type == h2.WINDOW_UPDATE and peer.stream_id != 0 and is_idle(peer, peer.stream_id):
        return give_up(peer, h2.PROTOCOL_ERROR, b"window_of_idle_stream")
    return 0


cdef int take_fixed(Peer* peer) noexcept nogil:
    """What was collected in `part`."""
    cdef Stream* stream
    if peer.stage == PREFIX:
        if peer.flags & h2.PADDED:
            peer.pad = peer.part[0]
            if peer.pad > peer.left:
                return give_up(peer, h2.PROTOCOL_ERROR, b"padding_longer_than_its_frame")
            peer.left -= peer.pad
        peer.stage = BODY if peer.type == h2.DATA else BLOCK
        return 0
    if peer.stage == ENTRIES:
        if peer.left == 0:
            peer.stage = SKIPPED
        return take_setting(peer, <uint32_t>peer.part[0] << 8 | peer.part[1], read32(peer.part + 2))
    peer.stage = SKIPPED
    if peer.type == h2.PING:
        return 0 if peer.flags & h2.ACK else take_ping(peer)
    if peer.type == h2.GOAWAY:
        peer.has_goaway = True
    elif peer.type == h2.WINDOW_UPDATE:
        return take_window(peer, read32(peer.part) & h2.WINDOW_MAX)
    else:
        stream = find(peer, peer.stream_id)
        if stream != NULL:
            replies.close_stream(peer, stream)
    return 0


cdef int take_setting(Peer* peer, uint32_t name, uint32_t value) noexcept nogil:
    cdef Stream* stream
    cdef int64_t change
    if name == HEADER_TABLE_SIZE:
        peer.must_shrink |= value < 4_096 and not peer.has_shrunk
    elif name == ENABLE_PUSH:
        if value > 1:
            return give_up(peer, h2.PROTOCOL_ERROR, b"setting_of_a_wrong_value")
    elif name == MAX_FRAME_SIZE:
        if value < h2.FRAME_BYTES_MAX or value > 0xFFFFFF:
            return give_up(peer, h2.PROTOCOL_ERROR, b"setting_of_a_wrong_value")
    elif name == INITIAL_WINDOW_SIZE:
        if value > h2.WINDOW_MAX:
            return give_up(peer, h2.FLOW_CONTROL_ERROR, b"window_too_large")
        change = <int64_t>value - peer.initial_window
        peer.initial_window = value
        stream = peer.streams
        while stream != NULL:
            stream.send_window += change
            if stream.send_window > h2.WINDOW_MAX and not stream.is_closed:
                return give_up(peer, h2.FLOW_CONTROL_ERROR, b"window_too_large")
            stream = stream.next
    return 0


cdef int take_ping(Peer* peer) noexcept nogil:
    if peer.last_ping_ns != 0 and peer.now_ns - peer.last_ping_ns < peer.ping_interval_ns:
        peer.ping_strikes += 1
        if peer.ping_strikes > h2.PING_STRIKES_MAX:
            return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_pings")
    peer.last_ping_ns = peer.now_ns
    return replies.send_ack(peer, h2.PING, peer.part, 8)


cdef int take_window(Peer* peer, int64_t increment) noexcept nogil:
    cdef Stream* stream
    if peer.stream_id == 0:
        if increment == 0:
            return give_up(peer, h2.PROTOCOL_ERROR, b"window_opened_by_nothing")
        peer.send_window += increment
        if peer.send_window > h2.WINDOW_MAX:
            return give_up(peer, h2.FLOW_CONTROL_ERROR, b"window_too_large")
        return 0
    stream = find(peer, peer.stream_id)
    if stream == NULL:
        return 0
    if increment == 0:
        return replies.reset_stream(peer, stream, h2.PROTOCOL_ERROR)
    stream.send_window += increment
    if stream.send_window > h2.WINDOW_MAX:
        return replies.reset_stream(peer, stream, h2.FLOW_CONTROL_ERROR)
    return 0


# ---- requests

cdef int take_body(Peer* peer, const uint8_t* chunk, size_t size) noexcept nogil:
    cdef Stream* stream = find(peer, peer.stream_id)
    cdef bint is_whole
    if size == 0 or stream == NULL or stream.state != streams.RECEIVING:
        return 0
    # With padding the end of the call might come in another read.
    is_whole = stream.data_bytes == 0 and peer.left == 0 and peer.pad == 0 and peer.flags & h2.END_STREAM
    stream.data_bytes += <int64_t>size
    streams.stream_take_chunk(peer.front, stream, &peer.request_bytes, chunk, size, is_whole)
    return 0


cdef int take_block(Peer* peer, const uint8_t* chunk, size_t size) noexcept nogil:
    cdef bint is_final = peer.left == 0 and peer.flags & h2.END_HEADERS
    if is_final and not peer.has_part and peer.type == h2.HEADERS:
        return fields.block_take_whole(peer, chunk, size)
    if not peer.has_part:
        peer.has_part = True
        fields.block_forget_known(peer)
    return fields.block_take(peer, chunk, size, is_final)


cdef int end_frame(Peer* peer) noexcept nogil:
    cdef Stream* stream
    if peer.type == h2.DATA:
        stream = find(peer, peer.stream_id)
        if stream == NULL:
            return 0
        if peer.flags & h2.END_STREAM:
            return end_request(peer, stream)
        if stream.status != 0:
            put_ready(peer, stream)
    elif peer.type == h2.HEADERS or peer.type == h2.CONTINUATION:
        if peer.flags & h2.END_HEADERS:
            return end_block(peer)
    elif peer.type == h2.SETTINGS and not peer.flags & h2.ACK:
        peer.has_settings = True
        return replies.send_ack(peer, h2.SETTINGS, NULL, 0)
    return 0


cdef int end_block(Peer* peer) noexcept nogil:
    cdef Stream* stream = peer.current
    cdef bint is_sound = fields.block_is_sound(peer)
    peer.in_headers = False
    peer.current = NULL
    if peer.block_kind == h2.REQUEST_BLOCK and stream != NULL and is_sound:
        fields.block_give(peer, stream)
    fields.block_end(peer)
    if stream == NULL:
        return replies.send_reset(peer, peer.block_stream, h2.REFUSED_STREAM) if peer.is_refused else 0
    if not is_sound or peer.block_kind == h2.TRAILERS_BLOCK and not peer.ends_stream:
        return replies.reset_stream(peer, stream, h2.PROTOCOL_ERROR)
    if peer.ends_stream:
        return end_request(peer, stream)
    if stream.status != 0 or stream.http_status != 200:
        put_ready(peer, stream)
    return 0


cdef int end_request(Peer* peer, Stream* stream) noexcept nogil:
    stream.has_ended = True
    if stream.content_length >= 0 and stream.content_length != stream.data_bytes and stream.state == streams.RECEIVING:
        return replies.reset_stream(peer, stream, h2.PROTOCOL_ERROR)
    streams.stream_end_request(stream)
    put_ready(peer, stream)
    return 0
