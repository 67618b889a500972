"""The HTTP face of antifraud."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from altyn.admin_api.accounts.repository import projected_seq
from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.fraud import repository, schemas, service

router = area_router("fraud")

ChangeId = Annotated[int, Path(gt=0, lt=1 << 63)]
CaseId = Annotated[str, Path(pattern=r"^[0-9]{1,18}-[0-9]{1,4}$", description="journal seq and number in it")]


@router.get("/fraud-rules")
@needs("fraud:read")
async def list_rules(call: CurrentCall) -> schemas.RulePage:
    """All rules against fraud, by name."""
    rows = await repository.list_rules(call.connection, call.tenant)
    return schemas.RulePage(rules=[schemas.RuleOut(**row) for row in rows])


@router.get("/fraud-rules/{rule}")
@needs("fraud:read")
async def get_rule(call: CurrentCall, rule: Id) -> schemas.RuleOut:
    """One rule, as it acts."""
    return await service.read_rule(call, rule=rule)


@router.put("/fraud-rules/{rule}", status_code=202)
@needs("fraud:write")
async def propose_rule(call: CurrentCall, rule: Id, body: schemas.ProposeIn) -> schemas.ChangeOut:
    """Propose a rule, or how it is to be; nothing changes until somebody else approves. ``state`` OFF ends it."""
    return await service.propose(call, rule=rule, asked=body)


@router.get("/fraud-changes")
@needs("fraud:read")
async def list_changes(
    call: CurrentCall,
    state: schemas.ChangeState | None = None,
    before: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    limit: PageSize = 20,
) -> schemas.ChangePage:
    """What was proposed, newest first."""
    told = state.value if state else None
    rows = await repository.list_changes(call.connection, call.tenant, told, before, limit + 1)
    shown = [schemas.ChangeOut(**row) for row in rows[:limit]]
    return schemas.ChangePage(changes=shown, next_before=shown[-1].change_id if len(rows) > limit else None)


@router.get("/fraud-changes/{change_id}")
@needs("fraud:read")
async def get_change(call: CurrentCall, change_id: ChangeId) -> schemas.ChangeOut:
    """One proposal."""
    return await service.read_change(call, change_id=change_id)


@router.post("/fraud-changes/{change_id}/approve")
@needs("fraud:approve")
async def approve_change(call: CurrentCall, change_id: ChangeId) -> schemas.ChangeOut:
    """Let the rule act as somebody else proposed, at all tills within seconds."""
    return await service.approve(call, change_id=change_id)


@router.post("/fraud-changes/{change_id}/reject")
@needs("fraud:write")
async def reject_change(call: CurrentCall, change_id: ChangeId) -> schemas.ChangeOut:
    """Leave the rule as it is."""
    return await service.reject(call, change_id=change_id)


@router.get("/fraud-cases")
@needs("fraud:read", place=Place.QUERY)
async def list_cases(call: CurrentCall, asked: Annotated[schemas.CaseFilter, Query()]) -> schemas.CasePage:
    """Sales and returns that tripped a rule which wants a person to look, newest first."""
    seq = await projected_seq(call.connection)
    rows = await service.list_cases(call, asked=asked)
    shown = [service.case_out(row) for row in rows[: asked.limit]]
    next_before = shown[-1].case_id if len(rows) > asked.limit else None
    return schemas.CasePage(cases=shown, projected_seq=seq, next_before=next_before)


@router.get("/fraud-cases/{fraud_case_id}")
@needs("fraud:read", place=Place.OBJECT)
async def get_case(call: CurrentCall, fraud_case_id: CaseId) -> schemas.CaseOut:
    """One case."""
    return await service.read_case(call, case_id=fraud_case_id)


@router.post("/fraud-cases/{fraud_case_id}/decide")
@needs("fraud:decide", place=Place.OBJECT)
async def decide_case(call: CurrentCall, fraud_case_id: CaseId, body: schemas.DecideIn) -> schemas.CaseOut:
    """Note what was found, for good. No points move and no card is blocked by it."""
    return await service.decide(call, case_id=fraud_case_id, asked=body)
