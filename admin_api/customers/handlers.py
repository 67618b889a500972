"""The HTTP face of customers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response

from altyn.admin_api.cards.service import require_customer
from altyn.admin_api.catalogue.schemas import ImportOut
from altyn.admin_api.customers import grants, schemas, service
from altyn.admin_api.edge.bulk import FILE, FILE_BYTES_MAX, FILE_TIMEOUT_S, read_rows
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs

router = area_router("customers")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]


@router.post("/customers", status_code=201)
@needs("customers:write")
async def create_customer(
    call: CurrentCall, office: CurrentOffice, body: schemas.CustomerIn, response: Response
) -> schemas.CustomerOut:
    """A new customer with an account, and a card when one is given. `registers_card_id`: an anonymous card, whose
    account and points become the customer's.
    """
    customer_id = await service.create_customer(call, office.pepper, asked=body)
    response.headers["location"] = f"/v1/customers/{customer_id}"
    return await service.read_customer(call, customer_id=customer_id)


@router.post("/customers/find")
@needs("customers:read", writes=True, once=False)
async def find_customer(call: CurrentCall, office: CurrentOffice, body: schemas.FindIn) -> schemas.FoundOut:
    """Who has this card number, phone or number, or is in this family, given in full. A POST, so that nothing of it
    gets into an address; audited.
    """
    return await service.find(call, office.pepper, asked=body)


@router.get("/customers/{customer_id}")
@needs("customers:read")
async def get_customer(call: CurrentCall, customer_id: RowId) -> schemas.CustomerOut:
    """A customer without personal data."""
    return await service.read_customer(call, customer_id=customer_id)


@router.get("/customers/{customer_id}/personal")
@needs("customers:personal", writes=True, once=False)
async def get_personal(call: CurrentCall, customer_id: RowId) -> schemas.PersonalOut:
    """Name, phone and birthday; audited."""
    return schemas.PersonalOut(**await service.read_personal(call, customer_id=customer_id))


@router.delete("/customers/{customer_id}/personal", status_code=204)
@needs("customers:write")
async def erase_personal(call: CurrentCall, customer_id: RowId) -> Response:
    """Forget who the customer is: name, phone and its keyed hash, birthday, favourites and grants, past values too."""
    await service.erase(call, customer_id=customer_id)
    return Response(status_code=204)


@router.put("/customers/{customer_id}/segments")
@needs("customers:write")
async def set_segments(call: CurrentCall, customer_id: RowId, body: schemas.SegmentsIn) -> schemas.CustomerOut:
    """Make these the customer's segments."""
    await service.set_segments(call, customer_id=customer_id, segments=body.segments)
    return await service.read_customer(call, customer_id=customer_id)


@router.put("/customers/{customer_id}/birthday")
@needs("customers:write")
async def set_birthday(call: CurrentCall, customer_id: RowId, body: schemas.BirthdayIn) -> schemas.CustomerOut:
    """Month and day of the customer's birthday, or null."""
    await service.set_birthday(call, customer_id=customer_id, mmdd=body.mmdd)
    return await service.read_customer(call, customer_id=customer_id)


@router.get("/customers/{customer_id}/favourites")
@needs("customers:read")
async def get_favourites(call: CurrentCall, customer_id: RowId) -> schemas.FavouritesOut:
    """The customer's favourite categories."""
    return schemas.FavouritesOut(favourites=(await require_customer(call, customer_id))["favourites"])


@router.put("/customers/{customer_id}/favourites")
@needs("customers:write")
async def set_favourites(call: CurrentCall, customer_id: RowId, body: schemas.FavouritesIn) -> schemas.CustomerOut:
    """Make these the customer's favourite categories."""
    await service.set_favourites(call, customer_id=customer_id, favourites=body.favourites)
    return await service.read_customer(call, customer_id=customer_id)


@router.get("/customers/{customer_id}/grants")
@needs("customers:read")
async def list_grants(call: CurrentCall, customer_id: RowId) -> schemas.GrantsOut:
    """Promotions given to the customer."""
    return schemas.GrantsOut(grants=await grants.grants_of(call, customer_id=customer_id))


@router.put("/customers/{customer_id}/grants/{promotion_id}")
@needs("segments:write", once=False)
async def put_grant(call: CurrentCall, customer_id: RowId, promotion_id: Id, body: schemas.GrantIn) -> schemas.GrantOut:
    """Give a promotion to the customer, or change its times and goods."""
    return await grants.put_grant(call, customer_id=customer_id, promotion_id=promotion_id, asked=body)


@router.delete("/customers/{customer_id}/grants/{promotion_id}", status_code=204)
@needs("segments:write")
async def delete_grant(call: CurrentCall, customer_id: RowId, promotion_id: Id) -> Response:
    """Take a promotion back from the customer."""
    await grants.take_back(call, customer_id=customer_id, promotion_id=promotion_id)
    return Response(status_code=204)


@router.post("/promotions/{promotion_id}/grants/import", openapi_extra=FILE)
@needs("segments:write", body_bytes_max=FILE_BYTES_MAX, timeout_s=FILE_TIMEOUT_S)
async def import_grants(
    call: CurrentCall, request: Request, promotion_id: Id, all_or_nothing: bool = False
) -> ImportOut:
    """Give a promotion to a list of customers: NDJSON, or CSV with a header."""
    found = await read_rows(request, call.body, schemas.GrantRow, lambda row: row.customer_id, key_path="customer_id")
    changed_count = await grants.import_grants(call, found, promotion_id=promotion_id, all_or_nothing=all_or_nothing)
    return ImportOut(
        rows_count=found.rows_count,
        changed_count=changed_count,
        wrong_count=found.wrong_count,
        problems=found.told_problems(),
        feed_version=call.feed.version,
    )
