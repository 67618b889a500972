"""All SQL about stored receipts."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from altyn.admin_api.edge.rights import Reach

SHARD = 0
LOOKED_AT_MAX = 20_000
"""Whoever sees a few stores finds their receipts among so many of the newest records."""

BODY = "SELECT body FROM journal WHERE shard = $1 AND seq = $2"
SEQ = "SELECT seq FROM operations WHERE op_id = $1"
ROWS = """
SELECT seq, store_id, register_id, receipt_number, business_time, gross_minor, discount_minor, points_paid_minor,
       to_pay_minor
  FROM receipts
 WHERE seq < $1
   AND ($2 OR store_id = ANY($3) OR store_id IN (
       SELECT store_id FROM stores WHERE tenant = $4 AND region <> '' AND region = ANY($5) AND valid_to = 'infinity'))
"""
LATEST = f"""{ROWS} AND seq >= (SELECT coalesce(max(seq), 0) FROM receipts WHERE seq < $1) - $7
 ORDER BY seq DESC LIMIT $6"""
OF_DAY = f"""{ROWS} AND business_date = $7 AND ($8::text IS NULL OR store_id = $8) ORDER BY seq DESC LIMIT $6"""


async def find_body(connection: asyncpg.Connection[Any], seq: int) -> bytes | None:
    """A record of the journal that is still in the database."""
    body: bytes | None = await connection.fetchval(BODY, SHARD, seq)
    return body


async def find_seq(connection: asyncpg.Connection[Any], op_id: bytes) -> int | None:
    seq: int | None = await connection.fetchval(SEQ, UUID(bytes=op_id))
    return seq


async def latest(
    connection: asyncpg.Connection[Any],
    tenant: str,
    reach: Reach,
    before: int,
    count_max: int,
    chosen: tuple[date, str | None] | None = None,
) -> list[asyncpg.Record]:
    """Committed receipts of the stores in reach, newest first; those of a business date, of a store or of all."""
    query, *rest = (LATEST, LOOKED_AT_MAX) if chosen is None else (OF_DAY, *chosen)
    narrow = list(reach.stores), tenant, list(reach.regions)
    found: list[asyncpg.Record] = await connection.fetch(query, before, reach.is_network, *narrow, count_max, *rest)
    return found
