"""All SQL about products."""

from __future__ import annotations

from typing import Any

import asyncpg

PRODUCT = (
    "sku, title, group_id, brand_id, supplier_id, flags, min_price_minor, vat_code, attributes, version AS feed_version"
)
CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
GROUPS = f"""
SELECT group_id, coalesce(title, '') AS title, coalesce(products_count, 0) AS products_count
  FROM (SELECT group_id, title FROM product_groups WHERE {CURRENT}) AS named
  FULL JOIN (SELECT group_id, count(*) AS products_count FROM products WHERE {CURRENT} AND group_id <> ''
              GROUP BY group_id) AS counted USING (group_id)
 WHERE group_id > $2 AND ($5::text IS NULL OR group_id = $5)
   AND ($4::text IS NULL OR strpos(lower(group_id), lower($4)) > 0 OR strpos(lower(title), lower($4)) > 0)
 ORDER BY group_id LIMIT $3
"""


async def find_product(connection: asyncpg.Connection[Any], tenant: str, sku: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"SELECT {PRODUCT} FROM products WHERE {CURRENT} AND sku = $2", tenant, sku)


async def list_products(
    connection: asyncpg.Connection[Any],
    tenant: str,
    after: str,
    group_id: str | None,
    count_max: int,
    text: str | None = None,
) -> list[asyncpg.Record]:
    """By SKU; with ``text``, those whose SKU begins with it or whose title has it."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {PRODUCT} FROM products WHERE {CURRENT} AND sku > $2 AND ($3::text IS NULL OR group_id = $3)"
        " AND ($5::text IS NULL OR starts_with(sku, $5) OR strpos(lower(title), lower($5)) > 0) ORDER BY sku LIMIT $4",
        tenant,
        after,
        group_id,
        count_max,
        text,
    )
    return found


async def list_groups(
    connection: asyncpg.Connection[Any],
    tenant: str,
    after: str,
    count_max: int,
    text: str | None = None,
    group_id: str | None = None,
) -> list[asyncpg.Record]:
    """Groups that products have, or that were named, by id."""
    found: list[asyncpg.Record] = await connection.fetch(GROUPS, tenant, after, count_max, text, group_id)
    return found


async def find_group(connection: asyncpg.Connection[Any], tenant: str, group_id: str) -> str | None:
    """The group's title."""
    title: str | None = await connection.fetchval(
        f"SELECT title FROM product_groups WHERE {CURRENT} AND group_id = $2", tenant, group_id
    )
    return title
