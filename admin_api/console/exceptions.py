"""Exceptions: what registers told and the server could not simply apply, until a person has looked or decided."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.watch import Form, Listing, Row, act_on_one, is_behind, key_of, show_listing, tabs_of
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.exceptions import service
from altyn.admin_api.exceptions.schemas import DecideIn, ExceptionFilter, ExceptionOut, ResolveIn, State

ADDRESS = "/console/exceptions"
#: Those documented for people; another is asked for by its name in the address.
REASONS = (
    "NOT_RESERVED",
    "ALREADY_COMMITTED",
    "AMOUNT_DIFFERS",
    "COUPON_USED",
    "DEBT_BOOKED",
    "DUPLICATE_NUMBER",
    "EXTERNAL_DISCOUNT_EXCESS",
    "FRAUD_SUSPECTED",
    "GIFT_CARD_BLOCKED",
    "GIFT_CARD_NOT_NEW",
    "GIFT_CARD_SPENT",
    "GIFT_CARD_UNKNOWN",
    "HOLD_EXPIRED",
    "ISSUED_COUPON_USED",
    "NOT_APPLICABLE",
    "NOT_READJUDICATED",
    "NO_RECEIPT_LIMIT",
    "ORIGINAL_UNKNOWN",
    "ORIGINAL_VOIDED",
    "OVERSHOOT",
    "PARTIAL_RETURN_FORBIDDEN",
    "POINTS_SHORT",
    "RETURNED_MORE_THAN_SOLD",
    "RETURN_LINE_UNKNOWN",
    "RETURN_NOT_ALLOWED",
    "SKU_UNKNOWN",
    "SUM_MISMATCH",
    "TENDER_SHORT",
    "VOID_CONFLICT",
)
DECIDED = "NOT_RESERVED"
CHOICES = ("APPLY", "REJECT")

pages = Pages()


async def _rows(visit: Visit, given: dict[str, Any]) -> list[Row]:
    found = await service.list_exceptions(visit.call, asked=ExceptionFilter(**given))
    return [_row(visit, service.exception_out(row)) for row in found]


def _row(visit: Visit, one: ExceptionOut) -> Row:
    key, t = one.receipt, visit.t
    told = (t.word("exception.reason", one.reason), t.word("exception.kind", one.kind), key.store_id, key.register_id)
    return Row(one.exception_id, (*told, str(key.receipt_number), visit.shell.moment(one.recorded_at)), one.state)


LISTING = Listing(
    name="exceptions",
    address=ADDRESS,
    heads=("reason", "kind", "store_id", "register_id", "receipt_number", "recorded_at"),
    choices={"state": ("OPEN", "RESOLVED", "ALL"), "reason": REASONS, "store_id": None},
    rows=_rows,
)


@pages.get("/exceptions", "exceptions:read", Place.OWN)
async def show_exceptions(visit: Visit) -> Response:
    return await show_listing(visit, LISTING)


@pages.get("/exceptions/{key}", "exceptions:read", Place.OBJECT)
async def show_exception(visit: Visit) -> Response:
    return await _page(visit)


@pages.act("/exceptions/{key}/decide", "exceptions:decide", place=Place.OBJECT)
async def decide(visit: Visit) -> Response:
    """For good; what is more than one person decides alone waits for another who decides the same."""

    async def act() -> int:
        asked = DecideIn(apply=visit.field("choice") == "APPLY", note=visit.field("note").strip())
        made = await service.decide(visit.call, visit.office.ops, exception_id=key_of(visit), asked=asked)
        return made.journal_seq or 0

    return await _acted(visit, act)


@pages.act("/exceptions/{key}/resolve", "exceptions:write", place=Place.OBJECT)
async def resolve(visit: Visit) -> Response:
    async def act() -> int:
        note = ResolveIn(note=visit.field("note").strip()).note
        await service.resolve(visit.call, exception_id=key_of(visit), note=note)
        return 0

    return await _acted(visit, act)


@pages.act("/exceptions/{key}/reopen", "exceptions:write", place=Place.OBJECT)
async def reopen(visit: Visit) -> Response:
    async def act() -> int:
        note = ResolveIn(note=visit.field("note").strip()).note
        await service.reopen(visit.call, exception_id=key_of(visit), note=note)
        return 0

    return await _acted(visit, act)


async def _acted(visit: Visit, act: Any) -> Response:
    return await act_on_one(visit, f"{ADDRESS}/{key_of(visit)}", act, lambda refusal: _page(visit, refusal))


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response:
    one = await service.read_exception(visit.call, exception_id=key_of(visit))
    ask = await service.asked_of(visit.call, exception_id=one.exception_id)
    is_own_ask = ask is not None and ask["asked_by"] == visit.call.actor
    return visit.show(
        "exception.html",
        refusal.status_code if refusal else 200,
        tabs=tabs_of(visit),
        listing=LISTING,
        one=one,
        ask=ask,
        is_own_ask=is_own_ask,
        forms=[] if is_behind(visit) else _forms(visit, one, is_own_ask),
        is_behind=is_behind(visit),
        here=visit.shell.path,
        note=visit.field("note") if refusal else "",
        refusal=refusal,
    )


def _forms(visit: Visit, one: ExceptionOut, is_own_ask: bool) -> list[Form]:
    """What can be done about it, and is open to who looks."""
    if one.decided_seq is not None:
        return []
    if one.state is State.RESOLVED:
        return [Form("reopen")] if visit.shell.may("exceptions:write") else []
    if one.reason == DECIDED:
        choices = CHOICES[1:] if is_own_ask else CHOICES
        return [Form("decide", "choice", choices)] if visit.shell.may("exceptions:decide") else []
    return [Form("resolve")] if visit.shell.may("exceptions:write") else []
