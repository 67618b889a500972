"""Each door with a call table of a few lines, and a whole server that is asked to stop under load."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
import struct
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.transport.door import REQUEST_BYTES_MAX, DoorKind, DoorLimits, Metadata, Service, new_door
from tests.integration.system import DOORS, System, basket, prepare

SERVICE = "test.Service"
SCOPE = Scope("demo", "s1", "r1")
PING = 6
_numbers = itertools.count(1)

# Stores are spawned before gRPC runs in this process: it does not like to be forked.
pytestmark = pytest.mark.usefixtures("embedded_postgres", "redis_url")


class Table:
    """Calls that echo, wait, block the loop or refuse; what was applied is remembered."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.began = asyncio.Event()
        self.release = asyncio.Event()
        self.left = asyncio.Event()
        self.came = asyncio.Semaphore(0)

    def calls(self) -> dict[str, object]:
        return {
            "Apply": self.apply,
            "Wait": self.wait,
            "Block": self.block,
            "Refuse": self.refuse,
            "RefuseLater": self.refuse_later,
            "Fail": self.fail,
        }

    def apply(self, request: bytes, scope: Scope) -> bytes:
        self.applied.append(request)
        return request

    async def wait(self, request: bytes, scope: Scope) -> bytes:
        self.applied.append(request)
        self.began.set()
        self.came.release()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return request

    def block(self, request: bytes, scope: Scope) -> bytes:
        time.sleep(0.5)
        return request

    def refuse(self, request: bytes, scope: Scope) -> bytes:
        if request == b"busy":
            raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "come again")
        raise CallRefused("INVALID_ARGUMENT", "OUT_OF_RANGE", "receipt.lines[0].qty_milli", "more than 0 %, больше 0")

    async def refuse_later(self, request: bytes, scope: Scope) -> bytes:
        await asyncio.sleep(0)
        return self.refuse(request, scope)

    def fail(self, request: bytes, scope: Scope) -> bytes:
        raise KeyError("a secret of ours")


class Running:
    """A door, its table, and a channel to it."""

    def __init__(self, kind: DoorKind, address: str = "127.0.0.1:0") -> None:
        self.table = Table()
        self.door = new_door(kind, [Service(SERVICE, self.table.calls(), self.authenticate)], address)
        self.metadata: list[tuple[str, str | bytes]] = []
        self.channel: grpc.aio.Channel

    def authenticate(self, metadata: Metadata, certificate: Certificate | None) -> Scope:
        self.metadata = [(name, value) for name, value in metadata if name == "authorization"]
        return SCOPE

    def call(self, name: str, request: bytes = b"", **options: object) -> grpc.aio.UnaryUnaryCall[bytes, bytes]:
        return self.channel.unary_unary(f"/{SERVICE}/{name}")(request, **options)


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> DoorKind:
    chosen: DoorKind = request.param
    return chosen


@pytest_asyncio.fixture
async def running(kind: DoorKind) -> AsyncIterator[Running]:
    made = Running(kind)
    await made.door.start()
    made.channel = grpc.aio.insecure_channel(f"127.0.0.1:{made.door.port}")
    await made.channel.channel_ready()
    yield made
    await made.channel.close()
    await made.door.stop(0)


async def refusal(call: grpc.aio.UnaryUnaryCall[bytes, bytes]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value


def details(error: grpc.aio.AioRpcError, kind: type) -> list[object]:
    """The details of one kind that came with a status."""
    found = []
    status = rpc_status.from_call(error)
    for packed in status.details if status is not None else ():
        message = kind()
        if packed.Unpack(message):
            found.append(message)
    return found


@pytest.mark.parametrize("method", ["Refuse", "RefuseLater"])
async def test_refusal_of_a_field_names_reason_and_field(running: Running, method: str) -> None:
    error = await refusal(running.call(method))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "receipt.lines[0].qty_milli: more than 0 %, больше 0"
    (info,) = details(error, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == ("OUT_OF_RANGE", "altyn")
    (bad,) = details(error, error_details_pb2.BadRequest)
    assert [violation.field for violation in bad.field_violations] == ["receipt.lines[0].qty_milli"]
    assert not details(error, error_details_pb2.RetryInfo)


async def test_refusal_for_want_of_room_says_when_to_come_again(running: Running) -> None:
    error = await refusal(running.call("Refuse", b"busy"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    (retry,) = details(error, error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 200
    assert not details(error, error_details_pb2.BadRequest)


async def test_unknown_method_is_unimplemented(running: Running) -> None:
    error = await refusal(running.call("Nothing"))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


async def test_fault_of_ours_is_internal_and_tells_the_caller_nothing_of_it(running: Running) -> None:
    error = await refusal(running.call("Fail"))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "a fault of the server")


@pytest.mark.parametrize("size", [0, 1, 5, 16_379, 16_384, 65_535, 300_000, REQUEST_BYTES_MAX])
async def test_message_comes_back_byte_for_byte_at_once_or_later(running: Running, size: int) -> None:
    request = bytes(number * 7 % 251 for number in range(size))
    assert await running.call("Apply", request) == request
    running.table.release.set()
    assert await running.call("Wait", request) == request


async def test_credential_reaches_whoever_authenticates_as_it_was_sent(running: Running) -> None:
    for key in ("Bearer one", "Bearer two", "Bearer two"):
        await running.call("Apply", metadata=(("authorization", key), ("trace-bin", bytes(range(40)))))
        assert running.metadata == [("authorization", key)]
    await running.call("Apply")
    assert running.metadata == []


async def test_many_calls_of_one_connection_are_answered_each_with_its_own(running: Running) -> None:
    running.table.release.set()
    requests = [b"%d" % number for number in range(60)]
    calls = [running.call("Wait" if number % 2 else "Apply", request) for number, request in enumerate(requests)]
    assert await asyncio.gather(*calls) == requests


async def test_caller_that_cancels_ends_its_own_wait_and_no_other(running: Running) -> None:
    waiting, leaving = running.call("Wait", b"stays"), running.call("Wait", b"leaves")
    for _ in range(2):
        await running.table.came.acquire()
    leaving.cancel()
    await running.table.left.wait()
    running.table.release.set()
    assert await waiting == b"stays"


async def test_deadline_that_passes_while_a_call_waits_ends_the_wait(running: Running) -> None:
    error = await refusal(running.call("Wait", b"first", timeout=0.2))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(running.table.left.wait(), 5)


async def test_connections_beyond_the_limit_are_closed_and_the_others_are_served(kind: DoorKind) -> None:
    table = Table()
    service = Service(SERVICE, table.calls(), lambda metadata, certificate: SCOPE)
    door = new_door(kind, [service], "127.0.0.1:0", limits=DoorLimits(connections_max=1))
    await door.start()
    target = f"127.0.0.1:{door.port}"
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(target, own) as first, grpc.aio.insecure_channel(target, own) as second:
        await first.channel_ready()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await second.unary_unary(f"/{SERVICE}/Apply")(b"", timeout=2)
        assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert await first.unary_unary(f"/{SERVICE}/Apply")(b"hello", timeout=5) == b"hello"
        assert table.applied == [b"hello"]
    await door.stop(0)


async def test_door_answers_on_a_unix_socket(kind: DoorKind, tmp_path: Path) -> None:
    made = Running(kind, f"unix:{tmp_path}/door")
    await made.door.start()
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/door") as made.channel:
        assert await made.call("Apply", b"hello") == b"hello"
    await made.door.stop(0)


async def test_health_tells_of_the_door_of_its_services_and_of_no_other(running: Running) -> None:
    stub = health_pb2_grpc.HealthStub(running.channel)

    async def check(service: str) -> int:
        answer: int = (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status
        return answer

    await running.door.say_serving()
    assert [await check(name) for name in ("", SERVICE)] == [health_pb2.HealthCheckResponse.SERVING] * 2
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await check("other.Service")
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    strange = stub.Watch(health_pb2.HealthCheckRequest(service="other.Service"))
    assert (await strange.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    await running.door.say_stopping()
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await check(SERVICE) == health_pb2.HealthCheckResponse.NOT_SERVING
    watch.cancel()
    strange.cancel()


async def test_metadata_beyond_the_limit_is_refused_unread(running: Running) -> None:
    error = await refusal(running.call("Apply", metadata=(("note", "x" * 32_768),)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert running.table.applied == []


async def test_request_beyond_the_limit_is_refused_unread(running: Running) -> None:
    assert await running.call("Apply", bytes(REQUEST_BYTES_MAX)) == bytes(REQUEST_BYTES_MAX)
    error = await refusal(running.call("Apply", bytes(REQUEST_BYTES_MAX + 1)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(running.table.applied) == 1


async def test_call_whose_deadline_passed_while_it_waited_is_not_applied(running: Running) -> None:
    """The loop is busy; when it gets to the second call, nobody waits for it any more."""

    def late() -> grpc.StatusCode:
        with grpc.insecure_channel(f"127.0.0.1:{running.door.port}") as channel:
            grpc.channel_ready_future(channel).result(5)
            blocked = channel.unary_unary(f"/{SERVICE}/Block").future(b"", timeout=10)
            time.sleep(0.1)
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary(f"/{SERVICE}/Apply")(b"late", timeout=0.1)
            blocked.result()
            return error.value.code()

    assert await asyncio.to_thread(late) == grpc.StatusCode.DEADLINE_EXCEEDED
    assert await running.call("Apply", b"next") == b"next"
    assert running.table.applied == [b"next"]


async def test_drain_finishes_running_calls_and_refuses_new_ones(running: Running) -> None:
    waiting = running.call("Wait", b"first")
    await running.table.began.wait()
    stopping = asyncio.create_task(running.door.stop(10.0))
    await asyncio.sleep(0.05)
    assert (await refusal(running.call("Apply", b"second"))).code() == grpc.StatusCode.UNAVAILABLE
    running.table.release.set()
    assert await waiting == b"first"
    await stopping
    assert running.table.applied == [b"first"]


async def test_drain_ends_calls_that_outlast_its_patience(running: Running) -> None:
    waiting = running.call("Wait", b"first")
    await running.table.began.wait()
    await running.door.stop(0.1)
    assert (await refusal(waiting)).code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


async def test_client_that_pings_without_pause_is_sent_away(running: Running) -> None:
    def ping() -> bytes:
        frame = struct.Struct(">HBBBI8s").pack(0, 8, PING, 0, 0, bytes(8))
        got = b""
        with socket.create_connection(("127.0.0.1", running.door.port), 5) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            for _ in range(10):
                try:
                    connection.sendall(frame)
                except OSError:
                    break
                time.sleep(0.01)
            while data := connection.recv(65_536):
                got += data
        return got

    assert b"too_many_pings" in await asyncio.to_thread(ping)


@pytest.fixture
def system(kind: DoorKind, embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str) -> Iterator[System]:
    name = f"door_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn))
    with tempfile.TemporaryDirectory(prefix="altyn-door-") as folder:
        started = System(dsn, redis_url, Path(folder), {"ALTYN_DOOR": kind})
        started.start()
        yield started
        started.stop()


def test_stop_under_load_answers_what_runs_refuses_the_rest_and_exits_clean(system: System) -> None:
    acked: dict[bytes, bytes] = {}
    refused: dict[bytes, grpc.StatusCode] = {}
    said: list[int] = []

    async def register(channel: grpc.aio.Channel, numbers: Iterator[int], warm: asyncio.Event) -> None:
        while True:
            number = next(numbers)
            request = pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=basket(number))
            try:
                reply = await system.call(channel, "CommitReceipt", request)
            except grpc.aio.AioRpcError as error:
                refused[request.op_id] = error.code()
                return
            acked[request.op_id] = reply.SerializeToString()
            if len(acked) == 200:
                warm.set()

    async def watch_health(channel: grpc.aio.Channel) -> None:
        asked = health_pb2.HealthCheckRequest(service="altyn.pos.v1.PosService")
        watch = health_pb2_grpc.HealthStub(channel).Watch(asked)
        async for answer in watch:
            said.append(answer.status)
            if len(said) == 2:
                watch.cancel()
                return

    async def load() -> None:
        numbers, warm = itertools.count(1), asyncio.Event()
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            tasks = [asyncio.create_task(register(channel, numbers, warm)) for _ in range(16)]
            tasks.append(asyncio.create_task(watch_health(channel)))
            await warm.wait()
            assert system.child is not None
            system.child.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*tasks)

    async def stored(op_ids: list[bytes]) -> list[bytes]:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            asked = [pos.GetOperationRequest(op_id=op_id, store_id="s1", register_id="r1") for op_id in op_ids]
            return [(await system.call(channel, "GetOperation", request)).reply for request in asked]

    asyncio.run(load())
    assert system.stop() == 0
    # A call that had reached the server and had not begun is reset, which a client sees as CANCELLED.
    assert set(refused.values()) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert said == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    system.start()
    last = list(acked)[-32:]
    assert asyncio.run(stored(last)) == [acked[op_id] for op_id in last]
    assert asyncio.run(stored(list(refused))) == [b""] * 16
