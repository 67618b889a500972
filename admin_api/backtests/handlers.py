"""The HTTP face of backtests; stopping and going on are those of jobs."""

from __future__ import annotations

from typing import Any

from altyn.admin_api.backtests import service
from altyn.admin_api.backtests.schemas import BacktestIn, BacktestOut
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.jobs.handlers import JobId
from altyn.admin_api.jobs.schemas import JobOut
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.repository import find_promotion

router = area_router("backtests")


@router.post("/promotions/{promotion_id}/backtests", status_code=202)
@needs("backtests:write")
async def begin_backtest(call: CurrentCall, promotion_id: Id, body: BacktestIn) -> BacktestOut:
    """Replay the journal's sales with this promotion, as it is written now, laid over the newest release."""
    found = await find_promotion(call.connection, call.tenant, promotion_id)
    if found is None:
        raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_id")
    return await get_backtest(call, await service.begin(call, promotion=found, asked=body))


@router.get("/backtests/{job_id}")
@needs("backtests:read")
async def get_backtest(call: CurrentCall, job_id: JobId) -> BacktestOut:
    """How far a backtest is, and what it found."""
    found: dict[str, Any] = dict(await service.find(call, job_id))
    asked, report = found.pop("given"), found.pop("result")
    return BacktestOut(job=JobOut(**found), asked=asked, report=report)
