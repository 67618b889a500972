"""Conversations with the compiled door that nobody would have: frames in every order and form, cut and broken anywhere.

`python -m tests.server.h2_fuzz --seconds 60 --seed 1` prints what was tried and what came of it. No socket is opened:
bytes go where the transport would put them. Whatever came, what the door says must be HTTP/2, within the window it was
given; nothing may be left of a connection that is lost; and calls that were sent whole get the same answers however
the bytes were cut. For memory errors there is `h2_sanitized`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from typing import Any

import hpack
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import DoorLimits, Service
from altyn.server.transport.h2.door import H2Door, Protocol
from tests.server.h2_peer import PREFACE, SCOPE, SERVICE, fields, message

NS = 10**9
ODD_FIELDS = [
    ("grpc-timeout", "10S"),
    ("grpc-timeout", "x"),
    ("grpc-encoding", "gzip"),
    ("authorization", "Bearer key"),
    ("authorization", "Bearer " + "k" * 600),
    ("content-length", "7"),
    ("content-length", "-1"),
    ("connection", "close"),
    ("te", "gzip"),
    ("host", "till"),
    ("Upper", "case"),
    ("note", "x" * 5_000),
    ("note", " spaced "),
    ("note", "\0"),
    (":path", "/test.Service/Echo"),
    (":protocol", "websocket"),
    ("", ""),
]


class Wire:
    """What the door thinks is a transport."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_over = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_over = True

    close = write_eof = abort

    def is_closing(self) -> bool:
        return self.is_over

    def get_extra_info(self, name: str) -> object:
        return None

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Listener:
    """What came back: frames, fields, how much of the window is used up."""

    def __init__(self) -> None:
        self.decoder = hpack.Decoder()
        self.answers: dict[int, list[Any]] = {}
        self.goaways: list[int] = []
        self._unread = b""
        self._block = b""

    def take(self, data: bytes) -> None:
        self._unread += data
        while len(self._unread) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self._unread[:9]))
            if len(self._unread) < 9 + size:
                break
            frame.parse_body(memoryview(self._unread[9 : 9 + size]))
            self._unread = self._unread[9 + size :]
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        assert not self._block or isinstance(frame, ContinuationFrame), "headers of ours were interrupted"
        came = self.answers.setdefault(frame.stream_id, [])
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                came.append(sorted((str(name), str(value)) for name, value in self.decoder.decode(self._block)))
                self._block = b""
        elif isinstance(frame, DataFrame):
            assert came and "END" not in came, "DATA before HEADERS, or after the end"
            if isinstance(came[-1], bytes):
                came[-1] += frame.data
            else:
                came.append(frame.data)
        elif isinstance(frame, RstStreamFrame):
            came.append(frame.error_code)
        elif isinstance(frame, GoAwayFrame):
            self.goaways.append(frame.error_code)
        if "END_STREAM" in frame.flags:
            came.append("END")

    def whole(self) -> None:
        assert not self._unread and not self._block, "the door's last frame is cut short"


class Fuzz:
    """One conversation a seed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.chance = random.Random()
        self.waiting: list[asyncio.Future[bytes]] = []
        table = {"Echo": lambda request, scope: request, "Wait": self._wait, "Large": self._large}
        service = Service(SERVICE, table, lambda metadata, certificate: SCOPE)
        limits = DoorLimits(ping_interval_s=0.0)
        self.door = H2Door([service], "127.0.0.1:0", CallMeters(), RefusalLog(), limits)

    def _wait(self, request: bytes, scope: object) -> asyncio.Future[bytes]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def _large(self, request: bytes, scope: object) -> bytes:
        return bytes(len(request) * 20)

    # ---- what is said

    def block(self, encoder: hpack.Encoder, is_calm: bool) -> bytes:
        chance = self.chance
        method = chance.choice(["Echo", "Echo", "Large"] if is_calm else ["Echo", "Wait", "Large", "Nothing"])
        sent = fields(method)
        if chance.random() < 0.3:
            sent.append(("grpc-timeout", f"{chance.randrange(1, 99_999_999)}m"))
        if not is_calm and chance.random() < 0.3:
            sent.insert(chance.randrange(len(sent) + 1), chance.choice(ODD_FIELDS))
        if not is_calm and chance.random() < 0.05:
            sent.pop(chance.randrange(len(sent)))
        if chance.random() < 0.1:
            encoder.header_table_size = chance.choice([0, 60, 200, 4_096])
        told: list[Any] = [
            hpack.NeverIndexedHeaderTuple(*one) if chance.random() < 0.1 else hpack.HeaderTuple(*one) for one in sent
        ]
        return encoder.encode(told, huffman=chance.random() < 0.5)

    def headers(self, stream: int, block: bytes, *flags: str) -> list[Frame]:
        chance = self.chance
        cuts = [] if chance.random() < 0.8 else sorted(chance.randrange(len(block) + 1) for _ in range(3))
        parts = [block[a:b] for a, b in zip([0, *cuts], [*cuts, len(block)], strict=True)]
        first = HeadersFrame(stream, parts[0], flags=list(flags))
        if chance.random() < 0.1:
            first.flags.add("PADDED")
            first.pad_length = chance.randrange(256)
        if chance.random() < 0.1:
            first.flags.add("PRIORITY")
            first.depends_on, first.stream_weight = chance.randrange(9), 3
        made: list[Frame] = [first, *(ContinuationFrame(stream, part) for part in parts[1:])]
        made[-1].flags.add("END_HEADERS")
        return made

    def body(self, stream: int, data: bytes) -> list[Frame]:
        chance = self.chance
        cuts = [] if chance.random() < 0.6 else sorted(chance.randrange(len(data) + 1) for _ in range(3))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        made: list[Frame] = []
        for part in parts:
            made.append(DataFrame(stream, part))
            if chance.random() < 0.1:
                made[-1].flags.add("PADDED")
                made[-1].pad_length = chance.randrange(256)  # type: ignore[attr-defined]
        return made

    def between(self, stream: int, is_calm: bool) -> list[Frame | bytes]:
        """Something that is no call."""
        chance = self.chance
        near = max(1, stream - 2 * chance.randrange(4))
        calm: list[Frame | bytes] = [
            PingFrame(0, opaque_data=chance.randbytes(8)),
            PriorityFrame(near, depends_on=0, stream_weight=7),
            WindowUpdateFrame(0, window_increment=chance.randrange(1, 100_000)),
            bytes([0, 0, 3, 0xEE, 0, 0, 0, 0, 0]) + b"abc",
        ]
        rude: list[Frame | bytes] = [
            RstStreamFrame(near, error_code=8),
            WindowUpdateFrame(near, window_increment=chance.choice([1, 70_000, 2**31 - 1])),
            bytes([0, 0, 4, 8, 0, 0, 0, 0, near]) + bytes(4),
            SettingsFrame(0, settings={chance.randrange(8): chance.choice([0, 1, 100, 70_000, 2**31 - 1, 2**31])}),
            SettingsFrame(0, flags=["ACK"]),
            DataFrame(near, b"late"),
            GoAwayFrame(0, last_stream_id=0, error_code=0, additional_data=b"bye"),
            bytes([0, 0, chance.randrange(9), chance.randrange(12), chance.randrange(256), 0, 0, 0, near]),
        ]
        return [chance.choice(calm if is_calm else [*calm, *rude])]

    def conversation(self, is_calm: bool) -> list[bytes]:
        """Frames, in order."""
        chance = self.chance
        encoder = hpack.Encoder()
        settings = {} if is_calm else {4: chance.choice([0, 10, 65_535, 1 << 20]), 1: chance.choice([0, 100, 4_096])}
        made: list[Frame | bytes] = [PREFACE, SettingsFrame(0, settings=settings)]
        if is_calm:
            made += [WindowUpdateFrame(0, window_increment=1 << 24), SettingsFrame(0, settings={4: 1 << 24})]
        for stream in range(1, 2 * chance.randrange(2, 40), 2):
            size = 20_000 if chance.random() < 0.02 else chance.choice([0, 5, 300, 900])
            data = message(chance.randbytes(size))
            if not is_calm and chance.random() < 0.2:
                data = data[: chance.randrange(len(data))] + chance.randbytes(chance.randrange(4))
            chunks = [part for at in range(0, len(data), 16_000) for part in self.body(stream, data[at : at + 16_000])]
            made += self.headers(stream, self.block(encoder, is_calm))
            if chance.random() < 0.1:
                made += [*chunks, *self.headers(stream, encoder.encode([("checksum", "1")]), "END_STREAM")]
            else:
                made += chunks
                if chunks:
                    chunks[-1].flags.add("END_STREAM")
            if chance.random() < 0.4:
                made += self.between(stream, is_calm)
        return [one if isinstance(one, bytes) else one.serialize() for one in made]

    def broken(self, frames: list[bytes]) -> list[bytes]:
        chance = self.chance
        for _ in range(chance.choice([0, 1, 1, 2, 5])):
            at = chance.randrange(len(frames))
            one = bytearray(frames[at])
            if one:
                one[chance.randrange(min(len(one), chance.choice([9, 40, 10_000])))] ^= 1 << chance.randrange(8)
            frames[at] = chance.choice([bytes(one), bytes(one), b"", frames[at] * 2, frames[at][:-1]])
        return frames

    # ---- saying it

    def cut(self, data: bytes) -> list[bytes]:
        chance = self.chance
        size = chance.choice([1 if len(data) < 4_000 else 50, 50, 1_500, 1_500, 60_000])
        parts = []
        while data:
            part = chance.randrange(1, size + 1) if size > 1 else 1
            parts.append(data[:part])
            data = data[part:]
        return parts

    async def say(self, parts: list[bytes], is_calm: bool) -> Listener:
        chance, lobby = self.chance, self.door.lobby
        wire, listener = Wire(), Listener()
        assert lobby.enter("")
        connection = Protocol(lobby, "", 1 << 62)
        connection.connection_made(wire)  # type: ignore[arg-type]
        now_ns = time.monotonic_ns()
        is_paused = False
        for part in parts:
            if wire.is_over:
                break
            connection.get_buffer(0)[: len(part)] = part
            connection.buffer_updated(len(part))
            if not is_calm and chance.random() < 0.1:
                now_ns += chance.choice([0, NS // 100, NS, 70 * NS])
                lobby.tick()  # room for ends
                connection.tick(now_ns)
                self.counts["ticks"] += 1
            if not is_calm and chance.random() < 0.05:
                is_paused = not is_paused
                (connection.pause_writing if is_paused else connection.resume_writing)()
            if chance.random() < 0.1:
                for future in self.waiting:
                    if not future.done():
                        future.set_result(b"late")
                self.waiting.clear()
                await asyncio.sleep(0)
        if is_paused:
            connection.resume_writing()
        for _ in range(3):
            await asyncio.sleep(0)
        if not is_calm and chance.random() < 0.2 and not wire.is_over:
            lobby.drain()
            lobby.abandon()
        connection.connection_lost(None)
        for _ in range(2):
            await asyncio.sleep(0)
        for future in self.waiting:
            future.cancel()
        self.waiting.clear()
        assert (lobby.streams_count, lobby.request_bytes, lobby.connections) == (0, 0, set())
        listener.take(bytes(wire.written))
        listener.whole()
        return listener

    async def step(self, seed: int) -> None:
        self.chance.seed(seed)
        is_calm = seed % 3 == 0
        frames = self.conversation(is_calm)
        if not is_calm:
            frames = self.broken(frames)
        data = b"".join(frames)
        heard = await self.say(self.cut(data), is_calm)
        self.counts["conversations"] += 1
        self.counts["streams answered"] += sum("END" in came for came in heard.answers.values())
        self.counts["connections ended"] += any(heard.goaways)
        if is_calm:
            again = await self.say(self.cut(data), is_calm)
            assert heard.goaways == again.goaways == []
            assert {**heard.answers, 0: []} == {**again.answers, 0: []}
            assert all("END" in came for stream, came in heard.answers.items() if stream)
            self.counts["compared"] += 1

    async def step_windows(self, seed: int) -> None:
        """Replies through windows that open and shrink at whim: none is overrun, every reply arrives whole."""
        chance, lobby = self.chance, self.door.lobby
        chance.seed(seed)
        wire, encoder = Wire(), hpack.Encoder()
        assert lobby.enter("")
        connection = Protocol(lobby, "", 1 << 62)
        connection.connection_made(wire)  # type: ignore[arg-type]
        initial, shared = chance.choice([0, 1, 100, 30_000]), 65_535
        left: dict[int, int] = {}
        got: Counter[int] = Counter()

        def feed(*frames: Frame | bytes) -> None:
            sent = b"".join(one if isinstance(one, bytes) else one.serialize() for one in frames)
            connection.get_buffer(0)[: len(sent)] = sent
            connection.buffer_updated(len(sent))

        def take() -> None:
            nonlocal shared
            while wire.written:
                frame, size = Frame.parse_frame_header(memoryview(bytes(wire.written[:9])))
                if frame.type == 0 and size:
                    shared -= size
                    left[frame.stream_id] -= size
                    got[frame.stream_id] += size
                    assert shared >= 0 and left[frame.stream_id] >= 0, "a window is overrun"
                if "END_STREAM" in frame.flags:
                    del left[frame.stream_id]
                del wire.written[: 9 + size]

        feed(PREFACE, SettingsFrame(0, settings={4: initial}))
        expected = {stream: 20 * chance.choice([0, 5, 900, 3_000]) for stream in range(1, 16, 2)}
        for stream, size in expected.items():
            left[stream] = initial
            block = encoder.encode(fields("Large"))
            data = message(bytes(size // 20))
            feed(HeadersFrame(stream, block, flags=["END_HEADERS"]), DataFrame(stream, data, flags=["END_STREAM"]))
            take()
        for _ in range(150):
            act = chance.choice(
                [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]
            )  # settings are dear: a peer may not change them for ever
            if act == 0:
                changed = chance.choice([0, 1, 50, 20_000])
                left = {stream: window + changed - initial for stream, window in left.items()}
                initial = changed
                feed(SettingsFrame(0, settings={4: changed}))
            elif act == 1 and left:
                stream, more = chance.choice([*left]), chance.choice([1, 10, 5_000])
                left[stream] += more
                feed(WindowUpdateFrame(stream, window_increment=more))
            elif act == 2:
                more = chance.choice([1, 100, 40_000])
                shared += more
                feed(WindowUpdateFrame(0, window_increment=more))
            else:
                feed(bytes([0, 0, 0, 0xEE, 0, 0, 0, 0, 0]))
            take()
        shared += 1 << 24
        feed(WindowUpdateFrame(0, window_increment=1 << 24))
        take()
        for stream in [*left]:
            left[stream] += 1 << 24
            feed(WindowUpdateFrame(stream, window_increment=1 << 24))
            take()
        assert not left and got == Counter({stream: size + 5 for stream, size in expected.items()})
        connection.connection_lost(None)
        assert (lobby.streams_count, lobby.request_bytes) == (0, 0)
        self.counts["windows"] += 1


async def run(seconds: float, seed: int) -> Counter[str]:
    fuzz = Fuzz()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await fuzz.step(seed)
            if seed % 10 == 0:
                await fuzz.step_windows(seed)
        except BaseException:
            print(f"the conversation is that of Fuzz().step({seed}), or step_windows", flush=True)
            raise
        seed += 1
    return fuzz.counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(run(asked.seconds, asked.seed))))
