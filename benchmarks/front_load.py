"""What generators of load have in common: bare HTTP/2 frames, a register's headers, what one measurement tells.

A gRPC client of the same kind as the server costs as much as the server, and would measure itself; so generators send
ready-made frames. Headers are indexed after the first call, as clients do; the time-out is sent as a literal each time.
`front_closed` is the closed loop, `overload_load` the open one. Never clients for anything but measuring.
"""

from __future__ import annotations

import socket
import ssl
import struct
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
