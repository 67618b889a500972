"""What every door of the server is: services over call tables, behind one address.

There are two for gRPC, over the same tables: `h2`, compiled, with libnghttp2's HPACK, and `grpc_aio`, portable. Whoever
opens one knows neither. `json` is a third for tills without gRPC. Never here: sockets, frames, what a call means.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from altyn.core.engine import Scope
from altyn.infra.certificates import Certificate
from altyn.server.calls import Call
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog

if TYPE_CHECKING:
    from altyn.server.transport.tls import Tls

DoorKind = Literal["h2", "grpc_aio"]
REQUEST_BYTES_MAX = 1 << 20
UNIX = "unix:"

Metadata = Iterable[tuple[str, str | bytes]]
# Whose call it is, by what came with it and by the certificate that TLS has verified, if one was asked for.
Authenticate = Callable[[Metadata, Certificate | None], Scope]


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What one compiled door allows, all connections together, and how long. Per connection: stream.pxd, peer.pxd.

    The portable door has gRPC's own, and `connections_max` without unfinished handshakes; the JSON door has those of
    connections.
    """

    connections_max: int = 8_192  # handshakes that are not over included
    connections_of_address_max: int = 4_096
    request_bytes_max: int = 256 << 20  # collected and not yet given to the call table
    idle_s: float = 300.0
    age_s: float = 1_800.0
    age_jitter: float = 0.1  # so that registers that came together do not come anew together
    grace_s: float = 30.0  # for calls of a connection that is old
    handshake_s: float = 10.0  # for that of TLS, and then for the first SETTINGS
    request_s: float = 30.0  # from a call's first frame to its last
    answer_s: float = 60.0  # for a peer to take what it was sent
    ping_interval_s: float = 20.0
    turn_s: float = 0.2  # of the loop: calls that are read later in it are refused, for a till waits 300 ms


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service: method name → call, and who may call. `is_traced`: `authenticate` reads `traceparent`, too."""

    name: str
    table: Mapping[str, Call]
    authenticate: Authenticate
    is_traced: bool = False


class Door(Protocol):
    """One listener. `port` is known after `start`; 0 on a unix socket. A door also answers grpc.health.v1."""

    port: int

    async def start(self) -> None: ...
    async def say_serving(self) -> None:
        """Health: its services and the server as a whole serve."""

    async def say_stopping(self) -> None:
        """Health: nothing serves any more, to those who ask and those who watch."""

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let the running ones finish for `grace_s`."""


def built(kind: DoorKind) -> bool:
    """Whether this installation has such a door, and the library it needs."""
    try:
        importlib.import_module("altyn.server.transport.h2.connection" if kind == "h2" else "grpc.aio")
    except ImportError:
        return False
    return True


def choose(wanted: Literal["auto", "h2", "grpc_aio"]) -> DoorKind:
    """`auto`: the fast one where it was built. RuntimeError for one that was not."""
    if wanted == "auto":
        return "h2" if built("h2") else "grpc_aio"
    if not built(wanted):
        raise RuntimeError("libnghttp2 is missing here, or its headers were at the build; set ALTYN_DOOR=grpc_aio")
    return wanted


def new_json_door(
    service: Service,
    address: str,
    meters: CallMeters,
    refusals: RefusalLog,
    tls: Tls | None = None,
    limits: DoorLimits | None = None,
    uds: tuple[str, str] = ("", ""),
) -> Door:
    """The contract's calls over HTTP, on an address of their own. Of `limits` those of connections. `uds`: asset and
    money of the UDS partner protocol; without an asset it is not spoken.
    """
    from altyn.pos.v1 import pos_service_pb2
    from altyn.server.transport.json.door import JsonDoor
    from altyn.server.transport.json.uds.calls import routes

    contract = pos_service_pb2.DESCRIPTOR.services_by_name["PosService"]
    adapters = routes(service, *uds) if uds[0] else ()
    return JsonDoor(service, contract, address, meters, refusals, tls, limits, adapters)


def new_office_door(
    service: Service,
    address: str,
    speaks_for: Sequence[str],
    meters: CallMeters,
    refusals: RefusalLog,
    tls: Tls | None = None,
) -> Door:
    """The management door: the portable one, because reflection is a stream. `speaks_for`: names of services at other
    doors whose health it tells too.
    """
    from altyn.server.transport.grpc_aio import GrpcDoor
    from altyn.server.transport.reflection import reflection_handlers

    handlers = reflection_handlers([service.name, "grpc.health.v1.Health"])
    return GrpcDoor([service], address, meters, refusals, tls=tls, handlers=handlers, speaks_for=speaks_for)


def new_door(
    kind: DoorKind,
    services: Sequence[Service],
    address: str,
    meters: CallMeters | None = None,
    refusals: RefusalLog | None = None,
    tls: Tls | None = None,
    limits: DoorLimits | None = None,
) -> Door:
    """A door that is not open yet. `address`: `host:port` or `unix:path`. By default nobody counts or tells, and the
    door speaks plaintext.
    """
    meters, refusals = meters or CallMeters(), refusals or RefusalLog()
    if kind == "h2":
        from altyn.server.transport.h2.door import H2Door

        return H2Door(services, address, meters, refusals, limits, tls)
    from altyn.server.transport.grpc_aio import GrpcDoor

    most = limits.connections_max if limits is not None else 0
    return GrpcDoor(services, address, meters, refusals, tls=tls, connections_max=most)
