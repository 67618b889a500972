"""Server reflection for the management door: tools such as grpcurl learn the contracts without its files.

Both names of the protocol are answered, v1 and v1alpha, which differ in nothing else. It lists what the door serves;
descriptors of every other contract of the process may be asked for by name. Never here: a key is not asked for, because
nothing is told that is not published.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def reflection_handlers(services: Sequence[str]) -> list[grpc.GenericRpcHandler]:
    """Handlers for a `grpc.aio` server that serves these."""
    servicer = reflection.aio.ReflectionServicer([*services, *NAMES])
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method}) for name in NAMES]
