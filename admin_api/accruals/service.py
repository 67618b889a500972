"""Use cases of points for many: proposed by one, approved by another within 72 hours, cancelled by anybody who may."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from altyn.admin_api.accruals import repository, schemas
from altyn.admin_api.accruals.errors import (
    AccrualDecided,
    AccrualEnded,
    AccrualGoesOn,
    AccrualUnknown,
    OwnAccrual,
)
from altyn.admin_api.accruals.schemas import AccrualState
from altyn.admin_api.assets.errors import AssetUnknown
from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.segments.service import require_segments

PROPOSED_FOR = timedelta(hours=72)


async def propose(call: Call, *, asked: schemas.AccrualIn) -> schemas.AccrualOut:
    """Raises AssetUnknown, SegmentUnknown."""
    if await find_asset(call.connection, call.tenant, asked.asset) is None:
        raise AssetUnknown(f"no asset {asked.asset}", path="asset")
    if asked.segment is not None:
        await require_segments(call, [asked.segment])
    job_id = await repository.insert_job(
        call.connection,
        call.tenant,
        **asked.model_dump(include={"title", "asset", "points", "reason", "segment"}),
        customer_ids=sorted(set(asked.customer_ids)) if asked.customer_ids is not None else None,
        expires=asked.expires.model_dump(mode="json", exclude_none=True) if asked.expires else {},
        starts_at=asked.starts_at or call.now,
        actor=call.actor,
        now=call.now,
    )
    told = asked.model_dump(mode="json", exclude={"customer_ids"}, exclude_none=True)
    told["customers_count"] = len(set(asked.customer_ids or ()))
    call.record("accruals.propose", "accrual", str(job_id), after=told)
    return await read_job(call, job_id=job_id)


async def read_job(call: Call, *, job_id: int) -> schemas.AccrualOut:
    """Raises AccrualUnknown."""
    return schemas.AccrualOut(**await _found(call, job_id))


async def _found(call: Call, job_id: int, *, to_change: bool = False) -> asyncpg.Record:
    row = await repository.find_job(call.connection, call.tenant, job_id, to_change=to_change)
    if row is None:
        raise AccrualUnknown(f"no accrual {job_id}", path="job_id")
    return row


async def approve(call: Call, *, job_id: int) -> schemas.AccrualOut:
    """Let it begin at its time. Raises AccrualUnknown, AccrualDecided, OwnAccrual."""
    row = await _found(call, job_id, to_change=True)
    if row["state"] != AccrualState.PROPOSED or call.now >= row["created_at"] + PROPOSED_FOR:
        raise AccrualDecided("it was decided before, or proposed more than 72 hours ago", path="job_id")
    if row["created_by"] == call.actor:
        raise OwnAccrual("somebody else approves what you proposed", path="job_id")
    await repository.set_state(
        call.connection, call.tenant, job_id, AccrualState.QUEUED.value, call.now, approved_by=call.actor
    )
    call.record("accruals.approve", "accrual", str(job_id), after={"starts_at": row["starts_at"].isoformat()})
    return await read_job(call, job_id=job_id)


async def cancel(call: Call, *, job_id: int) -> schemas.AccrualOut:
    """Nobody else gets points by it; who has got them keeps them. Raises AccrualUnknown, AccrualEnded."""
    row = await _found(call, job_id, to_change=True)
    if row["state"] not in (AccrualState.PROPOSED, AccrualState.QUEUED, AccrualState.RUNNING):
        raise AccrualEnded("it had ended before", path="job_id")
    await repository.set_state(call.connection, call.tenant, job_id, AccrualState.CANCELLED.value, call.now)
    call.record("accruals.cancel", "accrual", str(job_id), after={"done_count": row["done_count"]})
    return await read_job(call, job_id=job_id)


async def go_on(call: Call, *, job_id: int) -> schemas.AccrualOut:
    """A failed one goes on where it stopped, as it was approved: whoever has got the points gets none again. Raises
    AccrualUnknown, AccrualGoesOn.
    """
    row = await _found(call, job_id, to_change=True)
    if row["state"] != AccrualState.FAILED:
        raise AccrualGoesOn("only what has failed can be gone on with", path="job_id")
    # What has accounts begins with the next of them; a job fails only after they were settled.
    await repository.set_state(call.connection, call.tenant, job_id, AccrualState.RUNNING.value, call.now)
    before = {"state": row["state"], "refusal": row["refusal"], "done_count": row["done_count"]}
    call.record("accruals.go_on", "accrual", str(job_id), before=before, after={"state": AccrualState.RUNNING.value})
    return await read_job(call, job_id=job_id)
