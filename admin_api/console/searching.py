"""The search box: pages by their names, promotions by name or id, receipts and customers by an exact key.

Each kind is found by whoever has the right to it. What is typed may be a card number or a phone: it travels in bodies
only, never in an address, and a customer is looked up when that is asked for, not while somebody types; the look-up is
audited.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.customer import ADDRESS
from altyn.admin_api.console.navigation import MENUS
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.customers import service as customers
from altyn.admin_api.customers.schemas import CustomerOut, FindIn
from altyn.admin_api.edge.problems import NotFound
from altyn.admin_api.promotions.handlers import list_promotions
from altyn.admin_api.receipts import repository as receipts

FOUND_MAX = 8
PAGES_MAX = 4
TEXT_CHARS_MAX = 100
DIGITS_MIN, DIGITS_MAX = 4, 18

pages = Pages()


@pages.ask("/search", "own:read")
async def search(visit: Visit) -> Response:
    """What the search box shows while somebody types."""
    text = visit.field("text").strip()[:TEXT_CHARS_MAX]
    text = text if text.isprintable() else ""
    found = []
    if visit.shell.may("promotions:read"):
        found = (await list_promotions(visit.call, text=text or None, limit=FOUND_MAX)).promotions
    return visit.show(
        "search_found.html",
        found=found,
        places=_places(visit, text),
        receipt=await _receipt(visit, text),
        asks_customer=visit.shell.may("customers:read") and _is_key(text),
        text=text,
    )


@pages.act("/search/customer", "customers:read")
async def find_customer(visit: Visit) -> Response:
    """Who has exactly this card number, phone or id; on to the one, or the few who share it. Raises NotFound."""
    found = await _customers(visit, visit.field("text").strip()[:TEXT_CHARS_MAX])
    if not found:
        raise NotFound("no customer has this card number, phone or id", path="text")
    if len(found) == 1:
        return visit.go(f"{ADDRESS}/{found[0].customer_id}")
    return visit.show("search_customers.html", found=found)


def _places(visit: Visit, text: str) -> list[tuple[str, str]]:
    """Names and addresses of pages."""
    named = [(visit.t(one.text), one.address) for menu in MENUS for one in menu.entries if visit.shell.may(one.reads)]
    return [one for one in named if text and text.casefold() in one[0].casefold()][:PAGES_MAX]


async def _receipt(visit: Visit, text: str) -> int | None:
    """The place in the journal of a receipt in reach, by it or by the operation's id."""
    visitor, call = visit.shell.visitor, visit.call
    if visitor is None or not visitor.may("receipts:read"):
        return None
    try:
        seq = await receipts.find_seq(call.connection, UUID(text).bytes)
    except ValueError:
        seq = int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX else None
    if seq is None:
        return None
    reach = visitor.caller.rights["receipts:read"]
    found = await receipts.latest(call.connection, call.tenant, reach, seq + 1, 1)
    return seq if found and found[0]["seq"] == seq else None


def _is_key(text: str) -> bool:
    """May it be all of a card number, a phone or an id."""
    return text.isascii() and (text.isdecimal() or sum(map(str.isdecimal, text)) >= DIGITS_MIN)


async def _customers(visit: Visit, text: str) -> list[CustomerOut]:
    """By the card number, else the phone, else the id."""
    for name in ("card_number", "phone"):
        try:
            asked = FindIn.model_validate({name: text})
        except ValidationError:
            continue
        if found := (await customers.find(visit.call, visit.office.pepper, asked=asked)).customers:
            return found
    if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX:
        return await customers.read_customers(visit.call, customer_ids=[int(text)])
    return []
