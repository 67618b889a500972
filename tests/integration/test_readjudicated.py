"""READJUDICATE through real parts: a sale, later releases, a server that is killed and no longer holds the rules of the
sale, its return in two parts, and a verification.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import PEPPER
from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import RULES, System, prepare, publish
from tests.integration.test_returns import commit, give_back, points

OK = 1
HUNDRED = (
    RULES
    + """
---
promotion: hundred
on_return: READJUDICATE
when: {receipt_sum: {base: NET, from: 140.00}}
reward: [{points: {asset: bonus, fixed: 100}}]
"""
)


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "readjudicated"))
    dsn = embedded_postgres.dsn("readjudicated")
    asyncio.run(prepare(dsn))
    asyncio.run(release(dsn, HUNDRED))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def release(dsn: str, *texts: str) -> None:
    connection = await asyncpg.connect(dsn)
    for text in texts:
        await publish(connection, text)
    await connection.close()


async def test_return_is_decided_by_the_rules_of_its_sale_long_after_they_were_replaced(system: System) -> None:
    # Bread 45.00 after 10 %, milk 100.00: 145.00 earn 100.00 and 1 % = 1.45. The bread comes back: 100.00 are left,
    # below 140.00, so the 100.00 go, and 0.45 by share: 101.45 − 100.45 = 1.00 are left, of the milk.
    sale, other = commit(1, "1010"), commit(2, "1011")
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for one in (sale, other):
            await system.call(channel, "CommitReceipt", one)
    assert await points(system, 1010) == 10_145
    system.kill()
    await release(system.dsn, *[RULES] * 10)
    system.start()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        first = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 11, (1, 1000)))
        assert (first.status, list(first.exceptions), first.outcome.totals.to_pay_minor) == (OK, [], 4500)
        assert await points(system, 1010) == 100
        again = give_back(other.receipt, 12, (2, 500))
        assert (await system.call(channel, "ReturnReceipt", again)).status == OK
        # 95.00 are left: 100.00 − 0 and 0.50 go.
        assert await points(system, 1011) == 10_145 - 10_000 - 50
        second = await system.call(channel, "ReturnReceipt", give_back(sale.receipt, 13, (2, 1000)))
        assert (second.status, list(second.exceptions)) == (OK, [])
    assert await points(system, 1010) == 0
    async with await asyncpg.create_pool(system.dsn) as pool:
        while await Projector(pool).turn():
            pass
        bodies = [row["body"] for row in await pool.fetch("SELECT body FROM journal ORDER BY seq")]
    records = [journal.Record.FromString(body) for body in bodies]
    decided = [record for record in records if record.effects.returned.HasField("readjudicated")]
    assert [record.kind for record in decided] == [pos.OPERATION_KIND_RETURN] * 3
    report = await verify_async(system.dsn, pepper=bytes.fromhex(PEPPER))
    assert report.violations == 0, report.as_json()
