"""Fault drill: a ruinous promotion reaches the tills of a real server, by an override, and is stopped by itself."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc.aio
import httpx

from altyn.admin_api.accounts.server import OpsClient
from altyn.admin_api.app import create_app
from altyn.admin_api.bootstrap import admin_key_path, prepare
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.jobs.runner import run_jobs
from altyn.admin_api.projector import Projector
from altyn.admin_api.rails.watch import RailJobs
from altyn.infra.database import create_pool
from altyn.infra.redis_stream import open_client
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.desk import Desk
from tests.admin_api.test_publishing import House
from tests.integration.system import OPS_KEY, TENANT, System, basket

PATIENCE_S = 60.0
PACE_S = 0.05
CARD = "1001"
GROSS_MINOR = 15_000
RUIN: dict[str, Any] = {
    "promotion": "ruin",
    "title": {"en": "A slip of the pen: 95 instead of 5"},
    "stage": "receipt",
    "reward": [{"percent": {"rate": "95"}}],
}


@dataclass
class Till:
    """Sells the same basket again and again."""

    system: System
    channel: grpc.aio.Channel
    number: int = 0

    async def sell(self) -> int:
        """What was taken off."""
        self.number += 1
        request = pos.CommitReceiptRequest(
            op_id=uuid.uuid4().bytes, register_seq=self.number, receipt=basket(self.number, CARD)
        )
        reply: Any = await self.system.call(self.channel, "CommitReceipt", request)  # type: ignore[misc]
        assert reply.outcome.totals.gross_minor == GROSS_MINOR
        return int(reply.outcome.totals.discount_minor)


@asynccontextmanager
async def back_office(system: System, folder: Path) -> AsyncIterator[House]:
    """The API over the server's own stores, with the projector and the watch at work."""
    settings = system.settings().model_copy(update={"var": folder})
    pool = await create_pool(system.dsn, name="test", size_max=6)
    redis = open_client(system.redis_url)
    ops = OpsClient(system.ops_address, bytes.fromhex(OPS_KEY))
    office = Office(TENANT, pool, redis, bytes(32), ops, Projector(pool))
    async with office.connected() as connection:
        await prepare(connection, settings, datetime.now(UTC))
    working = [
        asyncio.create_task(office.projector.run()),
        asyncio.create_task(run_jobs(RailJobs(office), office.troubles)),
    ]
    transport = httpx.ASGITransport(create_app(office), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://admin", timeout=120.0) as client:
            house = House(Desk(client, office, admin_key_path(settings).read_text().strip()), {})
            people = {"mary": "MARKETER", "dora": "MARKETING_DIRECTOR", "dave": "MARKETING_DIRECTOR"}
            for login, role in people.items():
                house.tokens[login] = await house.desk.token_of(login, Grant(role, "NETWORK"))
            yield house
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await ops.close()
        await redis.aclose()
        await pool.close()


async def published(house: House, document: dict[str, Any]) -> None:
    made = await house.call("mary", "POST", "/v1/promotions", json=document)
    assert made.status_code == 201, made.text
    submitted = await house.act("mary", "submit", promotion_id="ruin")
    assert [one["rail"] for one in submitted["review"]["breaches"]] == ["RECEIPT_DISCOUNT"]
    assert await house.approve("dora", "ruin") == "RAILS_BROKEN"
    for login in ("dora", "dave"):
        approved = await house.approve(login, "ruin", override_reason="the season is over")
    assert approved["state"] == "APPROVED"
    assert (await house.act("dora", "publish", promotion_id="ruin"))["state"] == "ACTIVE"


async def test_ruinous_promotion_is_stopped_by_itself_with_small_loss(system: System, tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel, back_office(system, tmp_path) as house:
        till = Till(system, channel)
        ordinary = [await till.sell() for _ in range(40)]
        assert set(ordinary) == {500}
        async with asyncio.timeout(PATIENCE_S):
            while (await house.desk.rows("SELECT count(*) AS count FROM receipts"))[0]["count"] < len(ordinary):  # noqa: ASYNC110
                await asyncio.sleep(PACE_S)
        await published(house, RUIN)
        ruined = 0
        async with asyncio.timeout(2 * PATIENCE_S):
            while not ruined:  # until the server has taken the release
                ruined += await till.sell() > 500
            while await till.sell() > 500:
                ruined += 1
                await asyncio.sleep(PACE_S)
        assert (await house.desk.get("/v1/promotions/ruin")).json()["state"] == "SUSPENDED"
        [alert] = (await house.desk.get("/v1/publishing-alerts?is_open=true")).json()["alerts"]
        assert (alert["kind"], alert["promotion_id"], alert["told"]["why"]) == ("STOPPED", "ruin", "RATIO")
        assert alert["told"]["found"] > 3 * 33_333 and alert["told"]["receipts_count"] >= 20
        [deed] = (await house.desk.get("/v1/audit?action=promotions.suspend")).json()["rows"]
        assert (deed["actor"], deed["after"]["emergency"]) == ("rails", True)
        assert deed["after"]["reason"].startswith("stopped by the guard rails")
        assert ruined < PATIENCE_S / PACE_S, "the loss is that of seconds"
        assert {await till.sell() for _ in range(30)} == {500}, "nothing else was stopped"
        await asyncio.sleep(2)
        assert len((await house.desk.get("/v1/publishing-alerts")).json()["alerts"]) == 1
