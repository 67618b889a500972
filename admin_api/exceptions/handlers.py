"""The HTTP face of exceptions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.accounts.repository import projected_seq
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.exceptions import repository, schemas, service
from altyn.admin_api.exceptions.names import name_of

router = area_router("exceptions")

ExceptionId = Annotated[str, Path(pattern=r"^[0-9]{1,18}-[0-9]{1,4}$", description="journal seq and number in it")]


@router.get("/exceptions")
@needs("exceptions:read", place=Place.QUERY)
async def list_exceptions(
    call: CurrentCall, asked: Annotated[schemas.ExceptionFilter, Query()]
) -> schemas.ExceptionPage:
    """Facts a person should look at (QUARANTINED, DUPLICATE_NUMBER, …), newest first."""
    seq = await projected_seq(call.connection)
    rows = await service.list_exceptions(call, asked=asked)
    shown = [service.exception_out(row) for row in rows[: asked.limit]]
    next_before = shown[-1].exception_id if len(rows) > asked.limit else None
    return schemas.ExceptionPage(exceptions=shown, projected_seq=seq, next_before=next_before)


@router.get("/exceptions/counts")
@needs("exceptions:read")
async def count_exceptions(call: CurrentCall) -> schemas.ExceptionCounts:
    """How many are open, by reason."""
    seq = await projected_seq(call.connection)
    rows = await repository.count_open(call.connection)
    counts = [
        schemas.ReasonCount(reason=name_of("reason", row["reason"]), open_count=row["open_count"]) for row in rows
    ]
    return schemas.ExceptionCounts(open=counts, projected_seq=seq)


@router.get("/exceptions/{exception_id}")
@needs("exceptions:read", place=Place.OBJECT)
async def get_exception(call: CurrentCall, exception_id: ExceptionId) -> schemas.ExceptionOut:
    """One exception."""
    return await service.read_exception(call, exception_id=exception_id)


@router.post("/exceptions/{exception_id}/resolve")
@needs("exceptions:write", place=Place.OBJECT)
async def resolve_exception(
    call: CurrentCall, exception_id: ExceptionId, body: schemas.ResolveIn
) -> schemas.ExceptionOut:
    """Note that it was looked at; nothing moves. What a sale spent without a hold is decided instead."""
    await service.resolve(call, exception_id=exception_id, note=body.note)
    return await service.read_exception(call, exception_id=exception_id)


@router.post("/exceptions/{exception_id}/decide")
@needs("exceptions:decide", place=Place.OBJECT)
async def decide_exception(
    call: CurrentCall, office: CurrentOffice, exception_id: ExceptionId, body: schemas.DecideIn, response: Response
) -> schemas.DecisionOut:
    """Take after all what a sale spent without a hold (NOT_RESERVED), or never: journalled, once and for good. 202: it
    is more than one person decides alone; somebody else has to decide the same.
    """
    made = await service.decide(call, office.ops, exception_id=exception_id, asked=body)
    if made.state is schemas.DecisionState.ASKED:
        response.status_code = 202
    return made


@router.post("/exceptions/{exception_id}/reopen")
@needs("exceptions:write", place=Place.OBJECT)
async def reopen_exception(
    call: CurrentCall, exception_id: ExceptionId, body: schemas.ResolveIn
) -> schemas.ExceptionOut:
    """Take a note back, with the reason why."""
    await service.reopen(call, exception_id=exception_id, note=body.note)
    return await service.read_exception(call, exception_id=exception_id)
