"""What works all the time behind the pages, whoever asked: how much waits, and what keeps it from going on.

The projector, the outboxes, and what works off each kind of job. A trouble is that of this process, told until the next
turn goes well; counts are the database's, so of all processes. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.edge.office import Office

PROJECTOR = "PROJECTOR"
COUNTS = """
SELECT 'SEGMENT_MEMBERS' AS kind, count(*) FILTER (WHERE state <> 'FAILED') AS waiting,
       count(*) FILTER (WHERE state = 'FAILED') AS failed, NULL::timestamptz AS since
  FROM jobs WHERE tenant = $1 AND kind = 'SEGMENT_MEMBERS' AND state IN ('QUEUED', 'RUNNING', 'FAILED')
 UNION ALL
SELECT 'BACKTEST', count(*) FILTER (WHERE state <> 'FAILED'), count(*) FILTER (WHERE state = 'FAILED'), NULL
  FROM jobs WHERE tenant = $1 AND kind = 'BACKTEST' AND state IN ('QUEUED', 'RUNNING', 'FAILED')
 UNION ALL
SELECT 'ACCRUALS', count(*) FILTER (WHERE state <> 'FAILED'), count(*) FILTER (WHERE state = 'FAILED'), NULL
  FROM accrual_jobs WHERE tenant = $1 AND state IN ('QUEUED', 'RUNNING', 'FAILED')
 UNION ALL
SELECT 'ACCOUNT_ACTS', count(*), 0, min(created_at) FROM account_acts WHERE tenant = $1 AND state = 'PENDING'
 UNION ALL
SELECT 'EVENTS', 0, 0, NULL
 UNION ALL
SELECT 'PUBLISHING_SCHEDULE', count(*), 0, NULL FROM promotions WHERE tenant = $1 AND state = 'SCHEDULED'
 UNION ALL
SELECT 'COUPON_EXPORTS', count(*), 0, min(asked_at) FROM coupon_exports WHERE tenant = $1 AND state = 'ASKED'
 UNION ALL
SELECT 'NOTICES', count(*), 0, min(created_at) FROM notices WHERE tenant = $1 AND state = 'NEW'
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind: ``waiting_count`` of rows or jobs, the oldest ``since``; ``failed_count`` wait for a person."""

    kind: str
    waiting_count: int
    failed_count: int
    since: datetime | None
    trouble: str


async def standing(connection: asyncpg.Connection[Any], office: Office) -> list[Standing]:
    """All kinds, the projector first."""
    lag = await office.projector.lag(connection)
    found = [Standing(PROJECTOR, lag.rows_count, 0, None, office.projector.trouble)]
    return found + [
        Standing(row["kind"], row["waiting"], row["failed"], row["since"], office.troubles.get(row["kind"], ""))
        for row in await connection.fetch(COUNTS, office.tenant)
    ]
