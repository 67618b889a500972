"""All SQL about accounts: the history, and what is asked for by hand. Balances are the server's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.ops.v1 import ops_service_pb2 as ops

# Ties: the postings of one seq stay on one page.
ENTRIES = """
SELECT seq, kind, asset, points, lot_id, recorded_at FROM (
    SELECT entry.*, coalesce(asset.asset, entry.asset_no::text) AS asset
      FROM ledger_entries AS entry
      LEFT JOIN assets AS asset ON asset.tenant = $1 AND asset.asset_no = entry.asset_no AND asset.valid_to = 'infinity'
     WHERE entry.account_id = $2 AND entry.account_id > 0 AND ($3::bigint IS NULL OR entry.seq < $3)
     ORDER BY entry.seq DESC FETCH FIRST $4 ROWS WITH TIES
) AS page ORDER BY seq DESC, entry_no, posting_no
"""


EXISTS = """
SELECT EXISTS (SELECT FROM customers WHERE tenant = $1 AND account_id = $2 AND valid_to = 'infinity')
    OR EXISTS (SELECT FROM cards WHERE tenant = $1 AND account_id = $2 AND valid_to = 'infinity')
"""


async def has_account(connection: asyncpg.Connection[Any], tenant: str, account_id: int) -> bool:
    """Whether a customer or a card has the account, deleted ones included: their points remain."""
    answer: bool = await connection.fetchval(EXISTS, tenant, account_id)
    return answer


async def list_entries(
    connection: asyncpg.Connection[Any], tenant: str, account_id: int, before_seq: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Postings of an account, newest first."""
    found: list[asyncpg.Record] = await connection.fetch(ENTRIES, tenant, account_id, before_seq, count_max)
    return found


# BY HAND

ADJUSTMENT = (
    "adjustment_id, op_id, account_id, asset, points, reason, active_from_us, expires_at_us, state, asked_by, asked_at,"
    " decided_by, decided_at, decision, journal_seq, lot_id"
)


async def lock_asker(connection: asyncpg.Connection[Any], tenant: str, actor: str) -> None:
    """One adjustment of a person at a time, to the end of the transaction: their day's sum is one."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))", tenant, f"adjusts {actor}")


async def points_given_since(
    connection: asyncpg.Connection[Any], tenant: str, actor: str, asset: str, since: datetime
) -> int:
    """What somebody gave at once, without a second pair of eyes."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(points), 0) FROM adjustments WHERE tenant = $1 AND asked_by = $2 AND asked_at >= $4"
        " AND asset = $3 AND points > 0 AND state = 'GIVEN' AND decided_by = asked_by",
        tenant,
        actor,
        asset,
        since,
    )
    return int(found)


async def insert_adjustment(
    connection: asyncpg.Connection[Any], tenant: str, asked: ops.AdjustPointsRequest, now: datetime
) -> int:
    """As ASKED; its number."""
    number: int = await connection.fetchval(
        "INSERT INTO adjustments (tenant, op_id, account_id, asset, points, reason, active_from_us, expires_at_us,"
        " state, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ASKED', $9, $10) RETURNING adjustment_id",
        tenant,
        asked.op_id,
        asked.account_id,
        asked.asset,
        asked.points,
        asked.reason,
        asked.active_from_us,
        asked.expires_at_us,
        asked.actor,
        now,
    )
    return number


async def decide_adjustment(
    connection: asyncpg.Connection[Any],
    tenant: str,
    adjustment_id: int,
    state: str,
    actor: str,
    now: datetime,
    *,
    decision: str = "",
    journal_seq: int | None = None,
    lot_id: int | None = None,
) -> None:
    await connection.execute(
        "UPDATE adjustments SET state = $3, decided_by = $4, decided_at = $5, decision = $6, journal_seq = $7,"
        " lot_id = $8 WHERE tenant = $1 AND adjustment_id = $2",
        tenant,
        adjustment_id,
        state,
        actor,
        now,
        decision,
        journal_seq,
        lot_id,
    )


async def find_adjustment(
    connection: asyncpg.Connection[Any], tenant: str, adjustment_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(
        f"SELECT {ADJUSTMENT} FROM adjustments WHERE tenant = $1 AND adjustment_id = $2{lock}", tenant, adjustment_id
    )


async def list_adjustments(
    connection: asyncpg.Connection[Any],
    tenant: str,
    state: str | None,
    account_id: int | None,
    before: int | None,
    count_max: int,
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {ADJUSTMENT} FROM adjustments WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)"
        " AND ($3::bigint IS NULL OR account_id = $3) AND ($4::bigint IS NULL OR adjustment_id < $4)"
        " ORDER BY adjustment_id DESC LIMIT $5",
        tenant,
        state,
        account_id,
        before,
        count_max,
    )
    return found


async def projected_seq(connection: asyncpg.Connection[Any]) -> int:
    seq: int = await connection.fetchval("SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'")
    return seq
