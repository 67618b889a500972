"""All SQL about jobs in general; what a kind keeps beside it is the kind's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

COLUMNS = (
    "job_id, kind, subject, state, step, reason, told, done_count, total_count, attempts_count, created_by, created_at,"
    " updated_at"
)
UNFINISHED = "state IN ('QUEUED', 'RUNNING')"
TAKEN = f"""
UPDATE jobs SET state = 'RUNNING', holder = $3, held_until = $4::timestamptz + $5::interval, updated_at = $4
 WHERE tenant = $1 AND job_id = (
       SELECT job_id FROM jobs
        WHERE tenant = $1 AND kind = $2 AND {UNFINISHED} AND (held_until IS NULL OR held_until < $4)
        ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
# An upload whose ids were forgotten, as the version before did when it cancelled, cannot go on.
GO_ON = """
UPDATE jobs SET state = 'QUEUED', reason = NULL, told = '', attempts_count = attempts_count + 1, updated_at = $3,
       holder = '', held_until = NULL
 WHERE tenant = $1 AND job_id = $2 AND state IN ('CANCELLED', 'FAILED')
   AND (kind <> 'SEGMENT_MEMBERS' OR cardinality(add_ids) + cardinality(remove_ids) = total_count)
RETURNING state
"""


async def find(connection: asyncpg.Connection[Any], tenant: str, job_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND job_id = $2", tenant, job_id)


async def find_whole(connection: asyncpg.Connection[Any], tenant: str, kind: str, job_id: int) -> asyncpg.Record | None:
    """With what was asked for, and what came of it."""
    return await connection.fetchrow(
        f"SELECT {COLUMNS}, given, result FROM jobs WHERE tenant = $1 AND kind = $2 AND job_id = $3",
        tenant,
        kind,
        job_id,
    )


async def list_jobs(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    before: int | None,
    count_max: int,
    kind: str | None = None,
    state: str | None = None,
    subject: str | None = None,
) -> list[asyncpg.Record]:
    """Newest first; of one kind, state and subject when they are given."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {COLUMNS} FROM jobs WHERE tenant = $1 AND ($2::bigint IS NULL OR job_id < $2)"
        " AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR state = $4)"
        " AND ($5::text IS NULL OR subject = $5) ORDER BY job_id DESC LIMIT $6",
        tenant,
        before,
        kind,
        state,
        subject,
        count_max,
    )
    return found


async def insert(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    kind: str,
    subject: str,
    given: dict[str, Any],
    actor: str,
    now: datetime,
) -> int:
    job_id: int = await connection.fetchval(
        "INSERT INTO jobs (tenant, kind, subject, state, given, total_count, created_by, created_at, updated_at)"
        " VALUES ($1, $2, $3, 'QUEUED', $4, 0, $5, $6, $6) RETURNING job_id",
        tenant,
        kind,
        subject,
        given,
        actor,
        now,
    )
    return job_id


async def unfinished_count(connection: asyncpg.Connection[Any], tenant: str, kind: str) -> int:
    count: int = await connection.fetchval(
        f"SELECT count(*) FROM jobs WHERE tenant = $1 AND kind = $2 AND {UNFINISHED}", tenant, kind
    )
    return count


async def cancel(connection: asyncpg.Connection[Any], tenant: str, job_id: int, now: datetime) -> bool:
    """False: it had ended. Waits for a slice that is being written."""
    ended = await connection.fetchval(
        "UPDATE jobs SET state = 'CANCELLED', updated_at = $3, holder = '', held_until = NULL"
        f" WHERE tenant = $1 AND job_id = $2 AND {UNFINISHED} RETURNING state",
        tenant,
        job_id,
        now,
    )
    return ended is not None


async def go_on(connection: asyncpg.Connection[Any], tenant: str, job_id: int, now: datetime) -> bool:
    """False: it cannot."""
    return await connection.fetchval(GO_ON, tenant, job_id, now) is not None


async def forget(connection: asyncpg.Connection[Any], tenant: str, before: datetime) -> None:
    """Jobs that ended before."""
    await connection.execute(
        f"DELETE FROM jobs WHERE tenant = $1 AND updated_at < $2 AND NOT {UNFINISHED}", tenant, before
    )


# HELD BY A PROCESS


async def take(
    connection: asyncpg.Connection[Any], tenant: str, kind: str, holder: str, now: datetime, hold: timedelta
) -> asyncpg.Record | None:
    """The oldest unfinished job that no process holds, held by this one now."""
    return await connection.fetchrow(TAKEN, tenant, kind, holder, now, hold)


async def hold_on(
    connection: asyncpg.Connection[Any],
    tenant: str,
    job_id: int,
    holder: str,
    *,
    step: str,
    done_count: int,
    total_count: int,
    now: datetime,
    hold: timedelta,
    so_far: Any = None,
) -> bool:
    """So far it is, and goes on; False: it was cancelled, or another process holds it. ``so_far``: what it found."""
    row = await connection.fetchval(
        "UPDATE jobs SET step = $4, total_count = $6::int, done_count = least($5::int, $6::int), updated_at = $7,"
        " held_until = $7::timestamptz + $8::interval, result = coalesce($9, result)"
        " WHERE tenant = $1 AND job_id = $2 AND holder = $3 AND state = 'RUNNING' RETURNING job_id",
        tenant,
        job_id,
        holder,
        step,
        done_count,
        total_count,
        now,
        hold,
        so_far,
    )
    return row is not None


async def let_go(connection: asyncpg.Connection[Any], tenant: str, job_id: int, holder: str) -> None:
    """Another process may take it at once: this one ends."""
    await connection.execute(
        "UPDATE jobs SET holder = '', held_until = NULL, state = 'QUEUED'"
        " WHERE tenant = $1 AND job_id = $2 AND holder = $3 AND state = 'RUNNING'",
        tenant,
        job_id,
        holder,
    )


async def end(
    connection: asyncpg.Connection[Any],
    tenant: str,
    job_id: int,
    holder: str,
    *,
    state: str,
    now: datetime,
    result: Any = None,
    reason: str | None = None,
    told: str = "",
) -> bool:
    """DONE or FAILED, unless it is another's by now."""
    row = await connection.fetchval(
        "UPDATE jobs SET state = $4, updated_at = $5, result = $6, reason = $7, told = $8, holder = '',"
        " held_until = NULL WHERE tenant = $1 AND job_id = $2 AND holder = $3 AND state = 'RUNNING' RETURNING job_id",
        tenant,
        job_id,
        holder,
        state,
        now,
        result,
        reason,
        told,
    )
    return row is not None
