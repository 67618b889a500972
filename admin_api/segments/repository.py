"""All SQL about segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
SEGMENT = """
SELECT segment, title, version AS feed_version, coalesce((
           SELECT rows_count FROM fact_counts AS members WHERE members.tenant = $1
              AND members.subject = 'customer_segments' AND members.name = segments.segment AND members.state = ''
       ), 0) AS members_count
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
    connection: asyncpg.Connection[Any], tenant: str, after: str, count_max: int, text: str | None = None
) -> list[asyncpg.Record]:
    """By name; with ``text``, those whose name or title has it."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{SEGMENT} AND segment > $2 AND ($4::text IS NULL OR strpos(lower(segment), lower($4)) > 0"
        " OR strpos(lower(title), lower($4)) > 0) ORDER BY segment LIMIT $3",
        tenant,
        after,
        count_max,
        text,
    )
    return found


async def segment_names(connection: asyncpg.Connection[Any], tenant: str, count_max: int) -> list[str]:
    """Names alone, to choose from: members are not counted."""
    rows = await connection.fetch(
        f"SELECT segment FROM segments WHERE {CURRENT} ORDER BY segment LIMIT $2", tenant, count_max
    )
    return [row["segment"] for row in rows]


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
    count: int | None = await connection.fetchval(
        "SELECT rows_count FROM fact_counts WHERE tenant = $1 AND subject = 'customer_segments' AND name = $2"
        " AND state = ''",
        tenant,
        segment,
    )
    return count or 0


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


# JOBS: what an upload keeps beside what every job has (``altyn.admin_api.jobs``)

UPLOAD = (
    "job_id, subject AS segment, mode, state, reason, total_count, done_count, changed_count, rows_count, wrong_count,"
    " problems, feed_version, created_by, created_at, updated_at"
)
OF_KIND = "tenant = $1 AND kind = 'SEGMENT_MEMBERS'"


async def insert_job(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    segment: str,
    mode: str,
    add_ids: list[int],
    remove_ids: list[int],
    counts: tuple[int, int],
    problems: list[dict[str, Any]],
    actor: str,
    now: datetime,
) -> asyncpg.Record:
    """``counts``: of rows, and of wrong ones. A job without anything to do is DONE at once."""
    total_count = len(add_ids) + len(remove_ids)
    made = await connection.fetchrow(
        "INSERT INTO jobs (tenant, kind, subject, mode, state, add_ids, remove_ids, total_count, rows_count,"
        " wrong_count, problems, created_by, created_at, updated_at)"
        f" VALUES ($1, 'SEGMENT_MEMBERS', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING {UPLOAD}",
        tenant,
        segment,
        mode,
        "QUEUED" if total_count else "DONE",
        add_ids,
        remove_ids,
        total_count,
        *counts,
        problems,
        actor,
        now,
    )
    assert isinstance(made, asyncpg.Record)
    return made


async def find_job(
    connection: asyncpg.Connection[Any], tenant: str, segment: str, job_id: int
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {UPLOAD} FROM jobs WHERE {OF_KIND} AND subject = $2 AND job_id = $3", tenant, segment, job_id
    )


async def list_jobs(
    connection: asyncpg.Connection[Any], tenant: str, segment: str, before: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {UPLOAD} FROM jobs WHERE {OF_KIND} AND subject = $2 AND ($3::bigint IS NULL OR job_id < $3)"
        " ORDER BY job_id DESC LIMIT $4",
        tenant,
        segment,
        before,
        count_max,
    )
    return found


async def take_job(connection: asyncpg.Connection[Any], tenant: str) -> asyncpg.Record | None:
    """The oldest unfinished upload that nobody else works at, whole and locked."""
    return await connection.fetchrow(
        f"SELECT *, subject AS segment FROM jobs WHERE {OF_KIND} AND state IN ('QUEUED', 'RUNNING')"
        " ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED",
        tenant,
    )


async def move_job(
    connection: asyncpg.Connection[Any],
    tenant: str,
    job_id: int,
    done_count: int,
    changed_count: int,
    feed_version: int,
    now: datetime,
) -> None:
    """So far it is done; the last slice ends it and forgets the ids."""
    await connection.execute(
        "UPDATE jobs SET done_count = $3, changed_count = changed_count + $4, updated_at = $6,"
        " feed_version = greatest(feed_version, $5), state = CASE WHEN $3 = total_count THEN 'DONE' ELSE 'RUNNING' END,"
        " add_ids = CASE WHEN $3 = total_count THEN '{}' ELSE add_ids END,"
        " remove_ids = CASE WHEN $3 = total_count THEN '{}' ELSE remove_ids END WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        done_count,
        changed_count,
        feed_version,
        now,
    )


async def fail_job(connection: asyncpg.Connection[Any], tenant: str, job_id: int, reason: str, now: datetime) -> None:
    """It ends as it stands."""
    await connection.execute(
        "UPDATE jobs SET state = 'FAILED', reason = $3, updated_at = $4 WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        reason,
        now,
    )
