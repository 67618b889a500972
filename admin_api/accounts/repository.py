"""All SQL about accounts: the history only. Balances are the server's."""

from __future__ import annotations

from typing import Any

import asyncpg

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


async def projected_seq(connection: asyncpg.Connection[Any]) -> int:
    seq: int = await connection.fetchval("SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'")
    return seq
