"""Python's `h2`, a client that keeps to HTTP/2 to the letter, sends calls in forms that gRPC's own clients never use.

It also refuses what a server may not send, so that every conversation here proves the door's side of it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
import pytest_asyncio
from hyperframe.frame import ContinuationFrame, HeadersFrame

from altyn.server.transport.door import Door, DoorKind, Service, new_door
from tests.integration.system import DOORS
from tests.interop.conversation import LARGE, body
from tests.interop.door_process import LISTEN, SERVICE, TABLE, authenticate

PATIENCE_S = 10.0
PROTOCOL_ERROR = 1


def request_headers(method: str = "Echo", timeout: str = "5S") -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/{SERVICE}/{method}"),
        (":authority", "till"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", timeout),
    ]


@dataclass
class Answer:
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    has_ended: bool = False
    reset: int | None = None


class Client:
    """One connection driven by h2."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.answers: dict[int, Answer] = {}
        self.pings = 0
        self.settings_acked = 0
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def begin(self, method: str = "Echo", **priority: int) -> int:
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, request_headers(method), **priority)
        return stream

    async def read(self) -> None:
        got = await asyncio.wait_for(self.reader.read(1 << 16), PATIENCE_S)
        assert got, "the door closed the connection"
        for event in self.h2.receive_data(got):
            self.take(event)
        self.flush()

    def take(self, event: h2.events.Event) -> None:
        answer = self.answers.setdefault(getattr(event, "stream_id", 0) or 0, Answer())
        match event:
            case h2.events.ResponseReceived():
                answer.headers = dict(event.headers)
            case h2.events.TrailersReceived():
                answer.trailers = dict(event.headers)
            case h2.events.DataReceived():
                answer.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamReset():
                answer.reset, answer.has_ended = event.error_code, True
            case h2.events.PingAckReceived():
                self.pings += 1
            case h2.events.SettingsAcknowledged():
                self.settings_acked += 1
            case h2.events.ConnectionTerminated():
                raise AssertionError(f"sent away: {event.error_code} {event.additional_data!r}")
            case h2.events.StreamEnded():
                answer.has_ended = True

    async def answer(self, stream: int) -> Answer:
        while not self.answers.setdefault(stream, Answer()).has_ended:
            await self.read()
        return self.answers[stream]


def framed(message: bytes) -> bytes:
    return bytes([0]) + len(message).to_bytes(4) + message


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> DoorKind:
    chosen: DoorKind = request.param
    return chosen


@pytest_asyncio.fixture
async def client(kind: DoorKind) -> AsyncIterator[Client]:
    door: Door = new_door(kind, [Service(SERVICE, TABLE, authenticate)], LISTEN)
    await door.start()
    made = Client(*await asyncio.open_connection("127.0.0.1", door.port))
    yield made
    made.writer.close()
    await door.stop(0)


def is_whole(answer: Answer, message: bytes) -> bool:
    assert answer.headers[":status"] == "200" and answer.headers["content-type"].startswith("application/grpc")
    return answer.trailers.get("grpc-status") == "0" and answer.body == framed(message)


async def test_empty_frames_between_data_change_nothing(client: Client) -> None:
    sent, stream = framed(b"hello"), client.begin()
    for part in (b"", sent[:3], b"", b"", sent[3:]):
        client.h2.send_data(stream, part)
    client.h2.send_data(stream, b"", end_stream=True)
    client.flush()
    assert is_whole(await client.answer(stream), b"hello")


async def test_padding_is_read_past_where_the_door_knows_of_it(client: Client, kind: DoorKind) -> None:
    """gRPC's own core, which the portable door is made of, resets a call that pads."""
    message = body(1000)
    sent, stream = framed(message), client.begin()
    client.h2.send_data(stream, b"")
    client.h2.send_data(stream, sent[:3], pad_length=255)
    client.h2.send_data(stream, b"", pad_length=7)
    client.h2.send_data(stream, sent[3:500])
    client.h2.send_data(stream, sent[500:], pad_length=0)
    client.h2.send_data(stream, b"", end_stream=True)
    client.flush()
    answer = await client.answer(stream)
    assert answer.reset == PROTOCOL_ERROR if kind == "grpc_aio" else is_whole(answer, message)


async def test_priorities_change_nothing_but_are_no_offence(client: Client) -> None:
    first = client.begin(priority_weight=1, priority_exclusive=True)
    second = client.begin(priority_depends_on=first, priority_weight=256)
    client.h2.prioritize(first, weight=99, depends_on=second)
    client.h2.prioritize(second + 100, weight=7)
    for stream in (second, first):
        client.h2.send_data(stream, framed(b"%d" % stream), end_stream=True)
    client.flush()
    for stream in (first, second):
        assert is_whole(await client.answer(stream), b"%d" % stream)


async def test_headers_in_many_frames_are_one_block(client: Client) -> None:
    stream = client.begin()
    whole = client.h2.data_to_send()
    block = whole[9:]
    size = len(block) // 7
    cuts = [block[at : at + size] for at in range(0, len(block), size)]
    frames = [HeadersFrame(stream, cuts[0]), *(ContinuationFrame(stream, cut) for cut in cuts[1:])]
    frames[-1].flags.add("END_HEADERS")
    assert len(frames) >= 7
    for frame in frames:
        client.writer.write(frame.serialize())
        await asyncio.sleep(0)
    client.h2.send_data(stream, framed(b"hello"), end_stream=True)
    client.flush()
    assert is_whole(await client.answer(stream), b"hello")


async def test_request_that_ends_with_trailers_is_answered(client: Client) -> None:
    stream = client.begin()
    client.h2.send_data(stream, framed(b"hello"))
    client.h2.send_headers(stream, [("checksum", "1")], end_stream=True)
    client.flush()
    assert is_whole(await client.answer(stream), b"hello")


@pytest.mark.parametrize(("method", "status"), [("Refuse", "3"), ("Nothing", "12")])
async def test_refusal_is_a_status_and_no_message(client: Client, method: str, status: str) -> None:
    """Trailers alone, or after headers: a client of gRPC takes both, and never a body."""
    stream = client.begin(method)
    client.h2.send_data(stream, framed(b""), end_stream=True)
    client.flush()
    answer = await client.answer(stream)
    assert answer.headers[":status"] == "200" and answer.body == b""
    assert (answer.headers | answer.trailers)["grpc-status"] == status


async def test_reply_waits_for_windows_that_a_client_has_made_small(client: Client) -> None:
    client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    client.flush()
    while client.settings_acked < 2:
        await client.read()
    message, stream = body(20_000), client.begin()
    sent = framed(message)
    for at in range(0, len(sent), 4096):
        client.h2.send_data(stream, sent[at : at + 4096], end_stream=at + 4096 >= len(sent))
    client.flush()
    assert is_whole(await client.answer(stream), message)


async def test_message_larger_than_the_doors_window_comes_as_it_is_opened(client: Client) -> None:
    message, stream = body(LARGE), client.begin()
    left = framed(message)
    while left:
        room = min(client.h2.local_flow_control_window(stream), client.h2.max_outbound_frame_size, len(left))
        if room == 0:
            await client.read()
            continue
        client.h2.send_data(stream, left[:room], end_stream=room == len(left))
        left = left[room:]
        client.flush()
    assert is_whole(await client.answer(stream), message)


async def test_ping_is_answered_beside_a_call_that_is_left(client: Client) -> None:
    left, stays = client.begin("Never"), client.begin()
    for stream in (left, stays):
        client.h2.send_data(stream, framed(b"hello"), end_stream=True)
    client.h2.reset_stream(left, error_code=8)
    client.h2.ping(b"whatever")
    client.flush()
    assert is_whole(await client.answer(stays), b"hello")
    while not client.pings:
        await client.read()


async def test_request_that_ends_without_its_message_is_refused(client: Client) -> None:
    stream: int = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream, request_headers(timeout="200m"))
    client.h2.send_data(stream, framed(b"hello")[:4], end_stream=True)
    client.flush()
    answer = await client.answer(stream)
    assert answer.reset is not None or (answer.headers | answer.trailers)["grpc-status"] not in ("", "0")
