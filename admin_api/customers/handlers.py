"""The HTTP face of customers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from altyn.admin_api.customers import schemas, service
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
