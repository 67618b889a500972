"""Where the compiled door puts its bytes: straight into the socket, and into the transport what does not go there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import hpack
import pytest

from altyn.server.transport.door import built

if not built("h2"):
    pytest.skip("built without libnghttp2", allow_module_level=True)

from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import Service
from altyn.server.transport.h2.door import H2Door, Protocol
from altyn.server.transport.tls import H2
from tests.server.certificates import Authority, server_tls
from tests.server.h2_fuzz import Listener, Wire
from tests.server.h2_peer import PREFACE, SCOPE, SERVICE, fields, message

WINDOW = 1 << 30


class SocketWire(Wire):
    """A transport over a socket that never gets to sending what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.far.setblocking(False)

    def get_extra_info(self, name: str) -> object:
        return {"socket": self.near, "ssl_object": None}[name]

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def arrived(self) -> bytes:
        """What has gone into the socket since the last time."""
        came = b""
        while True:
            try:
                came += self.far.recv(1 << 20)
            except BlockingIOError:
                return came

    def close_sockets(self) -> None:
        self.near.close()
        self.far.close()


class Talk:
    """A connection of an echoing door, and what its peer hears."""

    def __init__(self, wire: SocketWire) -> None:
        table = {"Echo": lambda request, scope: request}
        door = H2Door([Service(SERVICE, table, lambda metadata, certificate: SCOPE)], "x:1", CallMeters(), RefusalLog())
        door.lobby.enter("")
        self.wire = wire
        self.connection = Protocol(door.lobby, "", 1 << 62)
        self.connection.connection_made(wire)  # type: ignore[arg-type]
        self._encoder, self._stream = hpack.Encoder(), -1
        self.feed(
            PREFACE
            + SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW}).serialize()
            + WindowUpdateFrame(0, window_increment=WINDOW).serialize()
        )

    def feed(self, data: bytes) -> None:
        self.connection.get_buffer(-1)[: len(data)] = data
        self.connection.buffer_updated(len(data))

    def call(self, body: bytes) -> int:
        """Send a call of an id that is told."""
        self._stream += 2
        sent = message(body)
        self.feed(
            HeadersFrame(self._stream, self._encoder.encode(fields()), flags=["END_HEADERS"]).serialize()
            + b"".join(
                DataFrame(self._stream, sent[at : at + 16_384]).serialize() for at in range(0, len(sent), 16_384)
            )
            + DataFrame(self._stream, b"", flags=["END_STREAM"]).serialize()
        )
        return self._stream


@pytest.fixture
def wire() -> Iterator[SocketWire]:
    made = SocketWire()
    yield made
    made.close_sockets()


def test_replies_go_straight_into_the_socket_and_the_transport_gets_nothing(wire: SocketWire) -> None:
    talk, heard = Talk(wire), Listener()
    for body in (b"one", b"two"):
        stream = talk.call(body)
        heard.take(wire.arrived())
        assert heard.answers[stream][1] == message(body)
    assert not wire.written


def test_what_the_socket_has_no_room_for_goes_through_the_transport_and_so_does_all_until_that_is_sent(
    wire: SocketWire,
) -> None:
    wire.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    talk, heard = Talk(wire), Listener()
    bodies = [bytes([number]) * 30_000 for number in range(4)]
    streams = [talk.call(body) for body in bodies]
    straight = wire.arrived()
    assert straight
    assert wire.written
    # There is room again, but what the transport keeps comes first.
    last = talk.call(b"last")
    assert wire.arrived() == b""
    heard.take(straight + bytes(wire.written))
    heard.whole()
    assert [heard.answers[stream][1] for stream in streams] == [message(body) for body in bodies]
    assert heard.answers[last][1] == message(b"last")
    wire.written.clear()
    again = talk.call(b"again")
    heard.take(wire.arrived())
    assert heard.answers[again][1] == message(b"again")
    assert not wire.written


def test_nothing_is_sent_to_the_socket_of_a_transport_that_is_closing_for_it_may_be_anothers(wire: SocketWire) -> None:
    talk = Talk(wire)
    wire.arrived()
    wire.is_over = True
    talk.call(b"late")
    assert wire.arrived() == b""


def test_a_connection_that_is_closing_when_the_door_stops_or_breaks_with_it_is_left_alone() -> None:
    class Closed(SocketWire):
        """As uvloop's: a handle that is closed takes no words any more, not even the end."""

        def write(self, data: bytes) -> None:
            assert not self.is_over
            super().write(data)

        def write_eof(self) -> None:
            assert not self.is_over
            super().write_eof()

        close = write_eof

    for act in ("abandon", "break"):
        wire = Closed()
        with closing(wire.near), closing(wire.far):
            talk = Talk(wire)
            wire.arrived()
            wire.is_over = True
            if act == "abandon":
                talk.connection.abandon()
            else:
                talk.feed(DataFrame(99, b"of no stream").serialize())
            assert (wire.arrived(), bytes(wire.written)) == (b"", b"")


def test_a_socket_that_is_broken_is_left_to_the_transport(wire: SocketWire) -> None:
    talk = Talk(wire)
    wire.far.close()
    talk.call(b"whom for")
    assert wire.written


class Sealed:
    """A peer that speaks TLS with a door of its own, over bytes that it carries itself."""

    def __init__(self, wire: SocketWire, authority: Authority) -> None:
        table = {"Echo": lambda request, scope: request}
        service = Service(SERVICE, table, lambda metadata, certificate: SCOPE)
        tls = server_tls(authority.sign("server"))
        self.door = H2Door([service], "x:1", CallMeters(), RefusalLog(), tls=tls)
        self.door.lobby.enter("")
        self.wire = wire
        self.connection = Protocol(self.door.lobby, "", 1 << 62, tls.listener(H2))
        self.connection.connection_made(wire)  # type: ignore[arg-type]
        context = ssl.create_default_context(cafile=str(authority.ca))
        context.set_alpn_protocols([H2])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def carry(self, piece: int) -> bytes:
        """What the peer has said goes to the door in pieces; what the door answers, as it came."""
        came = b""
        while self.outgoing.pending:
            part = self.outgoing.read(piece)
            self.connection.get_buffer(-1)[: len(part)] = part
            self.connection.buffer_updated(len(part))
            came += self.wire.arrived()
        self.incoming.write(came)
        return came

    def shake(self, piece: int) -> None:
        for _ in range(2):
            with suppress(ssl.SSLWantReadError):
                self.session.do_handshake()
            self.carry(piece)

    def hear(self) -> bytes:
        heard = b""
        while self.incoming.pending:
            with suppress(ssl.SSLWantReadError):
                heard += self.session.read(1 << 20)
        return heard


@pytest.mark.parametrize("piece", [1, 700, 60_000])
def test_behind_tls_nothing_is_said_before_hands_are_shaken_and_nothing_ever_in_the_clear(
    wire: SocketWire, tmp_path: Path, piece: int
) -> None:
    peer, heard = Sealed(wire, Authority(tmp_path / "shop")), Listener()
    peer.door.lobby.say("", 1)
    peer.door.lobby.tick()
    assert wire.arrived() == b""
    peer.shake(piece)
    body, encoder = b"secret" * 5_000, hpack.Encoder()
    sent = message(body)
    calls = PREFACE + SettingsFrame(0).serialize()
    for stream in (1, 3):
        calls += HeadersFrame(stream, encoder.encode(fields()), flags=["END_HEADERS"]).serialize()
        calls += b"".join(DataFrame(stream, sent[at : at + 16_384]).serialize() for at in range(0, len(sent), 16_384))
        calls += DataFrame(stream, b"", flags=["END_STREAM"]).serialize()
    while calls:
        calls = calls[peer.session.write(calls) :]
    came = peer.carry(piece)
    assert b"secret" not in came and len(came) > 2 * len(body)
    heard.take(peer.hear())
    assert [heard.answers[stream][1] for stream in (1, 3)] == [message(body)] * 2
    assert not wire.written
    with pytest.raises(ssl.SSLWantReadError):
        peer.session.unwrap()
    peer.carry(piece)
    peer.session.unwrap()  # the door has said so as well
    assert wire.is_over


def test_what_was_not_sealed_by_the_peer_ends_the_connection_with_an_alert_and_nothing_in_the_clear(
    wire: SocketWire, tmp_path: Path
) -> None:
    peer = Sealed(wire, Authority(tmp_path / "shop"))
    peer.shake(1 << 16)
    peer.hear()
    peer.session.write(PREFACE + SettingsFrame(0).serialize())
    broken = bytearray(peer.outgoing.read())
    broken[-1] ^= 1
    peer.outgoing.write(broken)
    peer.carry(1 << 16)
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        peer.session.read(1)
    assert peer.door.lobby.sent_away == {"broken_tls": 1}
    assert wire.is_over and not wire.written
