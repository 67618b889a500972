"""All SQL about points for many."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

TOLD = (
    "job_id, title, asset, points, reason, segment, starts_at, state, refusal, total_count, done_count, given_count,"
    " declined_count, created_by, created_at, approved_by, updated_at"
)
CURRENT = "valid_to = 'infinity' AND NOT deleted"
# Accounts of the customers, each once; who was deleted meanwhile has none.
ACCOUNTS_OF_SEGMENT = f"""
SELECT array_agg(DISTINCT customers.account_id ORDER BY customers.account_id)
  FROM customer_segments AS member JOIN customers USING (tenant, customer_id)
 WHERE tenant = $1 AND member.segment = $2 AND member.{CURRENT.replace("NOT ", "NOT member.")}
   AND customers.{CURRENT.replace("NOT ", "NOT customers.")}
"""
ACCOUNTS_OF_LIST = f"""
SELECT array_agg(DISTINCT account_id ORDER BY account_id) FROM customers
 WHERE tenant = $1 AND customer_id = ANY($2) AND {CURRENT}
"""


async def insert_job(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    title: str,
    asset: str,
    points: int,
    reason: str,
    segment: str | None,
    customer_ids: list[int] | None,
    expires: dict[str, Any],
    starts_at: datetime,
    actor: str,
    now: datetime,
) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO accrual_jobs (tenant, title, asset, points, reason, segment, customer_ids, expires, starts_at,"
        " state, created_by, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'PROPOSED', $10, $11, $11) RETURNING job_id",
        tenant,
        title,
        asset,
        points,
        reason,
        segment,
        customer_ids,
        expires,
        starts_at,
        actor,
        now,
    )
    return number


async def find_job(
    connection: asyncpg.Connection[Any], tenant: str, job_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(
        f"SELECT {TOLD} FROM accrual_jobs WHERE tenant = $1 AND job_id = $2{lock}", tenant, job_id
    )


async def list_jobs(
    connection: asyncpg.Connection[Any], tenant: str, before: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {TOLD} FROM accrual_jobs WHERE tenant = $1 AND ($2::bigint IS NULL OR job_id < $2)"
        " ORDER BY job_id DESC LIMIT $3",
        tenant,
        before,
        count_max,
    )
    return found


async def set_state(
    connection: asyncpg.Connection[Any],
    tenant: str,
    job_id: int,
    state: str,
    now: datetime,
    *,
    approved_by: str | None = None,
    refusal: str = "",
) -> None:
    await connection.execute(
        "UPDATE accrual_jobs SET state = $3, updated_at = $4, approved_by = coalesce($5, approved_by), refusal = $6"
        " WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        state,
        now,
        approved_by,
        refusal,
    )


async def take_job(connection: asyncpg.Connection[Any], tenant: str, now: datetime) -> asyncpg.Record | None:
    """The unfinished job that should have begun first and nobody else works at, locked."""
    return await connection.fetchrow(
        "SELECT job_id, asset, points, reason, segment, customer_ids, expires, state, expires_at_us, total_count,"
        " done_count, created_by FROM accrual_jobs WHERE tenant = $1 AND state IN ('QUEUED', 'RUNNING')"
        " AND starts_at <= $2 ORDER BY starts_at, job_id LIMIT 1 FOR UPDATE SKIP LOCKED",
        tenant,
        now,
    )


async def accounts_of(
    connection: asyncpg.Connection[Any], tenant: str, segment: str | None, customer_ids: list[int] | None
) -> list[int]:
    query, wanted = (ACCOUNTS_OF_SEGMENT, segment) if segment is not None else (ACCOUNTS_OF_LIST, customer_ids)
    found: list[int] | None = await connection.fetchval(query, tenant, wanted)
    return found or []


async def begin_job(
    connection: asyncpg.Connection[Any],
    tenant: str,
    job_id: int,
    accounts: list[int],
    expires_at_us: int,
    now: datetime,
) -> None:
    await connection.execute(
        "UPDATE accrual_jobs SET state = CASE WHEN $4 = 0 THEN 'DONE' ELSE 'RUNNING' END, account_ids = $3,"
        " total_count = $4, expires_at_us = $5, updated_at = $6 WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        accounts,
        len(accounts),
        expires_at_us,
        now,
    )


async def slice_of(connection: asyncpg.Connection[Any], tenant: str, job_id: int, begin: int, count: int) -> list[int]:
    found: list[int] = await connection.fetchval(
        "SELECT account_ids[$3 + 1 : $3 + $4] FROM accrual_jobs WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        begin,
        count,
    )
    return found


async def move_job(
    connection: asyncpg.Connection[Any], tenant: str, job_id: int, done_count: int, given_count: int, now: datetime
) -> None:
    """So many more were served, and so many of them got the points; the last slice ends the job and forgets whose."""
    await connection.execute(
        "UPDATE accrual_jobs SET done_count = done_count + $3, given_count = given_count + $4,"
        " declined_count = declined_count + $3 - $4, updated_at = $5,"
        " state = CASE WHEN done_count + $3 = total_count THEN 'DONE' ELSE 'RUNNING' END,"
        " account_ids = CASE WHEN done_count + $3 = total_count THEN '{}' ELSE account_ids END,"
        " customer_ids = CASE WHEN done_count + $3 = total_count AND segment IS NULL THEN '{}' ELSE customer_ids END"
        " WHERE tenant = $1 AND job_id = $2",
        tenant,
        job_id,
        done_count,
        given_count,
        now,
    )
