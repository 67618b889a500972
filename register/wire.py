"""One connection of one register: raw bytes out, raw bytes in, every attempt told to the history.

Bytes are what makes a retry safe: the request is made once and sent as it is, and the reply is kept as it came.
gRPC's own retries are off, so that nothing is sent twice without the history knowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from altyn.pos.v1 import pos_service_pb2
from altyn.register.history import Attempt, History, SteadyClock, request_hash
from altyn.register.uploads import Fact

_SERVICE = pos_service_pb2.DESCRIPTOR.services_by_name["PosService"]

#: Pings keep the address translation of the shop's router alive; the server must allow a ping each 30 s.
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # One connection per register, also when many registers live in one process.
    ("grpc.use_local_subchannel_pool", 1),
)

_PUSHBACK_KEY = "grpc-retry-pushback-ms"
_DETAILS_KEY = "grpc-status-details-bin"


class PlaintextRefused(Exception):
    """The key would travel unprotected over a network: give TLS credentials."""


@dataclass(frozen=True, slots=True)
class Failure:
    """No reply. ``pushback_s`` is how long the server asks to wait: None when it says nothing, negative for never."""

    code: grpc.StatusCode
    details: str
    pushback_s: float | None = None


class Wire:
    """The channel, and one callable per call of the contract."""

    def __init__(self, target: str, key: str, tls: grpc.ChannelCredentials | None, history: History | None) -> None:
        if not (key and key.isascii() and key.isprintable()):
            raise ValueError("key: printable ASCII only, and not empty")
        if tls is None and not _stays_on_this_machine(target):
            raise PlaintextRefused(target)
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, tls, options=CHANNEL_OPTIONS)
        self._calls: dict[str, Any] = {
            method.name: self._channel.unary_unary(f"/{_SERVICE.full_name}/{method.name}")
            for method in _SERVICE.methods
        }
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._history = history
        self._clock = SteadyClock()

    async def attempt(
        self, call: str, request: bytes, timeout_s: float, op_id: bytes = b"", facts: Sequence[Fact] = ()
    ) -> bytes | Failure:
        """Send the bytes once and wait for the reply's bytes, or for what went wrong. `facts`: those of an upload."""
        invoked_us = self._clock.now_us()
        outcome: bytes | Failure
        try:
            outcome = bytes(await self._calls[call](request, timeout=timeout_s, metadata=self._metadata))
        except grpc.aio.AioRpcError as error:
            outcome = Failure(error.code(), error.details() or "", _pushback_s(error))
        except BaseException:
            self._tell(call, request, op_id, invoked_us, Failure(grpc.StatusCode.CANCELLED, "abandoned here"), facts)
            raise
        self._tell(call, request, op_id, invoked_us, outcome, facts)
        return outcome

    async def close(self) -> None:
        """Close the connection; calls in flight end as CANCELLED."""
        await self._channel.close()

    def _tell(
        self,
        call: str,
        request: bytes,
        op_id: bytes,
        invoked_us: int,
        outcome: bytes | Failure,
        facts: Sequence[Fact],
    ) -> None:
        if self._history is None:
            return
        replied_us = self._clock.now_us()
        reply = None if isinstance(outcome, Failure) else outcome
        error = outcome.code.name if isinstance(outcome, Failure) else ""
        self._history(Attempt(op_id, call, request_hash(request), invoked_us, reply, replied_us, error))
        results = results_of(reply) if reply is not None else []
        for place, fact in enumerate(facts):
            told = results[place].SerializeToString() if place < len(results) else None
            self._history(Attempt(fact.op_id, call, request_hash(fact.request), invoked_us, told, replied_us, error))


def results_of(reply: bytes) -> list[pos_service_pb2.UploadResult]:
    """What an upload's reply says of each fact; nothing when it cannot be read."""
    try:
        return list(pos_service_pb2.UploadReceiptsResponse.FromString(reply).results)
    except DecodeError:
        return []


def _stays_on_this_machine(target: str) -> bool:
    host = target.removeprefix("dns:").removeprefix("ipv4:").removeprefix("ipv6:").lstrip("/").rsplit(":", 1)[0]
    return target.startswith(("unix:", "unix-abstract:")) or host in ("127.0.0.1", "localhost", "[::1]")


def _pushback_s(error: grpc.aio.AioRpcError) -> float | None:
    """How long the server asks to wait: its RetryInfo, or what a proxy of gRPC says in its own trailer."""
    for name, value in error.trailing_metadata() or ():
        try:
            if name == _PUSHBACK_KEY:
                return int(value) / 1000
            if name == _DETAILS_KEY:
                for detail in status_pb2.Status.FromString(value).details:
                    wish = error_details_pb2.RetryInfo()
                    if detail.Unpack(wish):
                        return float(wish.retry_delay.ToMilliseconds()) / 1000
        except (ValueError, DecodeError):
            continue
    return None
