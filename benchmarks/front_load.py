"""A closed loop of gRPC calls over bare HTTP/2 frames: one call in flight on each connection.

A gRPC client of the same kind as the server costs as much as the server, and would measure itself. This one sends
ready-made frames, reads only frame headers and the first bytes of a reply, and says what share of its core it used.
Headers are indexed after the first call, as clients do; the time-out is sent as a literal each time. Invariants: a call
that is refused, reset or cut short ends the measurement with an error; nothing is sent beyond the server's window.
Never a client for anything but measuring.
"""

from __future__ import annotations

import select
import socket
import ssl
import statistics
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from altyn.infra.settings import split_address

PATIENCE_S = 10.0
READ_BYTES = 1 << 18
FRAME = struct.Struct(">HBBBI")  # length is 24 bits: two of them and one
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
WINDOW_MAX = (1 << 31) - 1
WINDOW_AT_FIRST = 65_535


class LoadFailed(RuntimeError):
    """The server answered something a measurement must not count."""


@dataclass(frozen=True, slots=True)
class Load:
    """One measurement. `generator_share` is the part of one core the generator itself used."""

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    reply_bytes: float
    generator_share: float

    @property
    def calls_per_s(self) -> float:
        return self.calls / self.seconds


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return FRAME.pack(size >> 8, size & 255, kind, flags, stream) + payload


def text(value: bytes) -> bytes:
    """An HPACK string, as it is; short enough for one byte of length."""
    if len(value) > 126:
        raise ValueError("a header of a measurement is short")
    return bytes([len(value)]) + value


def first_headers(method: str, authority: str, key: str) -> bytes:
    """POST over http; six fields that the server is asked to remember."""
    return b"".join(
        (
            b"\x83\x86",
            b"\x44" + text(method.encode()),
            b"\x41" + text(authority.encode()),
            b"\x40" + text(b"te") + text(b"trailers"),
            b"\x40" + text(b"content-type") + text(b"application/grpc"),
            b"\x40" + text(b"user-agent") + text(b"altyn-bench"),
            b"\x40" + text(b"authorization") + text(f"Bearer {key}".encode()),
        )
    )


TIMEOUT = b"\x00" + text(b"grpc-timeout") + text(b"10S")
LATER_HEADERS = b"\x83\x86" + bytes(0x80 | index for index in range(67, 61, -1)) + TIMEOUT


def connected(address: str, tls: ssl.SSLContext | None) -> socket.socket:
    """With TLS the hands are shaken, and reading no longer waits: a ticket may come without anything to read."""
    made = socket.create_connection(split_address(address), PATIENCE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return made
    wrapped = tls.wrap_socket(made, server_hostname="localhost")
    wrapped.setblocking(False)
    return wrapped


def received(from_: socket.socket) -> bytes:
    """What has come, all of it that TLS has read already; empty: nothing for us. LoadFailed: closed."""
    try:
        got = from_.recv(READ_BYTES)
        while got and isinstance(from_, ssl.SSLSocket) and from_.pending():
            got += from_.recv(READ_BYTES)
    except ssl.SSLWantReadError:
        return b""
    if not got:
        raise LoadFailed("the server closed the connection")
    return got


class Connection:
    """One register: sends its next request when the last was answered. `tls`: of the client, None for plaintext."""

    def __init__(
        self,
        address: str,
        method: str,
        key: str,
        requests: Iterator[bytes],
        expect: bytes,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.socket = connected(address, tls)
        self.sent_at = 0.0
        self.reply_bytes = 0
        self._requests = requests
        self._expect = expect
        self._headers = first_headers(method, address, key) + TIMEOUT
        self._stream = -1
        self._window = WINDOW_AT_FIRST
        self._unread = b""
        self._answered = False
        settings = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 20))
        window = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_MAX - WINDOW_AT_FIRST))
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + window)

    def send(self) -> bool:
        """Send the next request; False when there is none."""
        request = next(self._requests, None)
        if request is None:
            return False
        self._stream += 2
        message = b"\0" + len(request).to_bytes(4) + request
        self._window -= len(message)
        if self._window < 0:
            raise LoadFailed("the server opens its window too late for one call at a time")
        headers = frame(HEADERS, END_HEADERS, self._stream, self._headers)
        self._headers = LATER_HEADERS
        self._answered = False
        self.sent_at = time.perf_counter()
        self.socket.sendall(headers + frame(DATA, END_STREAM, self._stream, message))
        return True

    def receive(self) -> bool:
        """Read what has come; True when the call in flight is answered in full."""
        got = received(self.socket)
        data = self._unread + got if self._unread else got
        at, end, done = 0, len(data), False
        while end - at >= 9:
            high, low, kind, flags, stream = FRAME.unpack_from(data, at)
            after = at + 9 + (high << 8 | low)
            if after > end:
                break
            done = self._take(kind, flags, stream, data, at + 9, after) or done
            at = after
        self._unread = data[at:]
        return done

    def _take(self, kind: int, flags: int, stream: int, data: bytes, begin: int, end: int) -> bool:
        if kind == DATA:
            if not self._answered and not data.startswith(self._expect, begin + 5):
                raise LoadFailed(f"an unexpected reply: {data[begin : min(end, begin + 40)]!r}")
            self._answered = True
            self.reply_bytes += end - begin
        elif kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, data[begin:end]))
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(data[begin:end])
        elif kind in (RST_STREAM, GOAWAY):
            raise LoadFailed(f"the server gave up: frame {kind}, {data[begin:end]!r}")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            if not self._answered or stream != self._stream:
                raise LoadFailed(f"a call was refused: {data[begin:end]!r}")
            return True
        return False


class EchoConnection(Connection):
    """The same requests to a server that sends every byte back: what the network costs without HTTP/2."""

    def __init__(self, address: str, requests: Iterator[bytes]) -> None:
        self.socket = connected(address, None)
        self.sent_at = 0.0
        self.reply_bytes = 0
        self._requests = requests
        self._awaited = 0

    def send(self) -> bool:
        request = next(self._requests, None)
        if request is None:
            return False
        self._awaited = len(request)
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)
        return True

    def receive(self) -> bool:
        got = len(received(self.socket))
        self._awaited -= got
        self.reply_bytes += got
        return self._awaited == 0


class ClosedLoop:
    """Connections that stay open from one measurement to the next."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._by_socket = {connection.socket.fileno(): connection for connection in connections}
        self._poll = select.epoll()
        for number in self._by_socket:
            self._poll.register(number, select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()
        for connection in self._by_socket.values():
            connection.socket.close()

    def warm(self) -> None:
        """One call on each connection, not counted."""
        in_flight = sum(connection.send() for connection in self._by_socket.values())
        while in_flight:
            in_flight -= sum(self._by_socket[number].receive() for number in self._ready())

    def _ready(self) -> list[int]:
        ready = self._poll.poll(PATIENCE_S)
        if not ready:
            raise LoadFailed(f"no answer for {PATIENCE_S:.0f} s")
        return [number for number, _ in ready]

    def run(self, seconds: float) -> Load:
        """Call for so long, or until a connection has no request left; then let the calls in flight end."""
        latencies: list[float] = []
        bytes_before = sum(connection.reply_bytes for connection in self._by_socket.values())
        busy = time.process_time()
        began = now = time.perf_counter()
        in_flight = sum(connection.send() for connection in self._by_socket.values())
        going, counted, ended = in_flight == len(self._by_socket), 0, began
        while in_flight:
            for number in self._ready():
                connection = self._by_socket[number]
                if not connection.receive():
                    continue
                now = time.perf_counter()
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
        bytes_after = sum(connection.reply_bytes for connection in self._by_socket.values())
        cuts = statistics.quantiles(latencies, n=1000, method="inclusive")
        return Load(
            calls=counted,
            seconds=ended - began,
            p50_ms=cuts[499] * 1000,
            p99_ms=cuts[989] * 1000,
            p999_ms=cuts[998] * 1000,
            reply_bytes=(bytes_after - bytes_before) / len(latencies) - 5,
            generator_share=share,
        )
