"""Peers that mean harm, or behave as if: each is bounded, told why, and sent away; the others are served meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import random
import resource
import socket
import ssl
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from altyn.server.transport.door import built

if not built("h2"):
    pytest.skip("built without libnghttp2", allow_module_level=True)

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

from altyn.core.engine import CallRefused, Scope
from altyn.server.transport.door import DoorLimits
from tests.server.certificates import Authority, server_tls
from tests.server.h2_peer import PREFACE, SCOPE, Peer, Running, door_with, fields, message

CALM = 11  # ENHANCE_YOUR_CALM
MIB = 1 << 20


async def sent_away(running: Running, peer: Peer) -> str:
    """Why the peer was sent away; somebody else is served all the same."""
    why = await peer.until_closed()
    assert isinstance(peer.goaway, GoAwayFrame) and peer.goaway.error_code == CALM
    assert running.door.lobby.sent_away == {why: 1}
    assert await running.serves()
    return why


def resets(peer: Peer) -> list[Frame]:
    """HEADERS, DATA and RST_STREAM of a call, again and again."""
    made: list[Frame] = []
    for stream in range(1, 1001, 2):
        made += [*peer.call(stream, b"never"), RstStreamFrame(stream, error_code=8)]
    return made


def half_calls(peer: Peer) -> list[Frame]:
    """The same without the message."""
    made: list[Frame] = []
    for stream in range(1, 1001, 2):
        made += [peer.headers(stream, fields()), RstStreamFrame(stream, error_code=8)]
    return made


async def test_rapid_resets_begin_nothing_and_end_the_connection() -> None:
    for attack in (resets, half_calls):
        async with door_with() as running:
            peer = await running.connect()
            peer.send(*attack(peer))
            assert await sent_away(running, peer) == "too_many_resets"
            assert b"never" not in running.begun


async def test_resets_the_door_is_made_to_send_count_as_well() -> None:
    """A window that overflows, or opens by nothing, makes us reset a call that runs."""
    async with door_with() as running:
        peer = await running.connect()
        for stream in range(1, 1001, 2):
            peer.send(*peer.call(stream, b"%d" % stream, "Wait"), WindowUpdateFrame(stream, window_increment=2**31 - 1))
        assert await sent_away(running, peer) == "too_many_resets"
        assert 0 < len(running.begun) < 300


FLOODS: dict[str, Callable[[int], Frame | bytes]] = {
    "settings": lambda number: SettingsFrame(0, settings={4: 65_535 + number}),
    "priority": lambda number: PriorityFrame(2 * number + 3, depends_on=0, stream_weight=number % 256),
    "window": lambda number: WindowUpdateFrame(0, window_increment=1),
    "unknown": lambda number: bytes([0, 0, 250, 0xEE, 0, 0, 0, 0, 0]) + bytes(250),
    "data of no stream": lambda number: DataFrame(3, bytes(250)),
    "empty data": lambda number: DataFrame(1, b""),
    "padding alone": lambda number: DataFrame(1, b"", flags=["PADDED"], pad_length=3),
    "tiny data": lambda number: DataFrame(1, b"\0"),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_flood_of_frames_without_a_call_ends_the_connection(kind: str) -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(peer.headers(1, fields()), *peer.call(3))
        await peer.answer(3)
        peer.send(*(FLOODS[kind](number) for number in range(6_000)))
        assert await sent_away(running, peer) == "too_many_frames_without_a_call"


async def test_flood_of_continuations_ends_the_connection_before_its_headers_do() -> None:
    async with door_with() as running:
        peer = await running.connect()
        peer.send(HeadersFrame(1, peer.encoder.encode(fields())))
        peer.send(*(ContinuationFrame(1, b"") for _ in range(500)))
        assert await sent_away(running, peer) == "too_many_frames_without_a_call"


async def test_pings_without_pause_end_the_connection_and_slow_ones_do_not() -> None:
    async with door_with(DoorLimits(ping_interval_s=0.05)) as running:
        patient = await running.connect()
        for _ in range(6):
            patient.send(PingFrame(0, opaque_data=b"12345678"))
            await asyncio.sleep(0.06)
        hasty = await running.connect()
        hasty.send(*(PingFrame(0, opaque_data=b"12345678") for _ in range(10)))
        assert await sent_away(running, hasty) == "too_many_pings"
        patient.send(*patient.call(1))
        assert (await patient.answer(1)).status == "0"
        assert sum(frame.type == 6 for frame in patient.frames) == 6
        patient.writer.close()


async def test_pings_between_answers_are_no_strikes() -> None:
    """Clients measure the line with a ping after each answer."""
    async with door_with() as running:
        peer = await running.connect()
        for stream in range(1, 41, 2):
            peer.send(*peer.call(stream), PingFrame(0, opaque_data=b"12345678"))
            assert (await peer.answer(stream)).status == "0"
        peer.writer.close()


async def test_pings_that_nobody_reads_are_not_piled_up() -> None:
    async with door_with(DoorLimits(ping_interval_s=0.0)) as running:
        peer = await running.connect()
        peer.send(*(PingFrame(0, opaque_data=b"12345678") for _ in range(4_000)))
        assert await sent_away(running, peer) in {"too_many_frames_without_a_call", "too_many_frames_to_acknowledge"}


async def test_small_block_of_large_headers_ends_the_connection() -> None:
    """4 kB in the table, referred to once a byte: 16 kB on the wire are megabytes when read."""
    async with door_with() as running:
        peer = await running.connect()
        first = peer.encoder.encode([*fields(), ("bomb", "x" * 4_000)])
        peer.send(HeadersFrame(1, first, flags=["END_HEADERS"]), DataFrame(1, message(b""), flags=["END_STREAM"]))
        assert (await peer.answer(1)).status == "0"
        peer.send(HeadersFrame(3, b"\xbe" * 16_000, flags=["END_HEADERS", "END_STREAM"]))
        await peer.until_closed()
        assert peer.goaway is not None
        assert await running.serves()


async def test_peer_that_does_not_read_is_bounded_and_sent_away() -> None:
    async with door_with(DoorLimits(answer_s=0.5)) as running:
        peer = await running.connect(
            PREFACE, SettingsFrame(0, settings={4: 2**31 - 1}), WindowUpdateFrame(0, window_increment=2**31 - 65_536)
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for stream in range(1, 129, 2):
            peer.send(*peer.call(stream, b"%d" % MIB, "Large"))
        started = time.monotonic()
        while running.door.lobby.connections and time.monotonic() - started < 10:
            assert await running.serves()
            await asyncio.sleep(0.1)
        assert running.door.lobby.sent_away == {"does_not_read": 1}
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 96 * 1_024  # 64 replies of 1 MiB and what the socket takes
        peer.writer.close()


async def test_reply_for_which_no_window_is_opened_is_given_up() -> None:
    async with door_with(DoorLimits(answer_s=0.2)) as running:
        peer = await running.connect(PREFACE, SettingsFrame(0, settings={4: 0}))
        peer.send(*peer.call(1))
        assert (await peer.answer(1)).reset == 8  # CANCEL
        peer.writer.close()


async def test_request_that_never_ends_is_given_up() -> None:
    async with door_with(DoorLimits(request_s=0.2)) as running:
        slow, mute, silent = [await running.connect() for _ in range(3)]
        slow.send(slow.headers(1, fields()), DataFrame(1, message(b"x" * 100)[:50]))
        mute.send(HeadersFrame(1, mute.encoder.encode(fields())))
        mute.is_mute = True  # to acknowledge settings among headers would be another fault
        silent.send(*silent.call(1))
        assert (await slow.answer(1)).status == "4"
        await mute.until_closed()
        assert running.door.lobby.sent_away == {"no_headers_in_time": 1}
        assert (await silent.answer(1)).status == "0"
        for peer in (slow, silent):
            peer.writer.close()


async def test_peer_that_does_not_say_hello_is_sent_away() -> None:
    async with door_with(DoorLimits(handshake_s=0.2)) as running:
        for first in (PREFACE[:10], PREFACE):
            peer = await running.connect(first)
            peer.is_mute = True
            assert await peer.until_closed() == ""
        assert running.door.lobby.sent_away == {"no_settings_in_time": 2}


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\nHost: till\r\n\r\n", b"\x16\x03\x01\x02\x00" + bytes(60), bytes(100)]
)
async def test_peer_of_another_protocol_is_sent_away(first: bytes) -> None:
    async with door_with() as running:
        peer = await running.connect(first)
        await peer.until_closed()
        assert running.door.lobby.sent_away == {"not_http2": 1}
        assert await running.serves()


async def test_messages_announced_beyond_the_connections_share_are_refused() -> None:
    async with door_with() as running:
        peer = await running.connect()
        for stream in (1, 3, 5, 7, 9):
            peer.send(peer.headers(stream, fields()), DataFrame(stream, message(bytes(MIB))[:1_000]))
        refused = await peer.answer(9)
        assert (refused.status, refused.message) == ("8", "the connection's messages take too much memory")
        assert running.door.lobby.request_bytes == 4 * MIB
        assert await running.serves()
        peer.send(RstStreamFrame(1, error_code=8), *peer.call(11))
        assert (await peer.answer(11)).status == "0"
        assert running.door.lobby.request_bytes == 3 * MIB
        peer.writer.close()


async def test_messages_announced_beyond_the_doors_share_are_refused_as_for_want_of_room() -> None:
    async with door_with(DoorLimits(request_bytes_max=2 * MIB)) as running:
        peers = [await running.connect() for _ in range(3)]
        for peer in peers:
            peer.send(peer.headers(1, fields()), DataFrame(1, message(bytes(MIB))[:1_000]))
            await asyncio.sleep(0.05)
        assert (await peers[2].answer(1)).status == "14"
        for peer in peers:
            peer.writer.close()


async def test_who_calls_again_and_again_by_nobody_is_sent_away_and_a_known_one_between_is_not() -> None:
    async with door_with() as running:

        def nobody() -> Scope:
            raise CallRefused("UNAUTHENTICATED", "UNKNOWN_KEY", "", "nobody has this key")

        patient, thief = [await running.connect() for _ in range(2)]
        for turn in range(3):
            running.scope_of = nobody
            for number in range(16):
                patient.send(*patient.call(34 * turn + 2 * number + 1))
            assert (await patient.answer(34 * turn + 31)).status == "16"
            running.scope_of = lambda: SCOPE
            patient.send(*patient.call(34 * turn + 33))
            assert (await patient.answer(34 * turn + 33)).status == "0"
        running.scope_of = nobody
        thief.send(*(frame for number in range(40) for frame in thief.call(2 * number + 1)))
        assert await thief.until_closed() == "too_many_calls_by_nobody"
        assert [one.status for one in thief.answers.values() if one.status].count("16") <= 17
        assert running.door.lobby.sent_away == {"too_many_calls_by_nobody": 1}
        running.scope_of = lambda: SCOPE
        assert await running.serves()
        patient.writer.close()


async def test_streams_beyond_the_limit_are_refused_and_the_others_answered() -> None:
    async with door_with() as running:
        peer = await running.connect()
        for number in range(70):
            peer.send(*peer.call(2 * number + 1, b"%d" % number, "Wait"))
        for number in range(64, 70):
            assert (await peer.answer(2 * number + 1)).reset == 7  # REFUSED_STREAM
        running.release.set()
        for number in range(64):
            assert (await peer.answer(2 * number + 1)).body == message(b"%d" % number)
        peer.writer.close()


async def test_connections_beyond_the_limit_are_closed_at_once() -> None:
    async with door_with(DoorLimits(connections_max=2)) as running:
        first, second = await running.connect(), await running.connect()
        for peer in (first, second):
            peer.send(*peer.call(1))
            await peer.answer(1)
        third = await running.connect()
        assert await third.until_closed() == ""
        first.writer.close()
        second.send(*second.call(3))
        assert (await second.answer(3)).status == "0"
        assert running.door.lobby.sent_away == {"too_many_connections": 1}
        assert await running.serves()
        second.writer.close()


async def test_connections_beyond_an_addresss_share_are_closed_and_another_address_is_served() -> None:
    async with door_with(DoorLimits(connections_of_address_max=2)) as running:
        crowd = [await running.connect() for _ in range(3)]
        assert await crowd[2].until_closed() == ""
        elsewhere = await running.connect(address="127.0.0.2")
        for peer in (crowd[0], crowd[1], elsewhere):
            peer.send(*peer.call(1))
            assert (await peer.answer(1)).status == "0"
        assert running.door.lobby.sent_away == {"too_many_connections_of_address": 1}
        crowd[0].writer.close()
        await crowd[0].writer.wait_closed()
        assert await running.serves()
        for peer in [*crowd[1:], elsewhere]:
            peer.writer.close()


async def test_handshakes_that_are_never_finished_are_counted_and_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "shop")
    tls = server_tls(authority.sign("server"))
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    trusting.set_alpn_protocols(["h2"])
    async with door_with(DoorLimits(connections_max=4, handshake_s=0.5), tls) as running:
        silent = [await asyncio.open_connection("127.0.0.1", running.door.port) for _ in range(3)]
        chatting = await running.connect(b"GET / HTTP/1.1\r\n\r\n")
        await chatting.until_closed()
        assert running.door.lobby.sent_away == {"no_handshake": 1}
        silent.append(await asyncio.open_connection("127.0.0.1", running.door.port))
        refused = await running.connect(b"")
        await refused.until_closed()
        assert running.door.lobby.sent_away["too_many_connections"] == 1
        for reader, writer in silent:
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert running.door.lobby.sent_away["no_handshake_in_time"] == 4
        assert running.door.lobby.entered_count == 0
        peer = await running.connect(tls=trusting)
        peer.send(*peer.call(1))
        assert (await peer.answer(1)).status == "0"
        peer.writer.close()


async def test_door_stopped_while_hands_are_shaken_leaves_nobody_waiting(tmp_path: Path) -> None:
    async with door_with(tls=server_tls(Authority(tmp_path / "shop").sign("server"))) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.door.port)
        await asyncio.sleep(0.1)
        assert running.door.lobby.entered_count == 1
        await running.door.stop(0)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_door_without_descriptors_takes_whoever_waits_once_there_are_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("altyn.server.transport.h2.door.ACCEPT_PAUSE_S", 0.05)
    async with door_with() as running:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        waiting = socket.socket()
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 1, before[1]))
        try:
            waiting.connect(("127.0.0.1", running.door.port))
            await asyncio.sleep(0.2)
            assert running.door.lobby.entered_count == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert await running.serves()
        waiting.close()


async def test_peer_that_vanishes_leaves_nothing_behind() -> None:
    async with door_with() as running:
        for number in range(20):
            peer = await running.connect()
            peer.send(*peer.call(1, b"waits", "Wait"), *peer.call(3, b"%d" % MIB, "Large"))
            peer.send(peer.headers(5, fields()), DataFrame(5, message(bytes(MIB))[: number * 1_000 + 1]))
            await asyncio.sleep(0.01)
            peer.writer.transport.abort()
        assert await running.serves()


@pytest.mark.parametrize("seed", range(8))
async def test_conversation_with_broken_bytes_harms_nobody(seed: int) -> None:
    """Bits turned over, pieces lost, doubled or swapped: whatever the door makes of it, it stands."""
    chance = random.Random(seed)
    async with door_with() as running:
        running.release.set()
        for _ in range(40):
            peer = await running.connect(PREFACE)
            sent = [SettingsFrame(0, settings={4: 70_000}).serialize()]
            for stream in range(1, 21, 2):
                sent += [one.serialize() for one in peer.call(stream, chance.randbytes(chance.randrange(900)), "Wait")]
                sent.append(WindowUpdateFrame(0, window_increment=100).serialize())
            for _ in range(chance.randrange(1, 6)):
                at = chance.choice([number for number, one in enumerate(sent) if one])
                broken = bytearray(sent[at])
                broken[chance.randrange(min(len(broken), 12))] ^= 1 << chance.randrange(8)
                sent[at] = chance.choice([bytes(broken), b"", sent[at] * 2, sent[at][:-1], chance.choice(sent)])
            peer.send(*sent)
            peer.writer.write_eof()
            while await peer.reader.read(1 << 16):
                pass
            peer.writer.close()
        assert await running.serves()


async def test_peer_that_goes_on_after_it_was_sent_away_is_no_longer_read_from() -> None:
    """What nobody will look at is not taken for ever: the sender waits, not the server, until its time is over."""
    async with door_with() as running:
        with socket.create_connection(("127.0.0.1", running.door.port)) as peer:
            peer.setblocking(False)
            loop, sent = asyncio.get_running_loop(), peer.send(b"GET / HTTP/1.1\r\n\r\n")
            until = loop.time() + 1
            while loop.time() < until and sent < 256 * MIB:
                try:
                    sent += peer.send(bytes(MIB))
                except BlockingIOError:
                    await asyncio.sleep(0.01)
            waiting = int.from_bytes(fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
            assert sent - waiting <= MIB // 2  # what was dropped, and what the system keeps for the door
            assert await running.serves()
            with pytest.raises(ConnectionError):
                async with asyncio.timeout(10):
                    await loop.sock_sendall(peer, bytes(256 * MIB))


async def test_those_who_end_together_end_in_several_turns() -> None:
    async with door_with(DoorLimits(handshake_s=0.3)) as running:
        silent = [await asyncio.open_connection("127.0.0.1", running.door.port) for _ in range(40)]
        lobby, seen = running.door.lobby, []
        while lobby.entered_count:
            await asyncio.sleep(0)
            seen.append(lobby.entered_count)
        ended = [before - after for before, after in zip([40, *seen], seen, strict=False)]
        assert max(ended) <= 16
        assert lobby.sent_away == {"no_settings_in_time": 40}
        for _, writer in silent:
            writer.close()
