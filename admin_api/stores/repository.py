"""All SQL about stores, registers and their keys."""

from __future__ import annotations

from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Reach

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
STORE = "store_id, title, zone, region, format, cluster, currency, exponent, version AS feed_version"
REGISTER = """store_id, register_id, title, version AS feed_version, (
    SELECT recorded_at FROM receipts AS receipt
     WHERE receipt.store_id = registers.store_id AND receipt.register_id = registers.register_id
     ORDER BY shift_number DESC, receipt_number DESC LIMIT 1) AS last_receipt_at"""
KEY = (
    "encode(key_hash, 'hex') AS key_id, key_hash, store_id, register_id, revoked, expires_at, kind, name, "
    "valid_from AS changed_at"
)


def in_reach(first: int) -> str:
    """SQL: the row's ``store_id`` is in a reach, whose ``reach_arguments`` are $first and the three after it."""
    return (
        f"(${first} OR store_id = ANY(${first + 1}) OR store_id IN (SELECT store_id FROM stores"
        f" WHERE tenant = ${first + 2} AND region <> '' AND region = ANY(${first + 3}) AND valid_to = 'infinity'))"
    )


def reach_arguments(tenant: str, reach: Reach) -> tuple[bool, list[str], str, list[str]]:
    """In the order of ``in_reach``."""
    return reach.is_network, list(reach.stores), tenant, list(reach.regions)


async def list_stores(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, after: str, count_max: int, text: str | None = None
) -> list[asyncpg.Record]:
    """By id; with ``text``, those whose id or title has it."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {STORE} FROM stores WHERE {CURRENT} AND store_id > $2 AND ($4 OR store_id = ANY($5)"
        " OR region <> '' AND region = ANY($6)) AND ($7::text IS NULL OR strpos(lower(store_id), lower($7)) > 0"
        " OR strpos(lower(title), lower($7)) > 0) ORDER BY store_id LIMIT $3",
        tenant,
        after,
        count_max,
        reach.is_network,
        list(reach.stores),
        list(reach.regions),
        text,
    )
    return found


async def find_store(connection: asyncpg.Connection[Any], tenant: str, store_id: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"SELECT {STORE} FROM stores WHERE {CURRENT} AND store_id = $2", tenant, store_id)


async def list_registers(connection: asyncpg.Connection[Any], tenant: str, store_id: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {REGISTER} FROM registers WHERE {CURRENT} AND store_id = $2 ORDER BY register_id", tenant, store_id
    )
    return found


async def find_register(
    connection: asyncpg.Connection[Any], tenant: str, store_id: str, register_id: str
) -> asyncpg.Record | None:
    query = f"SELECT {REGISTER} FROM registers WHERE {CURRENT} AND store_id = $2 AND register_id = $3"
    return await connection.fetchrow(query, tenant, store_id, register_id)


async def list_keys(
    connection: asyncpg.Connection[Any], tenant: str, store_id: str, register_id: str
) -> list[asyncpg.Record]:
    """Keys and certificates of a register, revoked ones included."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {KEY} FROM register_credentials WHERE {CURRENT} AND store_id = $2 AND register_id = $3"
        " ORDER BY revoked, valid_from DESC",
        tenant,
        store_id,
        register_id,
    )
    return found


async def all_keys(
    connection: asyncpg.Connection[Any], tenant: str, first: int, count_max: int
) -> list[asyncpg.Record]:
    """Keys and certificates of all registers, live ones first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {KEY}, kind AS credential FROM register_credentials WHERE {CURRENT}"
        " ORDER BY revoked, store_id, register_id, valid_from DESC OFFSET $2 LIMIT $3",
        tenant,
        first,
        count_max,
    )
    return found


async def find_key(connection: asyncpg.Connection[Any], tenant: str, key_hash: bytes) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {KEY} FROM register_credentials WHERE {CURRENT} AND key_hash = $2", tenant, key_hash
    )


async def has_receipts(connection: asyncpg.Connection[Any], store_id: str) -> bool:
    answer: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM receipts WHERE store_id = $1)", store_id)
    return answer
