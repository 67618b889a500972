"""The HTTP face of keys of this API and of the audit log."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.edge.audit import verify_chain
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.keys import repository, schemas, service

VERIFY_TIMEOUT_S = 600.0

router = area_router("keys")

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@router.get("/keys")
@needs("keys:read")
async def list_keys(call: CurrentCall) -> schemas.KeyPage:
    """All keys of this API, revoked ones included. The keys themselves are not kept."""
    rows = await repository.list_keys(call.connection, call.tenant)
    return schemas.KeyPage(keys=[schemas.KeyOut(**row) for row in rows])


@router.post("/keys", status_code=201)
@needs("keys:write")
async def issue_key(call: CurrentCall, body: schemas.KeyIn) -> schemas.KeyIssued:
    """A new key, shown this once, with scopes of one's own."""
    key = await service.issue_key(call, title=body.title, scopes=body.scopes)
    return schemas.KeyIssued(key=key, key_id=service.key_id_of(key), scopes=sorted(set(body.scopes)))


@router.delete("/keys/{key_id}", status_code=204)
@needs("keys:write")
async def revoke_key(call: CurrentCall, key_id: KeyId) -> Response:
    """Revoke a key at once. The last key that may issue keys stays."""
    await service.revoke_key(call, key_id=key_id)
    return Response(status_code=204)


@router.get("/audit")
@needs("audit:read")
async def list_audit(call: CurrentCall, asked: Annotated[schemas.AuditFilter, Query()]) -> schemas.AuditPage:
    """What was done by whom, before and after, newest first."""
    rows = await repository.list_audit(call.connection, call.tenant, asked)
    shown = [schemas.DeedOut(**row) for row in rows[: asked.limit]]
    return schemas.AuditPage(rows=shown, next_before=shown[-1].audit_no if len(rows) > asked.limit else None)


@router.get("/audit/verify")
@needs("audit:read", timeout_s=VERIFY_TIMEOUT_S)
async def verify(call: CurrentCall, office: CurrentOffice) -> schemas.VerificationOut:
    """Check every number and hash of the chain."""
    async with office.connected() as connection:
        found = await verify_chain(connection, call.tenant)
    return schemas.VerificationOut(**asdict(found))
