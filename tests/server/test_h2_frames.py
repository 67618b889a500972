"""HTTP/2 at the compiled door, rule by rule: what it forbids, windows, tables of fields, the end of a connection."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest

from altyn.server.transport.door import built

if not built("h2"):
    pytest.skip("built without libnghttp2", allow_module_level=True)

from hpack import NeverIndexedHeaderTuple
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from altyn.server.transport.door import DoorLimits
from tests.server.h2_fuzz import Fuzz
from tests.server.h2_peer import PREFACE, Answer, Fields, Peer, door_with, fields, message
from tests.server.h2_sanitized import fuzz, missing

NO_ERROR, PROTOCOL, FLOW_CONTROL, STREAM_CLOSED, FRAME_SIZE, REFUSED, COMPRESSION, CALM = 0, 1, 3, 5, 6, 7, 9, 11


def raw(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def block(peer: Peer, sent: Fields | None = None) -> bytes:
    return peer.encoder.encode(sent or fields())


ENDS_CONNECTION: list[tuple[str, int]] = [
    ("raw(0, 1, 0, message(b''))", PROTOCOL),  # DATA on no stream
    ("raw(0, 1, 5, message(b''))", PROTOCOL),  # on an idle one
    ("raw(0, 1, 2, message(b''))", PROTOCOL),  # on one of ours
    ("raw(0, 9, 1, b'\\x05abcd')", PROTOCOL),  # padding longer than the frame
    ("raw(0, 9, 1, b'')", FRAME_SIZE),  # padding of no length
    ("raw(0, 0, 1, bytes(16_385))", FRAME_SIZE),
    ("raw(1, 5, 0, block(peer))", PROTOCOL),
    ("raw(1, 5, 2, block(peer))", PROTOCOL),
    ("raw(1, 0x2D, 5, b'\\0\\0\\0')", FRAME_SIZE),  # padding and priority announced, not there
    ("raw(1, 0x0D, 5, b'\\xff' + block(peer))", PROTOCOL),
    ("raw(1, 1, 5, block(peer)) + raw(0, 1, 1)", PROTOCOL),  # headers interrupted
    ("raw(1, 1, 5, block(peer)) + raw(9, 4, 7)", PROTOCOL),  # continued on another stream
    ("raw(1, 1, 5, block(peer)) + raw(0xEE, 0, 0)", PROTOCOL),
    ("raw(9, 4, 5, block(peer))", PROTOCOL),
    ("raw(1, 5, 5, b'\\xff\\xff\\xff\\xff\\xff\\x0f')", COMPRESSION),
    ("raw(1, 5, 5, b'\\x80')", COMPRESSION),  # index 0
    ("raw(1, 5, 5, b'\\xfe')", COMPRESSION),  # an index nobody gave
    ("raw(1, 5, 5, b'\\x82\\x3f\\xe1\\x1f')", COMPRESSION),  # the table's size after a field
    ("raw(1, 5, 5, b'\\x3f\\xe2\\x1f')", COMPRESSION),  # a table larger than we allow
    ("raw(1, 5, 5, b'\\x00\\x0aabc')", COMPRESSION),  # cut short
    ("raw(2, 0, 0, bytes(5))", PROTOCOL),
    ("raw(2, 0, 1, bytes(4))", FRAME_SIZE),
    ("raw(3, 0, 0, bytes(4))", PROTOCOL),
    ("raw(3, 0, 5, bytes(4))", PROTOCOL),  # reset of an idle stream
    ("raw(3, 0, 1, bytes(5))", FRAME_SIZE),
    ("raw(4, 0, 1)", PROTOCOL),
    ("raw(4, 1, 0, bytes(6))", FRAME_SIZE),
    ("raw(4, 0, 0, bytes(5))", FRAME_SIZE),
    ("raw(4, 0, 0, b'\\0\\x02\\0\\0\\0\\x02')", PROTOCOL),  # ENABLE_PUSH 2
    ("raw(4, 0, 0, b'\\0\\x04\\x80\\0\\0\\0')", FLOW_CONTROL),
    ("raw(4, 0, 0, b'\\0\\x05\\0\\0\\0\\x01')", PROTOCOL),
    ("raw(4, 0, 0, bytes(6 * 33))", CALM),
    ("PushPromiseFrame(1, 2, block(peer), flags=['END_HEADERS']).serialize()", PROTOCOL),
    ("raw(6, 0, 1, bytes(8))", PROTOCOL),
    ("raw(6, 0, 0, bytes(7))", FRAME_SIZE),
    ("raw(7, 0, 1, bytes(8))", PROTOCOL),
    ("raw(7, 0, 0, bytes(7))", FRAME_SIZE),
    ("raw(8, 0, 0, bytes(4))", PROTOCOL),  # a window opened by nothing
    ("raw(8, 0, 0, b'\\x7f\\xff\\xff\\xff')", FLOW_CONTROL),
    ("raw(8, 0, 5, b'\\0\\0\\0\\1')", PROTOCOL),
    ("raw(8, 0, 1, bytes(3))", FRAME_SIZE),
    # Stream 3 waits for its answer: its request was whole.
    ("raw(0, 1, 3, message(b''))", STREAM_CLOSED),
    ("raw(1, 5, 3, block(peer))", STREAM_CLOSED),
]


@pytest.mark.parametrize(("sent", "error"), ENDS_CONNECTION)
async def test_what_the_protocol_forbids_ends_the_connection(sent: str, error: int) -> None:
    """Stream 1 has begun, stream 3 is answered later, all others are idle."""
    async with door_with() as running:
        peer = await running.connect()
        peer.send(peer.headers(1, fields()), *peer.call(3, method="Wait"))
        scope = {"peer": peer, "raw": raw, "message": message, "block": block, "PushPromiseFrame": PushPromiseFrame}
        peer.send(eval(sent, scope), PingFrame(0, opaque_data=b"unheard!"))
        why = await peer.until_closed()
        assert isinstance(peer.goaway, GoAwayFrame)
        assert (peer.goaway.error_code, peer.goaway.last_stream_id) == (error, peer.goaway.last_stream_id | 1)
        assert why and 6 not in [frame.type for frame in peer.frames]
        assert sum(running.door.lobby.sent_away.values()) == 1
        assert await running.serves()


@pytest.mark.parametrize("first", [PingFrame(0, opaque_data=b"too soon"), SettingsFrame(0, flags=["ACK"])])
async def test_connection_begins_with_settings(first: Frame) -> None:
    async with door_with() as running:
        peer = await running.connect(PREFACE, first)
        assert await peer.until_closed() == "no_settings_first"
        assert running.door.lobby.sent_away == {"broken_http2": 1}


MALFORMED: list[Fields] = [
    [*fields(), (":path", "/test.Service/Echo")],
    [("te", "trailers"), *fields()],
    [*fields(), (":status", "200")],
    [*fields()[1:]],
    [*fields(_path=None)],
    [*fields(_scheme=None)],
    [*fields(_authority=None)],
    [*fields(_path="")],
    [*fields(_path="test.Service/Echo")],
    [*fields(_path="*")],
    [(":method", "POST"), *fields()],
    [*fields(), ("Upper", "case")],
    [*fields(), ("connection", "close")],
    [*fields(), ("keep-alive", "1")],
    [*fields(), ("upgrade", "h2c")],
    [*fields(), ("proxy-connection", "1")],
    [*fields(), ("transfer-encoding", "chunked")],
    [*fields(te="gzip")],
    [*fields(), ("content-length", "11")],
    [*fields(), ("content-length", "ten")],
    [*fields(), ("content-length", "10"), ("content-length", "10")],
    [*fields(), ("", "nameless")],
    [(":method", "CONNECT"), (":authority", "till"), (":path", "/")],
]


@pytest.mark.parametrize("sent", MALFORMED)
async def test_malformed_request_is_reset_and_the_next_is_answered(sent: Fields) -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(peer.headers(1, sent), DataFrame(1, message(b"hello"), flags=["END_STREAM"]), *peer.call(3))
        assert (await peer.answer(1)).reset == PROTOCOL
        assert (await peer.answer(3)).body == message(b"hello")
        assert running.begun == [b"hello"]
        peer.writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        [*fields(), ("content-length", "10")],
        [*fields(_authority=None), ("host", "till")],
        [*fields(_scheme="https")],
        [*fields(te="Trailers")],
        [*fields(), ("strange\x7fname", "1")],
        [*fields(), ("note", " spaced ")],
        [*fields(), ("note", "")],
        [*fields(), ("custom-bin", "AAEC"), ("user-agent", "till/1")],
    ],
)
async def test_request_with_more_than_it_needs_is_answered(sent: Fields) -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(peer.headers(1, sent), DataFrame(1, message(b"hello"), flags=["END_STREAM"]))
        assert (await peer.answer(1)).body == message(b"hello")
        peer.writer.close()


async def test_trailers_must_end_the_request_and_hold_no_pseudo_fields() -> None:
    async with door_with() as running:
        peer = await running.connect()
        for stream, trailers, flags in ((1, [("a", "b")], ()), (3, [(":path", "/")], ("END_STREAM",))):
            peer.send(peer.headers(stream, fields()), DataFrame(stream, message(b"never")))
            peer.send(peer.headers(stream, trailers, *flags))
            assert (await peer.answer(stream)).reset == PROTOCOL
        assert running.begun == []
        peer.writer.close()


async def test_what_comes_late_for_a_stream_that_is_over_is_read_past() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(*peer.call(1))
        await peer.answer(1)
        peer.send(
            WindowUpdateFrame(1, window_increment=5),
            RstStreamFrame(1, error_code=8),
            DataFrame(1, b"late", flags=["END_STREAM"]),
            PriorityFrame(1, depends_on=0, stream_weight=1),
            peer.headers(1, [("late", "trailer")], "END_STREAM"),
            *peer.call(3, note="later"),
        )
        assert (await peer.answer(3)).status == "0"
        peer.writer.close()


async def test_fields_are_known_again_only_while_the_table_is_the_same() -> None:
    """The same bytes mean another thing when something was added, whichever block added it."""
    async with door_with() as running:
        peer = await running.connect()
        blocks = [block(peer, fields()) for _ in range(3)]
        assert blocks[1] == blocks[2] and len(blocks[1]) < 10
        sent: list[Frame] = []
        for stream, one in zip((1, 3, 5), blocks, strict=True):
            sent += [HeadersFrame(stream, one, flags=["END_HEADERS"]), *tail(stream)]
        # What index 62 was is 63 now; the last field added, `content-type`, becomes another.
        changed = block(peer, [*fields(), ("content-type", "text/plain")])
        sent += [HeadersFrame(7, changed, flags=["END_HEADERS"]), *tail(7)]
        sent += [HeadersFrame(9, blocks[1], flags=["END_HEADERS"]), *tail(9)]
        peer.send(*sent)
        for stream in (1, 3, 5):
            assert (await peer.answer(stream)).status == "0"
        assert (await peer.answer(7)).headers[":status"] == "415"
        seen = await peer.answer(9)
        assert seen.reset == PROTOCOL or seen.headers[":status"] != "200" or seen.status != "0"
        peer.writer.close()


async def test_table_that_a_refused_or_late_call_changed_is_changed_for_all() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(*peer.call(1), *peer.call(3))
        await peer.answer(3)
        for number in range(64):
            peer.send(*peer.call(2 * number + 5, b"%d" % number, "Wait"))
        peer.send(*peer.call(133, note="refused"), peer.headers(1, [("late", "trailer")], "END_STREAM"))
        assert (await peer.answer(133)).reset == REFUSED
        running.release.set()
        await peer.answer(5)
        peer.send(*peer.call(135, note="refused", late="trailer"), *peer.call(137))
        assert (await peer.answer(135)).status == (await peer.answer(137)).status == "0"
        peer.writer.close()


async def test_authorization_and_timeout_that_change_from_call_to_call_are_those_of_the_call() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(*peer.call(1, authorization="Bearer one"), *peer.call(3, authorization="Bearer one"))
        told: list[tuple[str, str]] = [*fields(authorization="Bearer one")]
        for stream, timeout, status in ((5, "0n", "4"), (7, "10S", "0"), (9, "x", "13"), (11, "9S", "0")):
            with_timeout = [*told, NeverIndexedHeaderTuple("grpc-timeout", timeout)]
            peer.send(peer.headers(stream, with_timeout), *tail(stream))
            assert (await peer.answer(stream)).status == status
        peer.send(peer.headers(13, told), *tail(13))
        assert (await peer.answer(13)).status == "0"
        peer.writer.close()


def tail(stream: int, body: bytes = b"hello") -> list[Frame]:
    return [DataFrame(stream, message(body), flags=["END_STREAM"])]


async def test_peer_that_keeps_no_table_is_told_that_we_use_none() -> None:
    """It must hear so in the first block after its settings; a decoder that expects it fails otherwise."""
    async with door_with() as running:
        peer = await running.connect(PREFACE, SettingsFrame(0, settings={1: 0}))
        peer.decoder.max_allowed_table_size = 0
        peer.send(*peer.call(1), *peer.call(3, _path="/no"), *peer.call(5))
        for stream, status in ((1, "0"), (3, "12"), (5, "0")):
            assert (await peer.answer(stream)).status == status
        sent = [frame.data for frame in peer.frames if isinstance(frame, HeadersFrame)]
        assert [one[0] == 0x20 for one in sent] == [True, *[False] * (len(sent) - 1)]
        peer.writer.close()


async def test_window_that_shrinks_below_nothing_holds_the_reply_until_it_is_open_again() -> None:
    async with door_with() as running:
        peer = await running.connect(PREFACE, SettingsFrame(0, settings={4: 20}))
        peer.send(*peer.call(1, b"100", "Large"))
        while len(peer.answers.get(1, Answer()).body) < 20:
            await peer.read()
        peer.send(SettingsFrame(0, settings={4: 5}), WindowUpdateFrame(1, window_increment=15))
        peer.send(SettingsFrame(0, settings={4: 6}))
        while len(peer.answers[1].body) < 21:
            await peer.read()
        assert len(peer.answers[1].body) == 21
        peer.send(SettingsFrame(0, settings={4: 65_535}))
        assert (await peer.answer(1)).body == message(bytes(100))
        peer.writer.close()


async def test_window_of_the_connection_is_shared_and_each_reply_ends() -> None:
    async with door_with() as running:
        peer = await running.connect(PREFACE, SettingsFrame(0, settings={4: 1 << 20}))
        for stream in (1, 3, 5):
            peer.send(*peer.call(stream, b"50000", "Large"))
        total = 0
        while total < 65_535:
            await peer.read()
            total = sum(len(answer.body) for answer in peer.answers.values())
        assert total == 65_535
        peer.send(*peer.call(7, method="Wait"))  # begins, though nothing can be sent
        peer.send(WindowUpdateFrame(0, window_increment=1 << 20))
        running.release.set()
        for stream in (1, 3, 5):
            assert (await peer.answer(stream)).body == message(bytes(50_000))
        assert (await peer.answer(7)).body == message(b"hello")
        peer.writer.close()


async def test_window_for_requests_is_opened_again_as_they_come() -> None:
    async with door_with() as running:
        peer = await running.connect(
            PREFACE, SettingsFrame(0, settings={4: 1 << 20}), WindowUpdateFrame(0, window_increment=1 << 20)
        )
        body = message(bytes(900_000))
        left = {0: 65_535, 1: 256 << 10}  # the first is opened by the door's hello
        peer.send(peer.headers(1, fields()))
        seen = 0
        while body:
            for frame in peer.frames[seen:]:
                if isinstance(frame, WindowUpdateFrame):
                    left[frame.stream_id] += frame.window_increment
            seen = len(peer.frames)
            part = body[: min(16_384, *left.values())]
            if not part:
                await peer.read()
                continue
            body = body[len(part) :]
            left = {key: value - len(part) for key, value in left.items()}
            peer.send(DataFrame(1, part, flags=[] if body else ["END_STREAM"]))
        assert len((await peer.answer(1)).body) == 900_005
        opened = Counter(frame.stream_id for frame in peer.frames if isinstance(frame, WindowUpdateFrame))
        assert opened[1] >= 4 and opened[0] >= 2
        peer.writer.close()


async def test_message_padded_and_cut_by_reads_is_the_message() -> None:
    async with door_with() as running:
        peer = await running.connect()
        whole = DataFrame(1, message(b"hello"), flags=["END_STREAM", "PADDED"], pad_length=50).serialize()
        peer.send(peer.headers(1, fields()), whole[:-20])
        await asyncio.sleep(0.05)
        other = DataFrame(3, message(b"world" * 20), flags=["END_STREAM"])
        peer.send(whole[-20:], peer.headers(3, fields()), other)
        assert (await peer.answer(1)).body == message(b"hello")
        assert (await peer.answer(3)).body == message(b"world" * 20)
        peer.writer.close()


async def test_call_after_goodbye_is_not_heard_and_those_before_are_answered() -> None:
    async with door_with(DoorLimits(age_s=0.1)) as running:
        peer = await running.connect()
        peer.send(*peer.call(1, b"first", "Wait"))
        while peer.goaway is None or peer.goaway.last_stream_id != 1:
            assert await peer.read()
        peer.send(*peer.call(3, note="unheard"), WindowUpdateFrame(3, window_increment=9))
        peer.send(PingFrame(0, opaque_data=b"12345678"))
        while not any(frame.type == 6 for frame in peer.frames):
            assert await peer.read()
        assert running.begun == [b"first"] and not peer.answers.get(3)
        running.release.set()
        assert (await peer.answer(1)).body == message(b"first")
        assert await peer.until_closed() == ""


async def test_peer_that_says_goodbye_is_answered_and_then_left() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(*peer.call(1, b"last", "Wait"), GoAwayFrame(0, last_stream_id=0, additional_data=b"x" * 100))
        await asyncio.sleep(0.05)
        running.release.set()
        assert (await peer.answer(1)).body == message(b"last")
        assert await peer.until_closed() == ""
        assert running.door.lobby.sent_away == {}


async def test_refusal_longer_than_a_frame_is_continued_and_one_beyond_all_measure_goes_without_its_text() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(*peer.call(1, b"5000", "Refuse"), *peer.call(3, b"40000", "Refuse"), *peer.call(5))
        long = await peer.answer(1)
        assert (long.status, len(long.message)) == ("3", 5_009)
        assert any(isinstance(frame, ContinuationFrame) for frame in peer.frames)
        assert ((await peer.answer(3)).status, (await peer.answer(3)).message) == ("3", "")
        assert (await peer.answer(5)).status == "0"
        peer.writer.close()


async def test_conversations_nobody_would_have_harm_nothing() -> None:
    """A few dozen; `tests/server/h2_fuzz.py` holds as many as there is time for."""
    talk = Fuzz()
    for seed in range(60):
        await talk.step(seed)
        if seed % 3 == 0:
            await talk.step_windows(seed)
    assert (talk.counts["conversations"], talk.counts["windows"]) == (60, 20) and talk.counts["compared"] == 20
    assert talk.counts["streams answered"] >= 100 and talk.counts["connections ended"] >= 5


def test_door_built_with_sanitizers_has_nothing_to_report(capsys: pytest.CaptureFixture[str]) -> None:
    """For some seconds, with the counts printed; `python -m tests.server.h2_sanitized --seconds 600` goes on."""
    if why := missing():
        pytest.skip(why)
    ended = fuzz(["--seconds", "8", "--seed", str(random.randrange(1 << 30))])
    assert ended.returncode == 0, ended.stdout[-20_000:]
    counts = json.loads(ended.stdout)
    with capsys.disabled():
        print(f"\nsanitized door: {counts}")
    assert counts["conversations"] >= 20
