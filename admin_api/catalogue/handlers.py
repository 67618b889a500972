"""The HTTP face of the catalogue."""

from __future__ import annotations

from typing import Annotated

import asyncpg
from fastapi import Query, Request

from altyn.admin_api.catalogue import repository, schemas, service
from altyn.admin_api.catalogue.errors import GroupUnknown, ProductUnknown
from altyn.admin_api.edge.bulk import FILE, FILE_BYTES_MAX, FILE_TIMEOUT_S, read_rows
from altyn.admin_api.edge.fields import Id, PageSize, SearchText
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs

router = area_router("catalogue")


@router.post("/products/import", openapi_extra=FILE)
@needs("catalogue:write", body_bytes_max=FILE_BYTES_MAX, timeout_s=FILE_TIMEOUT_S)
async def import_products(call: CurrentCall, request: Request, all_or_nothing: bool = False) -> schemas.ImportOut:
    """Products as NDJSON (a JSON object a line) or CSV with a header; keys and columns are the same."""
    found = await read_rows(request, call.body, schemas.ProductIn, lambda row: row.sku, key_path="sku")
    changed_count = await service.import_products(call, found, all_or_nothing=all_or_nothing)
    return schemas.ImportOut(
        rows_count=found.rows_count,
        changed_count=changed_count,
        wrong_count=found.wrong_count,
        problems=found.told_problems(),
        feed_version=call.feed.version,
    )


@router.get("/products")
@needs("catalogue:read")
async def list_products(
    call: CurrentCall,
    after: Annotated[str, Query(max_length=64)] = "",
    group_id: Annotated[str | None, Query(max_length=64)] = None,
    text: SearchText = None,
    limit: PageSize = 100,
) -> schemas.ProductPage:
    """Products by SKU; with `text`, whose SKU begins with it or whose title has it."""
    rows = await repository.list_products(call.connection, call.tenant, after, group_id, limit + 1, text)
    shown = [_product(row) for row in rows[:limit]]
    return schemas.ProductPage(products=shown, next_after=shown[-1].sku if len(rows) > limit else None)


@router.get("/products/{sku}")
@needs("catalogue:read")
async def get_product(call: CurrentCall, sku: Id) -> schemas.ProductOut:
    """One product."""
    row = await repository.find_product(call.connection, call.tenant, sku)
    if row is None:
        raise ProductUnknown(f"no product {sku}", path="sku")
    return _product(row)


@router.get("/product-groups")
@needs("catalogue:read")
async def list_groups(
    call: CurrentCall,
    after: Annotated[str, Query(max_length=64)] = "",
    text: SearchText = None,
    limit: PageSize = 100,
) -> schemas.GroupPage:
    """Product groups by id, named ones and those that products are in; with `text`, whose id or title has it."""
    rows = await repository.list_groups(call.connection, call.tenant, after, limit + 1, text)
    shown = [schemas.GroupRow(**row) for row in rows[:limit]]
    return schemas.GroupPage(groups=shown, next_after=shown[-1].group_id if len(rows) > limit else None)


@router.get("/product-groups/{group_id}")
@needs("catalogue:read")
async def get_group(call: CurrentCall, group_id: Id) -> schemas.GroupRow:
    """One product group."""
    rows = await repository.list_groups(call.connection, call.tenant, "", 1, group_id=group_id)
    if not rows:
        raise GroupUnknown(f"no product group {group_id}", path="group_id")
    return schemas.GroupRow(**rows[0])


@router.put("/product-groups/{group_id}")
@needs("catalogue:write")
async def put_group(call: CurrentCall, group_id: Id, body: schemas.GroupIn) -> schemas.GroupOut:
    """Name a product group for people."""
    await service.put_group(call, group_id=group_id, title=body.title)
    return schemas.GroupOut(group_id=group_id, title=body.title, feed_version=call.feed.version)


def _product(row: asyncpg.Record) -> schemas.ProductOut:
    flags = [name for bit, name in enumerate(schemas.FLAGS) if row["flags"] >> bit & 1]
    attributes = dict(pair.split("=", 1) for pair in row["attributes"])
    return schemas.ProductOut(**{**row, "flags": flags, "attributes": attributes})
