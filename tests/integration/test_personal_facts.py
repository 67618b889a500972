"""Facts of products and customers on their way through real parts: written, followed by the feed, read by a receipt,
kept as evidence, verified.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import grpc.aio
import pytest

from altyn.admin_api.projector import Projector
from altyn.cli.chaos.small_world import PEPPER
from altyn.cli.verify.checker import verify_async
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.integration.system import RULES, TENANT, System, basket, prepare, publish

PERSONAL = (
    RULES
    + """
---
promotion: p-rye
stage: item
reward: [{amount: {off: 1.00, of: {attribute: {flour: rye}}}}]
---
promotion: q-birthday
stage: card
when: {birthday: {before: 1, after: 1}}
reward: [{amount: {off: 2.00}}]
---
promotion: r-favourites
stage: card
reward: [{amount: {off: 4.00, of: {favourite: true}}}]
---
promotion: s-granted
stage: card
when: {personal: true}
reward: [{amount: {off: 8.00, of: {personal: true}}}]
"""
)


_numbers = itertools.count(1)


@pytest.fixture
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str, tmp_path: Path) -> Iterator[System]:
    name = f"personal_facts_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn))
    asyncio.run(lay(dsn))
    running = System(dsn, redis_url, tmp_path)
    running.start()
    yield running
    running.stop()


async def lay(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        [(version, changed_at)] = await connection.fetch(
            "SELECT version, changed_at FROM next_feed_version($1)", TENANT
        )
        await connection.execute(
            "UPDATE products SET valid_to = $2 WHERE tenant = $1 AND sku = 'loaf'", TENANT, changed_at
        )
        await connection.execute(
            "INSERT INTO products (tenant, version, valid_from, sku, group_id, attributes)"
            " VALUES ($1, $2, $3, 'loaf', 'bread', '{flour=rye,fresh=yes}')",
            TENANT,
            version,
            changed_at,
        )
        today = datetime.now(UTC)
        await connection.execute(
            "INSERT INTO customers (tenant, version, valid_from, customer_id, account_id, birthday_mmdd, favourites)"
            " VALUES ($1, $2, $3, 7, 1001, $4, '{pets,dairy}')",
            TENANT,
            version,
            changed_at,
            today.month * 100 + today.day,
        )
        await connection.execute(
            "INSERT INTO customer_grants (tenant, version, valid_from, customer_id, promotion_id, ends_at, skus)"
            " VALUES ($1, $2, $3, 7, 's-granted', $4, '{loaf}'), ($1, $2, $3, 7, 'over', $5, '{}')",
            TENANT,
            version,
            changed_at,
            today + timedelta(days=1),
            today,
        )
        await connection.execute("UPDATE cards SET customer_id = 7 WHERE card_id = 1001")
    await publish(connection, PERSONAL)
    await connection.close()


def given(outcome: object) -> dict[str, int]:
    """What each promotion took off the receipt."""
    found: dict[str, int] = {}
    for line in outcome.lines:  # type: ignore[attr-defined]
        for one in line.discounts:
            found[one.promotion_id] = found.get(one.promotion_id, 0) + one.amount_minor
    return found


def commit(of: receipt_pb2.Receipt, seq: int) -> pos.CommitReceiptRequest:
    return pos.CommitReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=seq, receipt=of)


async def require_sound(dsn: str) -> None:
    """Every decision can be made again from what the journal kept."""
    async with await asyncpg.create_pool(dsn) as pool:
        projector = Projector(pool)
        while await projector.turn():
            pass
    report = await verify_async(dsn, pepper=bytes.fromhex(PEPPER))
    assert report.violations == 0, report.as_json()


async def test_facts_of_products_and_customers_reach_the_till_and_its_evidence(system: System) -> None:
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        forecast = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(1)))
        reserve = pos.ReserveReceiptRequest(op_id=uuid.uuid4().bytes, register_seq=1, receipt=basket(1))
        held = await system.call(channel, "ReserveReceipt", reserve)
        sold = await system.call(channel, "CommitReceipt", commit(basket(1), 2))
        other = await system.call(channel, "CommitReceipt", commit(basket(2, "1002"), 3))
    # 10 % of 50.00; then 1.00, 2.00, 4.00 and 8.00
    expected = {"bakery": 500, "p-rye": 100, "q-birthday": 200, "r-favourites": 400, "s-granted": 800}
    assert given(forecast.outcome) == given(held.outcome) == given(sold.outcome) == expected
    assert given(other.outcome) == {"bakery": 500, "p-rye": 100}
    await require_sound(system.dsn)


async def test_customer_who_is_forgotten_is_nobody_special_within_seconds(system: System) -> None:
    connection = await asyncpg.connect(system.dsn)
    async with connection.transaction():
        [(version, changed_at)] = await connection.fetch(
            "SELECT version, changed_at FROM next_feed_version($1)", TENANT
        )
        await connection.execute(
            "UPDATE customers SET valid_to = $2 WHERE tenant = $1 AND customer_id = 7", TENANT, changed_at
        )
        await connection.execute(
            "INSERT INTO customers (tenant, version, valid_from, customer_id, account_id) VALUES ($1, $2, $3, 7, 1001)",
            TENANT,
            version,
            changed_at,
        )
        await connection.execute(
            "UPDATE customer_grants SET valid_to = $2 WHERE tenant = $1 AND customer_id = 7", TENANT, changed_at
        )
        await connection.execute(
            "INSERT INTO customer_grants (tenant, version, valid_from, customer_id, promotion_id, deleted)"
            " VALUES ($1, $2, $3, 7, 's-granted', true)",
            TENANT,
            version,
            changed_at,
        )
    await connection.close()
    async with grpc.aio.insecure_channel(system.grpc_address) as channel:
        for _ in range(100):
            told = await system.call(channel, "CalculateReceipt", pos.CalculateReceiptRequest(receipt=basket(1)))
            if given(told.outcome) == {"bakery": 500, "p-rye": 100}:
                return
            await asyncio.sleep(0.2)
    pytest.fail("the server still knows the customer")
