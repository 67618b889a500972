"""The HTTP face of promotions. A document travels as it is written, JSON or YAML: no number of it passes through a
float.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request, Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.edge.etags import etag, require_match
from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.promotions import repository, schemas, service
from altyn.admin_api.promotions.errors import DocumentInvalid, PromotionUnknown
from altyn.admin_api.promotions.evaluation import evaluate_receipt
from altyn.core.rules.schema import document_schema

router = area_router("promotions")

_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"title": "Document", "type": "object", "x-schema": "/v1/promotions/schema"}
            },
            "application/yaml": {"schema": {"type": "string"}},
        },
    }
}


@router.get("/promotions")
@needs("promotions:read")
async def list_promotions(
    call: CurrentCall,
    kind: schemas.Kind | None = None,
    state: schemas.State | None = None,
    stage: Annotated[str | None, Query(max_length=20)] = None,
    text: Annotated[str | None, Query(max_length=100, description="part of the id or title")] = None,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: PageSize = 100,
) -> schemas.PromotionPage:
    """Documents by id: promotions, limits and roundings."""
    rows = await repository.list_promotions(
        call.connection, call.tenant, after=after, state=state, stage=stage, text=text, kind=kind, count_max=limit + 1
    )
    shown = [
        schemas.PromotionSummary(
            kind=service.kind_of(row["document"]),
            title=row["document"].get("title", {}),
            stage=row["document"].get("stage", "accrual") if "promotion" in row["document"] else None,
            **dict(row),
        )
        for row in rows[:limit]
    ]
    return schemas.PromotionPage(promotions=shown, next_after=shown[-1].promotion_id if len(rows) > limit else None)


@router.get("/promotions/schema")
@needs("promotions:read")
async def get_schema(call: CurrentCall) -> dict[str, Any]:
    """The JSON Schema of a document."""
    return document_schema()


@router.get("/promotions/{promotion_id}")
@needs("promotions:read")
async def get_promotion(call: CurrentCall, promotion_id: Id, response: Response) -> schemas.PromotionOut:
    """One promotion; its ETag is what a change must name in If-Match."""
    row = await repository.find_promotion(call.connection, call.tenant, promotion_id)
    if row is None:
        raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_id")
    response.headers["etag"] = etag(row["revision"])
    return schemas.PromotionOut(**row)


@router.get("/promotions/{promotion_id}/revisions")
@needs("promotions:read")
async def list_revisions(call: CurrentCall, promotion_id: Id, limit: PageSize = 20) -> schemas.RevisionPage:
    """Every revision, newest first."""
    rows = await repository.list_revisions(call.connection, call.tenant, promotion_id, limit)
    if not rows:
        raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_id")
    return schemas.RevisionPage(revisions=[schemas.PromotionOut(**row) for row in rows])


@router.post("/promotions", status_code=201, openapi_extra=_DOCUMENT)
@needs("promotions:write")
async def create_promotion(
    call: CurrentCall, response: Response, state: schemas.StateSet = schemas.StateSet.DRAFT
) -> schemas.PromotionOut:
    """Store a new promotion, limit or rounding, as a draft unless said."""
    document = await service.read_document(call.connection, tenant=call.tenant, body=call.body)
    await service.create_promotion(call, document=document, state=state)
    promotion_id = service.id_of(document)
    response.headers["location"] = f"/v1/promotions/{promotion_id}"
    return await _changed(call, response, promotion_id)


@router.put("/promotions/{promotion_id}", openapi_extra=_DOCUMENT)
@needs("promotions:write")
async def replace_promotion(
    call: CurrentCall, promotion_id: Id, request: Request, response: Response
) -> schemas.PromotionOut:
    """Replace the document. If-Match names the revision it was read at. What was in review or approved is a DRAFT
    again; an ACTIVE one stays so for a key, and is a DRAFT beside the released revision for a person.
    """
    document = await service.read_document(call.connection, tenant=call.tenant, body=call.body)
    other = service.id_of(document)
    if other != promotion_id:
        path = service.kind_of(document)
        raise DocumentInvalid(f"the document is about {other}, the address about {promotion_id}", path=path)
    before = await service.promotion_to_change(call, promotion_id=promotion_id)
    require_match(request, before["revision"])
    await service.replace_promotion(call, before=before, document=document)
    return await _changed(call, response, promotion_id)


@router.put("/promotions/{promotion_id}/state")
@needs("promotions:write")
async def change_state(
    call: CurrentCall, promotion_id: Id, body: schemas.StateIn, request: Request, response: Response
) -> schemas.PromotionOut:
    """DRAFT, ACTIVE (takes part in the next release; keys only) or ARCHIVED. If-Match as for a replacement."""
    before = await service.promotion_to_change(call, promotion_id=promotion_id)
    require_match(request, before["revision"])
    await service.change_state(call, before=before, state=body.state)
    return await _changed(call, response, promotion_id)


@router.post("/promotions/validate", openapi_extra=_DOCUMENT)
@needs("promotions:read")
async def validate_documents(call: CurrentCall) -> schemas.ValidationOut:
    """Everything that is wrong with one or more documents, at its exact path; nothing is stored."""
    assets = await declared_assets(call.connection, tenant=call.tenant)
    found = await asyncio.to_thread(service.check_documents, service.text_of(call.body), assets)
    return schemas.ValidationOut(
        is_valid=not found.problems,
        problems=[schemas.ProblemOut(**one) for one in found.problems],
        remarks=[schemas.ProblemOut(path=one.path, code=one.code, message=one.message) for one in found.remarks],
        documents=list(found.documents),
    )


@router.post("/promotions/evaluate")
@needs("promotions:read")
async def evaluate_sample(call: CurrentCall, office: CurrentOffice, body: schemas.EvaluateIn) -> schemas.EvaluateOut:
    """Calculate a sample receipt under drafts or a release, with the explanation; nothing is booked."""
    version, outcome = await evaluate_receipt(call, office.compiler, asked=body)
    return schemas.EvaluateOut(rules_version=version, outcome=outcome)


async def _changed(call: CurrentCall, response: Response, promotion_id: str) -> schemas.PromotionOut:
    row = await repository.find_promotion(call.connection, call.tenant, promotion_id)
    assert row is not None
    response.headers["etag"] = etag(row["revision"])
    return schemas.PromotionOut(**row)
