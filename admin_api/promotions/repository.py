"""All SQL about promotions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

FIELDS = "promotion_id, state, revision, released_revision, effective_at, updated_by, updated_at, document"
# Schedules that must hold whatever else does: alone, or one of `all`. A date-time counts as its date.
SCHEDULED = """
SELECT left(day #>> '{{}}', 10) AS day FROM (
    SELECT jsonb_path_query(document::jsonb, '$.when.schedule.{key}') AS day
    UNION ALL SELECT jsonb_path_query(document::jsonb, '$.when.all[*].schedule.{key}')) AS days
"""
IS_OVER = f"EXISTS (SELECT FROM ({SCHEDULED.format(key='to')}) AS ends WHERE day < $9::text)"
IS_COMING = f"EXISTS (SELECT FROM ({SCHEDULED.format(key='from')}) AS starts WHERE day > $9::text)"
LISTED = f"""
SELECT {FIELDS} FROM promotions
 WHERE tenant = $1 AND promotion_id > $2 AND ($3::text IS NULL OR state = $3)
   AND ($4::text IS NULL OR document ->> 'promotion' IS NOT NULL AND coalesce(document ->> 'stage', 'accrual') = $4)
   AND ($5::text IS NULL OR position(lower($5) in lower(promotion_id || ' ' || (document ->> 'title'))) > 0)
   AND ($6::text IS NULL OR document ->> $6 IS NOT NULL)
   AND ($8::text IS NULL OR coalesce(document #>> '{{group,name}}', document ->> 'group') = $8)
   AND ($10::text IS NULL OR $10 = CASE WHEN {IS_OVER} THEN 'over' WHEN {IS_COMING} THEN 'coming' ELSE 'now' END)
   AND (NOT $11 OR released_revision IS NOT NULL OR state = 'SCHEDULED')
 ORDER BY promotion_id LIMIT $7
"""
GROUPS = """
SELECT DISTINCT coalesce(document #>> '{group,name}', document ->> 'group') AS name FROM promotions
 WHERE tenant = $1 AND document ->> 'group' IS NOT NULL ORDER BY name LIMIT $2
"""
REVISIONS = """
SELECT promotion_id, state, revision, changed_by AS updated_by, changed_at AS updated_at, document
  FROM promotion_revisions WHERE tenant = $1 AND promotion_id = $2 ORDER BY revision DESC LIMIT $3
"""
STORE = """
INSERT INTO promotions (tenant, promotion_id, document, state, revision, updated_by, updated_at, released_revision,
                        effective_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, promotion_id) DO UPDATE SET document = excluded.document, state = excluded.state,
    revision = excluded.revision, updated_by = excluded.updated_by, updated_at = excluded.updated_at,
    released_revision = excluded.released_revision, effective_at = excluded.effective_at
"""
REMEMBER = """
INSERT INTO promotion_revisions (tenant, promotion_id, document, state, revision, changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
WITHDRAW = """
UPDATE promotion_reviews SET state = 'WITHDRAWN', decided_by = $3, decided_at = $4
 WHERE tenant = $1 AND promotion_id = $2 AND state = 'OPEN'
"""
SOME_PRODUCTS = """
SELECT DISTINCT ON (group_id) group_id, sku FROM products
 WHERE tenant = $1 AND group_id = ANY($2) AND valid_to = 'infinity' AND NOT deleted ORDER BY group_id, sku
"""
STORE_ATTRIBUTES = """
SELECT store_id, region, format, cluster, zone, currency, exponent FROM stores
 WHERE tenant = $1 AND store_id = $2 AND valid_to = 'infinity' AND NOT deleted
"""
PRODUCT_ATTRIBUTES = """
SELECT sku, group_id, brand_id, supplier_id, flags, min_price_minor, attributes FROM products
 WHERE tenant = $1 AND sku = ANY($2) AND valid_to = 'infinity' AND NOT deleted
"""


async def find_promotion(
    connection: asyncpg.Connection[Any], tenant: str, promotion_id: str, *, to_change: bool = False
) -> asyncpg.Record | None:
    """``to_change`` locks the row."""
    query = f"SELECT {FIELDS} FROM promotions WHERE tenant = $1 AND promotion_id = $2"
    return await connection.fetchrow(query + (" FOR UPDATE" if to_change else ""), tenant, promotion_id)


async def list_promotions(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    after: str,
    state: str | None,
    stage: str | None,
    text: str | None,
    kind: str | None,
    count_max: int,
    group: str | None = None,
    validity: str | None = None,
    today: str = "",
    in_force: bool = False,
) -> list[asyncpg.Record]:
    """By id. ``validity``: ``now``, ``coming`` or ``over`` on ``today``, a date as documents write it; ``in_force``:
    only what is released or scheduled.
    """
    found: list[asyncpg.Record] = await connection.fetch(
        LISTED, tenant, after, state, stage, text, kind, count_max, group, today, validity, in_force
    )
    return found


async def find_promotions(
    connection: asyncpg.Connection[Any], tenant: str, promotion_ids: Sequence[str]
) -> list[asyncpg.Record]:
    """Those that there are, by id."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {FIELDS} FROM promotions WHERE tenant = $1 AND promotion_id = ANY($2) ORDER BY promotion_id",
        tenant,
        list(promotion_ids),
    )
    return found


async def list_groups(connection: asyncpg.Connection[Any], tenant: str, count_max: int) -> list[str]:
    """Names of groups that promotions declare."""
    rows = await connection.fetch(GROUPS, tenant, count_max)
    return [row["name"] for row in rows]


async def list_revisions(
    connection: asyncpg.Connection[Any], tenant: str, promotion_id: str, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(REVISIONS, tenant, promotion_id, count_max)
    return found


async def find_revision(
    connection: asyncpg.Connection[Any], tenant: str, promotion_id: str, revision: int
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT promotion_id, state, revision, changed_by AS updated_by, changed_at AS updated_at, document"
        " FROM promotion_revisions WHERE tenant = $1 AND promotion_id = $2 AND revision = $3",
        *(tenant, promotion_id, revision),
    )


async def documents_of(
    connection: asyncpg.Connection[Any], tenant: str, promotion_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Documents in any state, by id."""
    rows = await connection.fetch(
        "SELECT promotion_id, document FROM promotions WHERE tenant = $1 AND promotion_id = ANY($2)",
        tenant,
        list(promotion_ids),
    )
    return {row["promotion_id"]: row["document"] for row in rows}


async def store_promotion(
    connection: asyncpg.Connection[Any],
    tenant: str,
    promotion_id: str,
    document: dict[str, Any],
    state: str,
    revision: int,
    actor: str,
    now: datetime,
    released_revision: int | None,
    effective_at: datetime | None,
) -> None:
    """Write the current value and its place in the history. Out of REVIEW, a review that nobody decided is over."""
    row = (tenant, promotion_id, document, state, revision, actor, now)
    await connection.execute(STORE, *row, released_revision, effective_at)
    await connection.execute(REMEMBER, *row)
    if state != "REVIEW":
        await connection.execute(WITHDRAW, tenant, promotion_id, actor, now)


async def store_attributes(connection: asyncpg.Connection[Any], tenant: str, store_id: str) -> asyncpg.Record | None:
    return await connection.fetchrow(STORE_ATTRIBUTES, tenant, store_id)


async def product_attributes(
    connection: asyncpg.Connection[Any], tenant: str, skus: Sequence[str]
) -> dict[str, asyncpg.Record]:
    rows = await connection.fetch(PRODUCT_ATTRIBUTES, tenant, list(skus))
    return {row["sku"]: row for row in rows}


async def some_products(connection: asyncpg.Connection[Any], tenant: str, categories: Sequence[str]) -> dict[str, str]:
    """A product of each category that has any."""
    rows = await connection.fetch(SOME_PRODUCTS, tenant, list(categories)) if categories else []
    return {row["group_id"]: row["sku"] for row in rows}
