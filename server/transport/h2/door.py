"""The compiled door's listener: accepting, drain, limits, time.

Every connection is bounded (streams, bytes, resets, frames without a call) where its bytes are read; here are the
bounds of all together and those of time. Peers are counted from the moment they are accepted, so that handshakes that
are never finished have a bound as well. A tick every 50 ms ends what is late, so a deadline is kept to that. Never
here: bytes of a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from pathlib import Path

import structlog
from grpc_health.v1 import health_pb2

from altyn.infra.settings import split_address
from altyn.server.meters import monotonic_ns
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import UNIX, DoorLimits, Service
from altyn.server.transport.h2.connection import Connection
from altyn.server.transport.h2.lobby import Lobby, Method
from altyn.server.transport.tls import H2, Tls

TICK_S = 0.05
TICK_AGAIN_S = 0.005  # when more connections end than one turn should
BACKLOG = 1_024
ACCEPTED_PER_TURN_MAX = 2  # each costs as much as some calls
ACCEPT_PAUSE_S = 1.0
LAST_WORDS_S = 1.0
NS = 1_000_000_000

log = structlog.get_logger(__name__)


class Protocol(Connection, asyncio.BufferedProtocol):
    """A connection as asyncio wants it."""

    __slots__ = ()


class H2Door:
    """A compiled gRPC server on one address; `port` is known after `start`."""

    def __init__(
        self,
        services: Sequence[Service],
        address: str,
        meters: CallMeters,
        refusals: RefusalLog,
        limits: DoorLimits | None = None,
        tls: Tls | None = None,
    ) -> None:
        """`tls`: None serves plaintext."""
        limits = limits or DoorLimits()
        self._limits = limits
        self._address = address
        self._tls = tls.listener(H2) if tls else None
        self._names = ["", *(service.name for service in services)]
        self.lobby = Lobby(
            refusals=refusals,
            idle_ns=int(limits.idle_s * NS),
            age_ns=int(limits.age_s * NS),
            grace_ns=int(limits.grace_s * NS),
            handshake_ns=int(limits.handshake_s * NS),
            request_ns=int(limits.request_s * NS),
            answer_ns=int(limits.answer_s * NS),
            ping_interval_ns=int(limits.ping_interval_s * NS),
            connections_max=limits.connections_max,
            connections_of_address_max=limits.connections_of_address_max,
            request_bytes_max=limits.request_bytes_max,
            turn_ns_max=int(limits.turn_s * NS),
        )
        for service in services:
            for name, call in service.table.items():
                method = Method(call, service.authenticate, meters.of(service.name, name), service.is_traced)
                self.lobby.add(f"/{service.name}/{name}", method)
        meters.watch(self._names[-1], self.lobby)
        self._listeners: list[socket.socket] = []
        self._entering: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._address.startswith(UNIX):
            self._listeners = [_unix_listener(self._address.removeprefix(UNIX))]
        else:
            host, port = split_address(self._address)
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, place in dict.fromkeys((one[0], one[4]) for one in found):
                self._listeners.append(socket.create_server(place, family=family, backlog=BACKLOG))
            self.port = self._listeners[0].getsockname()[1]
        for listener in self._listeners:
            listener.setblocking(False)
            loop.add_reader(listener, self._accept, listener)
        self._tick()

    async def say_serving(self) -> None:
        self._say(health_pb2.HealthCheckResponse.SERVING)

    async def say_stopping(self) -> None:
        self._say(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        loop = asyncio.get_running_loop()
        while self._listeners:
            listener = self._listeners.pop()
            loop.remove_reader(listener)
            listener.close()
        for entering in self._entering:
            entering.cancel()
        self.lobby.drain()
        await self._until_empty(grace_s)
        self.lobby.abandon()
        await self._until_empty(LAST_WORDS_S)
        if self._ticking is not None:
            self._ticking.cancel()

    async def _until_empty(self, patience_s: float) -> None:
        self._empty.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_s)

    def _say(self, status: int) -> None:
        for name in self._names:
            self.lobby.say(name, status)

    def _accept(self, listener: socket.socket) -> None:
        """Let in who waits, some in each turn."""
        for _ in range(ACCEPTED_PER_TURN_MAX):
            try:
                peer, place = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or no memory: others may give some back
                log.error("cannot_accept", address=self._address, error=str(error))
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener)
                loop.call_later(ACCEPT_PAUSE_S, self._accept_again, listener)
                return
            origin = place[0] if isinstance(place, tuple) else ""
            if not self.lobby.enter(origin):
                peer.close()
                continue
            entering = asyncio.get_running_loop().create_task(self._let_in(peer, origin))
            self._entering.add(entering)
            entering.add_done_callback(self._entering.discard)

    def _accept_again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    async def _let_in(self, peer: socket.socket, origin: str) -> None:
        """From then on the connection looks after itself."""
        age_s = self._limits.age_s * random.uniform(1 - self._limits.age_jitter, 1 + self._limits.age_jitter)
        connection = Protocol(self.lobby, origin, monotonic_ns() + int(age_s * NS), self._tls)
        try:
            peer.setblocking(False)
            if peer.family != socket.AF_UNIX:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, peer)
        except OSError as error:  # it left before it was in
            log.info("peer_lost", address=self._address, error=str(error))
        finally:
            if not connection.is_made:
                peer.close()
                self.lobby.leave(origin)

    def _tick(self) -> None:
        is_more = self.lobby.tick()
        self._ticking = asyncio.get_running_loop().call_later(TICK_AGAIN_S if is_more else TICK_S, self._tick)
        if not self.lobby.connections:
            self._empty.set()


def _unix_listener(path: str) -> socket.socket:
    """In place of the socket that a server before us has left."""
    if Path(path).is_socket():
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener
