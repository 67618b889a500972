"""An open loop: calls begin when they are due, whether or not the ones before were answered, each with a deadline.

As registers do, the generator leaves a call whose deadline has passed (it resets the stream), and comes anew when it is
sent away. Latency counts from when a call was due, so that a server which is late makes nobody wait unseen. Invariants:
every call offered is counted once, as good, refused or late; how late the generator itself was is told.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from altyn.benchmarks.front_load import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME,
    GOAWAY,
    HEADERS,
    PING,
    READ_BYTES,
    RST_STREAM,
    SETTINGS,
    WINDOW_AT_FIRST,
    WINDOW_MAX,
    WINDOW_UPDATE,
    first_headers,
    frame,
    text,
)
from altyn.infra.settings import split_address

SLOT_S = 0.25
CANCEL = (8).to_bytes(4)
WAIT_S = 0.001


@dataclass
class Slot:
    """Calls that were due in one quarter of a second."""

    good: int = 0
    refused: int = 0
    late: int = 0

    @property
    def offered(self) -> int:
        return self.good + self.refused + self.late


@dataclass
class Told:
    """One run. `waits_s`: of the good calls, from when they were due. `lateness_s`: of the generator, the most."""

    slots: list[Slot] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    lateness_s: float = 0.0
    sent_away: int = 0

    def good_per_s(self, first: int = 0) -> float:
        """Of the slots from `first` on."""
        return sum(slot.good for slot in self.slots[first:]) / (len(self.slots[first:]) * SLOT_S)


class Register:
    """One connection that may have several calls in flight."""

    def __init__(self, address: str, method: str, key: str, requests: Sequence[bytes], timeout_ms: int) -> None:
        self._address, self._requests = address, requests
        timeout = b"\x00" + text(b"grpc-timeout") + text(b"%dm" % timeout_ms)
        self._first = first_headers(method, address, key) + timeout
        self._later = b"\x83\x86" + bytes(0x80 | index for index in range(67, 61, -1)) + timeout
        self._turn = 0
        self.open()

    def open(self) -> None:
        self.in_flight: dict[int, tuple[float, int]] = {}  # stream → when it was due, its slot
        self.answered: set[int] = set()
        self._stream, self._unread, self._headers = -1, b"", self._first
        self.socket = socket.create_connection(split_address(self._address), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        settings = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 20))
        window = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_MAX - WINDOW_AT_FIRST))
        self._unsent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + window
        self.flush()

    def flush(self) -> None:
        if self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._unsent = self._unsent[self.socket.send(self._unsent) :]

    def begin(self, due: float, slot: int) -> int:
        request = self._requests[self._turn % len(self._requests)]
        self._turn += 1
        self._stream += 2
        message = b"\0" + len(request).to_bytes(4) + request
        sent = [frame(HEADERS, END_HEADERS, self._stream, self._headers)]
        for at in range(0, len(message), 16_384):
            part = message[at : at + 16_384]
            sent.append(frame(DATA, END_STREAM if at + 16_384 >= len(message) else 0, self._stream, part))
        self._headers = self._later
        self.in_flight[self._stream] = (due, slot)
        self._unsent += b"".join(sent)
        self.flush()
        return self._stream

    def leave(self, stream: int) -> None:
        self._unsent += frame(RST_STREAM, 0, stream, CANCEL)
        self.flush()

    def receive(self) -> list[tuple[int, bool]]:
        """(stream, whether it was answered) of calls that ended. ConnectionError: it was sent away."""
        try:
            got = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not got:
            raise ConnectionResetError
        data, at, ended = self._unread + got, 0, []
        while len(data) - at >= 9:
            high, low, kind, flags, stream = FRAME.unpack_from(data, at)
            after = at + 9 + (high << 8 | low)
            if after > len(data):
                break
            if kind == DATA:
                self.answered.add(stream)
            elif kind == GOAWAY:
                raise ConnectionResetError
            elif kind in (SETTINGS, PING) and not flags & ACK:
                self._unsent += frame(kind, ACK, 0, data[at + 9 : after] if kind == PING else b"")
            if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
                ended.append((stream, stream in self.answered))
                self.answered.discard(stream)
            at = after
        self._unread = data[at:]
        self.flush()
        return ended


class OpenLoop:
    """Registers whose connections stay from one run to the next."""

    def __init__(self, registers: Sequence[Register], deadline_s: float) -> None:
        self._registers = registers
        self._deadline_s = deadline_s
        self._poll = select.epoll()
        self._by_socket: dict[int, Register] = {}
        for register in registers:
            self._watch(register)

    def _watch(self, register: Register) -> None:
        self._by_socket[register.socket.fileno()] = register
        self._poll.register(register.socket.fileno(), select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()
        for register in self._registers:
            register.socket.close()

    def run(self, calls_per_s: float, seconds: float) -> Told:
        """Offer so many calls a second for so long, then wait for the last deadline."""
        told = Told([Slot() for _ in range(round(seconds / SLOT_S))])
        waiting: deque[tuple[float, Register, int]] = deque()
        count, begun = 0, time.perf_counter()
        total = int(calls_per_s * seconds)
        while count < total or waiting:
            now = time.perf_counter()
            while count < total and (due := begun + count / calls_per_s) <= now:
                register = self._registers[count % len(self._registers)]
                slot = min(int((due - begun) / SLOT_S), len(told.slots) - 1)
                waiting.append((due + self._deadline_s, register, register.begin(due, slot)))
                count += 1
                told.lateness_s = max(told.lateness_s, now - due)
            while waiting and (waiting[0][0] <= now or waiting[0][2] not in waiting[0][1].in_flight):
                _, register, stream = waiting.popleft()
                found = register.in_flight.pop(stream, None)
                if found is not None:
                    told.slots[found[1]].late += 1
                    register.leave(stream)
            due_in = begun + count / calls_per_s - now if count < total else WAIT_S
            # Not by the poll's own time-out, which is of whole milliseconds; nor at work, which keeps the kernel from
            # handing over what has come.
            select.select([self._poll], [], [], min(max(due_in, 0.0), WAIT_S))
            for number, _ in self._poll.poll(0):
                self._receive(self._by_socket[number], told)
        return told

    def _receive(self, register: Register, told: Told) -> None:
        try:
            ended = register.receive()
        except ConnectionError:
            told.sent_away += 1
            for _, number in register.in_flight.values():
                told.slots[number].refused += 1
            self._by_socket.pop(register.socket.fileno())
            self._poll.unregister(register.socket.fileno())
            register.socket.close()
            register.open()
            self._watch(register)
            return
        now = time.perf_counter()
        for stream, is_answered in ended:
            found = register.in_flight.pop(stream, None)
            if found is None:
                continue  # it was left before
            slot = told.slots[found[1]]
            if now - found[0] > self._deadline_s:
                slot.late += 1
            elif is_answered:
                slot.good += 1
                told.waits_s.append(now - found[0])
            else:
                slot.refused += 1
