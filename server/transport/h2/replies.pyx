"""The writing half of HTTP/2 (RFC 9113): replies, refusals and the few frames of control a server of unary calls sends.

What there is to say waits as streams with a reply, and as ready frames of control; `pull` writes as much of both as
there is room and window for. Fields are sent as literals that nobody remembers, so HPACK has no state here, and the
fields of a reply are the same bytes each time. Invariants: no function touches a Python object; frames of control that
wait are bounded, for a peer that does not read could ask for more; a stream that is over has nothing to send. Never
here: what comes, what a call means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset, strlen

cimport altyn.server.transport.h2.peer as h2
cimport altyn.server.transport.h2.semantics as semantics
cimport altyn.server.transport.h2.stream as streams
from altyn.server.transport.h2.peer cimport FRAME_HEAD_BYTES, Peer, give_up, write32, write_head
from altyn.server.transport.h2.stream cimport Stream

cdef enum Written:
    DONE      # nothing more to say now, or ever
    NO_WINDOW
    NO_ROOM

cdef enum:
    # HPACK: a literal that nobody remembers; of the static table: a field whole, or its name alone.
    LITERAL = 0x00
    STATUS_200 = 0x88
    STATUS_NAME = 0x08
    CONTENT_TYPE_NAME = 31
    SHRINK_TABLE = 0x20  # to nothing
    CONTROL_BYTES_AT_FIRST = 128
    GOAWAY_BYTES = FRAME_HEAD_BYTES + 8
    SETTING_BYTES = 6
    SMALL_PART_BYTES = 1_024

cdef enum:
    REPLY_FIELDS_BYTES = 20
    REPLY_TRAILERS_BYTES = 15
    WATCH_TRAILERS_BYTES = 53

# :status 200, content-type application/grpc
cdef const uint8_t* REPLY_FIELDS = <const uint8_t*>b"\x88\x0f\x10\x10application/grpc"
# grpc-status 0
cdef const uint8_t* REPLY_TRAILERS = <const uint8_t*>b"\x00\x0bgrpc-status\x010"
# grpc-status 14, grpc-message
cdef const uint8_t* WATCH_TRAILERS = <const uint8_t*>b"\x00\x0bgrpc-status\x0214\x00\x0cgrpc-message\x16the server is stopping"


# ---- frames of control

cdef uint8_t* room_for_control(Peer* peer, uint32_t size) noexcept nogil:
    """Where a frame of so many bytes goes; NULL: the connection ends, for so many wait already."""
    cdef uint32_t capacity = peer.control_capacity
    cdef void* grown
    cdef uint8_t* at
    if peer.control_size + size > capacity:
        if peer.control_size + size > h2.CONTROL_BYTES_MAX:
            give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_frames_to_acknowledge")
            return NULL
        capacity = capacity or <uint32_t>CONTROL_BYTES_AT_FIRST
        while capacity < peer.control_size + size:
            capacity *= 2
        grown = realloc(peer.control, capacity)
        if grown == NULL:
            give_up(peer, h2.INTERNAL_ERROR, b"no_memory")
            return NULL
        peer.control = <uint8_t*>grown
        peer.control_capacity = capacity
    at = peer.control + peer.control_size
    peer.control_size += size
    return at


cdef int send_hello(Peer* peer) noexcept nogil:
    """Our settings, and how much may come at once."""
    cdef uint8_t* at = room_for_control(peer, FRAME_HEAD_BYTES + 4 * SETTING_BYTES)
    cdef uint16_t[4] names
    cdef uint32_t[4] values
    cdef int i
    if at == NULL:
        return -1
    names[:] = [3, 4, 6, 9]
    # Replies go out in the order they are ready; trees of priorities (9) are only work.
    values[:] = [h2.STREAMS_MAX, h2.WINDOW_BYTES, streams.HEADER_LIST_BYTES_MAX, 1]
    write_head(at, 4 * SETTING_BYTES, h2.SETTINGS, 0, 0)
    at += FRAME_HEAD_BYTES
    for i in range(4):
        at[0] = 0
        at[1] = <uint8_t>names[i]
        write32(at + 2, values[i])
        at += SETTING_BYTES
    return send_window_update(peer, 0, h2.CONNECTION_WINDOW_BYTES - 65_535)


cdef int send_ack(Peer* peer, uint8_t kind, const uint8_t* payload, uint8_t size) noexcept nogil:
    """Of SETTINGS or of a PING. 0, or -1 and the connection's fault: it sends and does not read."""
    cdef uint8_t* at
    peer.acks_waiting += 1
    if peer.acks_waiting > h2.ACKS_WAITING_MAX:
        return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_frames_to_acknowledge")
    at = room_for_control(peer, FRAME_HEAD_BYTES + size)
    if at == NULL:
        return -1
    write_head(at, size, kind, h2.ACK, 0)
    if size:
        memcpy(at + FRAME_HEAD_BYTES, payload, size)
    return 0


cdef int send_number(Peer* peer, uint8_t kind, int32_t id, uint32_t number) noexcept nogil:
    cdef uint8_t* at = room_for_control(peer, FRAME_HEAD_BYTES + 4)
    if at == NULL:
        return -1
    write_head(at, 4, kind, 0, id)
    write32(at + FRAME_HEAD_BYTES, number)
    return 0


cdef int send_window_update(Peer* peer, int32_t id, uint32_t increment) noexcept nogil:
    return send_number(peer, h2.WINDOW_UPDATE, id, increment)


cdef int send_reset(Peer* peer, int32_t id, uint32_t code) noexcept nogil:
    """0, or -1 and the connection's fault: it made us reset too often."""
    if code != h2.NO_ERROR:
        peer.resets_left -= 1
        if peer.resets_left < 0:
            return give_up(peer, h2.ENHANCE_YOUR_CALM, b"too_many_resets")
    return send_number(peer, h2.RST_STREAM, id, code)


cdef int send_last_stream(Peer* peer, int32_t last) noexcept nogil:
    cdef uint8_t* at = room_for_control(peer, GOAWAY_BYTES)
    if at == NULL:
        return -1
    write_head(at, 8, h2.GOAWAY, 0, 0)
    write32(at + FRAME_HEAD_BYTES, <uint32_t>last)
    write32(at + FRAME_HEAD_BYTES + 4, h2.NO_ERROR)
    return 0


cdef int send_notice(Peer* peer) noexcept nogil:
    """Bring no more calls here; those on their way are welcome."""
    return send_last_stream(peer, h2.STREAM_ID_MAX)


cdef int send_goodbye(Peer* peer) noexcept nogil:
    """Which call was the last one; later ones are not heard."""
    peer.stream_max = peer.last_stream
    return send_last_stream(peer, peer.last_stream)


cdef size_t last_word(const Peer* peer, uint8_t* frame) noexcept nogil:
    """A GOAWAY that says the connection's fault; 128 bytes are enough for it."""
    cdef size_t text_size = strlen(peer.fault)
    write_head(frame, 8 + text_size, h2.GOAWAY, 0, 0)
    write32(frame + FRAME_HEAD_BYTES, <uint32_t>peer.last_stream)
    write32(frame + FRAME_HEAD_BYTES + 4, peer.fault_code)
    memcpy(frame + GOAWAY_BYTES, peer.fault, text_size)
    return GOAWAY_BYTES + text_size


# ---- streams that end

cdef void close_stream(Peer* peer, Stream* stream) noexcept nogil:
    """It is over; the connection frees it."""
    cdef Stream* before = peer.out
    if stream.is_closed:
        return
    stream.is_closed = True
    peer.open_count -= 1
    streams.stream_drop_body(peer.front, stream, &peer.request_bytes)
    stream.next_closed = peer.closed
    peer.closed = stream
    if peer.current == stream:
        peer.current = NULL
    if not stream.in_out:
        return
    stream.in_out = False
    if before == stream:
        peer.out = stream.next_out
        if peer.out == NULL:
            peer.out_last = NULL
        return
    while before.next_out != stream:
        before = before.next_out
    before.next_out = stream.next_out
    if peer.out_last == stream:
        peer.out_last = before


cdef int reset_stream(Peer* peer, Stream* stream, uint32_t code) noexcept nogil:
    """0, or -1 and the connection's fault."""
    if stream.is_closed:
        return 0
    close_stream(peer, stream)
    return send_reset(peer, stream.id, code)


cdef inline void end_stream(Peer* peer, Stream* stream) noexcept nogil:
    """Our last frame of it was written."""
    if not stream.has_ended:
        # It was refused while it was still coming: the rest is not wanted.
        send_reset(peer, stream.id, h2.NO_ERROR)
    close_stream(peer, stream)


# ---- what is to be said

cdef void put_out(Peer* peer, Stream* stream) noexcept nogil:
    if stream.in_out or stream.is_closed:
        return
    stream.in_out = True
    stream.next_out = NULL
    if peer.out_last == NULL:
        peer.out = stream
    else:
        peer.out_last.next_out = stream
    peer.out_last = stream


cdef void answer(Peer* peer, Stream* stream) noexcept nogil:
    """Send the message that `reply` points to; it stays alive until the stream is freed."""
    stream.state = streams.ANSWERING
    put_out(peer, stream)


cdef void say(Peer* peer, Stream* stream, int32_t watched) noexcept nogil:
    """A watch has news."""
    stream.watched = watched
    if not stream.is_watch:
        stream.is_watch = True
        stream.reply_size = 0
        stream.reply_offset = streams.PREFIX_BYTES
    answer(peer, stream)


cdef void end_watch(Peer* peer, Stream* stream) noexcept nogil:
    stream.is_ending = True
    put_out(peer, stream)


cdef inline bint next_message(Stream* stream) noexcept nogil:
    """Of a watch: something is left to be sent; of what was not sent yet, the latest."""
    if stream.reply_offset < stream.reply_size + streams.PREFIX_BYTES:
        return True
    if stream.watched == stream.watched_said:
        return False
    stream.small_reply[0] = 0x08  # HealthCheckResponse.status
    stream.small_reply[1] = <uint8_t>stream.watched
    stream.reply = stream.small_reply
    stream.reply_size = 2
    stream.reply_offset = 0
    stream.watched_said = stream.watched
    return True


cdef uint8_t* put_string(uint8_t* at, const uint8_t* text, size_t size) noexcept nogil:
    """As it is, not coded."""
    cdef size_t rest
    if size < 0x7F:
        at[0] = <uint8_t>size
        at += 1
    else:
        at[0] = 0x7F
        at += 1
        rest = size - 0x7F
        while rest >= 0x80:
            at[0] = <uint8_t>(0x80 | rest & 0x7F)
            at += 1
            rest >>= 7
        at[0] = <uint8_t>rest
        at += 1
    memcpy(at, text, size)
    return at + size


cdef uint8_t* put_field(uint8_t* at, const char* name, const uint8_t* value, size_t size) noexcept nogil:
    at[0] = LITERAL
    at = put_string(at + 1, <const uint8_t*>name, strlen(name))
    return put_string(at, value, size)


cdef int refuse(
    Peer* peer, Stream* stream, int status, const uint8_t* message, size_t message_size, const uint8_t* details,
    size_t details_size
) noexcept nogil:
    """Trailers alone. `message` is percent-encoded, `details` is base64; either may be empty. -1: there is no memory."""
    cdef const char* digits = semantics.status_text(status)
    cdef uint8_t* at
    if message_size > TRAILER_BYTES_MAX:
        message_size = 0
    if details_size > TRAILER_BYTES_MAX:
        details_size = 0
    free(stream.trailers)
    stream.trailers = <uint8_t*>malloc(160 + message_size + details_size)
    if stream.trailers == NULL:
        return give_up(peer, h2.INTERNAL_ERROR, b"no_memory")
    memcpy(stream.trailers, REPLY_FIELDS, REPLY_FIELDS_BYTES)
    at = put_field(stream.trailers + REPLY_FIELDS_BYTES, b"grpc-status", <const uint8_t*>digits, strlen(digits))
    if message_size:
        at = put_field(at, b"grpc-message", message, message_size)
    if details_size:
        at = put_field(at, b"grpc-status-details-bin", details, details_size)
    if stream.status == semantics.GRPC_UNIMPLEMENTED:
        at = put_field(at, b"grpc-accept-encoding", <const uint8_t*>b"identity", 8)
    stream.trailers_size = <uint32_t>(at - stream.trailers)
    answer(peer, stream)
    return 0


cdef int refuse_early(Peer* peer, Stream* stream) noexcept nogil:
    """What the stream was refused with before it was a call. -1: there is no memory."""
    cdef const char* message = stream.message
    cdef const char* digits = b"415"
    if stream.http_status == 200:
        return refuse(
            peer, stream, stream.status, <const uint8_t*>message, strlen(message) if message != NULL else 0, NULL, 0)
    if stream.http_status == 405:
        digits = b"405"
    stream.trailers = <uint8_t*>malloc(8)
    if stream.trailers == NULL:
        return give_up(peer, h2.INTERNAL_ERROR, b"no_memory")
    stream.trailers[0] = STATUS_NAME
    stream.trailers_size = <uint32_t>(put_string(stream.trailers + 1, <const uint8_t*>digits, 3) - stream.trailers)
    answer(peer, stream)
    return 0


# ---- writing

cdef bint is_over(const Peer* peer) noexcept nogil:
    """Goodbye was said, by either side, and nothing is left to do."""
    return (
        peer.open_count == 0 and (peer.stream_max != h2.STREAM_ID_MAX or peer.has_goaway) and peer.control_size == 0)


cdef size_t pull(Peer* peer, uint8_t* out, size_t capacity) noexcept nogil:
    """Write what there is room and window for: how many bytes. 0: nothing more for now."""
    cdef size_t used = drain_control(peer, out)
    cdef Stream* stream = peer.out
    cdef Stream* kept = NULL
    cdef Stream* kept_last = NULL
    cdef int written
    peer.out = peer.out_last = NULL
    while stream != NULL:
        stream.in_out = False
        written = write_stream(peer, stream, out, &used, capacity)
        if written == NO_ROOM:
            stream.in_out = True
            break
        if written == NO_WINDOW:
            stream.in_out = True
            if kept_last == NULL:
                kept = stream
            else:
                kept_last.next_out = stream
            kept_last = stream
        stream = stream.next_out
    # Whoever waits for a window, then whoever had no turn.
    if kept_last == NULL:
        kept = stream
    else:
        kept_last.next_out = stream
    peer.out = kept
    peer.out_last = kept
    while peer.out_last != NULL and peer.out_last.next_out != NULL:
        peer.out_last = peer.out_last.next_out
    if used + peer.control_size <= capacity:
        used += drain_control(peer, out + used)
    return used


cdef inline size_t drain_control(Peer* peer, uint8_t* out) noexcept nogil:
    cdef size_t size = peer.control_size
    if size == 0:
        return 0
    memcpy(out, peer.control, size)
    peer.control_size = 0
    peer.acks_waiting = 0
    if peer.control_capacity > CONTROL_BYTES_AT_FIRST:
        free(peer.control)
        peer.control = NULL
        peer.control_capacity = 0
    return size


cdef int write_stream(Peer* peer, Stream* stream, uint8_t* out, size_t* used, size_t capacity) noexcept nogil:
    """As much of its answer as can go. One that has ended is closed."""
    cdef uint32_t left
    cdef int64_t part
    if stream.trailers != NULL:
        if write_trailers(peer, stream, out, used, capacity):
            end_stream(peer, stream)
            return DONE
        return NO_ROOM
    if not stream.has_headers_sent:
        if not write_block(peer, stream.id, 0, REPLY_FIELDS, REPLY_FIELDS_BYTES, out, used, capacity):
            return NO_ROOM
        stream.has_headers_sent = True
    while not stream.is_watch or next_message(stream):
        left = stream.reply_size + streams.PREFIX_BYTES - stream.reply_offset
        if left == 0:
            break
        part = <int64_t>(capacity - used[0]) - FRAME_HEAD_BYTES
        if part < min(<int64_t>left, <int64_t>SMALL_PART_BYTES):
            return NO_ROOM
        part = min(part, min(<int64_t>left, <int64_t>h2.FRAME_BYTES_MAX))
        part = min(part, min(peer.send_window, stream.send_window))
        if part <= 0:
            return NO_WINDOW
        write_data(peer, stream, out + used[0], <uint32_t>part)
        used[0] += FRAME_HEAD_BYTES + <size_t>part
    if stream.is_watch and not stream.is_ending:
        return DONE
    if stream.is_watch:
        if not write_block(
            peer, stream.id, h2.END_STREAM, WATCH_TRAILERS, WATCH_TRAILERS_BYTES, out, used, capacity):
            return NO_ROOM
    elif not write_block(peer, stream.id, h2.END_STREAM, REPLY_TRAILERS, REPLY_TRAILERS_BYTES, out, used, capacity):
        return NO_ROOM
    end_stream(peer, stream)
    return DONE


cdef inline void count_frame(Peer* peer) noexcept nogil:
    """An answer of ours makes room for the peer's chatter."""
    peer.last_ping_ns = 0
    peer.ping_strikes = 0
    peer.noise_left = min(<int32_t>h2.NOISE_MAX, peer.noise_left + <int32_t>h2.NOISE_PER_FRAME_SENT)


cdef inline bint write_block(
    Peer* peer, int32_t id, uint8_t flags, const uint8_t* block, size_t size, uint8_t* out, size_t* used, size_t capacity
) noexcept nogil:
    """A block of headers in one frame. False: there is no room."""
    cdef uint8_t* at = out + used[0]
    if capacity - used[0] < FRAME_HEAD_BYTES + 1 + size:
        return False
    if peer.must_shrink:
        (at + FRAME_HEAD_BYTES)[0] = SHRINK_TABLE
        memcpy(at + FRAME_HEAD_BYTES + 1, block, size)
        size += 1
        peer.must_shrink = False
        peer.has_shrunk = True
    else:
        memcpy(at + FRAME_HEAD_BYTES, block, size)
    write_head(at, size, h2.HEADERS, flags | h2.END_HEADERS, id)
    used[0] += FRAME_HEAD_BYTES + size
    count_frame(peer)
    return True


cdef bint write_trailers(Peer* peer, Stream* stream, uint8_t* out, size_t* used, size_t capacity) noexcept nogil:
    """The whole answer, in as many frames as it takes. False: there is no room."""
    cdef uint32_t done = 0, part
    cdef uint8_t kind = h2.HEADERS, flags
    cdef uint8_t* at = out + used[0]
    if stream.trailers_size < h2.FRAME_BYTES_MAX:
        return write_block(
            peer, stream.id, h2.END_STREAM, stream.trailers, stream.trailers_size, out, used, capacity)
    if capacity - used[0] < stream.trailers_size + 4 * FRAME_HEAD_BYTES + 1:
        return False
    while done < stream.trailers_size:
        part = min(<uint32_t>(h2.FRAME_BYTES_MAX - 1), stream.trailers_size - done)
        flags = h2.END_STREAM if done == 0 else 0
        if done + part == stream.trailers_size:
            flags |= h2.END_HEADERS
        if done == 0 and peer.must_shrink:
            write_head(at, part + 1, kind, flags, stream.id)
            (at + FRAME_HEAD_BYTES)[0] = SHRINK_TABLE
            at += 1
            peer.must_shrink = False
            peer.has_shrunk = True
        else:
            write_head(at, part, kind, flags, stream.id)
        memcpy(at + FRAME_HEAD_BYTES, stream.trailers + done, part)
        at += FRAME_HEAD_BYTES + part
        done += part
        kind = h2.CONTINUATION
    used[0] = <size_t>(at - out)
    count_frame(peer)
    return True


cdef inline void write_data(Peer* peer, Stream* stream, uint8_t* at, uint32_t size) noexcept nogil:
    """The next bytes of the message, prefix first."""
    cdef uint32_t offset = stream.reply_offset, rest = size
    cdef uint8_t[streams.PREFIX_BYTES] prefix
    cdef uint32_t part
    write_head(at, size, h2.DATA, 0, stream.id)
    at += FRAME_HEAD_BYTES
    if offset < streams.PREFIX_BYTES:
        prefix[0] = 0
        write32(prefix + 1, stream.reply_size)
        part = min(<uint32_t>streams.PREFIX_BYTES - offset, rest)
        memcpy(at, prefix + offset, part)
        at += part
        offset += part
        rest -= part
    if rest:
        memcpy(at, stream.reply + (offset - streams.PREFIX_BYTES), rest)
    stream.reply_offset = offset + rest
    peer.send_window -= size
    stream.send_window -= size
    count_frame(peer)
