"""The HTTP face of gift cards."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.accounts.handlers import Seq, entry_page
from altyn.admin_api.accounts.schemas import EntryPage
from altyn.admin_api.edge.bulk import FILE_TIMEOUT_S
from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.once_file import CSV_FILE, csv_file
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.gift_cards import repository, runs, schemas, service

router = area_router("gift_cards")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]
Before = Annotated[int | None, Query(gt=0, lt=1 << 63)]


@router.get("/gift-card-series")
@needs("gift_cards:read")
async def list_series(call: CurrentCall) -> schemas.SeriesPage:
    """All gift card series with how many cards each has."""
    rows = await repository.list_series(call.connection, call.tenant)
    return schemas.SeriesPage(series=[schemas.SeriesOut(**row) for row in rows])


@router.get("/gift-card-series/{series}")
@needs("gift_cards:read")
async def get_series(call: CurrentCall, series: Id) -> schemas.SeriesOut:
    """One gift card series."""
    return schemas.SeriesOut(**await service.read_series(call, series=series))


@router.put("/gift-card-series/{series}")
@needs("gift_cards:write")
async def put_series(call: CurrentCall, series: Id, body: schemas.SeriesIn) -> schemas.SeriesOut:
    """Create a gift card series, or change it; BLOCKED stops all its cards. Its money is fixed once there are cards."""
    await service.put_series(call, series=series, asked=body)
    return await get_series(call, series)


@router.post("/gift-card-series/{series}/batches", status_code=201)
@needs("gift_cards:write")
async def order_batch(call: CurrentCall, series: Id, body: schemas.BatchIn, response: Response) -> schemas.BatchOut:
    """Order a print run. Somebody else has it made with POST /gift-card-batches/{batch_id}/issue."""
    batch_id = await service.order_batch(call, series=series, asked=body)
    response.headers["location"] = f"/v1/gift-card-batches/{batch_id}"
    return await get_batch(call, batch_id)


@router.get("/gift-card-series/{series}/batches")
@needs("gift_cards:read")
async def list_batches(
    call: CurrentCall, series: Id, before: Before = None, limit: PageSize = 100
) -> schemas.BatchPage:
    """Print runs of a series, newest first."""
    rows = await repository.BATCHES.list_of(call.connection, call.tenant, series, before, limit + 1)
    shown = [schemas.BatchOut(**row) for row in rows[:limit]]
    return schemas.BatchPage(batches=shown, next_before=shown[-1].batch_id if len(rows) > limit else None)


@router.get("/gift-card-batches/{batch_id}")
@needs("gift_cards:read")
async def get_batch(call: CurrentCall, batch_id: RowId) -> schemas.BatchOut:
    """One print run, without its numbers."""
    return schemas.BatchOut(**await runs.read_batch(call, batch_id=batch_id))


@router.post("/gift-card-batches/{batch_id}/issue", status_code=201, openapi_extra=CSV_FILE, response_class=Response)
@needs("gift_cards:issue", timeout_s=FILE_TIMEOUT_S)
async def issue_batch(call: CurrentCall, office: CurrentOffice, batch_id: RowId) -> Response:
    """Make a print run that somebody else ordered. Numbers and PINs are in this answer and nowhere else."""
    made = await service.issue_batch(call, office.pepper, batch_id=batch_id)
    return csv_file(("gift_card_id", "number", "pin"), made, location=f"/v1/gift-card-batches/{batch_id}")


@router.post("/gift-card-batches/{batch_id}/block")
@needs("gift_cards:unblock", timeout_s=FILE_TIMEOUT_S)
async def block_batch(call: CurrentCall, batch_id: RowId, body: schemas.ReasonIn) -> schemas.BatchOut:
    """Block every card of a print run that was made: none is sold or accepted, and what each has stays on it."""
    await runs.set_blocked(call, batch_id=batch_id, is_blocked=True, reason=body.reason)
    return await get_batch(call, batch_id)


@router.post("/gift-card-batches/{batch_id}/unblock")
@needs("gift_cards:unblock", timeout_s=FILE_TIMEOUT_S)
async def unblock_batch(call: CurrentCall, batch_id: RowId, body: schemas.ReasonIn) -> schemas.BatchOut:
    """The cards that were blocked with their run are what they were before; others stay blocked."""
    await runs.set_blocked(call, batch_id=batch_id, is_blocked=False, reason=body.reason)
    return await get_batch(call, batch_id)


@router.get("/gift-card-batches/{batch_id}/cards")
@needs("gift_cards:read")
async def list_cards(
    call: CurrentCall,
    batch_id: RowId,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    limit: PageSize = 100,
) -> schemas.CardPage:
    """Cards of a print run by id, without numbers and money."""
    rows = await repository.list_cards(call.connection, call.tenant, batch_id, after, limit + 1)
    shown = [schemas.CardRow(**row) for row in rows[:limit]]
    return schemas.CardPage(cards=shown, next_after=shown[-1].gift_card_id if len(rows) > limit else None)


@router.post("/gift-cards/find")
@needs("gift_cards:read", writes=True, once=False)
async def find_card(call: CurrentCall, office: CurrentOffice, body: schemas.FindIn) -> schemas.CardOut:
    """A card by its full number. A POST, so that it does not get into an address; audited."""
    return await service.find(call, office.pepper, office.ops, number=body.number)


@router.get("/gift-cards/{gift_card_id}")
@needs("gift_cards:read")
async def get_card(call: CurrentCall, office: CurrentOffice, gift_card_id: RowId) -> schemas.CardOut:
    """One card; its state and money are from the processing server."""
    return await service.card_now(office.ops, await service.read_card(call, gift_card_id=gift_card_id))


@router.get("/gift-cards/{gift_card_id}/entries")
@needs("gift_cards:read")
async def list_entries(
    call: CurrentCall, gift_card_id: RowId, before_seq: Seq = None, limit: PageSize = 100
) -> EntryPage:
    """Sale, payments, returns and expiry of a card, newest first."""
    row = await service.read_card(call, gift_card_id=gift_card_id)
    return await entry_page(call, row["account_id"], before_seq, limit)


@router.post("/gift-cards/{gift_card_id}/block")
@needs("gift_cards:block")
async def block_card(
    call: CurrentCall, office: CurrentOffice, gift_card_id: RowId, body: schemas.ReasonIn
) -> schemas.CardOut:
    """The card is neither sold nor accepted; what it has stays on it."""
    await service.set_blocked(call, gift_card_id=gift_card_id, is_blocked=True, reason=body.reason)
    return await service.get_changed_card(call, office.ops, gift_card_id=gift_card_id)


@router.post("/gift-cards/{gift_card_id}/unblock")
@needs("gift_cards:unblock")
async def unblock_card(
    call: CurrentCall, office: CurrentOffice, gift_card_id: RowId, body: schemas.ReasonIn
) -> schemas.CardOut:
    """The card is what it was before."""
    await service.set_blocked(call, gift_card_id=gift_card_id, is_blocked=False, reason=body.reason)
    return await service.get_changed_card(call, office.ops, gift_card_id=gift_card_id)
