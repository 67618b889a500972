"""The HTTP face of families."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.families import repository, schemas, service

router = area_router("families")

Number = Annotated[int, Path(gt=0, lt=1 << 63)]


def _accepted(response: Response, act: schemas.ActOut) -> schemas.ActOut:
    response.headers["location"] = f"/v1/account-acts/{act.act_id}"
    return act


@router.post("/families", status_code=201)
@needs("families:write")
async def make_family(call: CurrentCall, body: schemas.FamilyIn) -> schemas.FamilyOut:
    """A family, for now of its head alone: whoever joins pays and earns by the head's account."""
    return await service.make_family(call, asked=body)


@router.get("/families")
@needs("customers:read")
async def list_families(
    call: CurrentCall, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0, limit: PageSize = 100
) -> schemas.FamilyPage:
    """Families, oldest first."""
    rows = await repository.list_families(call.connection, call.tenant, after, limit + 1)
    shown = [schemas.FamilyOut(**row) for row in rows[:limit]]
    return schemas.FamilyPage(families=shown, next_after=shown[-1].family_id if len(rows) > limit else None)


@router.get("/families/{family_id}")
@needs("customers:read")
async def get_family(call: CurrentCall, family_id: Number) -> schemas.FamilyOut:
    """One family and who is in it, or on the way."""
    return await service.read_family(call, family_id=family_id)


@router.post("/families/{family_id}/members", status_code=202)
@needs("families:write")
async def join(call: CurrentCall, family_id: Number, body: schemas.JoinIn, response: Response) -> schemas.ActOut:
    """Let a customer join: all their points, held ones waited for, become the family's. The head of another family
    brings it along.
    """
    return _accepted(response, await service.join(call, family_id=family_id, asked=body))


@router.post("/families/{family_id}/members/{customer_id}/leave", status_code=202)
@needs("families:write")
async def leave(
    call: CurrentCall,
    office: CurrentOffice,
    family_id: Number,
    customer_id: Number,
    body: schemas.LeaveIn,
    response: Response,
) -> schemas.ActOut:
    """Let a member leave for an account of their own, with the points that are named. What was bought in the family
    comes back to the family.
    """
    made = await service.leave(call, office.ops, family_id=family_id, customer_id=customer_id, asked=body)
    return _accepted(response, made)


@router.post("/customers/{customer_id}/merge", status_code=202)
@needs("families:write")
async def merge_customers(
    call: CurrentCall, customer_id: Number, body: schemas.MergeIn, response: Response
) -> schemas.ActOut:
    """Make two customers one person: points, cards and segments go over, and the one is gone."""
    return _accepted(response, await service.merge_customers(call, customer_id=customer_id, asked=body))


@router.get("/account-acts/{act_id}")
@needs("customers:read")
async def get_act(call: CurrentCall, act_id: Number) -> schemas.ActOut:
    """What has become of a join, a leave or a merge."""
    return await service.read_act(call, act_id=act_id)
