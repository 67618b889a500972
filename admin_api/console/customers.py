"""Finding a customer: by a card number, a phone, a number or a family in full, never by a part.

A form that is posted, so that no key gets into an address or a log; every look is in the audit log. One who is found is
shown at once.
"""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.customer import ADDRESS, FINDING, tabs_of
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.value import number_of
from altyn.admin_api.customers import service
from altyn.admin_api.customers.schemas import FindIn, FoundOut
from altyn.admin_api.edge.problems import Refusal, invalid_from

KEYS = ("card_number", "phone", "customer_id", "family_id")
NUMBERS = ("customer_id", "family_id")

pages = Pages()


@pages.get("/customers", "customers:read")
async def show_form(visit: Visit) -> Response:
    return _page(visit)


@pages.look("/customers", "customers:read")
async def find(visit: Visit) -> Response:
    try:
        found = await service.find(visit.call, visit.office.pepper, asked=_asked(visit))
    except ValidationError as error:
        return _page(visit, refusal=invalid_from(RequestValidationError(error.errors())))
    except Refusal as refusal:
        return _page(visit, refusal=refusal)
    if len(found.customers) == 1:
        return visit.go(f"{ADDRESS}/{found.customers[0].customer_id}")
    return _page(visit, found)


def _asked(visit: Visit) -> FindIn:
    """Raises Invalid, ValidationError."""
    by, key = visit.field("by"), visit.field("key").strip()
    if by in NUMBERS:
        return FindIn.model_validate({by: number_of(key, "key")})
    return FindIn.model_validate({by if by in KEYS else "": key})


def _page(visit: Visit, found: FoundOut | None = None, refusal: Refusal | None = None) -> Response:
    return visit.show(
        "customers.html",
        refusal.status_code if refusal else 200,
        tabs=tabs_of(visit),
        listing=FINDING,
        keys=KEYS,
        typed=dict(visit.fields),
        found=found,
        refusal=refusal,
    )
