"""The HTTP face of accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from altyn.admin_api.accounts import repository, schemas, service
from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.journal.v1 import record_pb2 as journal

router = area_router("accounts")

AccountId = Annotated[int, Path(gt=0, lt=1 << 63)]
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
    call: CurrentCall, office: CurrentOffice, account_id: AccountId, body: schemas.AdjustmentIn
) -> schemas.AdjustmentOut:
    """Give points by hand: journalled like a receipt, once per Idempotency-Key."""
    return await service.adjust(call, office.ops, account_id=account_id, asked=body)


@router.get("/accounts/{account_id}/entries")
@needs("accounts:read")
async def list_entries(
    call: CurrentCall,
    account_id: AccountId,
    before_seq: Seq = None,
    limit: PageSize = 100,
) -> schemas.EntryPage:
    """Postings on the account, newest first; `wait_seq` makes sure that one's own write is among them."""
    seq = await repository.projected_seq(call.connection)
    rows = await repository.list_entries(call.connection, call.tenant, account_id, before_seq, limit)
    shown = [
        schemas.EntryOut(**{**row, "kind": journal.EntryKind.Name(row["kind"]).removeprefix("ENTRY_KIND_")})
        for row in rows
    ]
    more = len(rows) >= limit
    return schemas.EntryPage(entries=shown, projected_seq=seq, next_before_seq=shown[-1].seq if more else None)
