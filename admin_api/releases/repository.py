"""All SQL about releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

LISTED = """
SELECT version, encode(sha256, 'hex') AS sha256, effective_at, emergency, published_by, published_at,
       octet_length(document) AS document_bytes
  FROM rules_release WHERE tenant = $1 AND ($2::bigint IS NULL OR version < $2) ORDER BY version DESC LIMIT $3
"""
IN_FORCE = "SELECT max(version) FROM rules_release WHERE tenant = $1 AND effective_at <= $2"
DOCUMENT = "SELECT sha256, document FROM rules_release WHERE tenant = $1 AND version = $2"
ACTIVE = """
SELECT promotion_id, released.document
  FROM promotions JOIN promotion_revisions AS released USING (tenant, promotion_id)
 WHERE tenant = $1 AND released.revision = released_revision AND ($2::text[] IS NULL OR promotion_id = ANY($2))
 ORDER BY promotion_id
"""
SCHEDULED = """
SELECT promotion_id, document, effective_at FROM promotions WHERE tenant = $1 AND state = 'SCHEDULED'
 ORDER BY effective_at, promotion_id
"""
# Moments later than a given one at which another release than before will come into force.
MOMENTS = """
SELECT effective_at FROM rules_release AS release
 WHERE tenant = $1 AND effective_at > $2
   AND NOT EXISTS (SELECT FROM rules_release AS newer WHERE newer.tenant = $1 AND newer.version > release.version
                      AND newer.effective_at <= release.effective_at)
 ORDER BY effective_at
"""
INSERT = """
INSERT INTO rules_release (tenant, version, sha256, document, effective_at, emergency, published_by, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
SERVERS = """
SELECT server_id, started_at, seen_at, rules_version, encode(sha256, 'hex') AS sha256, staged_version, feed_version,
       durable_seq, refused_version, refused_reason, numbers_asked, numbers_ready, history_seq, history_until_seq, pulse
  FROM server_status WHERE tenant = $1 ORDER BY server_id
"""
# Of the names given, those no current row of the column has. Column names come from references.KINDS only.
MISSING = """
SELECT name FROM unnest($2::text[]) AS name
 WHERE NOT EXISTS (SELECT FROM {table} WHERE tenant = $1 AND {column} = name AND valid_to = 'infinity' AND NOT deleted)
 ORDER BY name LIMIT $3
"""


async def list_releases(
    connection: asyncpg.Connection[Any], tenant: str, before: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(LISTED, tenant, before, count_max)
    return found


async def version_in_force(connection: asyncpg.Connection[Any], tenant: str, now: datetime) -> int | None:
    version: int | None = await connection.fetchval(IN_FORCE, tenant, now)
    return version


async def newest_version(connection: asyncpg.Connection[Any], tenant: str) -> int:
    """0 when there is none."""
    version: int = await connection.fetchval(
        "SELECT coalesce(max(version), 0) FROM rules_release WHERE tenant = $1", tenant
    )
    return version


async def find_document(connection: asyncpg.Connection[Any], tenant: str, version: int) -> asyncpg.Record | None:
    """(sha256, document) of a release."""
    return await connection.fetchrow(DOCUMENT, tenant, version)


async def active_documents(
    connection: asyncpg.Connection[Any], tenant: str, promotion_ids: Sequence[str] | None
) -> dict[str, dict[str, Any]]:
    """Released documents of promotions by id, in order of ids; of the selected ones when given."""
    rows = await connection.fetch(ACTIVE, tenant, None if promotion_ids is None else list(promotion_ids))
    return {row["promotion_id"]: row["document"] for row in rows}


async def scheduled(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    """What will come into force by itself, the soonest first."""
    found: list[asyncpg.Record] = await connection.fetch(SCHEDULED, tenant)
    return found


async def later_moments(connection: asyncpg.Connection[Any], tenant: str, after: datetime) -> list[datetime]:
    """When releases that wait will come into force, the soonest first."""
    return [row["effective_at"] for row in await connection.fetch(MOMENTS, tenant, after)]


async def insert_release(
    connection: asyncpg.Connection[Any],
    tenant: str,
    version: int,
    sha256: bytes,
    document: bytes,
    effective_at: datetime,
    emergency: bool,
    actor: str,
    now: datetime,
) -> None:
    await connection.execute(INSERT, tenant, version, sha256, document, effective_at, emergency, actor, now)


async def list_servers(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(SERVERS, tenant)
    return found


async def missing_names(
    connection: asyncpg.Connection[Any], tenant: str, table: str, column: str, names: Sequence[str], count_max: int
) -> list[str]:
    rows = await connection.fetch(MISSING.format(table=table, column=column), tenant, list(names), count_max)
    return [row["name"] for row in rows]
