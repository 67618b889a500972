"""The portable door: grpc.aio generic handlers over raw bytes.

Bytes go to the call table and bytes come back; no protobuf object is made here. A caller that goes away cancels only
its own
wait. Never here: what a call means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
import grpc.aio

from altyn.core.engine import CallRefused, Scope
from altyn.server.calls import Call
from altyn.server.meters import CallMeter
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.status import status_of

REQUEST_BYTES_MAX = 1 << 20
OPTIONS = (
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_metadata_size", 8 << 10),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 1_800_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)

Metadata = Iterable[tuple[str, str | bytes]]
Authenticate = Callable[[Metadata], Scope]


class CallTableHandler(grpc.GenericRpcHandler):
    """One service: method path → raw-bytes handler."""

    def __init__(
        self,
        service: str,
        table: Mapping[str, Call],
        authenticate: Authenticate,
        meters: CallMeters | None = None,
        refusals: RefusalLog | None = None,
    ) -> None:
        """`meters`, `refusals`: where calls are counted and refusals are told; by default nobody listens."""
        meters = meters or CallMeters()
        self._calls = {f"/{service}/{name}": (call, meters.of(service, name)) for name, call in table.items()}
        self._authenticate = authenticate
        self._refusals = refusals or RefusalLog()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        found = self._calls.get(handler_call_details.method)
        if found is None:
            return None
        call, meter = found
        # The metadata has been read for this look-up; the call's context would read all of it again.
        metadata = handler_call_details.invocation_metadata
        return grpc.unary_unary_rpc_method_handler(_handler(call, self._authenticate, metadata, meter, self._refusals))


def _handler(call: Call, authenticate: Authenticate, metadata: Metadata, meter: CallMeter, refusals: RefusalLog) -> Any:
    async def handle(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        begun_ns = meter.begin()
        scope: Scope | None = None
        try:
            scope = authenticate(metadata)
            reply = call(request, scope)
            if not isinstance(reply, bytes):
                reply = await reply
            meter.answered(begun_ns, reply)
            return reply
        except CallRefused as refused:
            meter.refused(begun_ns, refused.code, refused.reason)
            refusals.refused(meter.method, refused, request, scope)
            await context.abort_with_status(status_of(refused))
            raise
        except asyncio.CancelledError:
            meter.refused(begun_ns, "CANCELLED", "CALLER_LEFT")
            raise
        except Exception as error:
            meter.refused(begun_ns, "INTERNAL", "FAULT")
            refusals.failed(meter.method, error, request, scope)
            raise

    return handle


class GrpcDoor:
    """A grpc.aio server on one address; `port` is known after `start`."""

    def __init__(self, handlers: list[grpc.GenericRpcHandler], address: str) -> None:
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers(tuple(handlers))
        self._address = address
        self.port = 0

    @property
    def server(self) -> grpc.aio.Server:
        """For services that come as ready-made handlers (health)."""
        return self._server

    async def start(self) -> None:
        self.port = self._server.add_insecure_port(self._address)
        if self.port == 0:
            raise OSError(f"cannot listen on {self._address}")
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let the running ones finish for `grace_s`."""
        await self._server.stop(grace_s)
