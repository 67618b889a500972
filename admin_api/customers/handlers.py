"""The HTTP face of customers, cards and segments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from altyn.admin_api.customers import repository, schemas, service
from altyn.admin_api.customers.errors import CardUnknown
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs

router = area_router("customers")

RowId = Annotated[int, Path(gt=0, lt=1 << 63)]


@router.post("/customers", status_code=201)
@needs("customers:write")
async def create_customer(
    call: CurrentCall, office: CurrentOffice, body: schemas.CustomerIn, response: Response
) -> schemas.CustomerOut:
    """A new customer with an account, and a card when one is given."""
    customer_id = await service.create_customer(call, office.pepper, asked=body)
    response.headers["location"] = f"/v1/customers/{customer_id}"
    return await service.read_customer(call, customer_id=customer_id)


@router.post("/customers/find")
@needs("customers:read", writes=True, once=False)
async def find_customer(call: CurrentCall, office: CurrentOffice, body: schemas.FindIn) -> schemas.FoundOut:
    """Who has this card number or phone, given in full. A POST, so that neither gets into an address; audited."""
    return await service.find(call, office.pepper, asked=body)


@router.get("/customers/{customer_id}")
@needs("customers:read")
async def get_customer(call: CurrentCall, customer_id: RowId) -> schemas.CustomerOut:
    """A customer without personal data."""
    return await service.read_customer(call, customer_id=customer_id)


@router.get("/customers/{customer_id}/personal")
@needs("customers:personal", writes=True, once=False)
async def get_personal(call: CurrentCall, customer_id: RowId) -> schemas.PersonalOut:
    """Name and phone; audited."""
    return schemas.PersonalOut(**await service.read_personal(call, customer_id=customer_id))


@router.delete("/customers/{customer_id}/personal", status_code=204)
@needs("customers:write")
async def erase_personal(call: CurrentCall, customer_id: RowId) -> Response:
    """Forget who the customer is: name, phone, and the keyed hash of the phone, past values too."""
    await service.erase(call, customer_id=customer_id)
    return Response(status_code=204)


@router.put("/customers/{customer_id}/segments")
@needs("customers:write")
async def set_segments(call: CurrentCall, customer_id: RowId, body: schemas.SegmentsIn) -> schemas.CustomerOut:
    """Make these the customer's segments."""
    await service.set_segments(call, customer_id=customer_id, segments=body.segments)
    return await service.read_customer(call, customer_id=customer_id)


@router.post("/cards", status_code=201)
@needs("customers:write")
async def issue_card(
    call: CurrentCall, office: CurrentOffice, body: schemas.CardIn, response: Response
) -> schemas.CardOut:
    """A new card: a customer's, or an anonymous one with an account of its own."""
    card_id = await service.issue_card(call, office.pepper, asked=body)
    response.headers["location"] = f"/v1/cards/{card_id}"
    return await get_card(call, card_id)


@router.get("/cards/{card_id}")
@needs("customers:read")
async def get_card(call: CurrentCall, card_id: RowId) -> schemas.CardOut:
    row = await repository.find_card(call.connection, call.tenant, card_id)
    if row is None:
        raise CardUnknown(f"no card {card_id}", path="card_id")
    return schemas.CardOut(**row)


@router.post("/cards/{card_id}/activate")
@needs("customers:write")
async def activate_card(call: CurrentCall, card_id: RowId) -> schemas.CardOut:
    """NEW or BLOCKED becomes ACTIVE."""
    await service.change_card(call, card_id=card_id, verb="activate")
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/block")
@needs("customers:write")
async def block_card(call: CurrentCall, card_id: RowId, body: schemas.BlockIn) -> schemas.CardOut:
    """NEW or ACTIVE becomes BLOCKED."""
    await service.change_card(call, card_id=card_id, verb="block", reason=body.reason)
    return await get_card(call, card_id)


@router.post("/cards/{card_id}/replace", status_code=201)
@needs("customers:write")
async def replace_card(
    call: CurrentCall, office: CurrentOffice, card_id: RowId, body: schemas.ReplaceIn
) -> schemas.CardOut:
    """Close the card and issue another on the same account; the answer is the new one."""
    new_id = await service.replace_card(call, office.pepper, card_id=card_id, number=body.number, reason=body.reason)
    return await get_card(call, new_id)


@router.get("/segments")
@needs("customers:read")
async def list_segments(call: CurrentCall) -> schemas.SegmentPage:
    """All segments with the number of their members."""
    rows = await repository.list_segments(call.connection, call.tenant)
    return schemas.SegmentPage(segments=[schemas.SegmentOut(**row) for row in rows])


@router.put("/segments/{segment}", status_code=204)
@needs("customers:write")
async def put_segment(call: CurrentCall, segment: Id, body: schemas.SegmentIn) -> Response:
    """Create a segment, or change its title."""
    await service.put_segment(call, segment=segment, title=body.title)
    return Response(status_code=204)


@router.post("/segments/{segment}/members")
@needs("customers:write")
async def change_members(call: CurrentCall, segment: Id, body: schemas.MembersIn) -> schemas.MembersOut:
    """Add and remove many customers at once; all or none."""
    changed = await service.change_members(call, segment=segment, add=body.add, remove=body.remove)
    return schemas.MembersOut(changed_count=changed, feed_version=call.feed.version)
