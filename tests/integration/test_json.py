"""A whole server with its JSON door open: a sale over HTTP that gRPC knows of, and a door that is closed by default."""

from __future__ import annotations

import asyncio
import base64
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import httpx
import pytest
from google.protobuf import json_format

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.transport.tls import tls_of
from tests.integration.system import KEY, System, basket, prepare


@pytest.fixture(scope="module")
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "json"))
    dsn = embedded_postgres.dsn("json")
    asyncio.run(prepare(dsn))
    with tempfile.TemporaryDirectory(prefix="altyn-json-") as folder:
        running = System(dsn, redis_url, Path(folder), {"ALTYN_JSON_LISTEN": "127.0.0.1:0"})
        running.start()
        yield running
        assert running.stop() == 0


async def test_sale_over_json_is_durable_and_repeats_over_both_doors(system: System) -> None:
    sale = pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=1, receipt=basket(1))
    body = json_format.MessageToJson(sale)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=f"http://{system.json_address}", headers=headers) as client:
        assert (await client.get("/healthz")).status_code == 200
        first, again = [(await client.post("/v1/CommitReceipt", content=body)).json() for _ in range(2)]
        assert first == again
        assert (first["status"], first["outcome"]["totals"]["toPayMinor"]) == ("STATUS_OK", "14500")
        who = {"storeId": "s1", "registerId": "r1", "opId": base64.b64encode(sale.op_id).decode()}
        stored = (await client.post("/v1/GetOperation", json=who)).json()
        foreign = await client.post("/v1/CommitReceipt", content=body.replace('"r1"', '"r2"'))
        assert (foreign.status_code, foreign.json()["reason"]) == (403, "FOREIGN_REGISTER")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply = await system.call(channel, "CommitReceipt", sale)
    assert json_format.ParseDict(first, pos.CommitReceiptResponse()) == reply
    assert base64.b64decode(stored["reply"]) == reply.SerializeToString()


def test_door_is_closed_unless_asked_for_and_not_opened_to_others_in_plaintext() -> None:
    assert Settings().json_listen == ""
    with pytest.raises(Trouble, match="ALTYN_JSON_LISTEN"):
        tls_of(Settings(json_listen="0.0.0.0:0"))
    with pytest.raises(ValueError, match="json_listen"):
        Settings(json_listen="nowhere")
