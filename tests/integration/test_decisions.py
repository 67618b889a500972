"""Spending without a hold through real parts: a register that was offline and comes back, a person's decision about
what went beyond, returns after, a return without a receipt, a server that is killed in between, and a verification.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import orjson
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import PEPPER
from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2, receipt_pb2
from tests.integration.system import RULES, TENANT, System, basket, prepare, publish
from tests.integration.test_returns import give_back, points, upload

OK = 1
CARD, ACCOUNT = "1010", 1010
PAYING = RULES + "\n---\nlimit: pay\npayment: [{asset: bonus, up_to_percent: 50, anonymous: true}]\n"
LIMITS = {
    "OFFLINE": {
        "receipts_max": 2,
        "receipt_sum_max_minor": 2000,
        "sum_max_minor": 3000,
        "age_max_s": 86_400,
        "debt_points_max": 0,
        "assets": ["bonus"],
    },
    "RETURNS": {"sum_max_minor": 5000, "day_sum_max_minor": 5000},
}


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "decisions"))
    dsn = embedded_postgres.dsn("decisions")
    asyncio.run(prepare(dsn))
    asyncio.run(set_up(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def set_up(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await publish(connection, PAYING)
    async with connection.transaction():
        version = (await connection.fetchrow("SELECT * FROM next_feed_version($1)", TENANT))["version"]
        for subject, limits in LIMITS.items():
            await connection.execute(
                "INSERT INTO program_limits (tenant, subject, limits, version, valid_from)"
                " VALUES ($1, $2, $3::text::jsonb, $4, now())",
                TENANT,
                subject,
                orjson.dumps(limits).decode(),
                version,
            )
    await connection.close()


def spending(number: int, sum_minor: int, brought: bytes) -> pos.CommitReceiptRequest:
    made = basket(number, CARD, "r1")
    made.points.add(asset="bonus", requested_points=sum_minor)
    made.mode = receipt_pb2.MODE_OFFLINE
    made.offline_allowance = brought
    return pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=made)


def without_receipt(number: int, price_minor: int) -> pos.ReturnReceiptRequest:
    made = basket(number, CARD, "r1")
    del made.lines[1:]
    made.lines[0].price_minor = price_minor
    made.original.without_receipt = True
    return pos.ReturnReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=number, receipt=made)


async def asked(system: System, name: str, request: object) -> object:
    async with grpc.aio.insecure_channel(system.ops_address) as channel:
        return await system.ask(channel, name, request)


async def test_spending_without_a_hold_is_bounded_decided_taken_back_and_verified(system: System) -> None:
    given = ops.AdjustPointsRequest(
        op_id=uuid.uuid4().bytes, account_id=ACCOUNT, asset="bonus", points=10_000, reason="test"
    )
    await asked(system, "AdjustPoints", given)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        who = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=basket(1, CARD, "r1").identity)
        told = (await system.call(channel, "AuthorizeCustomer", who)).offline_allowance
        assert (told.receipts_max, list(told.assets)) == (2, ["bonus"])
        facts = [spending(1, 2000, told.signed), spending(2, 2000, told.signed)]
        results = (await system.call(channel, "UploadReceipts", upload(*facts))).results
    assert [list(one.exceptions) for one in results] == [[], [reasons_pb2.REASON_NOT_RESERVED]]
    # 145.00 less 20.00 earn 1.25 each.
    assert await points(system, ACCOUNT) == 10_000 - 2000 + 250

    system.kill()
    system.start()
    decision = ops.DecideExceptionRequest(
        seq=results[1].seq,
        exception="NOT_RESERVED",
        store_id="s1",
        register_id="r1",
        shift_number=facts[1].receipt.shift_number,
        receipt_number=2,
        apply=True,
        note="the shop says so",
        actor="anna",
    )
    first = await asked(system, "DecideException", decision)
    assert (first.applied, first.sum_minor) == (True, 2000)
    assert await points(system, ACCOUNT) == 10_000 - 4000 + 250
    system.kill()
    system.start()
    assert await asked(system, "DecideException", decision) == first

    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for number, line_no in ((11, 1), (12, 2)):
            reply = await system.call(channel, "ReturnReceipt", give_back(facts[1].receipt, number, (line_no, 1000)))
            assert (reply.status, list(reply.exceptions)) == (OK, [])
        assert await points(system, ACCOUNT) == 10_000 - 2000 + 125
        back = [await system.call(channel, "ReturnReceipt", without_receipt(n, 3000)) for n in (21, 22)]
    assert [list(one.exceptions) for one in back] == [[], [reasons_pb2.REASON_NO_RECEIPT_LIMIT]]
    assert await points(system, ACCOUNT) == 10_000 - 2000 + 125

    async with await asyncpg.create_pool(system.dsn) as pool:
        while await Projector(pool).turn():
            pass
        assert await pool.fetchval("SELECT sum(refund_minor) FROM receipt_returns WHERE sale_seq IS NULL") == 6000
        assert await pool.fetchval("SELECT applied FROM exception_decisions WHERE seq = $1", results[1].seq)
    report = await verify_async(system.dsn, pepper=bytes.fromhex(PEPPER))
    assert report.violations == 0, [t.examples for t in report.per_invariant.values() if t.violations]
