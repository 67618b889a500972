"""The HTTP face of tiers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.tiers import given, repository, schemas, service
from altyn.admin_api.tiers.schemas import TiersIn, TiersOut

router = area_router("tiers")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]
Number = Annotated[int | None, Query(gt=0, lt=1 << 63)]


@router.get("/tiers")
@needs("catalogue:read")
async def get_tiers(call: CurrentCall) -> TiersOut:
    """What makes which tier, and for how long."""
    return TiersOut(**await service.find_tiers(call))


@router.put("/tiers")
@needs("program:write")
async def put_tiers(call: CurrentCall, body: TiersIn) -> TiersOut:
    """Set all tiers at once. What was counted so far goes on; who has a tier keeps it to its last day."""
    await service.put_tiers(call, asked=body)
    return await get_tiers(call)


@router.delete("/tiers", status_code=204)
@needs("program:write")
async def delete_tiers(call: CurrentCall) -> None:
    """Do without tiers: nothing is counted, and nobody has one."""
    await service.delete_tiers(call)


@router.post("/accounts/{account_id}/tier", status_code=201)
@needs("tiers:give")
async def give_tier(
    call: CurrentCall, office: CurrentOffice, account_id: RowId, body: schemas.GivenTierIn, response: Response
) -> schemas.GivenTierOut:
    """Give an account a tier by hand until a day, or take it away: journalled like a receipt, once per
    Idempotency-Key. 202: a person asks; somebody else has to approve it.
    """
    made = await given.ask(call, office.ops, account_id=account_id, asked=body)
    if made.state is schemas.GivenTierState.ASKED:
        response.status_code = 202
    return made


@router.get("/given-tiers")
@needs("accounts:read")
async def list_given_tiers(
    call: CurrentCall,
    state: schemas.GivenTierState | None = None,
    account_id: Number = None,
    before: Number = None,
    limit: PageSize = 100,
) -> schemas.GivenTierPage:
    """Tiers given, taken away, asked for and rejected by hand, newest first."""
    rows = await repository.list_given(call.connection, call.tenant, state, account_id, before, limit + 1)
    shown = [given.out(row) for row in rows[:limit]]
    more = len(rows) > limit
    return schemas.GivenTierPage(given_tiers=shown, next_before=shown[-1].given_id if more else None)


@router.post("/given-tiers/{given_id}/approve")
@needs("tiers:approve")
async def approve_given_tier(call: CurrentCall, office: CurrentOffice, given_id: RowId) -> schemas.GivenTierOut:
    """Give what somebody else asked for, within 72 hours."""
    return await given.approve(call, office.ops, given_id=given_id)


@router.post("/given-tiers/{given_id}/reject")
@needs("tiers:approve")
async def reject_given_tier(call: CurrentCall, given_id: RowId, body: schemas.DecisionIn) -> schemas.GivenTierOut:
    """Do not give what somebody else asked for."""
    return await given.reject(call, given_id=given_id, reason=body.reason)
