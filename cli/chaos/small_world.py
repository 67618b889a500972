"""The smallest programme that can be broken: one tenant, one store, a few registers and cards, one release, one basket.

Facts are written as the back office writes them, each under a feed version. Every number is known by heart, so that
what a system must hold afterwards follows from counting receipts: a basket accrues `BASKET_POINTS`, always.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import asyncpg

from altyn.core.engine.identity import card_hash
from altyn.core.rules.definition import canonical_json, load_documents
from altyn.infra.migrate import load_migrations, migrate
from altyn.pos.v1 import receipt_pb2

TENANT = "demo"
STORE = "s1"
ASSET = "bonus"
PEPPER = "70" * 32
OPS_KEY = "6f" * 32
CARDS = range(1001, 1021)
"""Numbers of the cards, and of their accounts."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES = """
promotion: bakery
stage: item
when: {store: {region: msk}}
reward:
  - percent: {rate: 10, of: {category: bread}}
---
promotion: base-points
reward:
  - points: {asset: bonus, percent: 1, expires: {days: 30}}
"""
BASKET_POINTS = 145


def register_name(number: int) -> str:
    """Identity of the n-th register, from 1."""
    return f"r{number}"


def register_key(number: int) -> str:
    """Its credential."""
    return f"register-key-{number}"


async def prepare(dsn: str, registers_count: int = 2) -> None:
    """Schema, facts and the first release, in an empty database."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO tenants (tenant, title, zone) VALUES ($1, 'Demo', 'Europe/Moscow')", TENANT
            )
            [stamp] = await connection.fetch("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
            await _insert_facts(connection, (TENANT, *stamp), registers_count)
        await publish(connection, RULES)
    finally:
        await connection.close()


async def _insert_facts(
    connection: asyncpg.Connection[Any], stamp: tuple[str, int, datetime], registers_count: int
) -> None:
    await connection.execute(
        "INSERT INTO stores (tenant, version, valid_from, store_id, zone, region)"
        " VALUES ($1, $2, $3, $4, 'Europe/Moscow', 'msk')",
        *stamp,
        STORE,
    )
    numbers = range(1, registers_count + 1)
    await connection.executemany(
        "INSERT INTO registers (tenant, version, valid_from, store_id, register_id) VALUES ($1, $2, $3, $4, $5)",
        [(*stamp, STORE, register_name(number)) for number in numbers],
    )
    await connection.executemany(
        "INSERT INTO register_credentials (tenant, version, valid_from, key_hash, store_id, register_id)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (*stamp, hashlib.sha256(register_key(number).encode()).digest(), STORE, register_name(number))
            for number in numbers
        ],
    )
    await connection.executemany(
        "INSERT INTO products (tenant, version, valid_from, sku, group_id) VALUES ($1, $2, $3, $4, $5)",
        [(*stamp, "loaf", "bread"), (*stamp, "milk", "dairy")],
    )
    await connection.execute(
        "INSERT INTO assets (tenant, version, valid_from, asset, asset_no) VALUES ($1, $2, $3, $4, 1)", *stamp, ASSET
    )
    await connection.executemany(
        "INSERT INTO cards (tenant, version, valid_from, card_id, number_hash, last4, state, account_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, 'ACTIVE', $4)",
        [(*stamp, number, card_hash(bytes.fromhex(PEPPER), str(number)), str(number)) for number in CARDS],
    )


async def publish(
    connection: asyncpg.Connection[Any],
    text: str,
    *,
    effective_at: datetime = EPOCH,
    emergency: bool = False,
    sha256: bytes | None = None,
) -> int:
    """A release as the back office makes it; its version. `sha256`: another hash than the document's own."""
    document = canonical_json(load_documents(text))
    async with connection.transaction():
        await connection.fetchrow("SELECT * FROM next_feed_version($1)", TENANT)
        version: int = await connection.fetchval(
            "SELECT coalesce(max(version), 0) + 1 FROM rules_release WHERE tenant = $1", TENANT
        )
        await connection.execute(
            "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, emergency, published_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'small world')",
            TENANT,
            version,
            sha256 or hashlib.sha256(document).digest(),
            document,
            effective_at,
            emergency,
        )
    return version


def basket(number: int, card: str = "1001", register_id: str = "r1") -> receipt_pb2.Receipt:
    """Bread 50.00 and milk 100.00: 5.00 off the bread, 1.45 points. Without a card: no points."""
    made = receipt_pb2.Receipt(
        store_id=STORE,
        register_id=register_id,
        shift_number=1,
        receipt_number=number,
        currency="RUB",
        exponent=2,
        local_time_us=time.time_ns() // 1000,
        lines=[
            receipt_pb2.ReceiptLine(
                line_no=1, sku="loaf", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=5000
            ),
            receipt_pb2.ReceiptLine(
                line_no=2, sku="milk", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=10000
            ),
        ],
    )
    if card:
        made.identity.kind = receipt_pb2.TOKEN_KIND_CARD
        made.identity.value = card
    return made
