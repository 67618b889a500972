"""The compiled door's listener: accepting, drain, limits, time.

Every connection is bounded (streams, bytes, resets, frames without a call) where its bytes are read; here are the
bounds of all together and those of time. A tick every 50 ms ends what is late, so a deadline is kept to that. Never
here: bytes of a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from grpc_health.v1 import health_pb2

from altyn.infra.settings import split_address
from altyn.server.meters import monotonic_ns
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import UNIX, Service
from altyn.server.transport.h2.connection import Connection
from altyn.server.transport.h2.lobby import Lobby, Method
from altyn.server.transport.tls import Tls

TICK_S = 0.05
BACKLOG = 1_024
LAST_WORDS_S = 1.0
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What one door allows, all connections together, and how long. Per connection: stream.pxd, session.pxd."""

    connections_max: int = 8_192
    request_bytes_max: int = 256 << 20  # collected and not yet given to the call table
    idle_s: float = 300.0
    age_s: float = 1_800.0
    age_jitter: float = 0.1  # so that registers that came together do not come anew together
    grace_s: float = 30.0  # for calls of a connection that is old
    handshake_s: float = 10.0
    request_s: float = 30.0  # from a call's first frame to its last
    answer_s: float = 60.0  # for a peer to take what it was sent
    ping_interval_s: float = 20.0


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
        self._tls = tls.context if tls else None
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
            request_bytes_max=limits.request_bytes_max,
        )
        for service in services:
            for name, call in service.table.items():
                method = Method(call, service.authenticate, meters.of(service.name, name))
                self.lobby.add(f"/{service.name}/{name}", method)
        meters.watch(self._names[-1], self.lobby)
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        timeout = self._limits.handshake_s if self._tls else None
        if self._address.startswith(UNIX):
            self._server = await loop.create_unix_server(
                self._new_connection,
                self._address.removeprefix(UNIX),
                backlog=BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=timeout,
            )
        else:
            host, port = split_address(self._address)
            self._server = await loop.create_server(
                self._new_connection, host, port, backlog=BACKLOG, ssl=self._tls, ssl_handshake_timeout=timeout
            )
            self.port = self._server.sockets[0].getsockname()[1]
        self._tick()

    async def say_serving(self) -> None:
        self._say(health_pb2.HealthCheckResponse.SERVING)

    async def say_stopping(self) -> None:
        self._say(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        if self._server is not None:
            self._server.close()
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

    def _new_connection(self) -> Protocol:
        age_s = self._limits.age_s * random.uniform(1 - self._limits.age_jitter, 1 + self._limits.age_jitter)
        return Protocol(self.lobby, monotonic_ns() + int(age_s * NS))

    def _tick(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self.lobby.tick()
        if not self.lobby.connections:
            self._empty.set()
