"""What the front door is compared with: servers that do nothing with a request but answer it.

`raw`: grpc.aio with the door's own settings that returns the request's bytes. `upb`: the same that reads the request
into protobuf objects and builds a reply of as many lines. `h2`: the compiled door over a call that returns its
request. Run as `python -m altyn.benchmarks.front_peers raw`. In `peers/`: the same in C++, and of plain TCP.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import uvloop

from altyn.core.engine import Scope
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.app import address_of, say_ready
from altyn.server.transport.door import Door, Service, new_door
from altyn.server.transport.grpc_aio import GrpcDoor

METHOD = "/altyn.pos.v1.PosService/CalculateReceipt"
LISTEN = "127.0.0.1:0"
SCOPE = Scope("bench", "M001", "K0001")

Handler = Callable[..., Awaitable[object]]


async def echo_bytes(request: bytes, context: object) -> bytes:
    return request


async def echo_lines(request: pos.CalculateReceiptRequest, context: object) -> pos.CalculateReceiptResponse:
    """Every line at its price: the least that a server on protobuf objects does."""
    reply = pos.CalculateReceiptResponse(status=outcome_pb2.STATUS_OK, server_time_us=request.receipt.local_time_us)
    total = 0
    for line in request.receipt.lines:
        gross = line.price_minor * line.qty_milli // 1000
        reply.outcome.lines.add(line_no=line.line_no, gross_minor=gross, net_minor=gross)
        total += gross
    reply.outcome.totals.gross_minor = reply.outcome.totals.to_pay_minor = total
    return reply


class OneMethod(grpc.GenericRpcHandler):
    """A service of one method."""

    def __init__(self, handler: grpc.RpcMethodHandler[object, object]) -> None:
        self._handler = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[object, object] | None:
        return self._handler if handler_call_details.method == METHOD else None


HANDLERS: dict[str, grpc.RpcMethodHandler[object, object]] = {
    "raw": grpc.unary_unary_rpc_method_handler(echo_bytes),
    "upb": grpc.unary_unary_rpc_method_handler(
        echo_lines,
        request_deserializer=pos.CalculateReceiptRequest.FromString,
        response_serializer=pos.CalculateReceiptResponse.SerializeToString,
    ),
}


async def serve(kind: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    door: Door
    if kind == "h2":
        service, _, method = METHOD[1:].partition("/")
        calls = Service(service, {method: lambda request, scope: request}, lambda metadata, certificate: SCOPE)
        door = new_door("h2", [calls], LISTEN)
    else:
        door = GrpcDoor([], LISTEN, handlers=[OneMethod(HANDLERS[kind])])
    await door.start()
    say_ready({"grpc": address_of(LISTEN, door.port)})
    await stopping.wait()
    await door.stop(1.0)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
