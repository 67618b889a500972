"""A tier by hand through real parts: terms by the feed, a server that is killed before and after, one answer for all
repeats, a till that is told, and a verification.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import grpc.aio
import orjson
import pytest

from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import RULES, TENANT, System, basket, prepare, publish
from tests.integration.test_decisions import asked

ACCOUNT, CARD = 1010, "1010"
TERMS = {
    "by": "TURNOVER",
    "asset": None,
    "period": "YEAR",
    "days": None,
    "valid_periods": 1,
    "tiers": [{"tier": "silver", "rank": 1, "sum": 10**9}, {"tier": "gold", "rank": 2, "sum": 10**10}],
}


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "given_tiers"))
    dsn = embedded_postgres.dsn("given_tiers")
    asyncio.run(prepare(dsn))
    asyncio.run(set_up(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def set_up(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await publish(connection, RULES)
    async with connection.transaction():
        [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        await connection.execute(
            "INSERT INTO tier_terms (tenant, scheme, terms, version, valid_from)"
            " VALUES ($1, 'PROGRAM', $2::text::jsonb, $3, $4)",
            TENANT,
            orjson.dumps(TERMS).decode(),
            *stamp,
        )
    await connection.close()


async def tier_at_the_till(system: System) -> str:
    who = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=basket(1, CARD, "r1").identity)
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        told: str = (await system.call(channel, "AuthorizeCustomer", who)).tier
    return told


async def test_a_tier_by_hand_survives_kills_and_is_given_once(system: System) -> None:
    until_day = (datetime.now(UTC).date() - date(1970, 1, 1)).days + 30
    order = ops.SetTierRequest(
        op_id=b"a" * 16, account_id=ACCOUNT, tier="gold", until_day=until_day, reason="first member", actor="olga"
    )
    assert await tier_at_the_till(system) == ""
    first = await asked(system, "SetTier", order)
    assert first.applied and await tier_at_the_till(system) == "gold"
    system.kill()
    system.start()
    assert await asked(system, "SetTier", order) == first
    assert await tier_at_the_till(system) == "gold"

    async with await asyncpg.create_pool(system.dsn) as pool:
        row = (TENANT, order.op_id, ACCOUNT, "gold", date.fromordinal(date(1970, 1, 1).toordinal() + until_day))
        given = "INSERT INTO given_tiers (tenant, op_id, account_id, tier, until, reason, state, asked_by, asked_at,"
        given += " journal_seq) VALUES ($1, $2, $3, $4, $5, 'first member', 'GIVEN', 'olga', now(), $6)"
        await pool.execute(given, *row, first.seq)
    taken = ops.SetTierRequest(op_id=b"b" * 16, account_id=ACCOUNT, reason="given to the wrong one", actor="olga")
    assert (await asked(system, "SetTier", taken)).applied
    system.kill()
    system.start()
    assert await tier_at_the_till(system) == ""
    report = await verify_async(system.dsn)
    assert (report.violations, report.per_invariant["I19_tiers"].checks) == (0, 3), report.as_json()
