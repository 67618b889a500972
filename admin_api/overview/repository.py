"""All SQL of the overview."""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

from altyn.admin_api.edge.rights import Reach
from altyn.pos.v1 import pos_service_pb2 as pos

SHARD = 0
ACCRUAL = 1  # altyn.journal.v1.ENTRY_KIND_ACCRUAL
IN_REACH = """
       ($3 OR store_id = ANY($4) OR store_id IN (
       SELECT store_id FROM stores WHERE tenant = $5 AND region <> '' AND region = ANY($6) AND valid_to = 'infinity'))
"""
DAYS = f"""
SELECT day, sum(receipts_count)::bigint AS receipts, sum(member_receipts_count)::bigint AS members,
       sum(gross_minor)::bigint AS gross_minor, sum(discount_minor)::bigint AS discount_minor,
       sum(points_paid_minor)::bigint AS points_paid_minor, sum(to_pay_minor)::bigint AS to_pay_minor
  FROM receipt_days WHERE day BETWEEN $1 AND $2 AND {IN_REACH}
 GROUP BY day ORDER BY day
"""
POINTS = f"""
SELECT given.day, coalesce(asset.asset, given.asset_no::text) AS asset, coalesce(asset.scale, 0) AS scale,
       sum(given.points)::bigint AS points
  FROM points_days AS given
  LEFT JOIN assets AS asset ON asset.tenant = $5 AND asset.asset_no = given.asset_no AND asset.valid_to = 'infinity'
 WHERE given.day BETWEEN $1 AND $2 AND given.kind = {ACCRUAL} AND {IN_REACH}
 GROUP BY 1, 2, 3 ORDER BY 1, 2
"""
WAITING = """
SELECT promotion_id, document, submitted_by, submitted_at, expires_at
  FROM promotions JOIN promotion_reviews AS review USING (tenant, promotion_id)
 WHERE tenant = $1 AND promotions.state = 'REVIEW' AND review.state = 'OPEN' ORDER BY submitted_at LIMIT $2
"""
RECENT = """
SELECT seq, body FROM journal
 WHERE shard = $1 AND seq > (SELECT last_seq FROM shard_owner WHERE shard = $1) - $2 AND kind = $3 ORDER BY seq DESC
"""


async def days(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, first_day: date, last_day: date
) -> list[asyncpg.Record]:
    """Sums of committed receipts of the stores in reach, by business date."""
    found: list[asyncpg.Record] = await connection.fetch(DAYS, first_day, last_day, *_narrow(tenant, reach))
    return found


async def points(
    connection: asyncpg.Connection[Any], tenant: str, reach: Reach, first_day: date, last_day: date
) -> list[asyncpg.Record]:
    """Points earned there, by date and asset."""
    found: list[asyncpg.Record] = await connection.fetch(POINTS, first_day, last_day, *_narrow(tenant, reach))
    return found


async def waiting(connection: asyncpg.Connection[Any], tenant: str, count_max: int) -> list[asyncpg.Record]:
    """Promotions that wait for approval, the oldest first."""
    found: list[asyncpg.Record] = await connection.fetch(WAITING, tenant, count_max)
    return found


async def recent_sales(connection: asyncpg.Connection[Any], count_max: int) -> list[bytes]:
    """Records of sales among so many of the newest, newest first."""
    rows = await connection.fetch(RECENT, SHARD, count_max, pos.OPERATION_KIND_COMMIT)
    return [row["body"] for row in rows]


def _narrow(tenant: str, reach: Reach) -> tuple[bool, list[str], str, list[str]]:
    return reach.is_network, list(reach.stores), tenant, list(reach.regions)
