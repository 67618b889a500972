"""One register's connection: bytes from the transport to the frames, calls from the frames to the call table.

A read is taken whole; then the calls it completed are begun, oldest first; then all there is to say goes out in one
write. A reply that must wait for the journal is sent when it is released, with all others of its connection.
Invariants: a call that was reset, or whose deadline has passed, before its turn is not begun; a caller that leaves
cancels its own wait and nothing else; references held by streams are given back once, when the stream is freed; a peer
that does not read is not read from, and sent away after a while; with TLS nothing of HTTP/2 is said or heard before
hands are shaken. Never here: what a call means.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

import asyncio
from ssl import SSLError

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

cimport altyn.server.transport.h2.frames as frames
cimport altyn.server.transport.h2.peer as h2
cimport altyn.server.transport.h2.replies as replies
cimport altyn.server.transport.h2.semantics as semantics
cimport altyn.server.transport.h2.stream as streams
from altyn.server.meters cimport now_ns
from altyn.server.slots cimport PendingReply
from altyn.server.transport.h2.lobby cimport CALL, HEALTH_CHECK, TRACED_CALL, Lobby, Method
from altyn.server.transport.h2.secured cimport Secured
from altyn.server.transport.h2.stream cimport Stream

from altyn.core.engine import CallRefused
from altyn.server.transport.status import name_of, trailers_of
from altyn.server.transport.tls import peer_certificate

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT, MSG_NOSIGNAL, SOL_SOCKET, SO_RCVBUF
    ssize_t send_bytes "send"(int socket, const void* data, size_t size, int flags)
    int setsockopt(int socket, int level, int name, const void* value, unsigned int size)

cdef enum:
    OUT_BYTES = 64 << 10
    REPLY_BYTES_MAX = 64 << 20
    UNKNOWN_SERVICE = 3  # health's SERVICE_UNKNOWN

cdef int64_t GOODBYE_AFTER_NS = 50_000_000  # for calls already on their way when the notice is sent
cdef int64_t CLOSE_NS = 2_000_000_000  # to take what was sent, once the connection is over
cdef int64_t DROPPED_BYTES_MAX = 256 << 10  # of what comes meanwhile: enough for what was on its way as a rule
cdef int KEPT_BYTES = 4_096
cdef uint8_t[OUT_BYTES] out


@cython.final
cdef class Waiting:
    """A call whose reply is not there yet; called when it is."""

    def __call__(self, future):
        cdef Stream* stream = self.stream
        if stream == NULL or stream.is_closed:
            if not future.cancelled():
                future.exception()  # nobody hears of it; asyncio wants it looked at
            return
        self.connection.settle(stream, self, future)

    cdef int leave(self, str code, str reason) except -1:
        """Nobody waits any more; the operation goes on by itself."""
        self.stream = NULL
        self.method.meter.refused(self.begun_ns, code, reason)
        self.future.cancel()
        return 0


cdef class Connection:
    """A protocol for asyncio. `origin`: where its peer has entered from; it is counted out when the connection is lost.
    `ends_ns`: when it is old enough to be asked to come anew. `context`: of TLS; None serves plaintext.
    """

    def __init__(self, Lobby lobby not None, str origin not None, int64_t ends_ns, context=None):
        self.lobby = lobby
        self.origin = origin
        self.ends_ns = ends_ns
        self.context = context

    def __dealloc__(self):
        # Only a connection that was never lost has anything left; its references went with connection_lost.
        frames.peer_close(&self.peer)

    # ---- what the transport says

    def connection_made(self, transport):
        self.is_made = True
        self.made_ns = now_ns()
        self.transport = transport
        plain = transport.get_extra_info("socket")
        self.socket = plain.fileno() if plain is not None else -1
        self.lobby.connections.add(self)
        if self.context is None:
            self.open()
        else:
            self.secured = Secured(self.context)

    cdef int open(self) except -1:
        """Say hello."""
        cdef int64_t opened_ns = now_ns()
        self.made_ns = self.used_ns = opened_ns
        if frames.peer_open(&self.peer, &self.lobby.front, opened_ns, self.lobby.ping_interval_ns) != 0:
            self.is_over = True
            self.transport.abort()
            return 0
        self.is_open = True
        return self.flush()

    def get_buffer(self, size_hint):
        return self.lobby.buffer

    def buffer_updated(self, Py_ssize_t count):
        cdef const uint8_t* start = self.lobby.start
        if self.is_over:
            self.dropped_bytes += count
            if self.dropped_bytes >= DROPPED_BYTES_MAX:
                # Who does not listen may go on for ever; unread, it waits for us instead of us for it.
                self.transport.pause_reading()
            return
        if self.context is not None:
            start = self.lobby.plain_start
            count = self.unsealed(count)
            if count == 0:
                return
        self.peer.now_ns = now_ns()
        if frames.peer_feed(&self.peer, start, <size_t>count) != 0:
            self.give_up()
            return
        self.answer_ready()
        self.flush()

    cdef Py_ssize_t unsealed(self, Py_ssize_t count) except -1:
        """What came, opened into the lobby's other buffer: how many bytes; 0: nothing for the frames."""
        cdef Secured secured = self.secured
        try:
            secured.take(self.lobby.buffer[:count])
            if not self.is_open:
                if not secured.shake():
                    self.pass_on(secured.to_send())
                    return 0
                self.certificate = peer_certificate(secured.session)
                self.open()
                if self.is_over:
                    return 0
            count = secured.open(self.lobby.plain)
        except SSLError:
            self.break_tls("broken_tls" if self.is_open else "no_handshake")
            return 0
        self.pass_on(secured.to_send())
        if count >= 0:
            return count
        self.close()  # it has said that nothing more comes
        return 0

    def eof_received(self):
        return False

    def pause_writing(self):
        self.is_paused = True
        self.paused_ns = now_ns()
        if not self.is_over:
            self.transport.pause_reading()

    def resume_writing(self):
        self.is_paused = False
        if not self.is_over:
            self.transport.resume_reading()
            self.flush_soon()

    def connection_lost(self, error):
        cdef Stream* stream = self.peer.streams
        self.is_over = True
        while stream != NULL:
            self.drop(stream)
            stream = stream.next
        frames.peer_close(&self.peer)
        self.lobby.connections.discard(self)
        self.lobby.leave(self.origin)
        self.secured = self.transport = None

    # ---- calls

    cdef int answer_ready(self) except -1:
        cdef Stream* stream
        while True:
            stream = frames.peer_next_ready(&self.peer)
            if stream == NULL:
                return 0
            if stream.is_closed:
                continue  # reset before its turn
            if stream.status == 0 and stream.http_status == 200:
                self.begin(stream)
                if self.peer.fault != NULL:
                    return self.give_up()
            else:
                streams.stream_drop_body(&self.lobby.front, stream, &self.peer.request_bytes)
                self.count_early(stream)
                replies.refuse_early(&self.peer, stream)

    cdef int begin(self, Stream* stream) except -1:
        cdef Method method = <Method>self.lobby.methods[stream.path]
        cdef bytes request = PyBytes_FromStringAndSize(<const char*>stream.body, stream.body_size)
        cdef Waiting waiting
        cdef int64_t begun_ns
        cdef tuple metadata = self.metadata_of(stream)
        streams.stream_drop_body(&self.lobby.front, stream, &self.peer.request_bytes)
        stream.state = streams.RUNNING
        if method.kind != CALL:
            if method.kind != TRACED_CALL:
                return self.begin_health(stream, method, request)
            metadata += self.trace_of(stream)
        begun_ns = self.used_ns = method.meter.begin()
        if stream.deadline_ns != 0 and stream.deadline_ns <= begun_ns:
            method.meter.refused(begun_ns, "DEADLINE_EXCEEDED", "DEADLINE_PASSED")
            return self.refuse_plainly(stream, semantics.GRPC_DEADLINE_EXCEEDED, b"the deadline has passed")
        scope = None
        try:
            self.lobby.admit(begun_ns, <void*>self, &self.turn)
            scope = method.authenticate(metadata, self.certificate)
            self.peer.strange_calls = 0
            reply = method.call(request, scope)
        except CallRefused as refused:
            if refused.code == "UNAUTHENTICATED":
                frames.peer_stranger(&self.peer)
            method.meter.refused(begun_ns, refused.code, refused.reason)
            self.lobby.refusals.refused(method.meter.method, refused, request, scope)
            return self.refuse(stream, refused)
        except Exception as error:
            return self.fail(stream, method, begun_ns, error, request, scope)
        if type(reply) is bytes:
            method.meter.answered(begun_ns, <bytes>reply)
            return self.answer(stream, <bytes>reply)
        waiting = Waiting.__new__(Waiting)
        waiting.method, waiting.request, waiting.scope, waiting.begun_ns = method, request, scope, begun_ns
        return self.wait_for(stream, waiting, reply)

    cdef tuple metadata_of(self, Stream* stream):
        """What `authenticate` reads: the one field doors look at. A register sends the same one again and again."""
        cdef size_t size
        if stream.credential == NULL:
            return ()
        size = stream.credential.size
        if self.authorization is None or <size_t>PyBytes_GET_SIZE(self.authorization) != size or memcmp(
            PyBytes_AS_STRING(self.authorization), stream.credential.bytes, size
        ) != 0:
            self.authorization = PyBytes_FromStringAndSize(<const char*>stream.credential.bytes, <Py_ssize_t>size)
            self.metadata = (("authorization", self.authorization.decode("latin-1")),)
        return self.metadata

    cdef tuple trace_of(self, Stream* stream):
        """The field that tells which trace the call belongs to."""
        cdef h2.Trace* trace = h2.trace_at(&self.peer, stream.id) if self.peer.traces != NULL else NULL
        if trace == NULL or trace.stream != stream.id:
            return ()
        return (("traceparent", trace.text[:h2.TRACE_BYTES].decode("latin-1")),)

    cdef int wait_for(self, Stream* stream, Waiting waiting, reply) except -1:
        waiting.connection = self
        waiting.future = reply if type(reply) is PendingReply else asyncio.ensure_future(reply)
        waiting.stream = stream
        Py_INCREF(waiting)
        stream.waiting = <void*>waiting
        waiting.future.add_done_callback(waiting)
        return 0

    cdef int settle(self, Stream* stream, Waiting waiting, future) except -1:
        """The reply, or why there is none. `waiting` is kept alive by whoever calls it."""
        cdef Method method = waiting.method
        waiting.stream = NULL
        stream.waiting = NULL
        Py_DECREF(waiting)
        try:
            reply = future.result()
            if type(reply) is not bytes:
                raise TypeError(f"a call answered with {type(reply).__name__}")
        except CallRefused as refused:
            method.meter.refused(waiting.begun_ns, refused.code, refused.reason)
            self.lobby.refusals.refused(method.meter.method, refused, waiting.request, waiting.scope)
            self.refuse(stream, refused)
        except asyncio.CancelledError:
            method.meter.refused(waiting.begun_ns, "CANCELLED", "STOPPED")
            self.refuse_plainly(stream, semantics.GRPC_CANCELLED, b"the call was cancelled")
        except Exception as error:
            self.fail(stream, method, waiting.begun_ns, error, waiting.request, waiting.scope)
        else:
            method.meter.answered(waiting.begun_ns, <bytes>reply)
            self.answer(stream, <bytes>reply)
        return self.flush_soon()

    cdef int answer(self, Stream* stream, bytes reply) except -1:
        if PyBytes_GET_SIZE(reply) > REPLY_BYTES_MAX:
            return self.refuse_plainly(stream, semantics.GRPC_RESOURCE_EXHAUSTED, b"the reply is too long")
        Py_INCREF(reply)
        stream.reply_owner = <void*>reply
        stream.reply = <const uint8_t*>PyBytes_AS_STRING(reply)
        stream.reply_size = <uint32_t>PyBytes_GET_SIZE(reply)
        replies.answer(&self.peer, stream)
        return 0

    cdef int fail(self, Stream* stream, Method method, int64_t begun_ns, error, bytes request, scope) except -1:
        """A fault of ours: told to the operator, not to the caller."""
        method.meter.refused(begun_ns, "INTERNAL", "FAULT")
        self.lobby.refusals.failed(method.meter.method, error, request, scope)
        return self.refuse_plainly(stream, semantics.GRPC_INTERNAL, b"a fault of the server")

    cdef int refuse(self, Stream* stream, refused) except -1:
        cdef bytes message, details
        code, message, details = trailers_of(refused.code, refused.reason, refused.field, refused.message)
        message = semantics.percent_encoded(message)
        replies.refuse(&self.peer, stream, code, message, <size_t>PyBytes_GET_SIZE(message), details,
                       <size_t>PyBytes_GET_SIZE(details))
        return 0

    cdef int refuse_plainly(self, Stream* stream, int status, bytes message) except -1:
        """With a status and a text; nothing a program could read."""
        replies.refuse(&self.peer, stream, status, message, <size_t>PyBytes_GET_SIZE(message), NULL, 0)
        return 0

    cdef int count_early(self, Stream* stream) except -1:
        """A refusal before the call table, where it is known of which method."""
        cdef Method method
        if stream.path != streams.NO_PATH and stream.http_status == 200:
            method = <Method>self.lobby.methods[stream.path]
            method.meter.refused(method.meter.begin(), name_of(stream.status), "NOT_A_CALL")
        return 0

    # ---- health

    cdef int begin_health(self, Stream* stream, Method method, bytes request) except -1:
        try:
            service = health_pb2.HealthCheckRequest.FromString(request).service
        except DecodeError:
            return self.refuse_plainly(stream, semantics.GRPC_INTERNAL, b"the request is malformed")
        status = self.lobby.serving.get(service)
        if method.kind == HEALTH_CHECK:
            if status is None:
                return self.refuse_plainly(stream, semantics.GRPC_NOT_FOUND, b"unknown service")
            return self.answer(stream, bytes((0x08, status)) if status else b"")
        Py_INCREF(service)
        stream.watched_service = <void*>service
        replies.say(&self.peer, stream, UNKNOWN_SERVICE if status is None else status)
        if self.is_draining:
            replies.end_watch(&self.peer, stream)
        return 0

    cpdef int say(self, str service, int status) except -1:
        cdef Stream* stream = self.peer.streams
        while stream != NULL:
            if stream.is_watch and not stream.is_closed and <str>stream.watched_service == service:
                replies.say(&self.peer, stream, status)
            stream = stream.next
        return self.flush()

    # ---- sending

    cdef int flush_soon(self) except -1:
        """With the others that were answered in this turn."""
        if not self.is_dirty:
            self.is_dirty = True
            self.lobby.flush_soon(self)
        return 0

    def flush_now(self):
        self.is_dirty = False
        self.flush()

    cdef int flush(self) except -1:
        """Everything there is to say, in one write as a rule."""
        cdef size_t used
        if self.is_over or self.transport is None or not self.is_open:
            return 0
        while not self.is_paused and not self.is_over and self.peer.fault == NULL:
            used = replies.pull(&self.peer, out, OUT_BYTES)
            if used == 0:
                break
            self.send(used)
        self.reap()
        if self.peer.fault != NULL and not self.is_over:
            return self.give_up()
        if replies.is_over(&self.peer):
            self.close()
        return 0

    cdef int send(self, size_t size) except -1:
        """The first bytes of `out`."""
        if self.context is None:
            return self.deliver(out, size)
        try:
            return self.pass_on(self.secured.seal(out, <Py_ssize_t>size))
        except SSLError:
            return self.break_tls("broken_tls")

    cdef int pass_on(self, bytes sealed) except -1:
        if PyBytes_GET_SIZE(sealed) == 0:
            return 0
        return self.deliver(<const uint8_t*>PyBytes_AS_STRING(sealed), <size_t>PyBytes_GET_SIZE(sealed))

    cdef int deliver(self, const uint8_t* start, size_t size) except -1:
        """Straight to the socket while the transport has nothing to send.

        The transport, which would wait until everybody has been read, gets the rest, and finds out what is wrong.
        """
        cdef ssize_t sent = 0
        if self.transport.is_closing():  # it will say so itself in a moment; its descriptor may be another's by now
            return 0
        if self.is_queued:
            self.is_queued = self.transport.get_write_buffer_size() > 0
        if self.socket >= 0 and not self.is_queued:
            sent = max(<ssize_t>0, send_bytes(self.socket, start, size, MSG_DONTWAIT | MSG_NOSIGNAL))
        if <size_t>sent < size:
            self.is_queued = self.socket >= 0
            self.transport.write(PyBytes_FromStringAndSize(<const char*>start + sent, <Py_ssize_t>size - sent))
        return 0

    cdef int break_tls(self, str reason) except -1:
        """What comes is not TLS, or not of who began it. The alert goes out, nothing more is heard."""
        self.lobby.count_sent_away(reason)
        self.is_over = True
        self.over_ns = now_ns()
        self.pass_on(self.secured.to_send())
        self.transport.close()
        return 0

    def break_off(self, error):
        """Something of ours failed while this connection was served; the others are not concerned."""
        if self.transport is not None:
            self.is_over = True
            self.transport.abort()
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a connection of the compiled door failed", "exception": error}
        )

    cdef int reap(self) except -1:
        """Free the streams that are over; a call that still runs has lost its caller."""
        cdef Stream* stream
        while self.peer.ready == NULL:
            stream = frames.peer_next_closed(&self.peer)
            if stream == NULL:
                return 0
            self.drop(stream)
            frames.peer_forget(&self.peer, stream)
        return 0

    cdef int drop(self, Stream* stream) except -1:
        """Give back the references of a stream that is about to be freed."""
        cdef Waiting waiting
        cdef void* held
        if stream.reply_owner != NULL:
            held, stream.reply_owner = stream.reply_owner, NULL
            Py_DECREF(<object>held)
        if stream.watched_service != NULL:
            held, stream.watched_service = stream.watched_service, NULL
            Py_DECREF(<object>held)
        if stream.waiting != NULL:
            held, stream.waiting = stream.waiting, NULL
            waiting = <Waiting>held
            Py_DECREF(waiting)
            waiting.leave("CANCELLED", "CALLER_LEFT")
        return 0

    cdef int give_up(self) except -1:
        """The connection cannot go on. Say why, when it is HTTP/2 at all, and close."""
        if self.peer.fault == NULL:
            self.lobby.count_sent_away("not_http2")
            return self.close()
        if self.peer.fault_code == h2.ENHANCE_YOUR_CALM:
            self.lobby.count_sent_away((<bytes>self.peer.fault).decode())
        else:
            self.lobby.count_sent_away("broken_http2")
        self.send(replies.last_word(&self.peer, out))
        return self.close()

    cdef int close(self) except -1:
        """What was written goes out; what comes is dropped, as far as it may, until the peer closes or has had its time.

        To close at once would have the system tell the peer of a reset, and lose our last words.
        """
        if not self.is_over and self.transport is not None:
            self.is_over = True
            self.over_ns = now_ns()
            if self.transport.is_closing():
                return 0
            if self.socket >= 0:
                # What the system keeps of the rest is freed in one go, when others wait.
                setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &KEPT_BYTES, sizeof(int))
            if self.context is not None:
                self.pass_on(self.secured.farewell())
            try:
                self.transport.write_eof()
            except OSError:  # it is gone, and the loop has not said so yet
                self.transport.abort()
        return 0

    # ---- time

    cpdef int tick(self, int64_t now_ns) except -1:
        cdef Lobby lobby = self.lobby
        if self.transport is None:
            return 0
        if self.is_over:
            return self.cut("") if now_ns - self.over_ns > CLOSE_NS else 0
        if not self.is_open:
            return self.cut("no_handshake_in_time") if now_ns - self.made_ns > lobby.handshake_ns else 0
        frames.peer_refill(&self.peer, now_ns)
        if not self.peer.has_settings and now_ns - self.made_ns > lobby.handshake_ns:
            return self.cut("no_settings_in_time")
        if self.is_paused and now_ns - self.paused_ns > lobby.answer_ns:
            return self.cut("does_not_read")
        if self.peer.streams != NULL:
            self.tick_streams(now_ns)
        if self.is_draining:
            if not self.has_said_goodbye and now_ns - self.drain_ns > GOODBYE_AFTER_NS:
                self.has_said_goodbye = True
                replies.send_goodbye(&self.peer)
                self.flush()
            elif now_ns - self.drain_ns > lobby.grace_ns:
                self.abandon()
        elif now_ns > self.ends_ns or (self.peer.streams == NULL and now_ns - self.used_ns > lobby.idle_ns):
            if lobby.may_end():
                self.drain(now_ns)
        return 0

    cdef int cut(self, str reason) except -1:
        """End it without a word when this turn has room for one more end, else in one of the next. `reason`: "" to count none."""
        if not self.lobby.may_end():
            return 0
        if reason:
            self.lobby.count_sent_away(reason)
        self.is_over = True
        self.transport.abort()
        return 0

    cdef int tick_streams(self, int64_t now_ns) except -1:
        cdef Stream* stream = self.peer.streams
        cdef Waiting waiting
        while stream != NULL and not self.is_over:
            if stream.is_closed:
                pass
            elif stream.state == streams.RECEIVING:
                if now_ns - stream.begun_ns > self.lobby.request_ns:
                    if self.peer.in_headers and self.peer.current == stream:
                        return self.cut("no_headers_in_time")
                    streams.stream_refuse(stream, semantics.GRPC_DEADLINE_EXCEEDED, b"the request took too long to come")
                    streams.stream_drop_body(&self.lobby.front, stream, &self.peer.request_bytes)
                    replies.refuse_early(&self.peer, stream)
            elif stream.state == streams.RUNNING:
                if stream.waiting != NULL and stream.deadline_ns != 0 and stream.deadline_ns <= now_ns:
                    waiting = <Waiting>stream.waiting
                    stream.waiting = NULL
                    Py_DECREF(waiting)
                    waiting.leave("DEADLINE_EXCEEDED", "DEADLINE_PASSED")
                    self.refuse_plainly(stream, semantics.GRPC_DEADLINE_EXCEEDED, b"the deadline has passed")
            elif stream.state == streams.ANSWERING and not stream.is_watch:
                if stream.stalled_ns == 0:
                    stream.stalled_ns = now_ns
                elif now_ns - stream.stalled_ns > self.lobby.answer_ns:
                    replies.reset_stream(&self.peer, stream, h2.CANCEL)
            stream = stream.next
        return self.flush()

    cpdef int drain(self, int64_t now_ns) except -1:
        """Ask the peer to bring no more calls here."""
        cdef Stream* stream = self.peer.streams
        if self.is_over or self.is_draining or self.transport is None:
            return 0
        if not self.is_open:
            self.is_over = True
            self.transport.abort()
            return 0
        self.is_draining = True
        self.drain_ns = now_ns
        while stream != NULL:
            if stream.is_watch and not stream.is_closed:
                replies.end_watch(&self.peer, stream)
            stream = stream.next
        replies.send_notice(&self.peer)
        return self.flush()

    cpdef int abandon(self) except -1:
        """Whoever still waits is told that the server is not there for them."""
        cdef Stream* stream = self.peer.streams
        cdef Waiting waiting
        if self.is_over or self.transport is None:
            return 0
        while stream != NULL:
            if stream.waiting != NULL and not stream.is_closed:
                waiting = <Waiting>stream.waiting
                stream.waiting = NULL
                Py_DECREF(waiting)
                waiting.leave("UNAVAILABLE", "STOPPED")
                self.refuse_plainly(stream, semantics.GRPC_UNAVAILABLE, b"the server is stopping")
            stream = stream.next
        self.flush()
        return self.close()
