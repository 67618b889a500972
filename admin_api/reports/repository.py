"""All SQL about reports but what definitions.py says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.reports.definitions import By, Report, query_of

TITLES = {
    By.PROMOTION: """
        SELECT promotion_id AS key, coalesce(document -> 'title' ->> 'en', document -> 'title' ->> 'ru', '') AS title
          FROM promotions WHERE tenant = $1 AND promotion_id = ANY ($2)""",
    By.STORE: """
        SELECT store_id AS key, title FROM stores
         WHERE tenant = $1 AND store_id = ANY ($2) AND valid_to = 'infinity'""",
}


async def rows_of(
    connection: asyncpg.Connection[Any],
    report: Report,
    by: By,
    tenant: str,
    days: tuple[date, date],
    store_id: str | None,
    reach: Reach,
    count_max: int,
) -> list[asyncpg.Record]:
    """(key, asset, columns …) in order of the key."""
    places = list(reach.stores), list(reach.regions)
    query = query_of(report, by, is_everywhere=reach.is_network and store_id is None)
    found: list[asyncpg.Record] = await connection.fetch(
        query, tenant, *days, store_id, reach.is_network, *places, count_max
    )
    return found


async def titles(connection: asyncpg.Connection[Any], tenant: str, by: By, keys: Sequence[str]) -> dict[str, str]:
    """Titles by key, of what has titles."""
    if by not in TITLES:
        return {}
    return {row["key"]: row["title"] for row in await connection.fetch(TITLES[by], tenant, list(keys))}
