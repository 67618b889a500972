"""All SQL about assets."""

from __future__ import annotations

from typing import Any

import asyncpg

CURRENT = """
SELECT asset, asset_no, scale, step_points, assets.title, expire_after_days, tenants.zone
  FROM assets JOIN tenants USING (tenant) WHERE tenant = $1 AND valid_to = 'infinity'
"""


async def list_assets(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    """Assets that are not deleted, by name."""
    found: list[asyncpg.Record] = await connection.fetch(f"{CURRENT} AND NOT deleted ORDER BY asset", tenant)
    return found


async def find_asset(connection: asyncpg.Connection[Any], tenant: str, asset: str) -> asyncpg.Record | None:
    """An asset, deleted ones included: its number and scale stay taken."""
    return await connection.fetchrow(f"{CURRENT} AND asset = $2", tenant, asset)


async def next_number(connection: asyncpg.Connection[Any], tenant: str) -> int:
    """A number no asset has ever had. Asked under the feed clock's lock."""
    number: int = await connection.fetchval(
        "SELECT coalesce(max(asset_no), 0) + 1 FROM assets WHERE tenant = $1", tenant
    )
    return number
