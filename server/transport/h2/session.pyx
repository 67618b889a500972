"""One HTTP/2 connection: the callbacks of its nghttp2 session, and how answers are handed to it.

Invariants: no callback touches a Python object, so none can raise; a stream is freed once, by the connection, after
nghttp2 closed it; a peer that resets, pings or chatters beyond its budget ends its connection in the middle of the
read, with ENHANCE_YOUR_CALM. Budgets count what reaches us, and resets we are made to send as well: both ways of
making a server work for calls nobody waits for. Never here: what a call means, the transport.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset, strlen

cimport altyn.server.transport.h2.nghttp2 as ng
cimport altyn.server.transport.h2.semantics as semantics
cimport altyn.server.transport.h2.stream as streams
from altyn.server.transport.h2.stream cimport Front, Stream

cdef enum:
    NO_COPY = ng.NGHTTP2_NV_FLAG_NO_COPY_NAME | ng.NGHTTP2_NV_FLAG_NO_COPY_VALUE
    NO_COPY_NAME = ng.NGHTTP2_NV_FLAG_NO_COPY_NAME
    FRAME_HEAD_BYTES = 9
    GOAWAY_FIXED_BYTES = FRAME_HEAD_BYTES + 8
    PREFACE_BYTES = 24
    SETTINGS_NO_RFC7540_PRIORITIES = 9  # older headers do not name it

cdef ng.nghttp2_session_callbacks* callbacks = NULL
cdef ng.nghttp2_option* option = NULL


# ---- fields we send

cdef inline ng.nghttp2_nv field(const char* name, size_t name_size, const char* value, size_t value_size, uint8_t flags) noexcept nogil:
    cdef ng.nghttp2_nv made
    made.name = <uint8_t*>name
    made.namelen = name_size
    made.value = <uint8_t*>value
    made.valuelen = value_size
    made.flags = flags
    return made


cdef int session_answer(Peer* peer, Stream* stream) noexcept nogil:
    """Send the message that `reply` points to; it stays alive until the stream is freed."""
    cdef ng.nghttp2_nv[2] fields
    cdef ng.nghttp2_data_provider provider
    fields[0] = field(b":status", 7, b"200", 3, NO_COPY)
    fields[1] = field(b"content-type", 12, b"application/grpc", 16, NO_COPY)
    provider.source.ptr = stream
    provider.read_callback = read_reply
    stream.state = streams.ANSWERING
    return ng.nghttp2_submit_response(peer.session, stream.id, fields, 2, &provider)


cdef ssize_t read_reply(
    ng.nghttp2_session* session, int32_t id, uint8_t* buffer, size_t size, uint32_t* data_flags,
    ng.nghttp2_data_source* source, void* user_data
) noexcept nogil:
    """As much of the message as fits; after the last of it, the trailers."""
    cdef Stream* stream = <Stream*>source.ptr
    cdef uint32_t total = stream.reply_size + streams.PREFIX_BYTES
    cdef size_t part, done = 0
    cdef ng.nghttp2_nv[2] fields
    if stream.is_watch and not next_message(stream):
        if not stream.is_ending:
            return ng.NGHTTP2_ERR_DEFERRED
        total = stream.reply_offset
    while stream.reply_offset < streams.PREFIX_BYTES and done < size and stream.reply_offset < total:
        buffer[done] = 0 if stream.reply_offset == 0 else <uint8_t>(stream.reply_size >> (8 * (4 - stream.reply_offset)))
        done += 1
        stream.reply_offset += 1
    if stream.reply_offset >= streams.PREFIX_BYTES and stream.reply_offset < total:
        part = total - stream.reply_offset
        if part > size - done:
            part = size - done
        memcpy(buffer + done, stream.reply + (stream.reply_offset - streams.PREFIX_BYTES), part)
        done += part
        stream.reply_offset += <uint32_t>part
    if stream.reply_offset == total and (not stream.is_watch or stream.is_ending):
        data_flags[0] |= ng.NGHTTP2_DATA_FLAG_EOF | ng.NGHTTP2_DATA_FLAG_NO_END_STREAM
        if stream.is_watch:
            fields[0] = field(b"grpc-status", 11, b"14", 2, NO_COPY)
            fields[1] = field(b"grpc-message", 12, b"the server is stopping", 22, NO_COPY)
        else:
            fields[0] = field(b"grpc-status", 11, b"0", 1, NO_COPY)
        if ng.nghttp2_submit_trailer(session, id, fields, 2 if stream.is_watch else 1) != 0:
            return ng.NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
    return done


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


cdef int session_say(Peer* peer, Stream* stream, int32_t watched) noexcept nogil:
    """A watch has news."""
    cdef bint is_new = not stream.is_watch
    stream.watched = watched
    if is_new:
        stream.is_watch = True
        stream.reply_size = 0
        stream.reply_offset = streams.PREFIX_BYTES
        return session_answer(peer, stream)
    if stream.watched != stream.watched_said:
        ng.nghttp2_session_resume_data(peer.session, stream.id)  # refused when it is not deferred: then it is asked anyway
    return 0


cdef int session_end_watch(Peer* peer, Stream* stream) noexcept nogil:
    stream.is_ending = True
    ng.nghttp2_session_resume_data(peer.session, stream.id)
    return 0


cdef int session_refuse(
    Peer* peer, Stream* stream, int status, const uint8_t* message, size_t message_size, const uint8_t* details,
    size_t details_size
) noexcept nogil:
    """Trailers alone. `message` is percent-encoded, `details` is base64; either may be empty. Both are copied."""
    cdef ng.nghttp2_nv[5] fields
    cdef size_t count = 3
    cdef const char* digits = semantics.status_text(status)
    fields[0] = field(b":status", 7, b"200", 3, NO_COPY)
    fields[1] = field(b"content-type", 12, b"application/grpc", 16, NO_COPY)
    fields[2] = field(b"grpc-status", 11, digits, strlen(digits), NO_COPY)
    if message_size:
        fields[count] = field(b"grpc-message", 12, <const char*>message, message_size, NO_COPY_NAME)
        count += 1
    if details_size:
        fields[count] = field(b"grpc-status-details-bin", 23, <const char*>details, details_size, NO_COPY_NAME)
        count += 1
    stream.state = streams.ANSWERING
    return ng.nghttp2_submit_response(peer.session, stream.id, fields, count, NULL)


cdef int session_refuse_early(Peer* peer, Stream* stream) noexcept nogil:
    """What the stream was refused with before it was a call."""
    cdef ng.nghttp2_nv[5] fields
    cdef size_t count = 3
    cdef int failed
    cdef const char* digits = semantics.status_text(stream.status)
    stream.state = streams.ANSWERING
    if stream.http_status != 200:
        fields[0] = field(b":status", 7, b"415" if stream.http_status == 415 else b"405", 3, NO_COPY)
        failed = ng.nghttp2_submit_response(peer.session, stream.id, fields, 1, NULL)
    else:
        fields[0] = field(b":status", 7, b"200", 3, NO_COPY)
        fields[1] = field(b"content-type", 12, b"application/grpc", 16, NO_COPY)
        fields[2] = field(b"grpc-status", 11, digits, strlen(digits), NO_COPY)
        if stream.message != NULL:
            fields[3] = field(b"grpc-message", 12, stream.message, strlen(stream.message), NO_COPY)
            count = 4
        if stream.status == semantics.GRPC_UNIMPLEMENTED:
            fields[count] = field(b"grpc-accept-encoding", 20, b"identity", 8, NO_COPY)
            count += 1
        failed = ng.nghttp2_submit_response(peer.session, stream.id, fields, count, NULL)
    return failed


# ---- lists of streams

cdef inline void put_ready(Peer* peer, Stream* stream) noexcept nogil:
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


cdef Stream* session_next_ready(Peer* peer) noexcept nogil:
    """The next one to answer, closed or not; NULL: none."""
    cdef Stream* stream = peer.ready
    if stream != NULL:
        peer.ready = stream.next_ready
        if peer.ready == NULL:
            peer.ready_last = NULL
        stream.in_ready = False
    return stream


cdef Stream* session_next_closed(Peer* peer) noexcept nogil:
    """The next one that nghttp2 has closed; NULL: none. Only while none is ready."""
    cdef Stream* stream = peer.closed
    if stream != NULL:
        peer.closed = stream.next_closed
    return stream


cdef void session_forget(Peer* peer, Stream* stream) noexcept nogil:
    """Unlink and free."""
    if stream.previous == NULL:
        peer.streams = stream.next
    else:
        stream.previous.next = stream.next
    if stream.next != NULL:
        stream.next.previous = stream.previous
    peer.streams_count -= 1
    if peer.current == stream:
        peer.current = NULL
    streams.stream_free(peer.front, stream, &peer.request_bytes)


# ---- callbacks

cdef inline int give_up(Peer* peer, const char* why) noexcept nogil:
    peer.fault = why
    return ng.NGHTTP2_ERR_CALLBACK_FAILURE


cdef int on_begin_frame(ng.nghttp2_session* session, const ng.nghttp2_frame_hd* head, void* user_data) noexcept nogil:
    """What a frame costs before it is looked at. Frames that nghttp2 ignores are not told of: see session_feed."""
    cdef Peer* peer = <Peer*>user_data
    peer.hidden_bytes -= FRAME_HEAD_BYTES + <int64_t>head.length
    if head.type == ng.NGHTTP2_HEADERS:
        return 0
    if head.type == ng.NGHTTP2_DATA:
        if head.length < streams.PREFIX_BYTES + TINY_DATA_BYTES and not head.flags & ng.NGHTTP2_FLAG_END_STREAM:
            peer.noise_left -= 1
    elif head.type == ng.NGHTTP2_RST_STREAM:
        peer.resets_left -= 1
        if peer.resets_left < 0:
            return give_up(peer, b"too_many_resets")
    elif head.type == ng.NGHTTP2_SETTINGS and not head.flags & ng.NGHTTP2_FLAG_ACK:
        peer.noise_left -= SETTINGS_NOISE
    elif head.type == ng.NGHTTP2_CONTINUATION:
        peer.noise_left -= CONTINUATION_NOISE
    else:
        peer.noise_left -= 1
    if peer.noise_left < 0:
        return give_up(peer, b"too_many_frames_without_a_call")
    return 0


cdef int on_begin_headers(ng.nghttp2_session* session, const ng.nghttp2_frame* frame, void* user_data) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    cdef Stream* stream
    peer.header_bytes = 0
    peer.in_headers = True
    peer.current = NULL
    if frame.headers.cat != ng.NGHTTP2_HCAT_REQUEST:
        return 0  # trailers of a request: nobody asks for them
    stream = streams.stream_new(peer.front, frame.hd.stream_id, peer.now_ns)
    if stream == NULL or ng.nghttp2_session_set_stream_user_data(session, frame.hd.stream_id, stream) != 0:
        if stream != NULL:
            streams.stream_free(peer.front, stream, &peer.request_bytes)
        return ng.NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
    stream.next = peer.streams
    if peer.streams != NULL:
        peer.streams.previous = stream
    peer.streams = stream
    peer.streams_count += 1
    peer.current = stream
    return 0


cdef int on_header(
    ng.nghttp2_session* session, const ng.nghttp2_frame* frame, const uint8_t* name, size_t name_size,
    const uint8_t* value, size_t value_size, uint8_t flags, void* user_data
) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    peer.header_bytes += <int32_t>(name_size + value_size + 32)
    if peer.header_bytes > HEADER_BLOCK_BYTES_MAX:
        return give_up(peer, b"headers_too_large")
    if peer.current == NULL:
        return 0
    if peer.header_bytes > streams.HEADER_LIST_BYTES_MAX:
        streams.stream_refuse(peer.current, semantics.GRPC_RESOURCE_EXHAUSTED, b"metadata is longer than 8192 bytes")
        return 0
    streams.stream_take_field(peer.front, peer.current, name, name_size, value, value_size)
    return 0


cdef int on_frame_recv(ng.nghttp2_session* session, const ng.nghttp2_frame* frame, void* user_data) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    cdef Stream* stream
    if frame.hd.type == ng.NGHTTP2_DATA or frame.hd.type == ng.NGHTTP2_HEADERS:
        stream = peer.current
        if frame.hd.type == ng.NGHTTP2_HEADERS:
            peer.in_headers = False
            peer.current = NULL
            if stream != NULL:
                streams.stream_end_fields(stream)
        if stream == NULL or stream.id != frame.hd.stream_id:
            stream = <Stream*>ng.nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
        if stream == NULL:
            return 0
        if frame.hd.flags & ng.NGHTTP2_FLAG_END_STREAM:
            stream.has_ended = True
            streams.stream_end_request(stream)
            put_ready(peer, stream)
        elif stream.status != 0 or stream.http_status != 200:
            put_ready(peer, stream)
    elif frame.hd.type == ng.NGHTTP2_PING:
        if not frame.hd.flags & ng.NGHTTP2_FLAG_ACK:
            return take_ping(peer)
    elif frame.hd.type == ng.NGHTTP2_SETTINGS:
        peer.has_settings = True
    return 0


cdef inline int take_ping(Peer* peer) noexcept nogil:
    if peer.last_ping_ns != 0 and peer.now_ns - peer.last_ping_ns < peer.ping_interval_ns:
        peer.ping_strikes += 1
        if peer.ping_strikes > PING_STRIKES_MAX:
            return give_up(peer, b"too_many_pings")
    peer.last_ping_ns = peer.now_ns
    return 0


cdef int on_data_chunk(
    ng.nghttp2_session* session, uint8_t flags, int32_t id, const uint8_t* chunk, size_t size, void* user_data
) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    cdef Stream* stream = <Stream*>ng.nghttp2_session_get_stream_user_data(session, id)
    if stream != NULL and stream.state == streams.RECEIVING:
        streams.stream_take_chunk(peer.front, stream, &peer.request_bytes, chunk, size)
    return 0


cdef int on_frame_send(ng.nghttp2_session* session, const ng.nghttp2_frame* frame, void* user_data) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    cdef Stream* stream
    if frame.hd.type == ng.NGHTTP2_DATA or frame.hd.type == ng.NGHTTP2_HEADERS:
        peer.last_ping_ns = 0
        peer.ping_strikes = 0
        if frame.hd.flags & ng.NGHTTP2_FLAG_END_STREAM:
            stream = <Stream*>ng.nghttp2_session_get_stream_user_data(session, frame.hd.stream_id)
            if stream != NULL and not stream.has_ended:
                # It was refused while it was still coming: the rest is not wanted.
                ng.nghttp2_submit_rst_stream(session, ng.NGHTTP2_FLAG_NONE, stream.id, ng.NGHTTP2_NO_ERROR)
        peer.noise_left += NOISE_PER_FRAME_SENT
        if peer.noise_left > NOISE_MAX:
            peer.noise_left = NOISE_MAX
    elif frame.hd.type == ng.NGHTTP2_RST_STREAM and frame.rst_stream.error_code != ng.NGHTTP2_NO_ERROR:
        peer.resets_left -= 1
        if peer.resets_left < 0:
            return give_up(peer, b"too_many_resets")
    return 0


cdef int on_stream_close(ng.nghttp2_session* session, int32_t id, uint32_t error_code, void* user_data) noexcept nogil:
    cdef Peer* peer = <Peer*>user_data
    cdef Stream* stream = <Stream*>ng.nghttp2_session_get_stream_user_data(session, id)
    if stream != NULL and not stream.is_closed:
        stream.is_closed = True
        streams.stream_drop_body(peer.front, stream, &peer.request_bytes)
        stream.next_closed = peer.closed
        peer.closed = stream
        if peer.current == stream:
            peer.current = NULL
    return 0


# ---- the session

cdef int session_open(Peer* peer, Front* front, int64_t now_ns, int64_t ping_interval_ns) noexcept nogil:
    """Not 0: there is no memory. `ping_interval_ns`: pings that come sooner, without an answer between, are strikes."""
    cdef ng.nghttp2_settings_entry[4] entries
    memset(peer, 0, sizeof(Peer))
    peer.front = front
    peer.now_ns = peer.refilled_ns = now_ns
    peer.ping_interval_ns = ping_interval_ns
    peer.resets_left = RESETS_MAX
    peer.noise_left = NOISE_MAX
    peer.hidden_bytes = -<int64_t>PREFACE_BYTES
    if callbacks == NULL or option == NULL:
        return -1
    if ng.nghttp2_session_server_new2(&peer.session, callbacks, peer, option) != 0:
        peer.session = NULL
        return -1
    entries[0].settings_id = ng.NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
    entries[0].value = STREAMS_MAX
    entries[1].settings_id = ng.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
    entries[1].value = WINDOW_BYTES
    entries[2].settings_id = ng.NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE
    entries[2].value = streams.HEADER_LIST_BYTES_MAX
    # Replies go out in the order they are ready; trees of priorities are only work.
    entries[3].settings_id = SETTINGS_NO_RFC7540_PRIORITIES
    entries[3].value = 1
    if ng.nghttp2_submit_settings(peer.session, ng.NGHTTP2_FLAG_NONE, entries, 4) != 0:
        return -1
    return ng.nghttp2_session_set_local_window_size(peer.session, ng.NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW_BYTES)


cdef void session_close(Peer* peer) noexcept nogil:
    """Free all that is left. The connection has given up its references before."""
    if peer.session != NULL:
        ng.nghttp2_session_del(peer.session)
        peer.session = NULL
    peer.ready = peer.ready_last = peer.closed = NULL
    while peer.streams != NULL:
        session_forget(peer, peer.streams)


cdef int session_feed(Peer* peer, const uint8_t* start, size_t size) noexcept nogil:
    """0, or the error that ends the connection."""
    cdef ssize_t taken
    cdef int64_t ignored
    # A frame that has begun is subtracted whole: what stays above 0 is of frames that were ignored.
    peer.hidden_bytes += <int64_t>size
    taken = ng.nghttp2_session_mem_recv(peer.session, start, size)
    if taken < 0:
        return <int>taken
    if peer.hidden_bytes >= IGNORED_BYTES_PER_NOISE:
        ignored = peer.hidden_bytes // IGNORED_BYTES_PER_NOISE
        peer.hidden_bytes -= ignored * IGNORED_BYTES_PER_NOISE
        peer.noise_left -= <int32_t>ignored
        if peer.noise_left < 0:
            return give_up(peer, b"too_many_frames_without_a_call")
    return 0


cdef void session_refill(Peer* peer, int64_t now_ns) noexcept nogil:
    """Give back what the time since the last turn allows."""
    cdef int64_t elapsed_ms = (now_ns - peer.refilled_ns) // 1_000_000
    cdef int32_t turns
    if elapsed_ms < 1_000:
        return
    turns = <int32_t>(elapsed_ms // 1_000) if elapsed_ms < 60_000 else 60
    peer.refilled_ns = now_ns
    peer.resets_left = min(<int32_t>RESETS_MAX, peer.resets_left + turns * RESETS_PER_S)
    peer.noise_left = min(<int32_t>NOISE_MAX, peer.noise_left + turns * NOISE_PER_S)


cdef size_t goaway_frame(Peer* peer, uint8_t* frame) noexcept nogil:
    """A GOAWAY that says `fault`, for a session that cannot send any more; 128 bytes are enough for it."""
    cdef size_t text_size = strlen(peer.fault), i
    cdef uint32_t last = <uint32_t>ng.nghttp2_session_get_last_proc_stream_id(peer.session)
    memset(frame, 0, GOAWAY_FIXED_BYTES)
    frame[2] = <uint8_t>(8 + text_size)
    frame[3] = ng.NGHTTP2_GOAWAY
    for i in range(4):
        frame[9 + i] = <uint8_t>(last >> (8 * (3 - i)))
    frame[16] = ng.NGHTTP2_ENHANCE_YOUR_CALM
    memcpy(frame + GOAWAY_FIXED_BYTES, peer.fault, text_size)
    return GOAWAY_FIXED_BYTES + text_size


cdef int prepare() except -1:
    """Callbacks and options, shared by all sessions."""
    global callbacks, option
    if ng.nghttp2_session_callbacks_new(&callbacks) != 0 or ng.nghttp2_option_new(&option) != 0:
        raise MemoryError
    ng.nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame)
    ng.nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers)
    ng.nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header)
    ng.nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv)
    ng.nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send)
    ng.nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk)
    ng.nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close)
    ng.nghttp2_option_set_no_closed_streams(option, 1)
    ng.nghttp2_option_set_max_outbound_ack(option, ACKS_WAITING_MAX)
    ng.nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX)
    return 0


prepare()
