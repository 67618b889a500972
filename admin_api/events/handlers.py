"""The HTTP face of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.events import repository, schemas, service

router = area_router("events")

Number = Annotated[int | None, Query(gt=0, lt=1 << 63)]


@router.get("/events")
@needs("events:read")
async def list_events(call: CurrentCall) -> schemas.EventPage:
    """What earns points without a purchase."""
    rows = await repository.list_events(call.connection, call.tenant)
    return schemas.EventPage(events=[schemas.EventOut(**row) for row in rows])


@router.get("/events/{event}")
@needs("events:read")
async def get_event(call: CurrentCall, event: Id) -> schemas.EventOut:
    """One event, and how far it is."""
    return await service.read_event(call, event=event)


@router.put("/events/{event}")
@needs("events:write")
async def put_event(call: CurrentCall, event: Id, body: schemas.EventIn) -> schemas.EventOut:
    """Define an event or change it; it earns nothing until somebody else approves."""
    return await service.put_event(call, event=event, asked=body)


@router.post("/events/{event}/approve")
@needs("accounts:approve")
async def approve_event(call: CurrentCall, event: Id) -> schemas.EventOut:
    """Let an event earn that somebody else defined."""
    return await service.approve(call, event=event)


@router.post("/events/{event}/stop")
@needs("events:write")
async def stop_event(call: CurrentCall, event: Id) -> schemas.EventOut:
    """Let it earn nothing more; what it gave stays given, and what happens meanwhile is not made up for."""
    return await service.stop(call, event=event)


@router.post("/events/{event}/occurrences", status_code=201)
@needs("events:tell")
async def tell_occurrence(
    call: CurrentCall, office: CurrentOffice, event: Id, body: schemas.OccurrenceIn, response: Response
) -> schemas.OccurrenceOut:
    """It happened to a customer, who gets the points, journalled like a receipt. 200: it was told of before, and
    nothing is given again.
    """
    made, is_new = await service.tell(call, office.ops, office.pepper, event=event, asked=body)
    if not is_new:
        response.status_code = 200
    return made


@router.get("/events/{event}/occurrences")
@needs("events:read")
async def list_occurrences(
    call: CurrentCall, event: Id, customer_id: Number = None, before: Number = None, limit: PageSize = 100
) -> schemas.OccurrencePage:
    """To whom it happened, newest first."""
    await service.read_event(call, event=event)
    rows = await repository.list_occurrences(call.connection, call.tenant, event, customer_id, before, limit + 1)
    shown = [service.occurrence_out(row) for row in rows[:limit]]
    return schemas.OccurrencePage(occurrences=shown, next_before=shown[-1].occurrence_id if len(rows) > limit else None)
