"""The same day at two tills, one of them over gRPC, one over JSON: every reply is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from altyn.core.engine import CallRefused, Record, Scope
from altyn.infra.certificates import Certificate
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.authenticate import bearer
from altyn.server.calls import POS_SERVICE, Call
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import DoorKind, Metadata, Service, new_door, new_json_door
from tests.contract.test_call_table import Door, HeldJournal
from tests.core.engine.world import NOW_US, SCOPE, basket
from tests.integration.system import DOORS

CONTRACT = pos.DESCRIPTOR.services_by_name["PosService"]
KEY = "key"

Ask = Callable[[str, Message], Awaitable[Message | tuple[str, str, str]]]


class DurableJournal(HeldJournal):
    """What is appended is durable in the next turn."""

    def append(self, record: Record) -> None:
        super().append(record)
        asyncio.get_running_loop().call_soon(self.make_durable, record.seq)


def new_world() -> dict[str, Call]:
    """A call table over an engine and a journal of its own, with nothing in them that differs from another's."""
    world = Door(journal=DurableJournal)
    sent = pos.SendOneTimeCodeResponse(status=outcome_pb2.STATUS_OK, valid_until_us=NOW_US).SerializeToString()
    beside = {"ReconcileShift": lambda request, scope: reconciled(), "SendOneTimeCode": lambda request, scope: sent}
    return world.calls.table() | beside


def reconciled() -> bytes:
    reply: bytes = pos.ReconcileShiftResponse(receipts_count=3, missing_op_ids=[bytes(16)]).SerializeToString()
    return reply


def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
    if bearer(metadata) != KEY:
        raise CallRefused("UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "authorization", "unknown")
    return SCOPE


@asynccontextmanager
async def over_grpc(kind: DoorKind) -> AsyncIterator[Ask]:
    door = new_door(kind, [Service(POS_SERVICE, new_world(), authenticate)], "127.0.0.1:0")
    await door.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:

        async def ask(name: str, request: Message) -> Message | tuple[str, str, str]:
            given = getattr(pos, f"{name}Response")
            call = channel.unary_unary(f"/{POS_SERVICE}/{name}", lambda one: one.SerializeToString(), given.FromString)
            try:
                reply: Message = await call(request, metadata=(("authorization", f"Bearer {KEY}"),), timeout=10)
            except grpc.aio.AioRpcError as error:
                field, _, text = (error.details() or "").rpartition(": ")
                return error.code().name, field, text
            return reply

        yield ask
    await door.stop(1.0)


@asynccontextmanager
async def over_json() -> AsyncIterator[Ask]:
    door = new_json_door(Service(POS_SERVICE, new_world(), authenticate), "127.0.0.1:0", CallMeters(), RefusalLog())
    await door.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}/v1/") as client:

        async def ask(name: str, request: Message) -> Message | tuple[str, str, str]:
            sent = json_format.MessageToDict(request)
            got = await client.post(name, json=sent, headers={"authorization": f"Bearer {KEY}"})
            if got.status_code != 200:
                told = got.json()
                return told["code"], told.get("field", ""), told["detail"]
            reply: Message = json_format.ParseDict(got.json(), getattr(pos, f"{name}Response")())
            return reply

        yield ask
    await door.stop(1.0)


async def day(ask: Ask) -> list[Any]:
    """Every call of the contract, yes and no, first time and again. Ids are the same each time."""
    heard: list[Any] = []

    async def say(name: str, request: Message) -> Any:
        heard.append((name, await ask(name, request)))
        return heard[-1][1]

    who = {"store_id": SCOPE.store_id, "register_id": SCOPE.register_id}
    authorize = pos.AuthorizeCustomerRequest(**who)
    authorize.identity.CopyFrom(basket().identity)
    await say("AuthorizeCustomer", authorize)
    shown = await say("CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket()))
    held = pos.ReserveReceiptRequest(op_id=op_id(1), register_seq=1, receipt=basket(1), calc_token=shown.calc_token)
    await say("ReserveReceipt", held)
    sale = pos.CommitReceiptRequest(op_id=op_id(2), register_seq=2, receipt=basket(1))
    for _ in range(2):
        await say("CommitReceipt", sale)
    other = pos.CommitReceiptRequest(op_id=op_id(2), register_seq=2, receipt=basket(2))
    await say("CommitReceipt", other)  # the same id for something else
    await say("GetOperation", pos.GetOperationRequest(op_id=op_id(2), **who))
    away = pos.CancelReceiptRequest(op_id=op_id(3), register_seq=3, shift_number=1, receipt_number=1, **who)
    await say("CancelReceipt", away)
    upload = pos.UploadReceiptsRequest(**who)
    upload.receipts.add().commit.CopyFrom(pos.CommitReceiptRequest(op_id=op_id(4), register_seq=4, receipt=basket(3)))
    await say("UploadReceipts", upload)
    await say("ReconcileShift", pos.ReconcileShiftRequest(**who, shift_number=1, op_ids=[op_id(2)]))
    told = receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value="+79000000007")
    await say("SendOneTimeCode", pos.SendOneTimeCodeRequest(**who, identity=told))
    foreign = pos.CommitReceiptRequest()
    foreign.CopyFrom(sale)
    foreign.receipt.register_id = "elsewhere"
    await say("CommitReceipt", foreign)
    back = basket(4)
    del back.lines[1:]
    back.lines[0].refund_of.line_no = 1
    back.lines[0].refund_of.qty_milli = back.lines[0].qty_milli
    back.original.op_id = op_id(4)
    await say("ReturnReceipt", pos.ReturnReceiptRequest(op_id=op_id(5), register_seq=5, receipt=back))
    broken = pos.CalculateReceiptRequest(receipt=basket())
    broken.receipt.lines[0].qty_milli = -1
    await say("CalculateReceipt", broken)
    return heard


def op_id(number: int) -> bytes:
    return bytes([number]) * 16


@pytest.mark.parametrize("kind", DOORS)
async def test_same_day_over_grpc_and_json_has_the_same_replies(kind: DoorKind) -> None:
    async with over_grpc(kind) as ask:
        by_grpc = await day(ask)
    async with over_json() as ask:
        by_json = await day(ask)
    for one, other in zip(by_grpc, by_json, strict=True):
        assert one == other
    assert {name for name, _ in by_json} == {method.name for method in CONTRACT.methods}
    assert [reply[0] for _, reply in by_json if isinstance(reply, tuple)] == ["PERMISSION_DENIED", "INVALID_ARGUMENT"]
    assert sum(getattr(reply, "status", 0) == 1 for _, reply in by_json) >= 6


async def test_operation_sent_over_json_is_the_same_when_it_comes_again_over_grpc() -> None:
    """One content, one hash: the bytes that JSON stands for are those that gRPC carries."""
    world = new_world()
    door = new_json_door(Service(POS_SERVICE, world, authenticate), "127.0.0.1:0", CallMeters(), RefusalLog())
    await door.start()
    sale = pos.CommitReceiptRequest(op_id=op_id(2), register_seq=1, receipt=basket(1))
    async with httpx.AsyncClient() as client:
        got = await client.post(
            f"http://127.0.0.1:{door.port}/v1/CommitReceipt",
            json=json_format.MessageToDict(sale, preserving_proto_field_name=True),
            headers={"authorization": f"Bearer {KEY}"},
        )
    reply = world["CommitReceipt"](sale.SerializeToString(), SCOPE)
    stored = reply if isinstance(reply, bytes) else await reply
    assert pos.CommitReceiptResponse.FromString(stored) == json_format.ParseDict(
        got.json(), pos.CommitReceiptResponse()
    )
    await door.stop(1.0)
