"""The HTTP face of shadows; stopping and going on are those of jobs."""

from __future__ import annotations

from typing import Any

from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.jobs.handlers import JobId
from altyn.admin_api.jobs.schemas import JobOut
from altyn.admin_api.shadows import service
from altyn.admin_api.shadows.schemas import ShadowIn, ShadowOut

router = area_router("backtests")


@router.post("/shadows", status_code=202)
@needs("backtests:write")
async def begin_shadow(call: CurrentCall, body: ShadowIn) -> ShadowOut:
    """Let a candidate release decide a share of what the tills commit from now on, a moment after they were answered.
    No answer changes and none waits for it.
    """
    return await get_shadow(call, await service.begin(call, asked=body))


@router.get("/shadows/{job_id}")
@needs("backtests:read")
async def get_shadow(call: CurrentCall, job_id: JobId) -> ShadowOut:
    """How far a shadow is, and what it has found so far."""
    found: dict[str, Any] = dict(await service.find(call, job_id))
    asked, report = found.pop("given"), found.pop("result")
    asked.pop("content", None)
    return ShadowOut(job=JobOut(**found), asked=asked, report=report)
