"""The HTTP face of publishing: a promotion's way to the tills, and the receipts that are watched."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.etags import etag, require_match
from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.promotions.service import promotion_to_change
from altyn.admin_api.publishing import cases, repository, schemas, service
from altyn.admin_api.publishing.errors import CaseUnknown
from altyn.admin_api.releases.schemas import Warning
from altyn.admin_api.releases.service import Published

ACT_TIMEOUT_S = 120.0
FOUR_EYES_OFF = Warning(
    path="four_eyes", code="FOUR_EYES_OFF", message="four eyes are switched off: authors approve what they wrote"
)

router = area_router("publishing")


@router.get("/publishing")
@needs("promotions:read")
async def get_rules(call: CurrentCall) -> schemas.RulesOut:
    """Whose eyes a promotion needs."""
    four_eyes, from_ppm = await repository.publishing_rules(call.connection, call.tenant)
    return schemas.RulesOut(
        four_eyes=four_eyes, second_approval_ppm=from_ppm, warnings=[] if four_eyes else [FOUR_EYES_OFF]
    )


@router.put("/publishing")
@needs("publishing:write")
async def change_rules(call: CurrentCall, body: schemas.RulesIn) -> schemas.RulesOut:
    """Change whose eyes a promotion needs. Switching four eyes off is for a chain of one person, and is told at every
    approval.
    """
    await service.change_rules(call, four_eyes=body.four_eyes, second_approval_ppm=body.second_approval_ppm)
    return await get_rules(call)


@router.get("/promotions/{promotion_id}/reviews")
@needs("promotions:read")
async def list_reviews(call: CurrentCall, promotion_id: Id, limit: PageSize = 20) -> schemas.ReviewPage:
    """What was found and decided at every submission, newest first."""
    rows = await repository.list_reviews(call.connection, call.tenant, promotion_id, limit)
    return schemas.ReviewPage(reviews=[schemas.ReviewOut(**row) for row in rows])


@router.post("/promotions/{promotion_id}/submit")
@needs("promotions:write", timeout_s=ACT_TIMEOUT_S)
async def submit(
    call: CurrentCall, office: CurrentOffice, promotion_id: Id, body: schemas.NoteIn, request: Request
) -> schemas.ActOut:
    """DRAFT → REVIEW. The lint's errors block; sample receipts are run, the discount is looked at, and all of it is
    kept with the review.
    """
    before = await _before(call, request, promotion_id)
    await service.submit(call, office.compiler, before=before, note=body.note)
    return await _after(call, promotion_id)


@router.post("/promotions/{promotion_id}/withdraw")
@needs("promotions:write")
async def withdraw(call: CurrentCall, promotion_id: Id, request: Request) -> schemas.ActOut:
    """REVIEW or APPROVED → DRAFT."""
    await service.withdraw(call, before=await _before(call, request, promotion_id))
    return await _after(call, promotion_id)


@router.post("/promotions/{promotion_id}/approve")
@needs("promotions:approve")
async def approve(
    call: CurrentCall, promotion_id: Id, body: schemas.ApproveIn, request: Request, response: Response
) -> schemas.ActOut:
    """REVIEW → APPROVED. If-Match names the revision that was looked at. Not by who wrote or submitted it; a deep
    discount needs two; a broken guard rail needs a reason.
    """
    before = await promotion_to_change(call, promotion_id=promotion_id)
    if before["state"] == "REVIEW":
        require_match(request, before["revision"])
    await service.approve(
        call,
        before=before,
        note=body.note,
        accepts_differences=body.accepts_differences,
        override_reason=body.override_reason or "",
    )
    told = await _after(call, promotion_id)
    four_eyes, _ = await repository.publishing_rules(call.connection, call.tenant)
    if not four_eyes:
        told.warnings.append(FOUR_EYES_OFF)
    response.headers["etag"] = etag(told.revision)
    return told


@router.post("/promotions/{promotion_id}/reject")
@needs("promotions:approve")
async def reject(call: CurrentCall, promotion_id: Id, body: schemas.RejectIn, request: Request) -> schemas.ActOut:
    """REVIEW → DRAFT, with a reason."""
    await service.reject(call, before=await _before(call, request, promotion_id), reason=body.reason)
    return await _after(call, promotion_id)


@router.post("/promotions/{promotion_id}/publish")
@needs("releases:publish", timeout_s=ACT_TIMEOUT_S)
async def publish(
    call: CurrentCall, office: CurrentOffice, promotion_id: Id, body: schemas.PublishIn, request: Request
) -> schemas.ActOut:
    """APPROVED → ACTIVE by a release that changes nothing else; with a later ``effective_at`` SCHEDULED, by a release
    that waits.
    """
    before = await _before(call, request, promotion_id)
    made = await service.publish(
        call, office.compiler, before=before, effective_at=body.effective_at, emergency=body.emergency
    )
    return await _after(call, promotion_id, made)


@router.post("/promotions/{promotion_id}/unschedule")
@needs("releases:publish", timeout_s=ACT_TIMEOUT_S)
async def unschedule(call: CurrentCall, office: CurrentOffice, promotion_id: Id, request: Request) -> schemas.ActOut:
    """SCHEDULED → APPROVED; what is released now goes on."""
    made = await service.unschedule(call, office.compiler, before=await _before(call, request, promotion_id))
    return await _after(call, promotion_id, made)


@router.post("/promotions/{promotion_id}/suspend")
@needs("promotions:stop", timeout_s=ACT_TIMEOUT_S)
async def suspend(
    call: CurrentCall, office: CurrentOffice, promotion_id: Id, body: schemas.SuspendIn
) -> schemas.ActOut:
    """Stop a promotion at the tills: one act, one release without it, and nothing else changed. A draft beside it
    stays. ``emergency``: prices already shown are calculated anew.
    """
    before = await promotion_to_change(call, promotion_id=promotion_id)
    made = await service.suspend(call, office.compiler, before=before, reason=body.reason, emergency=body.emergency)
    return await _after(call, promotion_id, made)


@router.post("/promotions/{promotion_id}/resume")
@needs("releases:publish", timeout_s=ACT_TIMEOUT_S)
async def resume(call: CurrentCall, office: CurrentOffice, promotion_id: Id, request: Request) -> schemas.ActOut:
    """SUSPENDED → ACTIVE, by a release."""
    made = await service.resume(call, office.compiler, before=await _before(call, request, promotion_id))
    return await _after(call, promotion_id, made)


@router.get("/receipt-cases")
@needs("promotions:read")
async def list_cases(call: CurrentCall) -> schemas.CasePage:
    """Receipts that publishing watches."""
    rows = await repository.list_cases(call.connection, call.tenant)
    return schemas.CasePage(cases=[schemas.CaseOut(**row) for row in rows])


@router.get("/receipt-cases/differences")
@needs("promotions:read", timeout_s=ACT_TIMEOUT_S)
async def run_cases(call: CurrentCall, office: CurrentOffice) -> schemas.CaseRuns:
    """Every case under the release in force, and where it is not as recorded."""
    found = await cases.differences_now(call, office.compiler)
    runs: list[dict[str, Any]] = [
        {"case_id": one, "is_same": not rows, "differences": [{"case_id": one, **row} for row in rows]}
        for one, rows in found.items()
    ]
    return schemas.CaseRuns(runs=[schemas.CaseRun(**run) for run in runs])


@router.put("/receipt-cases/{case_id}")
@needs("promotions:write", timeout_s=ACT_TIMEOUT_S)
async def put_case(call: CurrentCall, office: CurrentOffice, case_id: Id, body: schemas.CaseIn) -> schemas.CaseOut:
    """Watch a receipt: its outcome under the release in force is recorded as the expected one."""
    await cases.put_case(call, office.compiler, case_id=case_id, given=body)
    return await _case(call, case_id)


@router.post("/receipt-cases/{case_id}/record")
@needs("promotions:write", timeout_s=ACT_TIMEOUT_S)
async def record_case(call: CurrentCall, office: CurrentOffice, case_id: Id) -> schemas.CaseOut:
    """Take the outcome of now for the expected one."""
    await cases.record_case(call, office.compiler, case_id=case_id)
    return await _case(call, case_id)


@router.delete("/receipt-cases/{case_id}", status_code=204)
@needs("promotions:write")
async def delete_case(call: CurrentCall, case_id: Id) -> Response:
    """Watch it no longer."""
    await cases.delete_case(call, case_id=case_id)
    return Response(status_code=204)


async def _case(call: Call, case_id: str) -> schemas.CaseOut:
    row = await repository.find_case(call.connection, call.tenant, case_id)
    if row is None:
        raise CaseUnknown(f"no case {case_id}", path="case_id")
    return schemas.CaseOut(**row)


async def _before(call: Call, request: Request, promotion_id: str) -> Any:
    """The promotion, locked; when If-Match is sent, it is as the caller saw it."""
    before = await promotion_to_change(call, promotion_id=promotion_id)
    if "if-match" in request.headers:
        require_match(request, before["revision"])
    return before


async def _after(call: Call, promotion_id: str, made: Published | None = None) -> schemas.ActOut:
    row = await promotion_to_change(call, promotion_id=promotion_id)
    review = await service.last_review(call, promotion_id)
    return schemas.ActOut(
        review=schemas.ReviewOut(**review) if review else None,
        release_version=made.version if made else None,
        warnings=[Warning(**one) for one in made.warnings] if made else [],
        **row,
    )
