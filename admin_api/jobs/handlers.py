"""The HTTP face of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.jobs import repository, service
from altyn.admin_api.jobs.schemas import JobKind, JobOut, JobPage, JobState

JobId = Annotated[int, Path(gt=0, lt=1 << 63)]

router = area_router("jobs")


@router.get("/jobs")
@needs("jobs:read")
async def list_jobs(
    call: CurrentCall,
    kind: JobKind | None = None,
    state: JobState | None = None,
    before: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    limit: PageSize = 20,
) -> JobPage:
    """Newest first, for 30 days after they ended."""
    found = await repository.list_jobs(
        call.connection, call.tenant, before=before, count_max=limit + 1, kind=kind, state=state
    )
    shown = [JobOut(**row) for row in found[:limit]]
    return JobPage(jobs=shown, next_before=shown[-1].job_id if len(found) > limit else None)


@router.get("/jobs/{job_id}")
@needs("jobs:read")
async def get_job(call: CurrentCall, job_id: JobId) -> JobOut:
    """How far a job is."""
    return JobOut(**await service.find(call, job_id))


@router.post("/jobs/{job_id}/cancel")
@needs("jobs:write")
async def cancel_job(call: CurrentCall, job_id: JobId) -> JobOut:
    """It does nothing more; what it did stays."""
    return JobOut(**await service.cancel(call, job_id))


@router.post("/jobs/{job_id}/go-on")
@needs("jobs:write")
async def go_on_with_job(call: CurrentCall, job_id: JobId) -> JobOut:
    """A cancelled or failed job goes on where it stopped."""
    return JobOut(**await service.go_on(call, job_id))
