"""All SQL about tiers."""

from __future__ import annotations

from typing import Any

import asyncpg


async def find_terms(connection: asyncpg.Connection[Any], tenant: str) -> asyncpg.Record | None:
    """``terms`` as JSON text and ``feed_version``; None: the program has no tiers."""
    return await connection.fetchrow(
        "SELECT terms::text AS terms, version AS feed_version FROM tier_terms WHERE tenant = $1"
        " AND valid_to = 'infinity' AND NOT deleted",
        tenant,
    )
