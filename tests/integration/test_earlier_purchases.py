"""A release that asks for earlier purchases, published after there were some: counted, taken back, recovered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import RULES, System, basket, prepare, publish
from tests.integration.test_personal_facts import commit, given, require_sound

# Each basket comes to 145.00 in money.
LOYAL = f"""{RULES}---
promotion: loyal
stage: card
when: {{turnover: {{window: {{days: 30}}, from: 400.00}}}}
reward: [{{amount: {{off: 7.00}}}}]
"""


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "earlier_purchases"))
    dsn = embedded_postgres.dsn("earlier_purchases")
    asyncio.run(prepare(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def until_in_force(system: System, channel: grpc.aio.Channel, version: int) -> None:
    for _ in range(200):
        told = await system.ask(channel, "GetRulesInForce", ops.GetRulesInForceRequest())
        if told.rules_version == version:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"release {version} does not come into force")


def refund(of: int, number: int, op: int) -> pos.ReturnReceiptRequest:
    """All of the first line of a basket."""
    made = basket(number)
    sold = made.lines[0]
    del made.lines[:]
    made.lines.add(line_no=1, sku=sold.sku, qty_milli=sold.qty_milli, unit=sold.unit).refund_of.CopyFrom(
        receipt_pb2.RefundOf(line_no=1, qty_milli=sold.qty_milli)
    )
    made.ClearField("identity")
    made.original.shift_number = made.shift_number
    made.original.receipt_number = of
    return pos.ReturnReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=op, receipt=made)


async def publish_loyal(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await publish(connection, LOYAL)
    finally:
        await connection.close()


def test_a_release_counts_what_was_bought_before_it_and_survives_a_kill(system: System) -> None:
    async def before() -> int:
        async with grpc.aio.insecure_channel(system.grpc_address) as channel:
            for number in (1, 2):
                sold = await system.call(channel, "CommitReceipt", commit(basket(number), number))
                assert given(sold.outcome) == {"bakery": 500}
        return await publish_loyal(system.dsn)

    async def counted(version: int) -> None:
        async with (
            grpc.aio.insecure_channel(system.grpc_address) as channel,
            grpc.aio.insecure_channel(system.ops_address) as office,
        ):
            await until_in_force(system, office, version)
            kept = await system.ask(office, "GetAccumulations", ops.GetAccumulationsRequest())
            assert [row.state for row in kept.accumulations] == ["READY"]
            assert (kept.buckets_count, kept.waiting_version) == (1, 0)
            third = await system.call(channel, "CommitReceipt", commit(basket(3), 3))
            assert (given(third.outcome), third.outcome.degraded) == ({"bakery": 500}, False)
            # 435.00 by now.
            fourth = await system.call(channel, "CommitReceipt", commit(basket(4), 4))
            assert given(fourth.outcome) == {"bakery": 500, "loyal": 700}
            for number in (1, 2, 3, 4):
                back = await system.call(channel, "ReturnReceipt", refund(number, 90 + number, 4 + number))
                assert back.status == outcome_pb2.STATUS_OK

    async def after(version: int) -> None:
        async with (
            grpc.aio.insecure_channel(system.grpc_address) as channel,
            grpc.aio.insecure_channel(system.ops_address) as office,
        ):
            await until_in_force(system, office, version)
            # 4 × 100.00 less what the discount took is below 400.00.
            fifth = await system.call(channel, "CommitReceipt", commit(basket(5), 9))
            assert given(fifth.outcome) == {"bakery": 500}
            sixth = await system.call(channel, "CommitReceipt", commit(basket(6), 10))
            assert given(sixth.outcome) == {"bakery": 500, "loyal": 700}
        await require_sound(system.dsn)

    version = asyncio.run(before())
    system.kill()  # perhaps while history is read
    system.start()
    asyncio.run(counted(version))
    system.kill()
    system.start()
    asyncio.run(after(version))
