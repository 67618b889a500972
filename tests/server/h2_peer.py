"""A peer of the compiled door that writes its frames by hand, and the door it talks to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import hpack
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame, RstStreamFrame, SettingsFrame

from altyn.core.engine import CallRefused, Scope
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import DoorLimits, Service
from altyn.server.transport.h2.door import H2Door
from altyn.server.transport.tls import Tls

SERVICE = "test.Service"
SCOPE = Scope("demo", "s1", "r1")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE_S = 10.0

Fields = list[tuple[str, str]]


def message(body: bytes, flag: int = 0) -> bytes:
    """A gRPC message with its prefix."""
    return bytes([flag]) + len(body).to_bytes(4) + body


def fields(method: str = "Echo", **changed: str | None) -> Fields:
    """The headers of a call; `changed` puts others in place, `_` for `-` and a leading `_` for `:`, None: without."""
    made: dict[str, str | None] = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{SERVICE}/{method}",
        ":authority": "till",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    for name, value in changed.items():
        made[(":" + name[1:] if name.startswith("_") else name).replace("_", "-")] = value
    return [(name, value) for name, value in made.items() if value is not None]


@dataclass
class Answer:
    """What came of one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: int | None = None
    has_ended: bool = False

    @property
    def status(self) -> str:
        return self.trailers.get("grpc-status", self.headers.get("grpc-status", ""))

    @property
    def message(self) -> str:
        return self.trailers.get("grpc-message", self.headers.get("grpc-message", ""))


class Peer:
    """One connection. It acknowledges settings and nothing else by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.answers: dict[int, Answer] = {}
        self.frames: list[Frame] = []
        self.goaway: Frame | None = None
        self.is_closed = False
        self.is_mute = False
        self._unread = b""
        self._block = b""  # of headers that go on
        self._ends = False

    def send(self, *frames: Frame | bytes) -> None:
        self.writer.write(b"".join(one if isinstance(one, bytes) else one.serialize() for one in frames))

    def headers(self, stream: int, sent: Fields, *flags: str) -> HeadersFrame:
        return HeadersFrame(stream, self.encoder.encode(sent), flags=["END_HEADERS", *flags])

    def call(self, stream: int, body: bytes = b"hello", method: str = "Echo", **changed: str | None) -> list[Frame]:
        """The frames of one call."""
        return [
            self.headers(stream, fields(method, **changed)),
            DataFrame(stream, message(body), flags=["END_STREAM"]),
        ]

    async def read(self) -> bool:
        """Take what has come; False: the connection is closed."""
        try:
            got = await asyncio.wait_for(self.reader.read(1 << 16), PATIENCE_S)
        except ConnectionError:
            got = b""
        self._unread += got
        while len(self._unread) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self._unread[:9]))
            if len(self._unread) < 9 + size:
                break
            frame.parse_body(memoryview(self._unread[9 : 9 + size]))
            self._unread = self._unread[9 + size :]
            self._take(frame)
        self.is_closed = not got
        return bool(got)

    def _take(self, frame: Frame) -> None:
        self.frames.append(frame)
        answer = self.answers.setdefault(frame.stream_id, Answer())
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._block += frame.data
            if "END_HEADERS" not in frame.flags:
                self._ends = "END_STREAM" in frame.flags
                return
            found = {str(name): str(value) for name, value in self.decoder.decode(self._block)}
            self._block = b""
            answer.has_ended, self._ends = self._ends, False
            if answer.headers:
                answer.trailers = found
            else:
                answer.headers = found
        elif isinstance(frame, DataFrame):
            answer.body += frame.data
        elif isinstance(frame, RstStreamFrame):
            answer.reset, answer.has_ended = frame.error_code, True
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags and not self.is_mute:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif frame.type == 7:
            self.goaway = frame
        if "END_STREAM" in frame.flags:
            answer.has_ended = True

    async def answer(self, stream: int) -> Answer:
        """What came of a stream, when it has ended."""
        while not self.answers.setdefault(stream, Answer()).has_ended:
            assert await self.read(), f"closed before stream {stream} was answered: {self.goaway}"
        return self.answers[stream]

    async def until_closed(self) -> str:
        """The text of the GOAWAY that was the last word; empty: there was none."""
        while await self.read():
            pass
        self.writer.close()
        return self.goaway.additional_data.decode() if self.goaway is not None else ""


class Running:
    """A door with a few calls. At the end nothing may be left of any connection."""

    def __init__(self, limits: DoorLimits, tls: Tls | None) -> None:
        self.begun: list[bytes] = []
        self.release = asyncio.Event()
        table: dict[str, Callable[[bytes, Scope], bytes | Awaitable[bytes]]] = {
            "Echo": self.echo,
            "Wait": self.wait,
            "Nonsense": self.nonsense,
            "Large": lambda request, scope: bytes(int(request)),
            "Refuse": self.refuse,
        }
        self.scope_of: Callable[[], Scope] = lambda: SCOPE
        service = Service(SERVICE, table, lambda metadata, certificate: self.scope_of())
        self.meters = CallMeters()
        self.door = H2Door([service], "127.0.0.1:0", self.meters, RefusalLog(), limits, tls)

    def echo(self, request: bytes, scope: Scope) -> bytes:
        self.begun.append(request)
        return request

    async def wait(self, request: bytes, scope: Scope) -> bytes:
        self.begun.append(request)
        await self.release.wait()
        return request

    def refuse(self, request: bytes, scope: Scope) -> bytes:
        raise CallRefused("INVALID_ARGUMENT", "FIELD_REQUIRED", "receipt", "x" * int(request))

    async def nonsense(self, request: bytes, scope: Scope) -> bytes:
        return None  # type: ignore[return-value]

    async def connect(
        self, *first: Frame | bytes, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> Peer:
        """A connection that has said hello, or `first`. `address`: where it comes from."""
        name = "localhost" if tls else None
        opened = asyncio.open_connection(
            "127.0.0.1", self.door.port, limit=1 << 26, local_addr=(address, 0), ssl=tls, server_hostname=name
        )
        peer = Peer(*await opened)
        peer.send(*(first or (PREFACE, SettingsFrame(0))))
        return peer

    async def serves(self) -> bool:
        """Whether somebody else is served now."""
        peer = await self.connect()
        peer.send(*peer.call(1))
        answer = await peer.answer(1)
        peer.writer.close()
        return (answer.status, answer.body) == ("0", message(b"hello"))


@asynccontextmanager
async def door_with(limits: DoorLimits | None = None, tls: Tls | None = None) -> AsyncIterator[Running]:
    running = Running(limits or DoorLimits(), tls)
    await running.door.start()
    try:
        yield running
    finally:
        await running.door.stop(0)
        for _ in range(100):
            if not running.door.lobby.connections:
                break
            await asyncio.sleep(0.05)
            running.door.lobby.tick()
        assert running.door.lobby.connections == set()
        assert running.door.lobby.entered_count == 0
    assert (running.door.lobby.streams_count, running.door.lobby.request_bytes) == (0, 0)


def continued(peer: Peer, stream: int, sent: Fields, parts: int) -> list[Frame]:
    """Headers cut into so many frames."""
    block = peer.encoder.encode(sent)
    size = len(block) // parts + 1
    cuts = [block[at : at + size] for at in range(0, len(block), size)]
    made: list[Frame] = [HeadersFrame(stream, cuts[0])]
    made += [ContinuationFrame(stream, cut) for cut in cuts[1:]]
    made[-1].flags.add("END_HEADERS")
    return made
