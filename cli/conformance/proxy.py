"""The proxy in the middle: real gRPC in, real gRPC out, and a fault in between where the plan says so.

It passes bytes as they come and keeps every request. Invariants: one fault per request, chosen when it arrives; a
request that the plan loses never reaches the server; waiting is bounded. A call the server has not got yet is answered
OK by a stub and marked so. It decides nothing about right or wrong.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from altyn.cli.conformance.seen import METHODS, OF_FACT, Seen
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2

SERVICE = "altyn.pos.v1.PosService"
FORWARD_S = 20.0
HANG_S = 20.0
#: Field 2047, a varint 1: a field of a later version of the contract.
UNKNOWN_FIELD = b"\xf8\x7f\x01"
#: Reason 4000 in `exceptions` of a CommitReceiptResponse, not packed.
UNKNOWN_REASON = b"\x20\xa0\x1f"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    pass · lose: not passed on, UNAVAILABLE · drop: passed on, the reply lost, UNAVAILABLE · hang: passed on, no reply
    until the caller gives up · twice: passed on twice, the second reply returned · hold: UNAVAILABLE, and passed on
    after the next effect call of another operation · retry: not passed on, UNAVAILABLE with RetryInfo ``wait_s`` ·
    refuse: not passed on, ``code`` · decline: not passed on, DECLINED POINTS_SHORT · strange: passed on, fields and
    codes of a later contract added to the reply · cut: not passed on, and the register loses power · cut_after: the
    same after passing on.
    """

    kind: str
    wait_s: float = 0.0
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


PASS = Fault("pass")
Plan = Callable[[Seen], Fault]


def first(count: int, call: str, fault: Fault) -> Plan:
    """The first so many requests of a call meet the fault; the rest pass."""
    left = [count]

    def plan(seen: Seen) -> Fault:
        if seen.call != call or left[0] == 0:
            return PASS
        left[0] -= 1
        return fault

    return plan


def always(fault: Fault, *calls: str) -> Plan:
    """Every request of these calls, or of all calls."""
    return lambda seen: fault if not calls or seen.call in calls else PASS


class Proxy:
    """One door for one register, in front of one server. An async context manager."""

    def __init__(self, server: str, listen: str = "127.0.0.1:0") -> None:
        self.seen: list[Seen] = []
        self.plan: Plan = always(PASS)
        self.cut_power: Callable[[], None] = lambda: None
        self.target = ""
        self._listen = listen
        self._server_address = server
        self._held: list[Seen] = []
        self._started_s = time.monotonic()

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(
            self._server_address, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        )
        self._door = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handlers: Any = {name: grpc.unary_unary_rpc_method_handler(self._handler(name)) for name in METHODS}
        self._door.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        port = self._door.add_insecure_port(self._listen)
        self.target = f"{self._listen.rsplit(':', 1)[0]}:{port}"
        await self._door.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.stop(0)
        await self._channel.close()

    def since(self, number: int) -> list[Seen]:
        """Requests from the n-th on."""
        return self.seen[number:]

    async def ask(self, call: str, request: Any, authorization: str) -> Any:
        """The kit's own question to the server. AioRpcError."""
        reply = await self._forward(call, request.SerializeToString(), authorization)
        return getattr(pos_service_pb2, f"{call}Response").FromString(reply)

    def _handler(self, call: str) -> Callable[[bytes, Any], Any]:
        async def handle(request: bytes, context: Any) -> bytes:
            metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
            arrived_s = time.monotonic() - self._started_s
            seen = Seen(len(self.seen) + 1, call, bytes(request), metadata.get("authorization", ""), arrived_s)
            self.seen.append(seen)
            fault = self.plan(seen)
            seen.fault = "" if fault is PASS else fault.kind
            try:
                reply = await self._treat(seen, fault, context)
            except grpc.aio.AioRpcError as error:
                seen.answer = error.code().name
                context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
                await context.abort(error.code(), error.details() or "")
                raise
            seen.answer = "OK"
            return reply

        return handle

    async def _treat(self, seen: Seen, fault: Fault, context: Any) -> bytes:
        kind = fault.kind
        if kind == "hold":
            self._held.append(seen)
        if kind == "retry":
            context.set_trailing_metadata((("grpc-status-details-bin", _wish(fault.wait_s)),))
        if kind == "cut":
            self.cut_power()
        if kind in ("lose", "hold", "retry", "cut", "refuse"):
            code = fault.code if kind == "refuse" else grpc.StatusCode.UNAVAILABLE
            await self._fail(seen, code, context)
        if kind == "decline":
            form = getattr(pos_service_pb2, f"{seen.call}Response")
            declined = form(status=outcome_pb2.STATUS_DECLINED, reason=reasons_pb2.REASON_POINTS_SHORT)
            return bytes(declined.SerializeToString())
        # What the register does may not stop what is on its way to the server already.
        reply = await asyncio.shield(asyncio.ensure_future(self._pass_on(seen)))
        if kind == "twice":
            reply = await self._pass_on(seen)
        if kind == "cut_after":
            self.cut_power()
        if kind == "hang":
            await asyncio.sleep(HANG_S)
        if kind in ("drop", "cut_after", "hang"):
            await self._fail(seen, grpc.StatusCode.UNAVAILABLE, context)
        if kind == "strange":
            return reply + UNKNOWN_FIELD + (UNKNOWN_REASON if seen.call == "CommitReceipt" else b"")
        return reply

    async def _fail(self, seen: Seen, code: grpc.StatusCode, context: Any) -> None:
        seen.answer = code.name
        await context.abort(code, f"the conformance kit: {seen.fault}")

    async def _pass_on(self, seen: Seen) -> bytes:
        try:
            seen.reply = await self._forward(seen.call, seen.request, seen.authorization)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
            seen.is_stubbed = True
            seen.reply = stub(seen)
        if seen.operations:
            await self._release_held(seen)
        return seen.reply

    async def _release_held(self, seen: Seen) -> None:
        """What was held arrives now, too late, in order."""
        ids = {operation.op_id for operation in seen.operations}
        held = [late for late in self._held if not ids & {operation.op_id for operation in late.operations}]
        self._held = [late for late in self._held if late not in held]
        for late in held:
            late.reply = await self._forward(late.call, late.request, late.authorization)

    async def _forward(self, call: str, request: bytes, authorization: str) -> bytes:
        method: Any = self._channel.unary_unary(f"/{SERVICE}/{call}")
        return bytes(await method(request, timeout=FORWARD_S, metadata=(("authorization", authorization),)))


def stub(seen: Seen) -> bytes:
    """OK, in the form of a call the server has not got yet."""
    if seen.call == "UploadReceipts":
        results = [
            pos_service_pb2.UploadResult(op_id=getattr(fact, kind).op_id, status=outcome_pb2.STATUS_OK)
            for fact in seen.message.receipts
            if (kind := fact.WhichOneof("fact")) in OF_FACT
        ]
        return bytes(pos_service_pb2.UploadReceiptsResponse(results=results).SerializeToString())
    form = getattr(pos_service_pb2, f"{seen.call}Response")
    return bytes(form(status=outcome_pb2.STATUS_OK).SerializeToString())


def _wish(wait_s: float) -> bytes:
    status = status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="try later")
    wish = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=int(wait_s * 1_000_000_000)))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="RETRY", domain="altyn"))
    status.details.add().Pack(wish)
    return bytes(status.SerializeToString())
