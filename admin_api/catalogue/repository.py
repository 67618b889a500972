"""All SQL about products."""

from __future__ import annotations

from typing import Any

import asyncpg

PRODUCT = (
    "sku, title, group_id, brand_id, supplier_id, flags, min_price_minor, vat_code, attributes, version AS feed_version"
)
CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"


async def find_product(connection: asyncpg.Connection[Any], tenant: str, sku: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"SELECT {PRODUCT} FROM products WHERE {CURRENT} AND sku = $2", tenant, sku)


async def list_products(
    connection: asyncpg.Connection[Any], tenant: str, after: str, group_id: str | None, count_max: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {PRODUCT} FROM products WHERE {CURRENT} AND sku > $2 AND ($3::text IS NULL OR group_id = $3)"
        " ORDER BY sku LIMIT $4",
        tenant,
        after,
        group_id,
        count_max,
    )
    return found


async def find_group(connection: asyncpg.Connection[Any], tenant: str, group_id: str) -> str | None:
    """The group's title."""
    title: str | None = await connection.fetchval(
        f"SELECT title FROM product_groups WHERE {CURRENT} AND group_id = $2", tenant, group_id
    )
    return title
