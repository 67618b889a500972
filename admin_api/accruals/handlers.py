"""The HTTP face of points for many."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from altyn.admin_api.accruals import repository, schemas, service
from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs

router = area_router("accruals")

JobId = Annotated[int, Path(gt=0, lt=1 << 63)]
LIST_BYTES_MAX = 4 << 20


@router.post("/accruals", status_code=201)
@needs("accruals:write", body_bytes_max=LIST_BYTES_MAX)
async def propose(call: CurrentCall, body: schemas.AccrualIn) -> schemas.AccrualOut:
    """Propose points for each customer of a segment or a list; nothing happens until somebody else approves."""
    return await service.propose(call, asked=body)


@router.get("/accruals")
@needs("accruals:read")
async def list_accruals(
    call: CurrentCall, before: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None, limit: PageSize = 20
) -> schemas.AccrualPage:
    """Accruals, newest first."""
    rows = await repository.list_jobs(call.connection, call.tenant, before, limit + 1)
    shown = [schemas.AccrualOut(**row) for row in rows[:limit]]
    return schemas.AccrualPage(accruals=shown, next_before=shown[-1].job_id if len(rows) > limit else None)


@router.get("/accruals/{job_id}")
@needs("accruals:read")
async def get_accrual(call: CurrentCall, job_id: JobId) -> schemas.AccrualOut:
    """How far an accrual is."""
    return await service.read_job(call, job_id=job_id)


@router.post("/accruals/{job_id}/approve")
@needs("accounts:approve")
async def approve(call: CurrentCall, job_id: JobId) -> schemas.AccrualOut:
    """Let what somebody else proposed begin at its time."""
    return await service.approve(call, job_id=job_id)


@router.post("/accruals/{job_id}/cancel")
@needs("accruals:write")
async def cancel(call: CurrentCall, job_id: JobId) -> schemas.AccrualOut:
    """Give nothing more by it; what was given stays given."""
    return await service.cancel(call, job_id=job_id)


@router.post("/accruals/{job_id}/go-on")
@needs("accruals:write")
async def go_on(call: CurrentCall, job_id: JobId) -> schemas.AccrualOut:
    """Go on with what has failed, where it stopped: nobody gets points twice."""
    return await service.go_on(call, job_id=job_id)
