"""The HTTP face of stores and registers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.edge.fields import Id, PageSize, SearchText
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.stores import repository, schemas, service
from altyn.admin_api.stores.errors import RegisterUnknown, StoreUnknown

router = area_router("stores")

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/stores")
@needs("stores:read", place=Place.OWN)
async def list_stores(
    call: CurrentCall,
    after: Annotated[str, Query(max_length=64)] = "",
    text: SearchText = None,
    limit: PageSize = 100,
) -> schemas.StorePage:
    """Stores by id: those in reach of the caller's roles; with `text`, whose id or title has it."""
    rows = await repository.list_stores(call.connection, call.tenant, call.reach, after, limit + 1, text)
    shown = [schemas.StoreOut(**row) for row in rows[:limit]]
    return schemas.StorePage(stores=shown, next_after=shown[-1].store_id if len(rows) > limit else None)


@router.get("/stores/{store_id}")
@needs("stores:read", place=Place.PATH)
async def get_store(call: CurrentCall, store_id: Id) -> schemas.StoreOut:
    """One store."""
    row = await repository.find_store(call.connection, call.tenant, store_id)
    if row is None:
        raise StoreUnknown(f"no store {store_id}", path="store_id")
    return schemas.StoreOut(**row)


@router.put("/stores/{store_id}")
@needs("stores:write")
async def put_store(call: CurrentCall, store_id: Id, body: schemas.StoreIn) -> schemas.StoreOut:
    """Create a store, or replace its attributes."""
    await service.put_store(call, store_id=store_id, values=body.model_dump())
    return await get_store(call, store_id)


@router.delete("/stores/{store_id}", status_code=204)
@needs("stores:write")
async def delete_store(call: CurrentCall, store_id: Id) -> Response:
    """Delete a store that has no registers."""
    await service.delete_store(call, store_id=store_id)
    return Response(status_code=204)


@router.get("/stores/{store_id}/registers")
@needs("stores:read", place=Place.PATH)
async def list_registers(call: CurrentCall, store_id: Id) -> schemas.RegisterPage:
    """Registers of a store, and when each was last heard of by a receipt."""
    rows = await repository.list_registers(call.connection, call.tenant, store_id)
    return schemas.RegisterPage(registers=[schemas.RegisterOut(**row) for row in rows])


@router.get("/stores/{store_id}/registers/{register_id}")
@needs("stores:read", place=Place.PATH)
async def get_register(call: CurrentCall, store_id: Id, register_id: Id) -> schemas.RegisterOut:
    """One register."""
    row = await repository.find_register(call.connection, call.tenant, store_id, register_id)
    if row is None:
        raise RegisterUnknown(f"store {store_id} has no register {register_id}", path="register_id")
    return schemas.RegisterOut(**row)


@router.put("/stores/{store_id}/registers/{register_id}")
@needs("stores:write", place=Place.PATH)
async def put_register(
    call: CurrentCall, store_id: Id, register_id: Id, body: schemas.RegisterIn
) -> schemas.RegisterOut:
    """Create a register, or change its title."""
    await service.put_register(call, store_id=store_id, register_id=register_id, title=body.title)
    return await get_register(call, store_id, register_id)


@router.delete("/stores/{store_id}/registers/{register_id}", status_code=204)
@needs("stores:write", place=Place.PATH)
async def delete_register(call: CurrentCall, store_id: Id, register_id: Id) -> Response:
    """Delete a register and revoke its keys and certificates."""
    await service.delete_register(call, store_id=store_id, register_id=register_id)
    return Response(status_code=204)


@router.get("/stores/{store_id}/registers/{register_id}/keys")
@needs("stores:read", place=Place.PATH)
async def list_keys(call: CurrentCall, store_id: Id, register_id: Id) -> schemas.RegisterKeyPage:
    """Keys and certificates of a register, revoked ones included. The keys themselves are not kept."""
    if await repository.find_register(call.connection, call.tenant, store_id, register_id) is None:
        raise RegisterUnknown(f"store {store_id} has no register {register_id}", path="register_id")
    rows = await repository.list_keys(call.connection, call.tenant, store_id, register_id)
    return schemas.RegisterKeyPage(keys=[schemas.RegisterKeyOut(**row) for row in rows])


@router.post("/stores/{store_id}/registers/{register_id}/keys", status_code=201)
@needs("stores:write", place=Place.PATH)
async def issue_key(call: CurrentCall, store_id: Id, register_id: Id) -> schemas.RegisterKeyIssued:
    """A new key for the register, shown this once."""
    key, key_id = await service.issue_key(call, store_id=store_id, register_id=register_id)
    return schemas.RegisterKeyIssued(
        key=key, key_id=key_id, store_id=store_id, register_id=register_id, feed_version=call.feed.version
    )


@router.post("/stores/{store_id}/registers/{register_id}/keys/rotate", status_code=201)
@needs("stores:write", place=Place.PATH)
async def rotate_key(
    call: CurrentCall, store_id: Id, register_id: Id, body: schemas.RotateIn
) -> schemas.RegisterKeyIssued:
    """A new key, shown this once; the others end after the overlap, at the servers themselves."""
    key, key_id, ending = await service.rotate_key(
        call, store_id=store_id, register_id=register_id, overlap=timedelta(seconds=body.overlap_s)
    )
    return schemas.RegisterKeyIssued(
        key=key,
        key_id=key_id,
        store_id=store_id,
        register_id=register_id,
        ending=ending,
        feed_version=call.feed.version,
    )


@router.post("/stores/{store_id}/registers/{register_id}/certificates", status_code=201)
@needs("stores:write")
async def bind_certificate(
    call: CurrentCall, store_id: Id, register_id: Id, body: schemas.CertificateIn
) -> schemas.CertificateBoundOut:
    """Know the register by its client certificate. Listed and revoked with its keys."""
    fingerprint = body.fingerprint.replace(":", "").lower()
    key_id = await service.bind_certificate(
        call, store_id=store_id, register_id=register_id, fingerprint=fingerprint, name=body.name
    )
    return schemas.CertificateBoundOut(
        key_id=key_id, store_id=store_id, register_id=register_id, feed_version=call.feed.version
    )


@router.delete("/stores/{store_id}/registers/{register_id}/keys/{key_id}", status_code=204)
@needs("stores:write", place=Place.PATH)
async def revoke_key(call: CurrentCall, store_id: Id, register_id: Id, key_id: KeyId) -> Response:
    """Revoke a key or a certificate: the servers refuse it within seconds."""
    await service.revoke_key(call, store_id=store_id, register_id=register_id, key_id=key_id)
    return Response(status_code=204)
