"""A family's way through real parts, and a newcomer's: a back office that is killed once the act is written and nothing
is done, a server that is killed after, sales and returns in between, rates by the feed, and a verification.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import httpx
import pytest

from altyn.admin_api.bootstrap import admin_key_path
from altyn.cli.chaos.small_world import BASKET_POINTS
from altyn.cli.verify.balances import Door
from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.processes import Child, start_children
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import OPS_KEY, TENANT, System, basket, prepare

HEAD, MEMBER = 1001, 1002  # numbers of their cards, and of their accounts
PATIENCE_S = 60.0


class BackOffice:
    """A back office of the system, as a process that is killed and started again."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.url = ""
        self.child: Child | None = None

    def start(self) -> None:
        settings = self.system.settings()
        environment = settings.environment() | {
            "ALTYN_ADMIN_LISTEN": "127.0.0.1:0",
            "ALTYN_ADMIN_METRICS_LISTEN": "127.0.0.1:0",
        }
        command = [sys.executable, "-m", "altyn.admin_api"]
        self.child = Child("admin", command, log=self.system.folder / "admin.log", environment=environment)
        self.url = str(start_children([self.child], PATIENCE_S)["admin"]["url"])
        self.key = admin_key_path(settings).read_text().strip()

    def kill(self) -> None:
        assert self.child is not None
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait()

    async def call(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"authorization": f"Bearer {key or self.key}", "idempotency-key": uuid.uuid4().hex}
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            answer = await client.request(method, f"/v1{path}", json=body, headers=headers)
        return answer.json() if answer.content else None

    async def done(self, act: dict[str, Any]) -> dict[str, Any]:
        """The act once it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.call("GET", f"/account-acts/{act['act_id']}"))["state"] == "PENDING":  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert found["state"] == "DONE", found
        return dict(found)


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "families"))
    dsn = embedded_postgres.dsn("families")
    asyncio.run(prepare(dsn))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def office(system: System) -> Iterator[BackOffice]:
    running = BackOffice(system)
    running.start()
    yield running
    running.kill()


async def lay(dsn: str) -> None:
    """Customers 1 and 2 have the cards."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.executemany(
            "INSERT INTO customers (tenant, version, valid_from, customer_id, account_id) VALUES ($1, $2, $3, $4, $5)",
            [(TENANT, *stamp, 1, HEAD), (TENANT, *stamp, 2, MEMBER)],
        )
        await connection.execute(
            "UPDATE cards SET customer_id = card_id - 1000 WHERE card_id = ANY($1)", [HEAD, MEMBER]
        )
        await connection.execute("SELECT setval('account_ids', 5000)")
    await connection.close()


async def sold(system: System, number: int, card: int) -> pos.CommitReceiptResponse:
    request = pos.CommitReceiptRequest(
        op_id=uuid.uuid4().bytes, register_seq=number, receipt=basket(number, str(card), "r1")
    )
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply: Any = await system.call(channel, "CommitReceipt", request)
    assert reply.status == outcome_pb2.STATUS_OK
    return reply  # type: ignore[no-any-return]


async def given_back(system: System, number: int, of: int) -> None:
    receipt = receipt_pb2.Receipt()
    receipt.CopyFrom(basket(number, "", "r1"))
    receipt.ClearField("identity")
    receipt.original.shift_number, receipt.original.receipt_number = receipt.shift_number, of
    for line in receipt.lines:
        line.refund_of.line_no, line.refund_of.qty_milli = line.line_no, line.qty_milli
    request = pos.ReturnReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=receipt)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        reply: Any = await system.call(channel, "ReturnReceipt", request)
    assert (reply.status, list(reply.exceptions)) == (outcome_pb2.STATUS_OK, [])


async def points(system: System, account_id: int, asset: str = "bonus") -> int:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        told: Any = await system.ask(channel, "GetBalance", ops.GetBalanceRequest(account_id=account_id))
    return sum(one.active_points for one in told.balances if one.asset == asset)


async def test_no_point_of_a_family_is_lost_whoever_is_killed(system: System, office: BackOffice) -> None:
    for number, card in ((1, HEAD), (2, MEMBER), (3, MEMBER)):
        await sold(system, number, card)
    family = (await office.call("POST", "/families", {"head_customer_id": 1}))["family_id"]
    members = f"/families/{family}/members"

    # Written down, and nothing is done yet.
    system.kill()
    act = await office.call("POST", members, {"customer_id": 2, "reason": "asked for"})
    assert act["state"] == "PENDING"
    office.kill()
    system.start()
    assert (await points(system, HEAD), await points(system, MEMBER)) == (BASKET_POINTS, 2 * BASKET_POINTS)
    office.start()
    await office.done(act)
    assert await points(system, HEAD) == await points(system, MEMBER) == 3 * BASKET_POINTS

    await sold(system, 4, MEMBER)
    await given_back(system, 902, 2)  # of before the member joined
    assert await points(system, MEMBER) == 3 * BASKET_POINTS
    system.kill()
    system.start()
    assert await points(system, HEAD) == await points(system, MEMBER) == 3 * BASKET_POINTS

    act = await office.call("POST", f"{members}/2/leave", {"reason": "moved out", "points": {"bonus": 100}})
    own = (await office.done(act))["to_account_id"]
    assert (await points(system, HEAD), await points(system, own)) == (3 * BASKET_POINTS - 100, 100)
    async with asyncio.timeout(PATIENCE_S):
        number = 10
        while await points(system, own) == 100:  # until the feed has told whose the card is now
            number += 1
            await sold(system, number, MEMBER)
    assert await points(system, own) == 100 + BASKET_POINTS

    await converted(system, office, own)
    await given_back(system, 903, 3)  # of before the member joined: it is the family's
    await greeted(system, office)
    await require_sound(system)


async def greeted(system: System, office: BackOffice) -> None:
    """Who registers while the server is away has the points of it once, whoever is killed."""
    wanted = {"kind": "REGISTRATION", "asset": "bonus", "points": 70, "expires": {"end_of_year": 1}}
    await office.call("PUT", "/events/hello", wanted)
    second = await office.call("POST", "/keys", {"title": "approves", "scopes": ["accounts:approve"]})
    assert (await office.call("POST", "/events/hello/approve", key=second["key"]))["state"] == "ACTIVE"
    system.kill()
    account_id = (await office.call("POST", "/customers", {"name": "Vera"}))["account_id"]
    office.kill()
    system.start()
    office.start()
    async with asyncio.timeout(PATIENCE_S):
        while await points(system, account_id) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    system.kill()
    system.start()
    assert await points(system, account_id) == 70
    # A turn may still be writing down what it gave.
    async with asyncio.timeout(PATIENCE_S):
        while not (told := await office.call("GET", "/events/hello/occurrences"))["occurrences"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert [(one["account_id"], one["points"]) for one in told["occurrences"]] == [(account_id, 70)]


async def converted(system: System, office: BackOffice, account_id: int) -> None:
    """A rate reaches the server by the feed."""
    await office.call("PUT", "/assets/money", {"kind": "MONEY"})
    await office.call("PUT", "/assets/bonus/rates/money", {"from_points": 3, "to_points": 2})
    asked = {"asset": "bonus", "to_asset": "money", "points": 100, "reason": "asked for"}
    async with asyncio.timeout(PATIENCE_S):
        while "given_points" not in (told := await office.call("POST", f"/accounts/{account_id}/conversions", asked)):
            assert "RATE_UNKNOWN" in json.dumps(told) or told["reason"] == "INVALID", told
            await asyncio.sleep(0.2)
    assert (told["taken_points"], told["given_points"]) == (99, 66)
    assert await points(system, account_id, "money") == 66


async def require_sound(system: System) -> None:
    """Once the projector is through, what is left holds every invariant."""
    async with await asyncpg.create_pool(system.dsn) as pool, asyncio.timeout(PATIENCE_S):
        ends = "SELECT max(seq) = (SELECT seq FROM projector_checkpoint WHERE projection = 'receipts') FROM journal"
        while not await pool.fetchval(ends):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        kinds = {row["kind"] for row in await pool.fetch("SELECT DISTINCT kind FROM ledger_entries")}
    assert {7, 8} <= kinds
    report = await verify_async(system.dsn, server=Door(system.ops_address, OPS_KEY))
    assert report.violations == 0, report.as_json()
    for name in ("I5_double_entry", "I6_balance", "I13_decided_again", "I14_taken_back", "I19_rebuild"):
        assert report.per_invariant[name].checks > 0, name
