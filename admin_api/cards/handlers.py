"""The HTTP face of cards, their series and print runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from altyn.admin_api.cards import repository, runs, schemas, service
from altyn.admin_api.cards.errors import CardSeriesUnknown, CardUnknown
from altyn.admin_api.customers.schemas import CardOut
from altyn.admin_api.edge.bulk import FILE_TIMEOUT_S
from altyn.admin_api.edge.fields import Id, PageSize
from altyn.admin_api.edge.once_file import CSV_FILE, csv_file
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs

router = area_router("cards")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]
OptionalId = Annotated[int | None, Query(gt=0, lt=1 << 63)]


@router.get("/cards")
@needs("customers:read")
async def list_cards(
    call: CurrentCall,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    series: Annotated[str | None, Query(max_length=64)] = None,
    state: schemas.CardStates | None = None,
    customer_id: OptionalId = None,
    batch_id: OptionalId = None,
    limit: PageSize = 100,
) -> schemas.CardPage:
    """Cards by id, of a series, a print run, a state or a customer."""
    rows = await repository.list_cards(
        call.connection, call.tenant, after, series, state, customer_id, batch_id, limit + 1
    )
    shown = [CardOut(**row) for row in rows[:limit]]
    return schemas.CardPage(cards=shown, next_after=shown[-1].card_id if len(rows) > limit else None)


@router.post("/cards", status_code=201)
@needs("customers:write")
async def issue_card(call: CurrentCall, office: CurrentOffice, body: schemas.CardIn, response: Response) -> CardOut:
    """A new card: a customer's, or an anonymous one with an account of its own."""
    card_id = await service.issue_card(call, office.pepper, asked=body)
    response.headers["location"] = f"/v1/cards/{card_id}"
    return await get_card(call, card_id)


@router.get("/cards/{card_id}")
@needs("customers:read")
async def get_card(call: CurrentCall, card_id: RowId) -> CardOut:
    """One card, without its number."""
    row = await repository.find_card(call.connection, call.tenant, card_id)
    if row is None:
        raise CardUnknown(f"no card {card_id}", path="card_id")
    return CardOut(**row)


@router.post("/cards/{card_id}/activate")
@needs("customers:write")
async def activate_card(call: CurrentCall, card_id: RowId) -> CardOut:
    """NEW becomes ACTIVE."""
    await service.change_card(call, card_id=card_id, verb="activate")
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/block")
@needs("cards:block")
async def block_card(call: CurrentCall, card_id: RowId, body: schemas.ReasonIn) -> CardOut:
    """NEW or ACTIVE becomes BLOCKED."""
    await service.change_card(call, card_id=card_id, verb="block", reason=body.reason)
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/unblock")
@needs("cards:unblock")
async def unblock_card(call: CurrentCall, card_id: RowId, body: schemas.ReasonIn) -> CardOut:
    """BLOCKED becomes what it was before."""
    await service.change_card(call, card_id=card_id, verb="unblock", reason=body.reason)
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/close")
@needs("customers:write")
async def close_card(call: CurrentCall, card_id: RowId, body: schemas.ReasonIn) -> CardOut:
    """The card is CLOSED for good; its account keeps its points."""
    await service.change_card(call, card_id=card_id, verb="close", reason=body.reason)
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/attach")
@needs("customers:write")
async def attach_card(call: CurrentCall, office: CurrentOffice, card_id: RowId, body: schemas.AttachIn) -> CardOut:
    """Give an anonymous card to a customer. One whose own account holds points is registered with POST /customers."""
    await service.attach(call, office.ops, card_id=card_id, customer_id=body.customer_id)
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/token")
@needs("cards:token", writes=False)
async def make_token(call: CurrentCall, office: CurrentOffice, card_id: RowId) -> schemas.TokenOut:
    """A token of a virtual card, which lives for at most a minute and pays once. Nothing is kept of it."""
    token, expires_at = await service.make_token(call, office.pepper, card_id=card_id)
    return schemas.TokenOut(token=token, expires_at=expires_at)


@router.post("/cards/{card_id}/replace", status_code=201)
@needs("cards:block")
async def replace_card(call: CurrentCall, office: CurrentOffice, card_id: RowId, body: schemas.ReplaceIn) -> CardOut:
    """Close the card and issue another on the same account; the answer is the new one."""
    new_id = await service.replace_card(call, office.pepper, card_id=card_id, number=body.number, reason=body.reason)
    return await get_card(call, new_id)


@router.get("/card-series")
@needs("customers:read")
async def list_series(call: CurrentCall) -> schemas.SeriesPage:
    """All card series with the number of their cards by state."""
    counts = await repository.count_cards(call.connection, call.tenant)
    rows = await repository.list_series(call.connection, call.tenant)
    return schemas.SeriesPage(series=[schemas.SeriesOut(**row, cards=counts.get(row["series"], {})) for row in rows])


@router.get("/card-series/{series}")
@needs("customers:read")
async def get_series(call: CurrentCall, series: Id) -> schemas.SeriesOut:
    """One card series with the number of its cards by state."""
    row = await repository.find_series(call.connection, call.tenant, series)
    if row is None:
        raise CardSeriesUnknown(f"no card series {series}", path="series")
    counts = await repository.count_cards(call.connection, call.tenant, series)
    return schemas.SeriesOut(**row, cards=counts.get(series, {}))


@router.put("/card-series/{series}")
@needs("cards:issue")
async def put_series(call: CurrentCall, series: Id, body: schemas.SeriesIn) -> schemas.SeriesOut:
    """Create a card series, or change how its next cards are numbered."""
    await service.put_series(call, series=series, values=body.model_dump(mode="json"))
    return await get_series(call, series)


@router.post("/card-series/{series}/batches", status_code=201, openapi_extra=CSV_FILE, response_class=Response)
@needs("cards:issue", timeout_s=FILE_TIMEOUT_S)
async def issue_batch(call: CurrentCall, office: CurrentOffice, series: Id, body: schemas.BatchIn) -> Response:
    """A print run of anonymous NEW cards. Their numbers are in this answer and nowhere else."""
    batch_id, numbers = await service.issue_batch(call, office.pepper, series=series, asked=body)
    return csv_file(("card_id", "card_number"), numbers, location=f"/v1/cards?batch_id={batch_id}")


@router.get("/card-series/{series}/batches")
@needs("customers:read")
async def list_batches(
    call: CurrentCall, series: Id, before: OptionalId = None, limit: PageSize = 100
) -> schemas.BatchPage:
    """Print runs of a series, newest first."""
    rows = await repository.BATCHES.list_of(call.connection, call.tenant, series, before, limit + 1)
    shown = [schemas.BatchOut(**row) for row in rows[:limit]]
    return schemas.BatchPage(batches=shown, next_before=shown[-1].batch_id if len(rows) > limit else None)


@router.get("/card-batches/{batch_id}")
@needs("customers:read")
async def get_batch(call: CurrentCall, batch_id: RowId) -> schemas.BatchOut:
    """One print run, without its numbers."""
    return schemas.BatchOut(**await runs.read_batch(call, batch_id=batch_id))


@router.post("/card-batches/{batch_id}/block")
@needs("cards:unblock", timeout_s=FILE_TIMEOUT_S)
async def block_batch(call: CurrentCall, batch_id: RowId, body: schemas.ReasonIn) -> schemas.BatchOut:
    """Block every NEW or ACTIVE card of a print run."""
    await runs.set_blocked(call, batch_id=batch_id, is_blocked=True, reason=body.reason)
    return await get_batch(call, batch_id)


@router.post("/card-batches/{batch_id}/unblock")
@needs("cards:unblock", timeout_s=FILE_TIMEOUT_S)
async def unblock_batch(call: CurrentCall, batch_id: RowId, body: schemas.ReasonIn) -> schemas.BatchOut:
    """The cards that were blocked with their run are what they were before; others stay blocked."""
    await runs.set_blocked(call, batch_id=batch_id, is_blocked=False, reason=body.reason)
    return await get_batch(call, batch_id)
