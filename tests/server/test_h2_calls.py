"""The compiled door, frame by frame: every form a call may come in, and every way it may not be one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from altyn.server.transport.door import built

if not built("h2"):
    pytest.skip("built without libnghttp2", allow_module_level=True)

from hyperframe.frame import DataFrame, HeadersFrame, PriorityFrame, RstStreamFrame, SettingsFrame

from altyn.server.transport.door import DoorLimits
from altyn.server.transport.h2.semantics import encode_message, parse_timeout
from tests.server.h2_peer import PREFACE, Running, continued, door_with, fields, message

MIB = 1 << 20


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with door_with() as made:
        yield made


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        (b"1n", 1),
        (b"5u", 5_000),
        (b"250m", 250_000_000),
        (b"10S", 10_000_000_000),
        (b"2M", 120_000_000_000),
        (b"3H", 10_800_000_000_000),
        (b"99999999H", 365 * 24 * 3600 * 10**9),
        (b"99999999S", 365 * 24 * 3600 * 10**9),
        (b"00000001S", 10**9),
    ],
)
def test_timeout_is_read_in_every_unit(text: bytes, ns: int) -> None:
    assert parse_timeout(text) == ns


@pytest.mark.parametrize("text", [b"", b"S", b"1", b"1s", b"-1S", b"1.5S", b"123456789S", b" 1S", b"1S "])
def test_malformed_timeout_is_known_as_such(text: bytes) -> None:
    assert parse_timeout(text) == -1


@given(st.binary(max_size=64))
def test_message_is_encoded_so_that_it_reads_back(text: bytes) -> None:
    encoded = encode_message(text)
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    read, at = bytearray(), 0
    while at < len(encoded):
        if encoded[at] == 0x25:
            read.append(int(encoded[at + 1 : at + 3], 16))
            at += 3
        else:
            read.append(encoded[at])
            at += 1
    assert bytes(read) == text


async def test_call_in_every_legal_disguise_is_answered(running: Running) -> None:
    peer = await running.connect()
    block = peer.encoder.encode(fields())
    whole = message(b"hello")
    peer.send(
        PriorityFrame(1, depends_on=0, stream_weight=7),
        HeadersFrame(1, block, flags=["END_HEADERS", "PADDED", "PRIORITY"], pad_length=200, stream_weight=3),
        DataFrame(1, b""),
        DataFrame(1, whole[:3], flags=["PADDED"], pad_length=255),
        DataFrame(1, b"", flags=["PADDED"], pad_length=1),
        DataFrame(1, whole[3:6]),
        frame_of_unknown_type(),
        DataFrame(1, whole[6:]),
        peer.headers(1, [("checksum", "1")], "END_STREAM"),
        *continued(peer, 3, fields(), 9),
        DataFrame(3, whole, flags=["END_STREAM"]),
    )
    for stream in (1, 3):
        answer = await peer.answer(stream)
        assert (answer.status, answer.body, answer.headers["content-type"]) == ("0", whole, "application/grpc")
    peer.writer.close()


def frame_of_unknown_type() -> bytes:
    return bytes([0, 0, 3, 0xEE, 0, 0, 0, 0, 0]) + b"abc"


async def test_call_that_comes_byte_by_byte_is_answered(running: Running) -> None:
    peer = await running.connect(b"")
    sent = b"".join(one.serialize() for one in [SettingsFrame(0), *peer.call(1), *peer.call(3, b"again")])
    for byte in PREFACE + sent:
        peer.send(bytes([byte]))
        await asyncio.sleep(0)
    assert [(await peer.answer(stream)).body for stream in (1, 3)] == [message(b"hello"), message(b"again")]
    peer.writer.close()


async def test_reply_larger_than_the_window_waits_for_the_peer_to_open_it(running: Running) -> None:
    peer = await running.connect(PREFACE, SettingsFrame(0, settings={4: 10}))
    peer.send(*peer.call(1, b"64", "Large"))
    received = 0
    while received < 64 + 5:
        assert await peer.read()
        received = len(peer.answers[1].body) if 1 in peer.answers else 0
        if received and received % 10 == 0:
            peer.send(bytes([0, 0, 4, 8, 0, 0, 0, 0, 1]) + (10).to_bytes(4))
    assert (await peer.answer(1)).body == message(bytes(64))
    peer.writer.close()


@pytest.mark.parametrize(
    ("changed", "http", "grpc_status"),
    [
        ({"content_type": "application/json"}, "415", ""),
        ({"content_type": "application/grpcweb"}, "415", ""),
        ({"content_type": None}, "415", ""),
        ({"_method": "GET"}, "405", ""),
        ({"te": None}, "200", "13"),
        ({"_path": "/test.Service/Nothing"}, "200", "12"),
        ({"_path": "/test.Service/Ech"}, "200", "12"),
        ({"grpc_encoding": "gzip"}, "200", "12"),
        ({"grpc_timeout": "soon"}, "200", "13"),
        ({"grpc_timeout": "0n"}, "200", "4"),
        ({"authorization": "Bearer " + "x" * 512}, "200", "8"),
        ({"note": "x" * 9_000}, "200", "8"),
    ],
)
async def test_what_is_not_a_call_is_refused_unread(
    running: Running, changed: dict[str, str | None], http: str, grpc_status: str
) -> None:
    peer = await running.connect()
    peer.send(*peer.call(1, **changed), *peer.call(3))
    refused = await peer.answer(1)
    assert (refused.headers[":status"], refused.status, refused.trailers) == (http, grpc_status, {})
    if "grpc_encoding" in changed:
        assert refused.headers["grpc-accept-encoding"] == "identity"
    assert (await peer.answer(3)).status == "0"
    assert running.begun == [b"hello"]
    peer.writer.close()


@pytest.mark.parametrize("kind", ["application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc"])
async def test_content_type_may_say_more(running: Running, kind: str) -> None:
    peer = await running.connect()
    peer.send(*peer.call(1, content_type=kind, grpc_encoding="identity"))
    assert (await peer.answer(1)).status == "0"
    peer.writer.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", "12"),
        (b"\0\0\0", "13"),
        (message(b"hello")[:-1], "13"),
        (message(b"hello") + b"x", "12"),
        (message(b"hello") * 2, "12"),
        (message(b"hello", flag=1), "13"),
        (b"\0" + (MIB + 1).to_bytes(4) + b"x", "8"),
        (b"\0\xff\xff\xff\xff", "8"),
    ],
)
async def test_body_that_is_not_one_message_is_refused(running: Running, body: bytes, status: str) -> None:
    peer = await running.connect()
    peer.send(peer.headers(1, fields()), DataFrame(1, body, flags=["END_STREAM"]), *peer.call(3))
    assert (await peer.answer(1)).status == status
    assert (await peer.answer(3)).status == "0"
    assert running.begun == [b"hello"]
    peer.writer.close()


async def test_refused_while_it_is_still_coming_the_rest_is_not_wanted(running: Running) -> None:
    peer = await running.connect()
    peer.send(peer.headers(1, fields(content_type="text/plain")))
    assert (await peer.answer(1)).headers[":status"] == "415"
    while peer.answers[1].reset is None:
        await peer.read()
    assert peer.answers[1].reset == 0  # NO_ERROR
    peer.send(DataFrame(1, bytes(100)), *peer.call(3))
    assert (await peer.answer(3)).status == "0"
    peer.writer.close()


async def test_call_that_answers_with_no_bytes_is_a_fault_of_ours(running: Running) -> None:
    peer = await running.connect()
    peer.send(*peer.call(1, method="Nonsense"), *peer.call(3))
    assert ((await peer.answer(1)).status, (await peer.answer(3)).status) == ("13", "0")
    peer.writer.close()


async def test_call_reset_before_its_turn_is_not_begun(running: Running) -> None:
    peer = await running.connect()
    peer.send(*peer.call(1, b"left"), RstStreamFrame(1, error_code=8), *peer.call(3, b"stayed"))
    assert (await peer.answer(3)).body == message(b"stayed")
    assert running.begun == [b"stayed"]
    peer.writer.close()


async def test_connection_of_age_is_asked_to_end_and_its_call_still_answered() -> None:
    async with door_with(DoorLimits(age_s=0.2)) as running:
        peer = await running.connect()
        peer.send(*peer.call(1, b"first", "Wait"))
        while peer.goaway is None or peer.goaway.last_stream_id != 1:
            assert await peer.read()
        running.release.set()
        answer = await peer.answer(1)
        assert (answer.status, answer.body) == ("0", message(b"first"))
        assert await peer.until_closed() == ""
        assert peer.goaway.error_code == 0


async def test_connection_of_age_ends_after_its_grace_whatever_runs() -> None:
    async with door_with(DoorLimits(age_s=0.1, grace_s=0.2)) as running:
        peer = await running.connect()
        peer.send(*peer.call(1, b"first", "Wait"))
        answer = await peer.answer(1)
        assert (answer.status, answer.message) == ("14", "the server is stopping")
        await peer.until_closed()


async def test_idle_connection_is_asked_to_end_and_a_busy_one_is_not() -> None:
    async with door_with(DoorLimits(idle_s=0.2)) as running:
        idle, busy = await running.connect(), await running.connect()
        busy.send(*busy.call(1, b"first", "Wait"))
        await idle.until_closed()
        assert idle.goaway is not None and idle.goaway.error_code == 0
        running.release.set()
        assert (await busy.answer(1)).status == "0"
        busy.writer.close()


async def test_calls_are_counted_by_what_became_of_them(running: Running) -> None:
    peer = await running.connect()
    peer.send(*peer.call(1), *peer.call(3, grpc_encoding="gzip"), *peer.call(5, grpc_timeout="0n"))
    for stream in (1, 3, 5):
        await peer.answer(stream)
    peer.send(*peer.call(7, b"left", "Wait"), *peer.call(9, b"late", "Wait", grpc_timeout="100m"))
    assert (await peer.answer(9)).status == "4"
    peer.send(RstStreamFrame(7, error_code=8), *peer.call(11))
    await peer.answer(11)
    handled = {
        (sample.labels["grpc_method"], sample.labels["grpc_code"]): sample.value
        for metric in running.meters.collect()
        for sample in metric.samples
        if sample.name == "grpc_server_handled_total" and sample.value
    }
    assert handled == {
        ("Echo", "OK"): 2,
        ("Echo", "Unimplemented"): 1,
        ("Echo", "DeadlineExceeded"): 1,
        ("Wait", "Canceled"): 1,
        ("Wait", "DeadlineExceeded"): 1,
    }
    told = {metric.name: metric.samples for metric in running.meters.collect()}
    assert [sample.value for sample in told["altyn_connections"]] == [1]
    assert told["altyn_connections_sent_away"] == []
    peer.writer.close()
