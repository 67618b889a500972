"""All SQL about assets."""

from __future__ import annotations

from typing import Any

import asyncpg

CURRENT = """
SELECT asset, asset_no, scale, step_points, assets.title, expire_after_days, assets.kind, adjust_points_max,
       adjust_day_points_max, tenants.zone
  FROM assets JOIN tenants USING (tenant) WHERE tenant = $1 AND valid_to = 'infinity'
"""


async def list_assets(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    """Assets that are not deleted, by name."""
    found: list[asyncpg.Record] = await connection.fetch(f"{CURRENT} AND NOT deleted ORDER BY asset", tenant)
    return found


async def find_asset(connection: asyncpg.Connection[Any], tenant: str, asset: str) -> asyncpg.Record | None:
    """An asset, deleted ones included: its number and scale stay taken."""
    return await connection.fetchrow(f"{CURRENT} AND asset = $2", tenant, asset)


async def list_rates(connection: asyncpg.Connection[Any], tenant: str, asset: str | None) -> list[asyncpg.Record]:
    """Rates of one asset, or of all, into others."""
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT asset, to_asset, from_points, to_points, version AS feed_version FROM asset_rates WHERE tenant = $1"
        " AND valid_to = 'infinity' AND NOT deleted AND ($2::text IS NULL OR asset = $2) ORDER BY 1, 2",
        tenant,
        asset,
    )
    return found


async def next_number(connection: asyncpg.Connection[Any], tenant: str) -> int:
    """A number no asset has ever had. Asked under the feed clock's lock."""
    number: int = await connection.fetchval(
        "SELECT coalesce(max(asset_no), 0) + 1 FROM assets WHERE tenant = $1", tenant
    )
    return number
