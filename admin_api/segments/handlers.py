"""The HTTP face of segments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from altyn.admin_api.edge.bulk import FILE, FILE_BYTES_MAX, FILE_TIMEOUT_S, read_rows
from altyn.admin_api.edge.fields import Id, PageSize, SearchText
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.segments import jobs, repository, schemas, service
from altyn.admin_api.segments.errors import SegmentUnknown

UPLOAD_ROWS_MAX = 100_000

JobId = Annotated[int, Path(gt=0, lt=1 << 63)]

router = area_router("segments")


@router.get("/segments")
@needs("segments:read")
async def list_segments(
    call: CurrentCall,
    after: Annotated[str, Query(max_length=64)] = "",
    text: SearchText = None,
    limit: PageSize = 100,
) -> schemas.SegmentPage:
    """Segments with the number of their members; with `text`, whose name or title has it."""
    rows = await repository.list_segments(call.connection, call.tenant, after, limit + 1, text)
    shown = [schemas.SegmentOut(**row) for row in rows[:limit]]
    return schemas.SegmentPage(segments=shown, next_after=shown[-1].segment if len(rows) > limit else None)


@router.get("/segments/{segment}")
@needs("segments:read")
async def get_segment(call: CurrentCall, segment: Id) -> schemas.SegmentOut:
    """One segment with the number of its members."""
    row = await repository.find_segment(call.connection, call.tenant, segment)
    if row is None:
        raise SegmentUnknown(f"no segment {segment}", path="segment")
    return schemas.SegmentOut(**row)


@router.put("/segments/{segment}")
@needs("segments:write")
async def put_segment(call: CurrentCall, segment: Id, body: schemas.SegmentIn) -> schemas.SegmentOut:
    """Create a segment, or change its title."""
    await service.put_segment(call, segment=segment, title=body.title)
    return await get_segment(call, segment)


@router.delete("/segments/{segment}", status_code=204)
@needs("segments:write", timeout_s=FILE_TIMEOUT_S)
async def delete_segment(call: CurrentCall, segment: Id) -> Response:
    """Delete a segment and its memberships; refused while a live promotion names it."""
    await service.delete_segment(call, segment=segment)
    return Response(status_code=204)


@router.get("/segments/{segment}/members")
@needs("segments:read")
async def list_members(
    call: CurrentCall, segment: Id, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0, limit: PageSize = 1_000
) -> schemas.MemberPage:
    """Ids of the members, ascending."""
    await get_segment(call, segment)
    found = await repository.members(call.connection, call.tenant, segment, after, limit + 1)
    return schemas.MemberPage(customer_ids=found[:limit], next_after=found[limit - 1] if len(found) > limit else None)


@router.post("/segments/{segment}/members")
@needs("segments:write")
async def change_members(call: CurrentCall, segment: Id, body: schemas.MembersIn) -> schemas.MembersOut:
    """Add and remove customers by id; all or none."""
    changed = await service.change_members(call, segment=segment, add=body.add, remove=body.remove)
    count = await repository.members_count(call.connection, call.tenant, segment)
    return schemas.MembersOut(changed_count=changed, members_count=count, feed_version=call.feed.version)


@router.post("/segments/{segment}/members/upload", openapi_extra=FILE)
@needs("segments:write", body_bytes_max=FILE_BYTES_MAX, timeout_s=FILE_TIMEOUT_S)
async def upload_members(
    call: CurrentCall,
    office: CurrentOffice,
    segment: Id,
    request: Request,
    mode: schemas.Mode = schemas.Mode.ADD,
    all_or_nothing: bool = False,
) -> schemas.UploadOut:
    """Up to 100,000 customers by `customer_id` or `card_number`, as NDJSON or CSV; wrong rows are told by line."""
    found = await read_rows(request, call.body, schemas.MemberIn, lambda row: row.key, rows_max=UPLOAD_ROWS_MAX)
    named_count, changed_count = await service.upload_members(
        call, office.pepper, segment=segment, found=found, mode=mode, all_or_nothing=all_or_nothing
    )
    return schemas.UploadOut(
        found_count=named_count,
        changed_count=changed_count,
        members_count=await repository.members_count(call.connection, call.tenant, segment),
        problems=found.told_problems(),
        feed_version=call.feed.version,
        **found.counts(),
    )


@router.post("/segments/{segment}/members/jobs", status_code=202, openapi_extra=FILE)
@needs("segments:write", body_bytes_max=FILE_BYTES_MAX, timeout_s=FILE_TIMEOUT_S)
async def make_job(
    call: CurrentCall,
    office: CurrentOffice,
    segment: Id,
    request: Request,
    response: Response,
    mode: schemas.Mode = schemas.Mode.ADD,
    all_or_nothing: bool = False,
) -> schemas.JobOut:
    """Take an upload in and write it behind the caller's back: up to 200,000 customers, other writes go on between its
    slices. Ask the Location how far it is.
    """
    found = await read_rows(request, call.body, schemas.MemberIn, lambda row: row.key)
    made = await jobs.make_job(
        call, office.pepper, segment=segment, found=found, mode=mode, all_or_nothing=all_or_nothing
    )
    response.headers["location"] = f"/v1/segments/{segment}/members/jobs/{made['job_id']}"
    return schemas.JobOut(**made)


@router.get("/segments/{segment}/members/jobs")
@needs("segments:read")
async def list_jobs(
    call: CurrentCall, segment: Id, before: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None, limit: PageSize = 20
) -> schemas.JobPage:
    """Jobs of a segment, newest first, for 30 days after they ended."""
    found = await repository.list_jobs(call.connection, call.tenant, segment, before, limit + 1)
    shown = [schemas.JobOut(**row) for row in found[:limit]]
    return schemas.JobPage(jobs=shown, next_before=shown[-1].job_id if len(found) > limit else None)


@router.get("/segments/{segment}/members/jobs/{job_id}")
@needs("segments:read")
async def get_job(call: CurrentCall, segment: Id, job_id: JobId) -> schemas.JobOut:
    """How far a job is."""
    return schemas.JobOut(**await jobs.find_job(call, segment=segment, job_id=job_id))


@router.post("/segments/{segment}/members/jobs/{job_id}/cancel")
@needs("segments:write")
async def cancel_job(call: CurrentCall, segment: Id, job_id: JobId) -> schemas.JobOut:
    """Write nothing more of it; what was written stays."""
    await jobs.cancel_job(call, segment=segment, job_id=job_id)
    return await get_job(call, segment, job_id)
