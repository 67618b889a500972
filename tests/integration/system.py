"""A real processing server on real stores, and a till's and the back office's calls to it by name."""

from __future__ import annotations

import grpc.aio

from altyn.cli.chaos.server_process import ServerProcess
from altyn.cli.chaos.small_world import OPS_KEY, RULES, TENANT, basket, prepare, publish, register_key
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.transport.door import DoorKind, built

KINDS: tuple[DoorKind, ...] = ("h2", "grpc_aio")
# The doors of this installation: what a test says of one holds of each.
DOORS: list[DoorKind] = [kind for kind in KINDS if built(kind)]

__all__ = ["DOORS", "KEY", "OPS_KEY", "OTHER_KEY", "RULES", "TENANT", "System", "basket", "prepare", "publish"]

KEY = register_key(1)
OTHER_KEY = register_key(2)


class System(ServerProcess):
    """One server process, and how to call it."""

    def call(
        self, channel: grpc.aio.Channel, name: str, request: object, key: str = KEY, timeout_s: float = 10.0
    ) -> object:
        """A unary call of PosService by name, with a register's key."""
        method = channel.unary_unary(
            f"/altyn.pos.v1.PosService/{name}",
            request_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
            response_deserializer=getattr(pos, f"{name}Response").FromString,
        )
        return method(request, metadata=(("authorization", f"Bearer {key}"),), timeout=timeout_s)

    def ask(self, channel: grpc.aio.Channel, name: str, request: object, key: str = OPS_KEY) -> object:
        """A unary call of OpsService."""
        method = channel.unary_unary(
            f"/altyn.ops.v1.OpsService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(ops, f"{name}Response").FromString,
        )
        return method(request, metadata=(("authorization", f"Bearer {key}"),), timeout=10.0)
