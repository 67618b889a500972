"""All SQL about stored receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.stores.repository import in_reach, reach_arguments

SHARD = 0
LOOKED_AT_MAX = 20_000
"""Whoever sees a few stores finds their receipts among so many of the newest records."""
OF_CUSTOMER_MAX = 1_000
"""A customer's receipts are looked at so far back."""
SEQ_END = 1 << 62

BODY = "SELECT body FROM journal WHERE shard = $1 AND seq = $2"
SEQ = "SELECT seq FROM operations WHERE op_id = $1"
ROWS = f"""
SELECT seq, store_id, register_id, receipt_number, business_time, gross_minor, discount_minor, points_paid_minor,
       to_pay_minor
  FROM receipts
 WHERE seq < $1 AND {in_reach(2)}
"""
LATEST = f"""{ROWS} AND seq >= (SELECT coalesce(max(seq), 0) FROM receipts WHERE seq < $1) - $7
 ORDER BY seq DESC LIMIT $6"""
OF_DAY = f"""{ROWS} AND business_date = $7 AND ($8::text IS NULL OR store_id = $8) ORDER BY seq DESC LIMIT $6"""


def newest_of_customer(argument: int) -> str:
    """SQL: where the newest OF_CUSTOMER_MAX receipts of the customer $argument stand in the journal."""
    return f"SELECT seq FROM receipts WHERE customer_id = ${argument} ORDER BY seq DESC LIMIT {OF_CUSTOMER_MAX}"


def seqs_of_customer(argument: int) -> str:
    """SQL: those, and where what came back of them stands."""
    newest = newest_of_customer(argument)
    return f"({newest}) UNION ALL SELECT seq FROM receipt_returns WHERE sale_seq IN ({newest})"


OF_CUSTOMER = f"{ROWS} AND seq IN ({newest_of_customer(7)}) ORDER BY seq DESC LIMIT $6"
TOTALS = f"""
SELECT count(*) AS receipts_count, coalesce(sum(gross_minor), 0)::bigint AS gross_minor,
       coalesce(sum(discount_minor), 0)::bigint AS discount_minor,
       coalesce(sum(points_paid_minor), 0)::bigint AS points_paid_minor,
       coalesce(sum(to_pay_minor), 0)::bigint AS to_pay_minor
  FROM ({OF_CUSTOMER}) AS receipts
"""


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
    found: list[asyncpg.Record] = await connection.fetch(
        query, before, *reach_arguments(tenant, reach), count_max, *rest
    )
    return found


async def of_customer(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, customer_id: int, before: int, count_max: int
) -> list[asyncpg.Record]:
    """As ``latest``, among the newest OF_CUSTOMER_MAX of one customer."""
    found: list[asyncpg.Record] = await connection.fetch(
        OF_CUSTOMER, before, *reach_arguments(tenant, reach), count_max, customer_id
    )
    return found


async def totals_of_customer(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, customer_id: int
) -> asyncpg.Record:
    """Sums of the newest OF_CUSTOMER_MAX receipts of one customer, as they were sold."""
    found = await connection.fetchrow(TOTALS, SEQ_END, *reach_arguments(tenant, reach), OF_CUSTOMER_MAX, customer_id)
    assert isinstance(found, asyncpg.Record)
    return found


async def taken_back(connection: asyncpg.Connection[Any], seqs: Sequence[int]) -> dict[int, int]:
    """What came back of sales, in minor units, by their seq."""
    rows = await connection.fetch(
        "SELECT sale_seq, sum(refund_minor)::bigint AS refund_minor FROM receipt_returns WHERE sale_seq = ANY($1)"
        " GROUP BY sale_seq",
        list(seqs),
    )
    return {row["sale_seq"]: row["refund_minor"] for row in rows}


async def are_receipts(connection: asyncpg.Connection[Any], seqs: Sequence[int]) -> set[int]:
    """Those places of the journal where a receipt stands."""
    rows = await connection.fetch("SELECT seq FROM receipts WHERE seq = ANY($1)", list(seqs))
    return {row["seq"] for row in rows}
