"""Spans of calls through each door, read by an OTLP receiver; and nothing at all where nobody asked for them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from pydantic import ValidationError

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2
from altyn.server.app import Server
from altyn.server.calls import POS_SERVICE
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.slots import ReplySlots
from altyn.server.tracing import QUEUE_MAX, Tracing
from altyn.server.transport.door import Door, DoorKind, DoorLimits, Metadata, Service, new_door, new_json_door
from tests.integration.system import DOORS, KEY, System, basket, prepare
from tests.server.otlp import Receiver, told

SCOPE = Scope("demo", "s1", "r1")
KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, PARENT = bytes.fromhex("0af7651916cd43dd8448eb211c80319c"), bytes.fromhex("b7ad6b7169203331")
OP_ID = bytes(range(16))
REQUEST = pos_service_pb2.CommitReceiptRequest(op_id=OP_ID).SerializeToString()
DECLINED = pos_service_pb2.CommitReceiptResponse(
    status=outcome_pb2.STATUS_DECLINED, reason=reasons_pb2.REASON_TOKEN_EXPIRED
).SerializeToString()

pytestmark = pytest.mark.usefixtures("embedded_postgres", "redis_url")


class Table:
    """One call a way of ending."""

    def __init__(self) -> None:
        self.slots = ReplySlots(10)

    def calls(self) -> dict[str, Any]:
        return {
            "CalculateReceipt": self.at_once,
            "CommitReceipt": self.when_durable,
            "AuthorizeCustomer": self.after_asking,
            "ReserveReceipt": self.refuse,
            "GetOperation": self.fail,
        }

    def at_once(self, request: bytes, scope: Scope) -> bytes:
        return DECLINED

    def when_durable(self, request: bytes, scope: Scope) -> Any:
        time.sleep(0.002)
        asyncio.get_running_loop().call_later(0.005, self.slots.release, 1)
        return self.slots.hold(1, b"\x08\x01")

    async def after_asking(self, request: bytes, scope: Scope) -> bytes:
        await asyncio.sleep(0.003)
        return b"\x08\x01"

    def refuse(self, request: bytes, scope: Scope) -> bytes:
        raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "full")

    def fail(self, request: bytes, scope: Scope) -> bytes:
        raise RuntimeError("a fault")


def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
    return SCOPE


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(params=DOORS)
async def opened(request: pytest.FixtureRequest, receiver: Receiver) -> AsyncIterator[tuple[str, Tracing]]:
    """(address of a door whose calls are told, where to)."""
    kind: DoorKind = request.param
    tracing = Tracing(receiver.url, 1_000_000, "one")
    service = tracing.over(Service(POS_SERVICE, Table().calls(), authenticate))
    door = new_door(kind, [service], "127.0.0.1:0")
    await door.start()
    yield f"127.0.0.1:{door.port}", tracing
    await door.stop(0)
    await tracing.stop()


async def call(
    address: str, method: str, *metadata: tuple[str, str], times: int = 1, timeout_s: float = 10.0
) -> list[grpc.StatusCode]:
    """The codes of some calls over one connection."""
    codes = []
    async with grpc.aio.insecure_channel(address) as channel:
        for _ in range(times):
            try:
                await channel.unary_unary(f"/{POS_SERVICE}/{method}")(REQUEST, metadata=metadata, timeout=timeout_s)
                codes.append(grpc.StatusCode.OK)
            except grpc.aio.AioRpcError as error:
                codes.append(error.code())
    return codes


async def test_span_tells_how_each_kind_of_call_ended(opened: tuple[str, Tracing], receiver: Receiver) -> None:
    address, tracing = opened
    for method in Table().calls():
        await call(address, method)
    await tracing.stop()
    spans = {span.name.rpartition("/")[2]: span for span in receiver.spans}
    endings = {
        name: tuple(told(span)[f"altyn.{word}"] for word in ("code", "status", "reason"))
        for name, span in spans.items()
    }
    assert endings == {
        "CalculateReceipt": ("OK", "DECLINED", "TOKEN_EXPIRED"),
        "CommitReceipt": ("OK", "OK", ""),
        "AuthorizeCustomer": ("OK", "OK", ""),
        "ReserveReceipt": ("UNAVAILABLE", "", "OVERLOADED"),
        "GetOperation": ("INTERNAL", "", "FAULT"),
    }
    assert {name for name, span in spans.items() if span.status.code == 2} == {"ReserveReceipt", "GetOperation"}
    assert {span.kind for span in receiver.spans} == {2} and not any(span.parent_span_id for span in receiver.spans)
    assert len({span.trace_id for span in receiver.spans}) == 5
    commit = told(spans["CommitReceipt"])
    assert commit["altyn.decide_us"] >= 2_000 and commit["altyn.wait_us"] >= 4_000
    assert told(spans["AuthorizeCustomer"])["altyn.wait_us"] >= 2_000
    assert (commit["altyn.store_id"], commit["altyn.register_id"], commit["altyn.op_id"]) == ("s1", "r1", OP_ID.hex())
    took_ns = spans["CommitReceipt"].end_time_unix_nano - spans["CommitReceipt"].start_time_unix_nano
    assert took_ns // 1_000 >= commit["altyn.authenticate_us"] + commit["altyn.decide_us"] + commit["altyn.wait_us"]
    assert receiver.resources[0]["service.name"] == "altyn-server"
    assert receiver.resources[0]["service.instance.id"] == "one"


async def test_caller_that_leaves_ends_the_span(receiver: Receiver) -> None:
    tracing = Tracing(receiver.url, 1_000_000, "one")
    service = tracing.over(Service(POS_SERVICE, Table().calls(), authenticate))
    service.authenticate((), None)
    waiting = asyncio.ensure_future(service.table["AuthorizeCustomer"](REQUEST, SCOPE))
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)
    await tracing.stop()
    assert [told(span)["altyn.code"] for span in receiver.spans] == ["CANCELLED"]


async def test_call_belongs_to_the_trace_it_came_with(opened: tuple[str, Tracing], receiver: Receiver) -> None:
    address, tracing = opened
    tracing.share = 0.0
    unkept, other = KEPT[:-1] + "0", KEPT.replace("b7ad", "b7ae")
    # The same field again and again is one a connection remembers; the next call's is another's all the same.
    await call(address, "CalculateReceipt", ("traceparent", KEPT), times=5)
    for field in (unkept, "00-" + "0" * 32 + KEPT[35:], "nonsense", KEPT + "-more", ""):
        await call(address, "CalculateReceipt", ("traceparent", field))
    await call(address, "CalculateReceipt")
    async with grpc.aio.insecure_channel(address) as channel:
        ask = channel.unary_unary(f"/{POS_SERVICE}/CalculateReceipt")
        for field in (KEPT, None, other, None, unkept, KEPT):
            await ask(REQUEST, metadata=(("traceparent", field),) if field else ())
    await tracing.stop()
    assert {span.trace_id for span in receiver.spans} == {TRACE}
    parents = [span.parent_span_id for span in receiver.spans]
    assert (parents.count(PARENT), len(parents)) == (7, 8)


async def test_of_calls_that_belong_to_no_trace_so_many_are_told(
    opened: tuple[str, Tracing], receiver: Receiver
) -> None:
    address, tracing = opened
    tracing.share = 0.5
    await call(address, "CalculateReceipt", times=200)
    await tracing.stop()
    assert 50 < len(receiver.spans) < 150


async def test_json_door_is_told_too(receiver: Receiver) -> None:
    tracing = Tracing(receiver.url, 0, "one")
    service = tracing.over(Service(POS_SERVICE, Table().calls(), authenticate))
    door: Door = new_json_door(service, "127.0.0.1:0", CallMeters(), RefusalLog(), limits=DoorLimits())
    await door.start()
    async with httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{door.port}/v1/CalculateReceipt"
        for field in ({"traceparent": KEPT}, {}):
            assert (await client.post(url, json={}, headers=field)).status_code == 200
    await door.stop(0)
    await tracing.stop()
    assert [span.parent_span_id for span in receiver.spans] == [PARENT]


async def test_receiver_that_is_away_costs_spans_and_no_call(opened: tuple[str, Tracing], receiver: Receiver) -> None:
    address, tracing = opened
    receiver.gate.clear()
    codes = await call(address, "CalculateReceipt", times=50)
    service = tracing.over(Service(POS_SERVICE, Table().calls(), authenticate))
    for _ in range(QUEUE_MAX + 1_000):
        service.authenticate((), None)
        service.table["CalculateReceipt"](REQUEST, SCOPE)
    assert codes == [grpc.StatusCode.OK] * 50
    begun_s = time.monotonic()
    await tracing.stop()
    assert receiver.spans == [] and time.monotonic() - begun_s < 60


def test_server_without_an_address_loads_nothing_that_sends() -> None:
    asked = "[name in sys.modules for name in ('opentelemetry.exporter', 'altyn.server.tracing')]"
    code = f"import sys, altyn.server.__main__; print({asked})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[False, False]"


def test_address_without_the_library_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altyn.server.tracing", None)
    asked: Any = SimpleNamespace(_settings=Settings(traces_url="http://127.0.0.1:4318/v1/traces"), _server_id="one")
    with pytest.raises(Trouble, match="ALTYN_TRACES_URL is set"):
        Server._new_tracing(asked)


@pytest.mark.parametrize("url", ["collector:4318", "ftp://a/b", "http:///v1/traces"])
def test_address_is_one_of_http(url: str) -> None:
    with pytest.raises(ValidationError, match="traces_url"):
        Settings(traces_url=url)


def test_whole_server_tells_its_calls_and_stops_with_the_last_one_sent(
    receiver: Receiver, embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path
) -> None:
    asyncio.run(create_database(postgres_dsn, "traced"))
    asyncio.run(prepare(embedded_postgres.dsn("traced")))
    environment = {"ALTYN_TRACES_URL": receiver.url, "ALTYN_TRACES_PPM": "0"}
    system = System(embedded_postgres.dsn("traced"), redis_url, tmp_path, environment)
    system.start()

    async def sell() -> None:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            request = pos_service_pb2.CommitReceiptRequest(op_id=OP_ID, receipt=basket(1))
            ask = channel.unary_unary(f"/{POS_SERVICE}/CommitReceipt")
            for field in ((), (("traceparent", KEPT),)):
                metadata = (("authorization", f"Bearer {KEY}"), *field)
                await ask(request.SerializeToString(), metadata=metadata, timeout=10.0)

    asyncio.run(sell())
    assert system.stop() == 0
    [span] = receiver.spans
    assert (span.trace_id, span.parent_span_id, span.name) == (TRACE, PARENT, f"{POS_SERVICE}/CommitReceipt")
    assert told(span)["altyn.op_id"] == OP_ID.hex() and told(span)["altyn.status"] == "OK"
