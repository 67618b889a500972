"""Backtests asked for: what is tried is taken down whole, so editing the draft changes nothing of a running one."""

from __future__ import annotations

import asyncpg

from altyn.admin_api.backtests.errors import StoresUnknown
from altyn.admin_api.backtests.schemas import BacktestIn
from altyn.admin_api.edge.call import Call
from altyn.admin_api.jobs import repository as jobs
from altyn.admin_api.jobs import service
from altyn.admin_api.jobs.errors import JobUnknown
from altyn.admin_api.jobs.schemas import JobKind

UNKNOWN = """
SELECT name FROM unnest($2::text[]) AS name
 WHERE NOT EXISTS (SELECT FROM stores WHERE tenant = $1 AND store_id = name AND valid_to = 'infinity' AND NOT deleted)
 ORDER BY name LIMIT 20
"""


async def begin(call: Call, *, promotion: asyncpg.Record, asked: BacktestIn) -> int:
    """The id of the job that tries this document as it stands. Raises StoresUnknown, JobsTooMany."""
    unknown = await call.connection.fetch(UNKNOWN, call.tenant, asked.stores)
    if unknown:
        raise StoresUnknown(", ".join(row["name"] for row in unknown), path="stores")
    given = {
        "promotion_id": promotion["promotion_id"],
        "revision": promotion["revision"],
        "document": promotion["document"],
        **asked.model_dump(mode="json"),
    }
    return await service.make(call, kind=JobKind.BACKTEST, subject=promotion["promotion_id"], given=given)


async def find(call: Call, job_id: int) -> asyncpg.Record:
    """The job with what was asked for, and the report. Raises JobUnknown."""
    found = await jobs.find_whole(call.connection, call.tenant, JobKind.BACKTEST, job_id)
    if found is None:
        raise JobUnknown(f"no backtest {job_id}", path="job_id")
    return found
