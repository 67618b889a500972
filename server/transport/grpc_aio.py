"""The portable door: grpc.aio generic handlers over raw bytes.

Bytes go to the call table and bytes come back; no protobuf object is made here. A caller that goes away cancels only
its own wait. Never here: what a call means.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

# Read by gRPC when it is imported, which has no other say in this: of the suites before TLS 1.3 only one stays, which
# needs a shared key, and there is none.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-PSK-AES128-CBC-SHA"

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate, certificate_of
from altyn.server.calls import Call
from altyn.server.meters import CallMeter
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import REQUEST_BYTES_MAX, UNIX, Authenticate, Metadata, Service
from altyn.server.transport.status import status_of
from altyn.server.transport.tls import Loaded, Tls

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

# Of peers: the one of a connection is asked for at each of its calls.
CERTIFICATES_KEPT = 8_192


class CallTableHandler(grpc.GenericRpcHandler):
    """One service: method path → raw-bytes handler."""

    def __init__(self, service: Service, meters: CallMeters, refusals: RefusalLog, is_secured: bool) -> None:
        """`meters`, `refusals`: where calls are counted and refusals are told. `is_secured`: peers may be certified."""
        self._calls = {
            f"/{service.name}/{name}": (call, meters.of(service.name, name)) for name, call in service.table.items()
        }
        self._authenticate = service.authenticate
        self._refusals = refusals
        self._is_secured = is_secured

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        found = self._calls.get(handler_call_details.method)
        if found is None:
            return None
        call, meter = found
        # The metadata has been read for this look-up; the call's context would read all of it again.
        metadata = handler_call_details.invocation_metadata
        handler = _handler(call, self._authenticate, metadata, meter, self._refusals, self._is_secured)
        return grpc.unary_unary_rpc_method_handler(handler)


def _handler(
    call: Call,
    authenticate: Authenticate,
    metadata: Metadata,
    meter: CallMeter,
    refusals: RefusalLog,
    is_secured: bool,
) -> Any:
    async def handle(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        begun_ns = meter.begin()
        scope: Scope | None = None
        try:
            scope = authenticate(metadata, peer_certificate(context.auth_context()) if is_secured else None)
            reply = call(request, scope)
            if not isinstance(reply, bytes):
                reply = await reply
            meter.answered(begun_ns, reply)
            return reply
        except CallRefused as refused:
            meter.refused(begun_ns, refused.code, refused.reason)
            refusals.refused(meter.method, refused, request, scope)
            status = status_of(refused.code, refused.reason, refused.field, refused.message)
            await context.abort_with_status(rpc_status.to_status(status))
            raise
        except asyncio.CancelledError:
            meter.refused(begun_ns, "CANCELLED", "CALLER_LEFT")
            raise
        except Exception as error:
            meter.refused(begun_ns, "INTERNAL", "FAULT")
            refusals.failed(meter.method, error, request, scope)
            await context.abort(grpc.StatusCode.INTERNAL, "a fault of the server")
            raise

    return handle


def credentials_of(tls: Tls) -> grpc.ServerCredentials:
    """gRPC asks at each handshake whether there is something newer."""
    given = tls.loaded

    def newer() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        if tls.loaded is given:
            return None
        given = tls.loaded
        return _configuration(given)

    # Its stub does not know that None says there is nothing newer.
    fetch = cast(Callable[[], grpc.ServerCertificateConfiguration], newer)
    return grpc.dynamic_ssl_server_credentials(_configuration(given), fetch, tls.asks_clients)


def _configuration(loaded: Loaded) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(loaded.key, loaded.certificate)], loaded.clients_ca)


def peer_certificate(told: Mapping[str, Iterable[bytes]]) -> Certificate | None:
    """Of the peer, by what gRPC tells of a connection; None without TLS, and for one that showed nothing."""
    [pem] = told.get("x509_pem_cert") or [b""]
    if not pem:
        return None
    names = [*told.get("peer_uri", ()), *told.get("peer_dns", ()), *told.get("x509_common_name", ())]
    return _certificate_of(pem, tuple(names))


@lru_cache(maxsize=CERTIFICATES_KEPT)
def _certificate_of(pem: bytes, names: tuple[bytes, ...]) -> Certificate:
    der = ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))
    return certificate_of(der, [name.decode("utf-8", "replace") for name in names])


class GrpcDoor:
    """A grpc.aio server on one address; `port` is known after `start`."""

    def __init__(
        self,
        services: Sequence[Service],
        address: str,
        meters: CallMeters | None = None,
        refusals: RefusalLog | None = None,
        *,
        tls: Tls | None = None,
        handlers: Sequence[grpc.GenericRpcHandler] = (),
        speaks_for: Sequence[str] = (),
        connections_max: int = 0,
    ) -> None:
        """`tls`: None serves plaintext. `handlers`: further ones, for whoever has more to offer than call tables.
        `speaks_for`: services at other doors whose health is told here too. `connections_max`: 0, any number; gRPC has
        no setting for those of one address.
        """
        meters, refusals = meters or CallMeters(), refusals or RefusalLog()
        tables = [CallTableHandler(service, meters, refusals, tls is not None) for service in services]
        self._names = ["", *(service.name for service in services), *speaks_for]
        most = (("grpc.max_allowed_incoming_connections", connections_max),) if connections_max else ()
        self._server = grpc.aio.server(options=OPTIONS + most)
        self._server.add_generic_rpc_handlers((*tables, *handlers))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._address = address
        self._tls = tls
        self.port = 0

    async def start(self) -> None:
        if self._tls is None:
            self.port = self._server.add_insecure_port(self._address)
        else:
            self.port = self._server.add_secure_port(self._address, credentials_of(self._tls))
        if self.port == 0:
            raise OSError(f"cannot listen on {self._address}")
        if self._address.startswith(UNIX):
            self.port = 0  # grpc says 1
        await self._server.start()

    async def say_serving(self) -> None:
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def say_stopping(self) -> None:
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let the running ones finish for `grace_s`."""
        await self._server.stop(grace_s)
