"""All SQL about tiers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import asyncpg

GIVEN = (
    "given_id, op_id, account_id, tier, until, reason, state, asked_by, asked_at, decided_by, decided_at, decision,"
    " journal_seq"
)


async def find_terms(connection: asyncpg.Connection[Any], tenant: str) -> asyncpg.Record | None:
    """``terms`` as JSON text and ``feed_version``; None: the program has no tiers."""
    return await connection.fetchrow(
        "SELECT terms::text AS terms, version AS feed_version FROM tier_terms WHERE tenant = $1"
        " AND valid_to = 'infinity' AND NOT deleted",
        tenant,
    )


# BY HAND


async def insert_given(
    connection: asyncpg.Connection[Any],
    tenant: str,
    op_id: bytes,
    account_id: int,
    tier: str | None,
    until: date | None,
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    """As ASKED; its number."""
    number: int = await connection.fetchval(
        "INSERT INTO given_tiers (tenant, op_id, account_id, tier, until, reason, state, asked_by, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, 'ASKED', $7, $8) RETURNING given_id",
        tenant,
        op_id,
        account_id,
        tier,
        until,
        reason,
        actor,
        now,
    )
    return number


async def decide_given(
    connection: asyncpg.Connection[Any],
    tenant: str,
    given_id: int,
    state: str,
    actor: str,
    now: datetime,
    *,
    decision: str = "",
    journal_seq: int | None = None,
) -> None:
    await connection.execute(
        "UPDATE given_tiers SET state = $3, decided_by = $4, decided_at = $5, decision = $6, journal_seq = $7"
        " WHERE tenant = $1 AND given_id = $2",
        tenant,
        given_id,
        state,
        actor,
        now,
        decision,
        journal_seq,
    )


async def find_given(
    connection: asyncpg.Connection[Any], tenant: str, given_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(
        f"SELECT {GIVEN} FROM given_tiers WHERE tenant = $1 AND given_id = $2{lock}", tenant, given_id
    )


async def list_given(
    connection: asyncpg.Connection[Any],
    tenant: str,
    state: str | None,
    account_id: int | None,
    before: int | None,
    count_max: int,
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {GIVEN} FROM given_tiers WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)"
        " AND ($3::bigint IS NULL OR account_id = $3) AND ($4::bigint IS NULL OR given_id < $4)"
        " ORDER BY given_id DESC LIMIT $5",
        tenant,
        state,
        account_id,
        before,
        count_max,
    )
    return found
