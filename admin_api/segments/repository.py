"""All SQL about segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
SEGMENT = """
SELECT segment, title, version AS feed_version, (
           SELECT count(*) FROM customer_segments AS member WHERE member.tenant = $1
              AND member.segment = segments.segment AND member.valid_to = 'infinity' AND NOT member.deleted
       ) AS members_count
  FROM segments WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted
"""
# Releases in force or still to come: those after the last one that has taken effect, and that one.
LIVE_RELEASES = """
SELECT version, document FROM rules_release WHERE tenant = $1 AND version >= coalesce(
           (SELECT max(version) FROM rules_release WHERE tenant = $1 AND effective_at <= $2), 0)
 ORDER BY version DESC LIMIT 16
"""
IDS_A_QUERY = 20_000


async def list_segments(
    connection: asyncpg.Connection[Any], tenant: str, after: str, count_max: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"{SEGMENT} AND segment > $2 ORDER BY segment LIMIT $3", tenant, after, count_max
    )
    return found


async def find_segment(connection: asyncpg.Connection[Any], tenant: str, segment: str) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{SEGMENT} AND segment = $2", tenant, segment)


async def known_segments(connection: asyncpg.Connection[Any], tenant: str, segments: Sequence[str]) -> dict[str, str]:
    """Titles of those that exist."""
    rows = await connection.fetch(
        f"SELECT segment, title FROM segments WHERE {CURRENT} AND segment = ANY($2)", tenant, list(segments)
    )
    return {row["segment"]: row["title"] for row in rows}


async def members(
    connection: asyncpg.Connection[Any], tenant: str, segment: str, after: int = 0, count_max: int | None = None
) -> list[int]:
    """Ids of the segment's customers, ascending; all of them without ``count_max``."""
    rows = await connection.fetch(
        f"SELECT customer_id FROM customer_segments WHERE {CURRENT} AND segment = $2 AND customer_id > $3"
        " ORDER BY customer_id LIMIT $4",
        tenant,
        segment,
        after,
        count_max,
    )
    return [row["customer_id"] for row in rows]


async def members_count(connection: asyncpg.Connection[Any], tenant: str, segment: str) -> int:
    count: int = await connection.fetchval(
        f"SELECT count(*) FROM customer_segments WHERE {CURRENT} AND segment = $2", tenant, segment
    )
    return count


async def known_customers(connection: asyncpg.Connection[Any], tenant: str, customer_ids: Sequence[int]) -> set[int]:
    """Of these, the customers that exist."""
    known: set[int] = set()
    for first in range(0, len(customer_ids), IDS_A_QUERY):
        rows = await connection.fetch(
            f"SELECT customer_id FROM customers WHERE {CURRENT} AND customer_id = ANY($2)",
            tenant,
            list(customer_ids[first : first + IDS_A_QUERY]),
        )
        known.update(row["customer_id"] for row in rows)
    return known


async def customers_of_cards(
    connection: asyncpg.Connection[Any], tenant: str, hashes: Sequence[bytes]
) -> dict[bytes, int | None]:
    """The customer of each card that exists, by the keyed hash of its number; None: an anonymous card."""
    found: dict[bytes, int | None] = {}
    for first in range(0, len(hashes), IDS_A_QUERY):
        rows = await connection.fetch(
            f"SELECT number_hash, customer_id FROM cards WHERE {CURRENT} AND number_hash = ANY($2)",
            tenant,
            list(hashes[first : first + IDS_A_QUERY]),
        )
        found.update((row["number_hash"], row["customer_id"]) for row in rows)
    return found


async def live_documents(connection: asyncpg.Connection[Any], tenant: str, now: Any) -> list[tuple[int, bytes]]:
    """(version, document) of releases in force or to come, newest first."""
    rows = await connection.fetch(LIVE_RELEASES, tenant, now)
    return [(row["version"], row["document"]) for row in rows]
