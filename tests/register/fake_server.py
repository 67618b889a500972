"""A tiny grpc.aio server that misbehaves on request: loses requests, loses replies, is slow, answers nonsense.

It keeps what a real server keeps of an operation: the first content and its reply, replayed byte for byte.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2

EFFECTS = {
    "ReserveReceipt": outcome_pb2.Status.Value("STATUS_OK"),
    "CommitReceipt": outcome_pb2.Status.Value("STATUS_OK"),
    "ReturnReceipt": outcome_pb2.Status.Value("STATUS_OK"),
    "CancelReceipt": outcome_pb2.Status.Value("STATUS_OK"),
}


@dataclass
class FakeServer:
    """``faults`` are taken one per request, in order; none left means a good answer.

    lose: nothing happens, UNAVAILABLE · busy: the same, with a wish to wait 10 s
    drop: applied, then UNAVAILABLE · slow: applied, answered after ``slow_s`` ·
    a grpc.StatusCode: nothing happens, that code · decline, nonsense, silent: answers of that kind.
    """

    faults: deque[Any] = field(default_factory=deque)
    slow_s: float = 1.2
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    applied: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    doubled: list[bytes] = field(default_factory=list)
    pushback_ms: int | None = None
    has_uploads: bool = True
    upload_takes_max: int = 1_000
    upload_declines: set[bytes] = field(default_factory=set)
    target: str = ""

    def order(self) -> list[bytes]:
        """Operation ids as they were first applied."""
        return list(self.applied)

    async def answer(self, call: str, request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        self.requests.append((call, request))
        self.metadata.append({name: str(value) for name, value in context.invocation_metadata() or ()})
        if call == "UploadReceipts" and not self.has_uploads:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not yet")
        fault = self.faults.popleft() if self.faults else "none"
        if self.pushback_ms is not None:
            context.set_trailing_metadata((("grpc-retry-pushback-ms", str(self.pushback_ms)),))
        if fault == "lose":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost on the way in")
        if fault == "busy":
            wish = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=10))
            details = status_pb2.Status(code=14)
            details.details.add().Pack(wish)
            context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "shed")
        if isinstance(fault, grpc.StatusCode):
            await context.abort(fault, "receipt.lines[0].qty_milli: out of range")
        if fault == "nonsense":
            return b"\xff\xff\xff"
        if fault == "silent":
            return b""
        reply = self._apply(call, request, declined=fault == "decline")
        if fault == "drop":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost on the way back")
        if fault == "slow":
            await asyncio.sleep(self.slow_s)
        return reply

    def _apply(self, call: str, request: bytes, *, declined: bool) -> bytes:
        if call == "UploadReceipts":
            return self._upload(request)
        response = getattr(pos_service_pb2, call + "Response")(status=outcome_pb2.STATUS_OK)
        if call == "GetOperation":
            _, response.reply = self.applied.get(
                pos_service_pb2.GetOperationRequest.FromString(request).op_id, (b"", b"")
            )
        if declined:
            response.status = outcome_pb2.STATUS_DECLINED
            response.reason = reasons_pb2.REASON_POINTS_SHORT
        if call not in EFFECTS:
            return bytes(response.SerializeToString())
        op_id = getattr(pos_service_pb2, call + "Request").FromString(request).op_id
        if op_id in self.applied:
            first, reply = self.applied[op_id]
            if first != request:
                self.doubled.append(op_id)
            return reply
        response.seq = len(self.applied) + 1
        reply = bytes(response.SerializeToString())
        self.applied[op_id] = (request, reply)
        return reply

    def _upload(self, request: bytes) -> bytes:
        told = pos_service_pb2.UploadReceiptsResponse()
        facts = pos_service_pb2.UploadReceiptsRequest.FromString(request).receipts
        for one in facts[: self.upload_takes_max]:
            name = one.WhichOneof("fact")
            fact = getattr(one, name)
            if fact.op_id in self.upload_declines:
                told.results.add(op_id=fact.op_id, status=outcome_pb2.STATUS_DECLINED)
                continue
            call = f"{name.capitalize()}Receipt"
            self.requests.append((call, fact.SerializeToString()))
            reply = self._apply(call, fact.SerializeToString(), declined=False)
            stored = getattr(pos_service_pb2, call + "Response").FromString(reply)
            told.results.add(op_id=fact.op_id, status=stored.status, seq=stored.seq)
        if len(told.results) < len(facts):
            told.push_back_us = 1
        return bytes(told.SerializeToString())


@asynccontextmanager
async def serving(fake: FakeServer, folder: Path) -> AsyncIterator[FakeServer]:
    """The fake behind a unix socket in ``folder``."""
    server = grpc.aio.server()

    def handler(call: str) -> Callable[..., Any]:
        async def handle(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return await fake.answer(call, request, context)

        return handle

    service = pos_service_pb2.DESCRIPTOR.services_by_name["PosService"]
    methods = {m.name: grpc.unary_unary_rpc_method_handler(handler(m.name)) for m in service.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, methods),))
    fake.target = f"unix:{folder}/pos.sock"
    server.add_insecure_port(fake.target)
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(0)
