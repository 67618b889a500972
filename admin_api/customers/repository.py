"""All SQL about customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from altyn.admin_api.batches import rows_by_hash
from altyn.admin_api.facts import CARDS

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
CARD = (
    "card_id, last4, card_type, state, block_reason, customer_id, account_id, series, batch_id, kind, "
    "version AS feed_version"
)
CUSTOMER = (
    "customer_id, account_id, phone_hash, registered_at, birthday_mmdd, favourites, birthday_mmdd > 0 AS has_birthday, "
    "cardinality(favourites) AS favourites_count, "
    "version AS feed_version"
)
GRANT = "customer_id, promotion_id, starts_at, ends_at, skus, categories, version AS feed_version"


async def find_customers(
    connection: asyncpg.Connection[Any], tenant: str, customer_ids: Sequence[int]
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {CUSTOMER} FROM customers WHERE {CURRENT} AND customer_id = ANY($2) ORDER BY customer_id",
        tenant,
        list(customer_ids),
    )
    return found


async def customers_of_accounts(
    connection: asyncpg.Connection[Any], tenant: str, account_ids: Sequence[int]
) -> dict[int, int]:
    """Account → the customer who has it."""
    rows = await connection.fetch(
        f"SELECT account_id, customer_id FROM customers WHERE {CURRENT} AND account_id = ANY($2) ORDER BY customer_id",
        tenant,
        list(account_ids),
    )
    return {row["account_id"]: row["customer_id"] for row in rows}


async def customers_by_phone(
    connection: asyncpg.Connection[Any], tenant: str, phone_hash: bytes, count_max: int
) -> list[int]:
    rows = await connection.fetch(
        f"SELECT customer_id FROM customers WHERE {CURRENT} AND phone_hash = $2 ORDER BY customer_id LIMIT $3",
        tenant,
        phone_hash,
        count_max,
    )
    return [row["customer_id"] for row in rows]


async def cards_by_number(
    connection: asyncpg.Connection[Any], tenant: str, hashes: Sequence[bytes]
) -> dict[bytes, asyncpg.Record]:
    """Cards by the keyed hash of their number."""
    return await rows_by_hash(connection, tenant, CARDS, "number_hash", hashes, CARD)


async def cards_of(
    connection: asyncpg.Connection[Any], tenant: str, customer_ids: Sequence[int]
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {CARD} FROM cards WHERE {CURRENT} AND customer_id = ANY($2) ORDER BY card_id",
        tenant,
        list(customer_ids),
    )
    return found


async def memberships_of(
    connection: asyncpg.Connection[Any], tenant: str, customer_ids: Sequence[int]
) -> list[asyncpg.Record]:
    """(customer_id, segment)."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT customer_id, segment FROM customer_segments WHERE {CURRENT} AND customer_id = ANY($2) ORDER BY 1, 2",
        tenant,
        list(customer_ids),
    )
    return found


async def find_personal(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> asyncpg.Record | None:
    """Name, phone and birthday (MM-DD or null)."""
    query = (
        "SELECT customer_id, name, phone, (SELECT lpad((birthday_mmdd / 100)::text, 2, '0') || '-'"
        f" || lpad((birthday_mmdd % 100)::text, 2, '0') FROM customers WHERE {CURRENT} AND customer_id = $2"
        " AND birthday_mmdd > 0) AS birthday FROM personal.customers WHERE tenant = $1 AND customer_id = $2"
    )
    return await connection.fetchrow(query, tenant, customer_id)


async def grants_of(
    connection: asyncpg.Connection[Any], tenant: str, customer_ids: Sequence[int]
) -> list[asyncpg.Record]:
    """All that is not taken back, ended ones too."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {GRANT} FROM customer_grants WHERE {CURRENT} AND customer_id = ANY($2) ORDER BY 1, 2",
        tenant,
        list(customer_ids),
    )
    return found


async def find_grant(
    connection: asyncpg.Connection[Any], tenant: str, customer_id: int, promotion_id: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {GRANT} FROM customer_grants WHERE {CURRENT} AND customer_id = $2 AND promotion_id = $3",
        tenant,
        customer_id,
        promotion_id,
    )


async def store_personal(
    connection: asyncpg.Connection[Any], tenant: str, rows: Sequence[tuple[int, str, str]]
) -> None:
    """(customer_id, name, phone)."""
    await connection.executemany(
        "INSERT INTO personal.customers (tenant, customer_id, name, phone) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (tenant, customer_id)"
        " DO UPDATE SET name = excluded.name, phone = excluded.phone, changed_at = now()",
        [(tenant, *row) for row in rows],
    )


async def erase_personal(connection: asyncpg.Connection[Any], tenant: str, customer_id: int) -> None:
    """Leave nothing of a person: the one change of closed fact rows there is. Of grants the tombstones stay."""
    await connection.execute(
        "DELETE FROM personal.customers WHERE tenant = $1 AND customer_id = $2", tenant, customer_id
    )
    await connection.execute(
        "UPDATE customers SET phone_hash = NULL, birthday_mmdd = 0, favourites = '{}'"
        " WHERE tenant = $1 AND customer_id = $2"
        " AND (phone_hash IS NOT NULL OR birthday_mmdd > 0 OR favourites <> '{}')",
        tenant,
        customer_id,
    )
    await connection.execute(
        "DELETE FROM customer_grants WHERE tenant = $1 AND customer_id = $2 AND NOT deleted", tenant, customer_id
    )
    await connection.execute(
        "UPDATE customer_grants SET starts_at = NULL, ends_at = NULL, skus = '{}', categories = '{}'"
        " WHERE tenant = $1 AND customer_id = $2",
        tenant,
        customer_id,
    )
    # When they were given tells when it is. Nothing is given twice without the rows: the journal knows the op_ids.
    await connection.execute(
        "DELETE FROM event_occurrences WHERE tenant = $1 AND customer_id = $2"
        " AND event IN (SELECT event FROM events WHERE tenant = $1 AND kind = 'BIRTHDAY')",
        tenant,
        customer_id,
    )
