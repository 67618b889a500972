"""The HTTP face of guard rails and of what publishing alerts people to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.rails import repository, schemas, service

ChangeId = Annotated[int, Path(gt=0, lt=1 << 63)]
AlertId = Annotated[int, Path(gt=0, lt=1 << 63)]

router = area_router("publishing")


@router.get("/rails")
@needs("promotions:read")
async def get_rails(call: CurrentCall) -> schemas.Rails:
    """How much a release may give away, and what stops a promotion by itself."""
    return await repository.find_rails(call.connection, call.tenant)


@router.get("/rails-changes")
@needs("promotions:read")
async def list_changes(call: CurrentCall, limit: PageSize = 20) -> schemas.ChangePage:
    """What was proposed and decided, newest first."""
    rows = await repository.list_changes(call.connection, call.tenant, limit)
    return schemas.ChangePage(changes=[schemas.ChangeOut(**row) for row in rows])


@router.post("/rails-changes", status_code=201)
@needs("rails:write")
async def propose_change(call: CurrentCall, body: schemas.ProposeIn) -> schemas.ChangeOut:
    """How the rails are to be; what is left out gets its default. It holds when somebody else approves it within 72
    hours.
    """
    return await service.propose(call, asked=body)


@router.post("/rails-changes/{change_id}/approve")
@needs("rails:approve")
async def approve_change(call: CurrentCall, change_id: ChangeId) -> schemas.ChangeOut:
    """Let hold what somebody else proposed."""
    return await service.approve(call, change_id=change_id)


@router.post("/rails-changes/{change_id}/reject")
@needs("rails:write")
async def reject_change(call: CurrentCall, change_id: ChangeId) -> schemas.ChangeOut:
    """Leave the rails as they are."""
    return await service.reject(call, change_id=change_id)


@router.get("/publishing-alerts")
@needs("promotions:read")
async def list_alerts(
    call: CurrentCall, is_open: bool | None = None, promotion_id: Id | None = None, limit: PageSize = 20
) -> schemas.AlertPage:
    """Promotions that were stopped by themselves and budgets that run out, newest first."""
    rows = await repository.list_alerts(
        call.connection, call.tenant, count_max=limit, is_open=is_open, promotion_id=promotion_id
    )
    return schemas.AlertPage(alerts=[schemas.AlertOut(**row) for row in rows])


@router.post("/publishing-alerts/{alert_id}/acknowledge")
@needs("promotions:stop")
async def acknowledge_alert(call: CurrentCall, alert_id: AlertId) -> schemas.AlertOut:
    """Somebody has seen it and does what is to be done."""
    return await service.acknowledge(call, alert_id=alert_id)
