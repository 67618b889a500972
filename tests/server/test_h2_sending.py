"""Where the compiled door puts its bytes: straight into the socket, and into the transport what does not go there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

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

    def is_closing(self) -> bool:
        return self.is_over

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


def test_behind_tls_everything_goes_through_the_transport() -> None:
    class Secure(SocketWire):
        def get_extra_info(self, name: str) -> object:
            return self if name == "ssl_object" else self.near

        def getpeercert(self, binary_form: bool = False) -> None:
            return None

    wire = Secure()
    with closing(wire.near), closing(wire.far):
        talk, heard = Talk(wire), Listener()
        stream = talk.call(b"secret")
        assert wire.arrived() == b""
        heard.take(bytes(wire.written))
        assert heard.answers[stream][1] == message(b"secret")
