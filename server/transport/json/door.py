"""The JSON door's listener: HTTP/1.1 by uvicorn, in the loop of the server.

`POST /v1/<call>` for every call of the table, `GET /openapi.json`, `GET /healthz`. Bounds are those of calls.py and
here: connections at a time, and how long a peer may be connected without having asked anything. Never here: what a
call means.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import uvicorn
from google.protobuf.descriptor import ServiceDescriptor
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope
from uvicorn.protocols.http.h11_impl import H11Protocol

from altyn.infra.settings import split_address
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import DoorLimits, Service
from altyn.server.transport.json.calls import CERTIFICATE, JSON, endpoint, problem
from altyn.server.transport.json.forms import Forms
from altyn.server.transport.json.guests import Guests
from altyn.server.transport.json.openapi import document
from altyn.server.transport.tls import HTTP1, Tls, peer_certificate

CONNECTIONS_MAX = 1_024
CONNECTIONS_OF_ADDRESS_MAX = 512
HEADERS_BYTES_MAX = 16 << 10
REQUEST_COMES_S = 20.0
KEEP_ALIVE_S = 15


class JsonDoor:
    """HTTP on one address; `port` is known after `start`. `service` is one of the contract's, whole or in part;
    `adapters` are routes of protocols that are not ours.
    """

    def __init__(
        self,
        service: Service,
        contract: ServiceDescriptor,
        address: str,
        meters: CallMeters,
        refusals: RefusalLog,
        tls: Tls | None = None,
        limits: DoorLimits | None = None,
        adapters: Sequence[Route] = (),
    ) -> None:
        limits = limits or DoorLimits(CONNECTIONS_MAX, CONNECTIONS_OF_ADDRESS_MAX)
        methods = [contract.methods_by_name[name] for name in service.table]
        forms = Forms()
        routes = [Route("/openapi.json", _said(orjson.dumps(document(methods)))), Route("/healthz", self._health)]
        for method in methods:
            taken, given = forms.of(method.input_type), forms.of(method.output_type)
            meter = meters.of(f"json.{service.name}", method.name)
            call = endpoint(service.table[method.name], taken, given, service.authenticate, meter, refusals)
            routes.append(Route(f"/v1/{method.name}", call, methods=["POST"]))
        routes += adapters
        guests = Guests(limits.connections_max, limits.connections_of_address_max)
        meters.watch(f"json.{service.name}", guests)
        self._config = uvicorn.Config(
            Starlette(routes=routes, exception_handlers={HTTPException: _not_found}),
            http=_protocol_of(guests),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        )
        self._address = address
        self._tls = tls
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None
        self._is_serving = False
        self.port = 0

    async def start(self) -> None:
        host, port = split_address(self._address)
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = listener.getsockname()[1]
        self._config.load()
        self._config.ssl = self._tls.listener(HTTP1) if self._tls is not None else None
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="json-door")
        listening = asyncio.create_task(self._server.listens.wait())
        await asyncio.wait({listening, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            self._serving.result()

    async def say_serving(self) -> None:
        self._is_serving = True

    async def say_stopping(self) -> None:
        self._is_serving = False

    async def stop(self, grace_s: float) -> None:
        self._config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving

    async def _health(self, request: Request) -> Response:
        return Response(b"", 200 if self._is_serving else 503)


class HttpConnection(H11Protocol):
    """Tells the application of the peer's certificate, and sends away who is one too many, asks nothing or never comes
    to an end.
    """

    guests: Guests
    _origin: str | None = None  # of a guest
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        origin = self.client[0] if self.client else ""
        if not self.guests.enter(origin, self):
            transport.abort()
            return
        self._origin = origin
        application, certificate = self.app, peer_certificate(transport.get_extra_info("ssl_object"))

        async def with_certificate(scope: HttpScope, receive: Receive, send: Send) -> None:
            scope[CERTIFICATE] = certificate
            await application(scope, receive, send)

        self.app = with_certificate
        self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        if self._patience is None and not self._runs():
            self._wait_for_request()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self._origin is not None:
            self.guests.leave(self._origin, self)
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        self._patience = self.loop.call_later(REQUEST_COMES_S, self._end_patience)

    def _end_patience(self) -> None:
        self._patience = None
        if not self._runs():
            self.transport.close()

    def _runs(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _protocol_of(guests: Guests) -> type[HttpConnection]:
    """uvicorn makes connections by their class alone."""
    return type("HttpConnection", (HttpConnection,), {"guests": guests})


class _Server(uvicorn.Server):
    """Tells when it listens, and leaves signals to whoever runs the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _said(body: bytes) -> Any:
    async def say(request: Request) -> Response:
        return Response(body, media_type=JSON)

    return say


async def _not_found(request: Request, error: Exception) -> Response:
    """Of Starlette's own refusals there are two: no such path, and not by this method."""
    assert isinstance(error, HTTPException)
    text = "send POST /v1/<call>; GET /openapi.json names them" if error.status_code == 404 else error.detail
    return problem("UNIMPLEMENTED", "NOT_IMPLEMENTED", "", text, error.status_code)
