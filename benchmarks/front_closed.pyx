"""A closed loop of gRPC calls over bare HTTP/2 frames: one call in flight on each connection.

Compiled, and reading and writing sockets by the system's calls, because a generator that takes as long as the server has
the server wait for it. It reads only frame headers and the first bytes of a reply, and says what share of its core it used.
Invariants: a call that is refused, reset or cut short ends the measurement with an error; nothing is sent beyond the
server's window. Over TLS bytes go through Python's socket.
"""
import select
import statistics
import struct
import time

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from altyn.benchmarks.front_load import (
    LATER_HEADERS,
    PATIENCE_S,
    SETTINGS as SETTINGS_FRAME,
    TIMEOUT,
    WINDOW_AT_FIRST,
    WINDOW_MAX,
    WINDOW_UPDATE as WINDOW_FRAME,
    Load,
    LoadFailed,
    connected,
    first_headers,
    frame,
    received,
)

cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL
    ssize_t c_recv "recv"(int socket, void* buffer, size_t size, int flags)
    ssize_t c_send "send"(int socket, const void* buffer, size_t size, int flags)

cdef enum:
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    END_STREAM = 1
    ACK = 1
    END_HEADERS = 4
    HEAD_BYTES = 9
    PREFIX_BYTES = 5            # of a gRPC message
    READ_BYTES = 1 << 18
    WRITE_BYTES = 1 << 16       # a request with its headers

# What is read or written in one call of the system; nothing stays in them.
cdef uint8_t[READ_BYTES] arrived
cdef uint8_t[WRITE_BYTES] leaving


cdef inline double now_s() noexcept nogil:
    """The clock of `time.perf_counter`."""
    cdef timespec at
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <double>at.tv_sec + 1e-9 * <double>at.tv_nsec


cdef inline uint32_t big_endian(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline uint8_t* frame_head(uint8_t* at, Py_ssize_t size, int kind, int flags, uint32_t stream) noexcept nogil:
    """Where the payload goes."""
    at[0], at[1], at[2] = (size >> 16) & 255, (size >> 8) & 255, size & 255
    at[3], at[4] = <uint8_t>kind, <uint8_t>flags
    at[5], at[6], at[7], at[8] = stream >> 24, (stream >> 16) & 255, (stream >> 8) & 255, stream & 255
    return at + HEAD_BYTES


cdef inline uint8_t* copied(uint8_t* at, bytes what) noexcept:
    memcpy(at, PyBytes_AS_STRING(what), PyBytes_GET_SIZE(what))
    return at + PyBytes_GET_SIZE(what)


cdef class Connection:
    """One register: sends its next request when the last was answered. `tls`: of the client, None for plaintext."""
    cdef readonly object socket
    cdef readonly double sent_at
    cdef readonly int64_t reply_bytes
    cdef object requests
    cdef bytes expect, headers, unread
    cdef int number
    cdef uint32_t stream
    cdef int64_t window
    cdef bint secured, answered

    def __init__(self, str address, str method, str key, requests, bytes expect, tls=None):
        self.socket = connected(address, tls)
        self.number, self.secured = self.socket.fileno(), tls is not None
        self.requests, self.expect = requests, expect
        self.headers = first_headers(method, address, key) + TIMEOUT
        self.stream, self.window, self.unread = <uint32_t>-1, WINDOW_AT_FIRST, b""
        settings = frame(SETTINGS_FRAME, 0, 0, struct.pack(">HI", 4, 1 << 20))
        window = frame(WINDOW_FRAME, 0, 0, struct.pack(">I", WINDOW_MAX - WINDOW_AT_FIRST))
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + window)

    cdef object _write(self, uint8_t* data, Py_ssize_t size):
        cdef ssize_t sent = 0
        if not self.secured:
            sent = c_send(self.number, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)
            if sent == size:
                return None
            if sent < 0 and errno != EAGAIN and errno != EINTR:
                raise LoadFailed("the server closed the connection")
            sent = max(sent, 0)
        self.socket.sendall(data[sent:size])

    cdef Py_ssize_t _read(self) except -1:
        """How many bytes are in `arrived` now, what was left of the last time included."""
        cdef Py_ssize_t kept = PyBytes_GET_SIZE(self.unread)
        cdef ssize_t got
        cdef bytes more
        if kept >= READ_BYTES // 2:
            raise LoadFailed("a frame longer than any the server may send")
        memcpy(arrived, PyBytes_AS_STRING(self.unread), kept)
        if self.secured:
            more = received(self.socket)
            if PyBytes_GET_SIZE(more) > READ_BYTES - kept:
                raise LoadFailed("more than a measurement reads at once")
            copied(arrived + kept, more)
            return kept + PyBytes_GET_SIZE(more)
        got = c_recv(self.number, arrived + kept, READ_BYTES - kept, MSG_DONTWAIT)
        if got < 0 and (errno == EAGAIN or errno == EINTR):
            return kept
        if got <= 0:
            raise LoadFailed("the server closed the connection")
        return kept + got

    cpdef bint send(self) except -1:
        """Send the next request; False when there is none."""
        cdef bytes request = next(self.requests, None)
        cdef uint8_t* at = leaving
        cdef Py_ssize_t size
        if request is None:
            return False
        size = PREFIX_BYTES + PyBytes_GET_SIZE(request)
        if size + PyBytes_GET_SIZE(self.headers) + 2 * HEAD_BYTES > WRITE_BYTES:
            raise LoadFailed("a request longer than a measurement sends at once")
        self.stream += 2
        self.window -= size
        if self.window < 0:
            raise LoadFailed("the server opens its window too late for one call at a time")
        at = frame_head(at, PyBytes_GET_SIZE(self.headers), HEADERS, END_HEADERS, self.stream)
        at = frame_head(copied(at, self.headers), size, DATA, END_STREAM, self.stream)
        at[0] = 0
        at[1], at[2] = ((size - PREFIX_BYTES) >> 24) & 255, ((size - PREFIX_BYTES) >> 16) & 255
        at[3], at[4] = ((size - PREFIX_BYTES) >> 8) & 255, (size - PREFIX_BYTES) & 255
        at = copied(at + PREFIX_BYTES, request)
        self.headers = LATER_HEADERS
        self.answered = False
        self.sent_at = now_s()
        self._write(leaving, at - leaving)
        return True

    cpdef bint receive(self) except -1:
        """Read what has come; True when the call in flight is answered in full."""
        cdef Py_ssize_t end = self._read(), size
        cdef const uint8_t* at = arrived
        cdef const uint8_t* last = arrived + end
        cdef bint done = False
        while last - at >= HEAD_BYTES:
            size = <Py_ssize_t>at[0] << 16 | <Py_ssize_t>at[1] << 8 | at[2]
            if last - at - HEAD_BYTES < size:
                break
            done = self._take(at[3], at[4], big_endian(at + 5), at + HEAD_BYTES, size) or done
            at += HEAD_BYTES + size
        self.unread = at[:last - at] if at < last else b""
        return done

    cdef bint _take(self, int kind, int flags, uint32_t stream, const uint8_t* data, Py_ssize_t size) except -1:
        cdef Py_ssize_t expected = PyBytes_GET_SIZE(self.expect)
        if kind == DATA:
            if not self.answered and (
                size < PREFIX_BYTES + expected or memcmp(data + PREFIX_BYTES, PyBytes_AS_STRING(self.expect), expected)
            ):
                raise LoadFailed(f"an unexpected reply: {bytes(data[:min(size, 40)])!r}")
            self.answered = True
            self.reply_bytes += size
        elif kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, data[:size]))
        elif kind == WINDOW_UPDATE and stream == 0 and size == 4:
            self.window += big_endian(data)
        elif kind == RST_STREAM or kind == GOAWAY:
            raise LoadFailed(f"the server gave up: frame {kind}, {bytes(data[:size])!r}")
        if (kind == DATA or kind == HEADERS) and flags & END_STREAM:
            if not self.answered or stream != self.stream:
                raise LoadFailed(f"a call was refused: {bytes(data[:size])!r}")
            return True
        return False


cdef class EchoConnection(Connection):
    """The same requests to a server that sends every byte back: what the network costs without HTTP/2."""
    cdef Py_ssize_t awaited

    def __init__(self, str address, requests):
        self.socket = connected(address, None)
        self.number, self.requests = self.socket.fileno(), requests
        self.unread = b""

    cpdef bint send(self) except -1:
        cdef bytes request = next(self.requests, None)
        if request is None:
            return False
        self.awaited = PyBytes_GET_SIZE(request)
        if self.awaited > WRITE_BYTES:
            raise LoadFailed("a request longer than a measurement sends at once")
        self.sent_at = now_s()
        self._write(leaving, copied(leaving, request) - leaving)
        return True

    cpdef bint receive(self) except -1:
        cdef Py_ssize_t got = self._read()
        self.awaited -= got
        self.reply_bytes += got
        return self.awaited == 0


class ClosedLoop:
    """Connections that stay open from one measurement to the next.

    `awake`: the generator asks for replies until there is one and never sleeps. Else the server pays for every time it has
    to wake it, which between two virtual cores is as much as a third of a small call and is charged to fast servers only
    as long as they are faster than the generator. Not for a core that somebody else needs meanwhile.
    """

    def __init__(self, connections, bint awake=False):
        self._awake = awake
        self._by_socket = {connection.socket.fileno(): connection for connection in connections}
        self._poll = select.epoll()
        for number in self._by_socket:
            self._poll.register(number, select.EPOLLIN)

    def close(self):
        self._poll.close()
        for connection in self._by_socket.values():
            connection.socket.close()

    def warm(self):
        """One call on each connection, not counted."""
        in_flight = sum(connection.send() for connection in self._by_socket.values())
        while in_flight:
            in_flight -= sum(self._by_socket[number].receive() for number, _ in self._ready())

    def _ready(self):
        cdef double until
        ready = self._poll.poll(0 if self._awake else PATIENCE_S)
        if not ready and self._awake:
            until = now_s() + PATIENCE_S
            while not ready and now_s() < until:
                ready = self._poll.poll(0)
        if not ready:
            raise LoadFailed(f"no answer for {PATIENCE_S:.0f} s")
        return ready

    def run(self, double seconds):
        """Call for so long, or until a connection has no request left; then let the calls in flight end."""
        cdef list latencies = []
        cdef dict by_socket = self._by_socket
        cdef Connection connection
        cdef double began, now, ended
        cdef Py_ssize_t in_flight, counted = 0
        cdef bint going
        bytes_before = sum(connection.reply_bytes for connection in by_socket.values())
        busy = time.process_time()
        began = ended = now = now_s()
        in_flight = sum(connection.send() for connection in by_socket.values())
        going = in_flight == len(by_socket)
        while in_flight:
            for number, _ in self._ready():
                connection = <Connection>by_socket[number]
                if not connection.receive():
                    continue
                now = now_s()
                latencies.append(now - connection.sent_at)
                going = going and now - began < seconds
                if going:
                    counted, ended = len(latencies), now
                    going = connection.send()
                    in_flight -= not going
                else:
                    in_flight -= 1
        if counted < 2:
            raise LoadFailed("there was too little to send")
        share = (time.process_time() - busy) / (now - began)
        bytes_after = sum(connection.reply_bytes for connection in by_socket.values())
        cuts = statistics.quantiles(latencies, n=1000, method="inclusive")
        return Load(
            calls=counted,
            seconds=ended - began,
            p50_ms=cuts[499] * 1000,
            p99_ms=cuts[989] * 1000,
            p999_ms=cuts[998] * 1000,
            reply_bytes=(bytes_after - bytes_before) / len(latencies) - PREFIX_BYTES,
            generator_share=share,
        )
