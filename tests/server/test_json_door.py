"""The JSON door over HTTP, with calls of a few lines: what is answered, what is refused and how, what is bounded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from altyn.core.engine import CallRefused, Scope
from altyn.infra.certificates import Certificate, certificate_of
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.calls import POS_SERVICE, Call
from altyn.server.metrics import CallMeters
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import Door, DoorLimits, Metadata, Service, new_json_door
from altyn.server.transport.json import calls as json_calls
from altyn.server.transport.json import door as json_door
from altyn.server.transport.tls import Tls
from tests.server.certificates import Authority, key_of, server_tls

SCOPE = Scope("demo", "s1", "r1")
CONTRACT = pos.DESCRIPTOR.services_by_name["PosService"]
OP_ID = "AAAAAAAAAAAAAAAAAAAAAA=="


class Table:
    """GetOperation echoes the id as the reply's bytes; what ids mean is said below."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.began = asyncio.Event()
        self.scopes: list[Scope] = []

    def calls(self) -> dict[str, Call]:
        return {"GetOperation": self.get, "CommitReceipt": self.commit}

    def get(self, request: bytes, scope: Scope) -> Any:
        self.scopes.append(scope)
        asked = pos.GetOperationRequest.FromString(request)
        if asked.store_id == "later":
            return self.later(asked.op_id)
        if asked.store_id == "fault":
            raise KeyError("a secret of ours")
        if asked.store_id == "field":
            raise CallRefused("INVALID_ARGUMENT", "FIELD_REQUIRED", "op_id", "an id is needed")
        if asked.store_id:
            raise CallRefused(asked.store_id, "SOME_REASON", "", "no")
        return pos.GetOperationResponse(reply=asked.op_id, seq=2**60).SerializeToString()

    async def later(self, op_id: bytes) -> bytes:
        self.began.set()
        await self.release.wait()
        reply: bytes = pos.GetOperationResponse(reply=op_id).SerializeToString()
        return reply

    def commit(self, request: bytes, scope: Scope) -> bytes:
        return b""


class Running:
    def __init__(self, door: Door, table: Table, meters: CallMeters) -> None:
        self.door, self.table, self.meters = door, table, meters
        self.certificates: list[Certificate | None] = []
        self.client: httpx.AsyncClient

    def authenticate(self, metadata: Metadata, certificate: Certificate | None) -> Scope:
        self.certificates.append(certificate)
        if certificate is None and list(metadata) != [("authorization", "Bearer key")]:
            raise CallRefused("UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "authorization", "the key is unknown")
        return SCOPE

    async def post(self, body: Any, call: str = "GetOperation", **given: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"content-type": "application/json", "authorization": "Bearer key"} | given.pop("headers", {})
        return await self.client.post(f"/v1/{call}", content=content, headers=headers, **given)


@asynccontextmanager
async def door_with(tls: Tls | None = None, limits: DoorLimits | None = None) -> AsyncIterator[Running]:
    table, meters = Table(), CallMeters()

    def authenticate(metadata: Metadata, certificate: Certificate | None) -> Scope:
        return running.authenticate(metadata, certificate)

    service = Service(POS_SERVICE, table.calls(), authenticate)
    running = Running(new_json_door(service, "127.0.0.1:0", meters, RefusalLog(), tls, limits), table, meters)
    await running.door.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.door.port}") as running.client:
        yield running
    await running.door.stop(1.0)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with door_with() as made:
        yield made


async def test_call_is_answered_at_once_and_later(running: Running) -> None:
    got = await running.post({"opId": OP_ID})
    assert (got.status_code, got.headers["content-type"]) == (200, "application/json")
    assert got.json() == {
        "status": "STATUS_UNSPECIFIED",
        "reason": "REASON_UNSPECIFIED",
        "kind": "OPERATION_KIND_UNSPECIFIED",
        "reply": OP_ID,
        "seq": "1152921504606846976",
        "serverTimeUs": "0",
    }
    running.table.release.set()
    assert (await running.post({"op_id": OP_ID, "store_id": "later"})).json()["reply"] == OP_ID
    assert running.table.scopes == [SCOPE, SCOPE]


async def test_field_that_cannot_be_taken_is_named(running: Running) -> None:
    for body, field in (({"opId": 5}, "op_id"), ({"storeId": "field"}, "op_id"), ({"nonsense": 5}, "nonsense")):
        got = await running.post(body)
        assert (got.status_code, got.headers["content-type"]) == (400, "application/problem+json")
        told = got.json()
        assert (told["status"], told["code"], told["field"]) == (400, "INVALID_ARGUMENT", field)
        assert told["type"] == f"urn:altyn:problem:{told['reason']}"
    assert told["detail"] == "the contract has no such field"


@pytest.mark.parametrize(
    ("code", "status", "retry_after"),
    [
        ("INVALID_ARGUMENT", 400, None),
        ("PERMISSION_DENIED", 403, None),
        ("RESOURCE_EXHAUSTED", 429, "1"),
        ("UNIMPLEMENTED", 501, None),
        ("UNAVAILABLE", 503, "1"),
    ],
)
async def test_refusal_has_the_status_of_http_that_stands_for_its_code(
    running: Running, code: str, status: int, retry_after: str | None
) -> None:
    got = await running.post({"storeId": code})
    assert (got.status_code, got.headers.get("retry-after")) == (status, retry_after)
    assert (got.json()["code"], got.json()["reason"], got.json()["detail"]) == (code, "SOME_REASON", "no")


async def test_key_that_is_wrong_or_missing_is_refused_before_the_body_is_looked_at(running: Running) -> None:
    for headers in ({"authorization": "Bearer other"}, {"authorization": ""}):
        got = await running.post(b"{", headers=headers)
        assert (got.status_code, got.headers["www-authenticate"]) == (401, "Bearer")
        assert got.json()["reason"] == "CREDENTIAL_UNKNOWN"
    assert running.table.scopes == []


async def test_fault_of_ours_tells_the_caller_nothing_of_it(running: Running) -> None:
    got = await running.post({"storeId": "fault"})
    assert (got.status_code, got.json()["detail"]) == (500, "a fault of the server")
    assert "secret" not in got.text


async def test_body_that_is_no_json_is_not_read(running: Running) -> None:
    for headers in ({"content-type": "text/xml"}, {"content-type": ""}, {"content-encoding": "gzip"}):
        assert (await running.post({}, headers=headers)).status_code == 415
    assert (await running.post({}, headers={"content-type": "application/json; charset=utf-8"})).status_code == 200
    assert (await running.post(b"\xff")).json()["reason"] == "MALFORMED"


async def test_body_beyond_the_limit_is_refused_announced_or_not(running: Running) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * (1 << 20)

    assert (await running.post(b" " * (json_calls.BODY_BYTES_MAX + 1))).status_code == 413
    headers = {"content-type": "application/json", "authorization": "Bearer key"}
    assert (await running.client.post("/v1/GetOperation", content=chunks(), headers=headers)).status_code == 413
    long = await running.post({"storeId": "x" * (1 << 20)})
    assert (long.status_code, long.json()["reason"]) == (400, "TOO_LARGE")
    assert running.table.scopes == []


async def test_other_paths_and_methods_are_refused_as_problems(running: Running) -> None:
    for call, status in (("Nothing", 404), ("UploadReceipts", 404)):
        got = await running.post({}, call)
        assert (got.status_code, got.headers["content-type"]) == (status, "application/problem+json")
    assert (await running.client.get("/v1/GetOperation")).status_code == 405


async def test_health_follows_what_is_said(running: Running) -> None:
    statuses = []
    for say in (running.door.say_serving, running.door.say_stopping):
        await say()
        statuses.append((await running.client.get("/healthz")).status_code)
    assert statuses == [200, 503]


async def test_openapi_names_every_call_and_everything_they_are_made_of(running: Running) -> None:
    told = (await running.client.get("/openapi.json")).json()
    assert set(told["paths"]) == {f"/v1/{name}" for name in running.table.calls()}
    every = json_door.document(CONTRACT.methods)
    assert set(every["paths"]) == {f"/v1/{method.name}" for method in CONTRACT.methods}
    schemas = every["components"]["schemas"]
    for method in CONTRACT.methods:
        for kind in (method.input_type, method.output_type):
            assert set(schemas[kind.name]["properties"]) == {field.json_name for field in kind.fields}
    found = orjson.dumps(every).decode().split("#/components/schemas/")[1:]
    assert {one.partition('"')[0] for one in found} <= set(schemas)


async def test_answer_that_does_not_come_ends_the_wait(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_calls, "ANSWER_S", 0.1)
    got = await running.post({"storeId": "later"})
    assert (got.status_code, got.json()["reason"]) == (504, "RETRY")


async def test_body_that_does_not_come_ends_the_wait(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_calls, "BODY_S", 0.1)
    head = b"POST /v1/GetOperation HTTP/1.1\r\nhost: a\r\nauthorization: Bearer key\r\n"
    head += b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    assert (await told_by(running, head)).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [b"", b"POST /v1/GetOperation HTTP/1.1\r\nhost: a\r\n"])
async def test_peer_that_asks_nothing_is_sent_away(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_door, "REQUEST_COMES_S", 0.2)
    async with door_with() as running:
        assert await told_by(running, sent) == b""


async def test_headers_beyond_the_limit_end_the_connection(running: Running) -> None:
    told = await told_by(running, b"GET /healthz HTTP/1.1\r\nnote: " + b"x" * (1 << 20))
    assert told == b"" or told.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (DoorLimits(connections_max=2), "too_many_connections"),
        (DoorLimits(connections_of_address_max=2), "too_many_connections_of_address"),
    ],
)
async def test_connections_beyond_the_limit_are_closed_and_leave_room_when_they_go(
    limits: DoorLimits, reason: str
) -> None:
    async with door_with(limits=limits) as running:
        address = ("127.0.0.1", running.door.port)
        held = [await asyncio.open_connection(*address, local_addr=("127.0.0.1", 0)) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)).startswith(b"HTTP/1.1 503")
        assert await told_by(running, b"") == b""
        if reason == "too_many_connections_of_address":
            reader, writer = await asyncio.open_connection(*address, local_addr=("127.0.0.2", 0))
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 503")
            writer.close()
        counts = connection_counts(running)
        assert counts == {"altyn_connections": 2, "altyn_connections_max": limits.connections_max, reason: 1}
        held[0][1].close()
        for _ in range(1_000):
            if connection_counts(running)["altyn_connections"] == 1:
                break
            await asyncio.sleep(0.01)
        assert (await running.client.get("/healthz")).status_code == 503  # of health, not for want of room
        held[1][1].close()


def connection_counts(running: Running) -> dict[str, float]:
    """Open, allowed, and those sent away by reason."""
    return {
        sample.labels.get("reason", sample.name): sample.value
        for metric in running.meters.collect()
        if metric.name.startswith("altyn_connections") and metric.name != "altyn_connections_request_bytes"
        for sample in metric.samples
    }


async def told_by(running: Running, sent: bytes) -> bytes:
    """Everything that comes back until the door closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.door.port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_calls_are_counted_apart_from_those_of_grpc(running: Running) -> None:
    await running.post({"opId": OP_ID})
    await running.post({"opId": 5})
    await running.post(b"", headers={"content-type": "text/plain"})
    handled = {
        sample.labels["grpc_code"]: sample.value
        for metric in running.meters.collect()
        for sample in metric.samples
        if sample.name == "grpc_server_handled_total" and sample.labels["grpc_service"] == f"json.{POS_SERVICE}"
        if sample.labels["grpc_method"] == "GetOperation" and sample.value
    }
    assert handled == {"OK": 1, "InvalidArgument": 2}


async def test_door_that_stops_answers_what_runs() -> None:
    async with door_with() as running:
        waiting = asyncio.create_task(running.post({"opId": OP_ID, "storeId": "later"}))
        await running.table.began.wait()
        stopping = asyncio.create_task(running.door.stop(5.0))
        await asyncio.sleep(0.3)
        running.table.release.set()
        assert (await waiting).json()["reply"] == OP_ID
        await stopping


async def test_register_is_known_by_its_certificate_here_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "shop")
    till = authority.sign("till", "URI:urn:till")
    context = ssl.create_default_context(cafile=str(authority.ca))
    async with door_with(server_tls(authority.sign("server"), authority)) as running:
        address = f"https://localhost:{running.door.port}/v1/GetOperation"
        async with httpx.AsyncClient(verify=context) as client:
            with pytest.raises(httpx.TransportError):
                await client.post(address, json={})
        context.load_cert_chain(till, key_of(till))
        async with httpx.AsyncClient(verify=context) as client:
            assert (await client.post(address, json={"opId": OP_ID})).json()["reply"] == OP_ID
    der = ssl.PEM_cert_to_DER_cert(till.read_text())
    assert running.certificates == [certificate_of(der, ["urn:till", "till"])]
