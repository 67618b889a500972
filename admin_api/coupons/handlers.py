"""The HTTP face of coupons."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response
from starlette.responses import StreamingResponse

from altyn.admin_api.accounts.repository import projected_seq
from altyn.admin_api.coupons import reading, repository, schemas, serials, service
from altyn.admin_api.coupons.errors import CouponBatchUnknown
from altyn.admin_api.edge.bulk import FILE, FILE_BYTES_MAX, FILE_TIMEOUT_S, read_rows
from altyn.admin_api.edge.fields import Id, PageSize, SearchText
from altyn.admin_api.edge.once_file import CSV_FILE, csv_file
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs

router = area_router("coupons")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]


@router.get("/coupon-series")
@needs("coupons:read")
async def list_series(
    call: CurrentCall,
    after: Annotated[str, Query(max_length=64)] = "",
    state: schemas.State | None = None,
    text: SearchText = None,
    limit: PageSize = 100,
) -> schemas.SeriesPage:
    """Coupon series by name; with `text`, whose name or title has it."""
    rows = await repository.list_series(call.connection, call.tenant, after, state, limit + 1, text)
    shown = [schemas.SeriesSummary(**row) for row in rows[:limit]]
    return schemas.SeriesPage(series=shown, next_after=shown[-1].series if len(rows) > limit else None)


@router.get("/coupon-series/{series}")
@needs("coupons:read")
async def get_series(call: CurrentCall, series: Id) -> schemas.SeriesOut:
    """One coupon series with the number of its codes by state."""
    row = await reading.read_series(call, series=series)
    return schemas.SeriesOut(**row, codes=await repository.count_codes(call.connection, call.tenant, series))


@router.put("/coupon-series/{series}")
@needs("coupons:write")
async def put_series(call: CurrentCall, series: Id, body: schemas.SeriesIn) -> schemas.SeriesOut:
    """Create a coupon series, or change it; BLOCKED stops all its codes. The kind is fixed once there are codes, and so
    are the origin and the template of a SERIAL series.
    """
    await service.put_series(call, series=series, asked=body)
    return await get_series(call, series)


@router.post("/coupon-series/{series}/generate", status_code=201, openapi_extra=CSV_FILE, response_class=Response)
@needs("coupons:issue", timeout_s=FILE_TIMEOUT_S)
async def generate_codes(call: CurrentCall, office: CurrentOffice, series: Id, body: schemas.GenerateIn) -> Response:
    """A batch of new random codes. They are in this answer and nowhere else; a lost file means block and make anew."""
    batch_id, codes = await service.generate(call, office.pepper, series=series, asked=body)
    return csv_file(("code_id", "code"), codes, location=f"/v1/coupon-batches/{batch_id}")


@router.post("/coupon-series/{series}/serials", status_code=201)
@needs("coupons:issue")
async def make_serials(call: CurrentCall, series: Id, body: schemas.SerialsIn, response: Response) -> schemas.BatchOut:
    """A batch of a SERIAL series: so many serials more, whose codes tills accept from now on. To have the codes, export
    the batch.
    """
    batch_id = await serials.make_batch(call, series=series, asked=body)
    response.headers["location"] = f"/v1/coupon-batches/{batch_id}"
    return await get_batch(call, batch_id)


@router.get("/coupon-series/{series}/serials")
@needs("coupons:read")
async def list_serials(
    call: CurrentCall,
    office: CurrentOffice,
    series: Id,
    after: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
    limit: PageSize = 100,
) -> schemas.SerialPage:
    """Serials of a SERIAL series, each with what has become of its code, from the processing server."""
    row = await reading.read_series(call, series=series)
    shown, is_more = await serials.list_serials(call, office.ops, series=row, after=after, limit=limit)
    return schemas.SerialPage(coupons=shown, next_after=shown[-1].serial if is_more else None)


@router.post("/coupon-batches/{batch_id}/exports", status_code=201)
@needs("coupons:issue")
async def ask_export(call: CurrentCall, batch_id: RowId, body: schemas.ExportIn) -> schemas.ExportOut:
    """Ask for the codes of a SERIAL batch. The first time it is APPROVED at once; every other time somebody else has to
    agree.
    """
    export_id = await serials.ask_export(call, batch_id=batch_id, reason=body.reason)
    return schemas.ExportOut(**await serials.read_export(call, export_id=export_id))


@router.get("/coupon-batches/{batch_id}/exports")
@needs("coupons:read")
async def list_exports(call: CurrentCall, batch_id: RowId, limit: PageSize = 100) -> schemas.ExportPage:
    """Who asked for the codes of a batch, who agreed, when they were taken; newest first."""
    rows = await repository.list_exports(call.connection, call.tenant, batch_id, limit)
    return schemas.ExportPage(exports=[schemas.ExportOut(**row) for row in rows])


@router.post("/coupon-exports/{export_id}/approve")
@needs("coupons:issue")
async def approve_export(call: CurrentCall, export_id: RowId) -> schemas.ExportOut:
    """Agree to an export that somebody else asked for."""
    await serials.decide_export(call, export_id=export_id, state="APPROVED")
    return schemas.ExportOut(**await serials.read_export(call, export_id=export_id))


@router.post("/coupon-exports/{export_id}/refuse")
@needs("coupons:issue")
async def refuse_export(call: CurrentCall, export_id: RowId) -> schemas.ExportOut:
    """Refuse an export that somebody else asked for."""
    await serials.decide_export(call, export_id=export_id, state="REFUSED")
    return schemas.ExportOut(**await serials.read_export(call, export_id=export_id))


@router.post("/coupon-exports/{export_id}/codes", openapi_extra=CSV_FILE, response_class=Response, status_code=201)
@needs("coupons:issue")
async def take_export(call: CurrentCall, office: CurrentOffice, export_id: RowId) -> Response:
    """The codes of an APPROVED export, to whoever asked for it, once: a line a code, computed while they are read.
    Content-Length tells how many bytes will come.
    """
    export, pieces = await serials.take_export(call, office.pepper, export_id=export_id)
    headers = {
        "content-disposition": "attachment",
        "content-length": str(export["bytes_count"]),
        "location": f"/v1/coupon-batches/{export['batch_id']}/exports",
    }
    return StreamingResponse(pieces, 201, headers, "text/csv; charset=utf-8")


@router.post("/coupon-series/{series}/import", openapi_extra=FILE)
@needs("coupons:issue", body_bytes_max=FILE_BYTES_MAX, timeout_s=FILE_TIMEOUT_S)
async def import_codes(
    call: CurrentCall,
    office: CurrentOffice,
    series: Id,
    request: Request,
    title: Annotated[str, Query(max_length=200)] = "",
    all_or_nothing: bool = False,
) -> schemas.ImportOut:
    """A batch of given codes, one `code` a row, as NDJSON or CSV; codes the series has already are left alone."""
    found = await read_rows(
        request, call.body, schemas.CodeIn, lambda row: row.code, key_path="code", rows_max=schemas.CODES_A_BATCH_MAX
    )
    batch_id, codes_count = await service.import_codes(
        call, office.pepper, series=series, title=title, found=found, all_or_nothing=all_or_nothing
    )
    return schemas.ImportOut(
        batch_id=batch_id,
        codes_count=codes_count,
        problems=found.told_problems(),
        feed_version=call.feed.version,
        **found.counts(),
    )


@router.get("/coupon-series/{series}/batches")
@needs("coupons:read")
async def list_batches(
    call: CurrentCall,
    series: Id,
    before: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    limit: PageSize = 100,
) -> schemas.BatchPage:
    """Batches of a series, newest first."""
    rows = await repository.BATCHES.list_of(call.connection, call.tenant, series, before, limit + 1)
    shown = [schemas.BatchOut(**row) for row in rows[:limit]]
    return schemas.BatchPage(batches=shown, next_before=shown[-1].batch_id if len(rows) > limit else None)


@router.get("/coupon-batches/{batch_id}")
@needs("coupons:read")
async def get_batch(call: CurrentCall, batch_id: RowId) -> schemas.BatchOut:
    """One batch, without its codes."""
    row = await repository.BATCHES.find(call.connection, call.tenant, batch_id)
    if row is None:
        raise CouponBatchUnknown(f"no batch {batch_id}", path="batch_id")
    return schemas.BatchOut(**row)


@router.put("/coupon-batches/{batch_id}/state")
@needs("coupons:write", timeout_s=FILE_TIMEOUT_S)
async def set_batch_state(call: CurrentCall, batch_id: RowId, body: schemas.StateIn) -> schemas.BatchOut:
    """Block every code of a batch, or let all of them be used again."""
    await service.set_batch_state(call, batch_id=batch_id, asked=body)
    return await get_batch(call, batch_id)


@router.get("/coupon-series/{series}/coupons")
@needs("coupons:read")
async def list_coupons(
    call: CurrentCall,
    office: CurrentOffice,
    series: Id,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    limit: PageSize = 100,
) -> schemas.CouponPage:
    """Codes of a series that the back office made, each with what has become of it, from the processing server."""
    shown, is_more = await service.list_codes(call, office.ops, series=series, after=after, limit=limit)
    return schemas.CouponPage(coupons=shown, next_after=shown[-1].code_id if is_more else None)


@router.get("/coupon-series/{series}/issued")
@needs("coupons:read")
async def list_issued(
    call: CurrentCall,
    office: CurrentOffice,
    series: Id,
    before_seq: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    limit: PageSize = 100,
) -> schemas.IssuedPage:
    """Codes of a series that receipts issued, newest first, each with what has become of it, from the processing
    server.
    """
    seq = await projected_seq(call.connection)
    shown = await service.list_issued(call, office.ops, series=series, before_seq=before_seq, limit=limit)
    more = len(shown) >= limit
    return schemas.IssuedPage(coupons=shown, projected_seq=seq, next_before_seq=shown[-1].seq if more else None)


@router.post("/coupons/find")
@needs("coupons:read", writes=True, once=False)
async def find_coupon(call: CurrentCall, office: CurrentOffice, body: schemas.CodeIn) -> schemas.FoundOut:
    """What a till would hear of this code now. A POST, so that it does not get into an address; audited."""
    return await service.find(call, office.pepper, office.ops, code=body.code)


@router.get("/coupons/{code_id}")
@needs("coupons:read")
async def get_coupon(call: CurrentCall, office: CurrentOffice, code_id: RowId) -> schemas.CouponOut:
    """One code by its id, without the code; what has become of it is from the processing server."""
    return await service.get_code(call, office.ops, code_id=code_id)


@router.put("/coupons/{code_id}/state")
@needs("coupons:write")
async def set_coupon_state(
    call: CurrentCall, office: CurrentOffice, code_id: RowId, body: schemas.StateIn
) -> schemas.CouponOut:
    """Block one code, or let it be used again."""
    await service.set_code_state(call, code_id=code_id, asked=body)
    return await service.get_changed_code(call, office.ops, code_id=code_id)
