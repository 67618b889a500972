"""The chain that the front door's benchmark serves: facts, 1,000 promotions, and requests as its registers send them.

One store with a register per connection, members with cards, and the catalogue of `core_rules`, so about five
promotions matter to a receipt. Receipts name goods by SKU only: category and brand come from the catalogue, as in a
shop. Everything follows from a seed; only operation ids, numbers and the time of a receipt are new in every run.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from random import Random
from typing import Any

import asyncpg

from altyn.benchmarks import core_rules
from altyn.core.engine.identity import card_hash
from altyn.core.rules.definition import canonical_json, default_document
from altyn.infra.migrate import load_migrations, migrate
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from altyn.register.store_forward import new_op_id

TENANT = "bench"
STORE = "M001"
ZONE = "Europe/Moscow"
PEPPER = bytes(range(32))
PROMOTIONS = 1_000
PRODUCTS = 10 * PROMOTIONS
MEMBERS = 10_000
WAL_FILES = 64  # of 16 MiB
PAGE_OF_FILLER = 7_000  # bytes of a row that has a page to itself
LINES = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def register_id(number: int) -> str:
    return f"K{number:04}"


def register_key(number: int) -> str:
    """The credential of a register, as long as real ones."""
    return hashlib.sha256(f"bench-register-{number}".encode()).hexdigest()


def card_number(number: int) -> str:
    return f"{2_200_000_000_000 + number * 7_919:013}"


def documents() -> list[dict[str, Any]]:
    """The rules as the back office would publish them."""
    values = core_rules.promotions(PROMOTIONS, Random(PROMOTIONS))
    return [default_document(value, core_rules.ASSETS) for value in values]


def products() -> Iterator[tuple[str, str, str]]:
    """SKU, category, brand."""
    for number in range(PRODUCTS):
        category, brand = number % (4 * PROMOTIONS), number % (2 * PROMOTIONS)
        yield core_rules.sku(number), f"category-{category}", f"brand-{brand}"


async def age(connection: asyncpg.Connection[Any]) -> None:
    """Make a new cluster what it is after an hour: files of WAL to be used again, and every shared buffer used once.

    Else each new file is filled with zeros, and each buffer's memory asked of the system, inside somebody's commit.
    """
    for _ in range(WAL_FILES):
        await connection.execute("SELECT pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()")
    buffers = await connection.fetchval("SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'")
    await connection.execute("CREATE UNLOGGED TABLE filler (page text)")
    await connection.execute("ALTER TABLE filler ALTER page SET STORAGE PLAIN")
    await connection.execute(
        "INSERT INTO filler SELECT repeat('x', $1) FROM generate_series(1, $2)", PAGE_OF_FILLER, buffers
    )
    await connection.execute("DROP TABLE filler")
    await connection.execute("CHECKPOINT")
    os.sync()  # else somebody's first commits wait for the disk to take all of them


async def prepare(dsn: str, registers: int, members: int = MEMBERS) -> None:
    """Schema, facts and one release in force, in an empty database."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        async with connection.transaction():
            await _put_facts(connection, registers, members)
            document = canonical_json(documents())
            await connection.execute(
                "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, emergency, published_by)"
                " VALUES ($1, 1, $2, $3, $4, false, 'bench')",
                TENANT,
                hashlib.sha256(document).digest(),
                document,
                EPOCH,
            )
    finally:
        await connection.close()


async def _put_facts(connection: asyncpg.Connection[Any], registers: int, members: int) -> None:
    await connection.execute("INSERT INTO tenants (tenant, title, zone) VALUES ($1, 'Bench', $2)", TENANT, ZONE)
    clock = await connection.fetchrow("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
    assert clock is not None, "the feed clock always answers"
    version, at = clock

    async def put(table: str, columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> None:
        await connection.copy_records_to_table(
            table,
            columns=["tenant", "version", "valid_from", *columns],
            records=((TENANT, version, at, *row) for row in rows),
        )

    numbers = range(registers)
    keys = (hashlib.sha256(register_key(number).encode()).digest() for number in numbers)
    cards = range(1, members + 1)
    hashes = (card_hash(PEPPER, card_number(number)) for number in cards)
    await put("stores", ("store_id", "zone", "region"), iter([(STORE, ZONE, "msk")]))
    await put("registers", ("store_id", "register_id"), ((STORE, register_id(number)) for number in numbers))
    await put(
        "register_credentials",
        ("key_hash", "store_id", "register_id"),
        ((key, STORE, register_id(number)) for number, key in enumerate(keys)),
    )
    await put("products", ("sku", "group_id", "brand_id"), products())
    await put("assets", ("asset", "asset_no"), iter([("bonus", 1)]))
    await put(
        "cards",
        ("card_id", "number_hash", "last4", "card_type", "state", "account_id"),
        (
            (number, hash_, card_number(number)[-4:], "plastic", "ACTIVE", number)
            for number, hash_ in zip(cards, hashes, strict=True)
        ),
    )


def receipt(random: Random, register: int, number: int, now_us: int, members: int = MEMBERS) -> receipt_pb2.Receipt:
    """20 goods, four times in five with a member's card."""
    made = receipt_pb2.Receipt(
        store_id=STORE,
        register_id=register_id(register),
        shift_number=now_us // 86_400_000_000,
        receipt_number=number,
        cashier_id=f"C{random.randrange(1000):03}",
        local_time_us=now_us + 3 * 3_600_000_000,
        utc_offset_minutes=180,
        currency="RUB",
        exponent=2,
        mode=receipt_pb2.MODE_ONLINE,
    )
    if random.randrange(5):
        made.identity.kind = receipt_pb2.TOKEN_KIND_CARD
        made.identity.value = card_number(random.randrange(1, members + 1))
    for line_no in range(1, LINES + 1):
        price, pieces = random.randrange(1_000, 100_000), random.choice((1, 1, 1, 1, 2, 3))
        made.lines.add(
            line_no=line_no,
            sku=core_rules.sku(random.randrange(PRODUCTS)),
            qty_milli=1000 * pieces,
            unit=receipt_pb2.UNIT_PIECE,
            price_minor=price,
            gross_minor=price * pieces,
            cost_minor=price * 3 // 4,
            vat_code=random.choice((1, 2)),
        )
    return made


def calculations(register: int, count: int) -> list[bytes]:
    """Varied CalculateReceipt requests of one register."""
    random, now_us = Random(register), time.time_ns() // 1000
    return [
        pos.CalculateReceiptRequest(receipt=receipt(random, register, number, now_us)).SerializeToString()
        for number in range(1, count + 1)
    ]


def commits(register: int, count: int, members: int = MEMBERS) -> list[bytes]:
    """CommitReceipt requests of one register: every one a new operation, later than all made before."""
    now_us = time.time_ns() // 1000
    random = Random(now_us + register)
    goods = [receipt(random, register, 1, now_us, members) for _ in range(min(count, 32))]
    made = []
    for number in range(count):
        sold = goods[number % len(goods)]
        sold.receipt_number = now_us % 86_400_000_000 + number
        request = pos.CommitReceiptRequest(op_id=op_id(now_us, number), register_seq=now_us + number, receipt=sold)
        made.append(request.SerializeToString())
    return made


def op_id(now_us: int, number: int) -> bytes:
    """Of a register's next operation but `number`: made before it is sent, of a time at which it could be."""
    return new_op_id(now_us + number * 1_000)


def returns(commits: list[bytes]) -> list[bytes]:
    """ReturnReceipt requests that take back all lines of these sales of one register."""
    now_us = time.time_ns() // 1000
    made = []
    for number, commit in enumerate(commits):
        sold = pos.CommitReceiptRequest.FromString(commit).receipt
        refund = receipt_pb2.Receipt()
        refund.CopyFrom(sold)
        refund.receipt_number = now_us % 86_400_000_000 + number
        refund.original.shift_number, refund.original.receipt_number = sold.shift_number, sold.receipt_number
        refund.ClearField("identity")
        for line in refund.lines:
            line.refund_of.line_no, line.refund_of.qty_milli = line.line_no, line.qty_milli
        request = pos.ReturnReceiptRequest(op_id=op_id(now_us, number), register_seq=now_us + number, receipt=refund)
        made.append(request.SerializeToString())
    return made
