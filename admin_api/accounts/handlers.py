"""The HTTP face of accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.accounts import repository, schemas, service
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.journal.v1 import record_pb2 as journal

router = area_router("accounts")

AccountId = Annotated[int, Path(gt=0, lt=1 << 63)]
AdjustmentId = Annotated[int, Path(gt=0, lt=1 << 63)]
Number = Annotated[int | None, Query(gt=0, lt=1 << 63)]
Seq = Annotated[int | None, Query(ge=1, lt=1 << 63)]


@router.get("/accounts/{account_id}/balance")
@needs("accounts:read")
async def get_balance(call: CurrentCall, office: CurrentOffice, account_id: AccountId) -> schemas.BalanceOut:
    """Points by asset and lot, from the processing server."""
    await service.require_account(call, account_id=account_id)
    return service.balance_out(await office.ops.balance(account_id))


@router.post("/accounts/{account_id}/adjustments", status_code=201)
@needs("accounts:adjust")
async def adjust(
    call: CurrentCall, office: CurrentOffice, account_id: AccountId, body: schemas.AdjustmentIn, response: Response
) -> schemas.AdjustmentOut:
    """Give points by hand, or take them: journalled like a receipt, once per Idempotency-Key. 202: beyond what the
    person may give alone; somebody else has to approve it.
    """
    made = await service.adjust(call, office.ops, account_id=account_id, asked=body)
    if made.state is schemas.AdjustmentState.ASKED:
        response.status_code = 202
    return made


@router.get("/adjustments")
@needs("accounts:read")
async def list_adjustments(
    call: CurrentCall,
    state: schemas.AdjustmentState | None = None,
    account_id: Number = None,
    before: Number = None,
    limit: PageSize = 100,
) -> schemas.AdjustmentPage:
    """Points given, taken, asked for and rejected by hand, newest first."""
    rows = await repository.list_adjustments(call.connection, call.tenant, state, account_id, before, limit + 1)
    shown = [service.adjustment_out(row) for row in rows[:limit]]
    more = len(rows) > limit
    return schemas.AdjustmentPage(adjustments=shown, next_before=shown[-1].adjustment_id if more else None)


@router.post("/adjustments/{adjustment_id}/approve")
@needs("accounts:approve")
async def approve_adjustment(
    call: CurrentCall, office: CurrentOffice, adjustment_id: AdjustmentId
) -> schemas.AdjustmentOut:
    """Give what somebody else asked for, within 72 hours."""
    return await service.approve(call, office.ops, adjustment_id=adjustment_id)


@router.post("/adjustments/{adjustment_id}/reject")
@needs("accounts:approve")
async def reject_adjustment(
    call: CurrentCall, adjustment_id: AdjustmentId, body: schemas.DecisionIn
) -> schemas.AdjustmentOut:
    """Do not give what somebody else asked for."""
    return await service.reject(call, adjustment_id=adjustment_id, reason=body.reason)


@router.post("/accounts/{account_id}/conversions", status_code=201)
@needs("accounts:convert")
async def convert(
    call: CurrentCall, office: CurrentOffice, account_id: AccountId, body: schemas.ConversionIn
) -> schemas.ConversionOut:
    """Turn points of one asset into another at the program's rate: rounded down, once per Idempotency-Key."""
    return await service.convert(call, office.ops, account_id=account_id, asked=body)


@router.get("/accounts/{account_id}/entries")
@needs("accounts:read")
async def list_entries(
    call: CurrentCall,
    account_id: AccountId,
    before_seq: Seq = None,
    limit: PageSize = 100,
) -> schemas.EntryPage:
    """Postings on the account, newest first; `wait_seq` makes sure that one's own write is among them."""
    return await entry_page(call, account_id, before_seq, limit)


async def entry_page(call: Call, account_id: int, before_seq: int | None, limit: int) -> schemas.EntryPage:
    """A page of the account's history."""
    seq = await repository.projected_seq(call.connection)
    rows = await repository.list_entries(call.connection, call.tenant, account_id, before_seq, limit)
    shown = [
        schemas.EntryOut(**{**row, "kind": journal.EntryKind.Name(row["kind"]).removeprefix("ENTRY_KIND_")})
        for row in rows
    ]
    more = len(rows) >= limit
    return schemas.EntryPage(entries=shown, projected_seq=seq, next_before_seq=shown[-1].seq if more else None)
