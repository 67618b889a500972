"""What is done to a customer from their page: an act is a button, a page with its form, and a function of the area.

The form says what will happen, keeps what was typed, and names field by field what is to be mended. It must never
decide anything: limits, other eyes and what is in order belong to the areas. A "no" that the processing server may not
have said for good, because its answer was lost, keeps the form's own key: sent again, it happens once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.accounts import service as accounts
from altyn.admin_api.accounts.schemas import AdjustmentIn, AdjustmentState, ConversionIn
from altyn.admin_api.assets.repository import list_assets, list_rates
from altyn.admin_api.cards import service as cards
from altyn.admin_api.cards.errors import CardUnknown
from altyn.admin_api.cards.schemas import AttachIn, ReasonIn, ReplaceIn
from altyn.admin_api.console.customer import Known, balance_of, known, known_as, number_in, require
from altyn.admin_api.console.pages import Page, Pages, Redrawn, Visit
from altyn.admin_api.console.value import Field, invalid_field, read_fields
from altyn.admin_api.customers import service as customers
from altyn.admin_api.customers.schemas import CardKind, CardOut, FindIn
from altyn.admin_api.edge.problems import Problem, Refusal, invalid_from, problem
from altyn.admin_api.families import service as families
from altyn.admin_api.families.schemas import LeaveIn, MergeIn

REASON = Field("reason")
ASSETS_MAX = 16
DIRECTIONS = ("GIVE", "TAKE")
#: Where a "no" of the processing server is told, when it names no field.
DECLINED_AT = {"RATE_UNKNOWN": "to_asset"}
#: Fields that the areas name otherwise than the forms.
TYPED_AS = {"expires.days": "expires_days"}

pages = Pages()

Fields = Callable[[Visit, Known], Awaitable[Sequence[Field]]]


@dataclass(frozen=True, slots=True)
class Act:
    """``do`` gets what was typed and tells what the page then says, perhaps with a place in the journal to wait for.
    ``fields``: those of the form, or a function that knows them; ``notes``: sentences over it.
    """

    name: str
    scope: str
    picture: str
    do: Callable[[Visit, Known, dict[str, Any]], Awaitable[str]]
    fields: tuple[Field, ...] | Fields = (REASON,)
    is_in_order: Callable[[Known], bool] = lambda who: True
    notes: Callable[[Visit, Known], Awaitable[list[str]]] | None = None
    #: Where the form goes; the act itself unless it is looked at first.
    goes_to: str = ""


@dataclass(frozen=True, slots=True)
class CardAct:
    """``do`` gets the card and what was typed."""

    name: str
    scope: str
    picture: str
    do: Callable[[Visit, CardOut, dict[str, Any]], Awaitable[object]]
    fields: tuple[Field, ...] = (REASON,)

    def is_in_order(self, card: CardOut) -> bool:
        return card.state in cards.STATES_OF[self.name]


def acts_of(visit: Visit, who: Known) -> list[Act]:
    """Those that are in order and open to who looks."""
    return [act for act in ACTS if visit.holds(act.scope) and act.is_in_order(who)]


def card_acts_of(visit: Visit, card: CardOut) -> list[str]:
    """Names of what can be done to a card, in order and open to who looks."""
    found = [act.name for act in CARD_ACTS if visit.holds(act.scope) and act.is_in_order(card)]
    if visit.holds("cards:token") and card.kind == CardKind.VIRTUAL and card.state in cards.STATES_OF["token"]:
        found.append("token")
    return found


# POINTS


async def _adjust(visit: Visit, who: Known, given: dict[str, Any]) -> str:
    """Given or taken at once, or asked for."""
    direction, days = given.pop("direction", ""), given.pop("expires_days", None)
    if direction not in DIRECTIONS:
        raise invalid_field("direction", "points are given or taken")
    if direction == "TAKE":
        if days is not None:
            raise invalid_field("expires_days", "points that are taken have no time of their own")
        given["points"] = -given.get("points", 0)
    if days is not None:
        given["expires"] = {"days": days}
    asked = AdjustmentIn(**given)
    made = await accounts.adjust(visit.call, visit.office.ops, account_id=who.account_id, asked=asked)
    return "asked" if made.state is AdjustmentState.ASKED else f"adjust&wait_seq={made.journal_seq}"


async def _limits(visit: Visit, who: Known) -> list[str]:
    """What a person gives without another's eyes; nothing about it to a program's key."""
    if visit.call.person is None:
        return []
    told = []
    for row in await list_assets(visit.call.connection, visit.call.tenant):
        asset, scale = row["asset"], row["scale"]
        if row["adjust_points_max"] is None:
            told.append(visit.t("customer.limit.none", asset=asset))
            continue
        told.append(visit.t("customer.limit.act", asset=asset, points=visit.t.decimal(row["adjust_points_max"], scale)))
        if row["adjust_day_points_max"] is not None:
            points = visit.t.decimal(row["adjust_day_points_max"], scale)
            told.append(visit.t("customer.limit.day", asset=asset, points=points))
    return told


async def _convert(visit: Visit, who: Known, given: dict[str, Any]) -> str:
    made = await accounts.convert(visit.call, visit.office.ops, account_id=who.account_id, asked=ConversionIn(**given))
    return f"convert&wait_seq={made.journal_seq}"


async def _rates(visit: Visit, who: Known) -> list[str]:
    assets = await list_assets(visit.call.connection, visit.call.tenant)
    scales = {row["asset"]: row["scale"] for row in assets}
    rows = await list_rates(visit.call.connection, visit.call.tenant, None)
    if not rows:
        return [visit.t("customer.no_rates")]
    return [
        visit.t(
            "customer.rate",
            points=visit.t.decimal(row["from_points"], scales.get(row["asset"], 0)),
            asset=row["asset"],
            to_points=visit.t.decimal(row["to_points"], scales.get(row["to_asset"], 0)),
            to_asset=row["to_asset"],
        )
        for row in rows
    ]


# FAMILY AND MERGE


async def _leave_fields(visit: Visit, who: Known) -> tuple[Field, ...]:
    """Points of each currency the family has, and of those that were typed: what was spent since is then told."""
    balance = await balance_of(visit, who.account_id)
    there = [] if balance is None else [one.asset for one in balance.balances if one.active_points > 0]
    typed = [name.removeprefix("points.") for name, text in visit.fields if name.startswith("points.") and text]
    assets = list(dict.fromkeys((*there, *typed)))[:ASSETS_MAX]
    return (*(Field(f"points.{asset}", "points", is_needed=False, asset=asset) for asset in assets), REASON)


async def _leave(visit: Visit, who: Known, given: dict[str, Any]) -> str:
    assert who.family is not None
    points = {name.removeprefix("points."): given.pop(name) for name in list(given) if name.startswith("points.")}
    asked = LeaveIn(**given, points={asset: one for asset, one in points.items() if one})
    mine = {"family_id": who.family.family_id, "customer_id": who.customer.customer_id}
    await families.leave(visit.call, visit.office.ops, asked=asked, **mine)
    return "leave"


async def _merge(visit: Visit, who: Known, given: dict[str, Any]) -> str:
    """Once the number of who will be gone was typed."""
    if visit.field("confirm").strip() != str(who.customer.customer_id):
        raise invalid_field("confirm", "the number of the customer who will be gone")
    await families.merge_customers(visit.call, customer_id=who.customer.customer_id, asked=MergeIn(**given))
    return "merge"


@pages.get("/customers/{customer_id}/merge/preview", "families:write")
async def back_to_merge(visit: Visit) -> Response:
    return visit.go(f"{(await known(visit)).address}/merge")


@pages.ask("/customers/{customer_id}/merge/preview", "families:write")
async def preview_merge(visit: Visit) -> Response:
    """Both of them side by side, before anything is done."""
    require(visit, "customers:read")
    who = await known(visit)
    return await _tried(visit, MERGE, who, partial(_preview, visit, who))


async def _preview(visit: Visit, who: Known, refusal: Refusal | None = None) -> Response:
    asked = MergeIn(**await read_fields(visit, MERGE_FIELDS))
    await families.check_merge(
        visit.call, customer_id=who.customer.customer_id, into_customer_id=asked.into_customer_id
    )
    kept = await known_as(visit, asked.into_customer_id)
    both, sees = (who, kept), visit.holds("accounts:read")
    wrong, rest = told_at(visit, refusal, ("confirm",))
    return visit.show(
        "customer_merge.html",
        refusal.status_code if refusal else 200,
        who=who,
        act=MERGE,
        both=both,
        balances=[await balance_of(visit, one.account_id) if sees else None for one in both],
        typed=dict(visit.fields),
        wrong=wrong,
        refusal=rest,
    )


# CARDS


async def _attach(visit: Visit, who: Known, given: dict[str, Any]) -> str:
    """An anonymous card, found by its number."""
    found = await customers.find(
        visit.call, visit.office.pepper, asked=FindIn.model_validate({"card_number": given.get("card_number", "")})
    )
    if found.card is None:
        raise CardUnknown("no card has this number", path="card_number")
    asked = AttachIn(customer_id=who.customer.customer_id)
    await cards.attach(visit.call, visit.office.ops, card_id=found.card.card_id, customer_id=asked.customer_id)
    return "attach"


async def _change(verb: str, visit: Visit, card: CardOut, given: dict[str, Any]) -> None:
    await cards.change_card(visit.call, card_id=card.card_id, verb=verb, reason=ReasonIn(**given).reason)


async def _activate(visit: Visit, card: CardOut, given: dict[str, Any]) -> None:
    await cards.change_card(visit.call, card_id=card.card_id, verb="activate")


async def _replace(visit: Visit, card: CardOut, given: dict[str, Any]) -> None:
    asked = ReplaceIn(**given)
    await cards.replace_card(
        visit.call, visit.office.pepper, card_id=card.card_id, number=asked.number, reason=asked.reason
    )


@pages.ask("/customers/{customer_id}/cards/{card_id}/token", "cards:token")
async def show_token(visit: Visit) -> Response:
    """What an app would show of a virtual card, for a minute; nothing is kept of it."""
    require(visit, "customers:read")
    who = await known(visit)
    card = who.card(number_in(visit, "card_id"))
    token, expires_at = await cards.make_token(visit.call, visit.office.pepper, card_id=card.card_id)
    return visit.show("customer_token.html", who=who, card=card, token=token, expires_at=expires_at)


# THE TABLES

MERGE_FIELDS = (Field("into_customer_id", "number"), REASON)
MERGE = Act(
    "merge",
    "families:write",
    "stack-2",
    _merge,
    MERGE_FIELDS,
    is_in_order=lambda who: who.family is None,
    goes_to="merge/preview",
)
ACTS = (
    Act(
        "adjust",
        "accounts:adjust",
        "coins",
        _adjust,
        (
            Field("direction", "choice", DIRECTIONS),
            Field("asset", "choice"),
            Field("points", "points"),
            Field("expires_days", "number", is_needed=False),
            REASON,
        ),
        notes=_limits,
    ),
    Act(
        "convert",
        "accounts:convert",
        "refresh",
        _convert,
        (Field("asset", "choice"), Field("to_asset", "choice"), Field("points", "points"), REASON),
        notes=_rates,
    ),
    Act(
        "leave",
        "families:write",
        "logout",
        _leave,
        _leave_fields,
        is_in_order=lambda who: who.member == "MEMBER" and not who.is_head,
    ),
    MERGE,
    Act("attach", "customers:write", "plus", _attach, (Field("card_number"),)),
)
CARD_ACTS = (
    CardAct("activate", "customers:write", "check", _activate, ()),
    CardAct("block", "cards:block", "circle-x", partial(_change, "block")),
    CardAct("unblock", "cards:unblock", "circle-check", partial(_change, "unblock")),
    CardAct("replace", "cards:block", "copy", _replace, (Field("number"), REASON)),
    CardAct("close", "customers:write", "archive", partial(_change, "close")),
)
#: What the customer's page says when it was done.
DONE = frozenset({*(act.name for act in ACTS), *(act.name for act in CARD_ACTS), "asked", "merged"})


# THE FORMS


async def _show(act: Act, visit: Visit) -> Response:
    require(visit, "customers:read")
    return await _form(visit, act, await known(visit))


async def _act(act: Act, visit: Visit) -> Response:
    require(visit, "customers:read")
    who = await known(visit)

    async def do() -> Response:
        given = await read_fields(visit, await _fields(visit, act, who))
        return visit.go(f"{who.address}?done={await act.do(visit, who, given)}")

    return await _tried(visit, act, who, do)


async def _show_card(act: CardAct, visit: Visit) -> Response:
    require(visit, "customers:read")
    who = await known(visit)
    return await _form(visit, act, who, who.card(number_in(visit, "card_id")))


async def _act_on_card(act: CardAct, visit: Visit) -> Response:
    require(visit, "customers:read")
    who = await known(visit)
    card = who.card(number_in(visit, "card_id"))

    async def do() -> Response:
        await act.do(visit, card, await read_fields(visit, act.fields))
        return visit.go(f"{who.address}?done={act.name}")

    return await _tried(visit, act, who, do, card)


async def _tried(
    visit: Visit, act: Act | CardAct, who: Known, do: Callable[[], Awaitable[Response]], card: CardOut | None = None
) -> Response:
    """Do it; a "no" is told over the form, with what was typed, and leaves nothing behind."""
    try:
        async with visit.call.connection.transaction():
            return await do()
    except ValidationError as error:
        refusal: Refusal = invalid_from(RequestValidationError(error.errors()))
    except Refusal as found:
        refusal = found
    if act is MERGE and refusal.path == "confirm":
        raise Redrawn(await _preview(visit, who, refusal))
    raise Redrawn(await _form(visit, act, who, card, refusal))


async def _fields(visit: Visit, act: Act | CardAct, who: Known) -> Sequence[Field]:
    return act.fields if isinstance(act.fields, tuple) else await act.fields(visit, who)


async def _form(
    visit: Visit, act: Act | CardAct, who: Known, card: CardOut | None = None, refusal: Refusal | None = None
) -> Response:
    fields = await _fields(visit, act, who)
    assets = await list_assets(visit.call.connection, visit.call.tenant)
    named = [row["asset"] for row in assets]
    wrong, rest = told_at(visit, refusal, [one.name for one in fields])
    notes = await act.notes(visit, who) if isinstance(act, Act) and act.notes else []
    place = f"{who.address}/cards/{card.card_id}" if card else who.address
    return visit.show(
        "customer_act.html",
        refusal.status_code if refusal else 200,
        who=who,
        act=act,
        card=card,
        fields=fields,
        options={"asset": named, "to_asset": named},
        notes=notes,
        typed=dict(visit.fields) if refusal else {},
        wrong=wrong,
        refusal=rest,
        address=f"{place}/{(isinstance(act, Act) and act.goes_to) or act.name}",
        once_key=kept_key(visit, refusal),
    )


def kept_key(visit: Visit, refusal: Refusal | None) -> str:
    """The form's own key, when it is not known whether what was asked for has happened."""
    return visit.field("once") if refusal is not None and refusal.status_code >= 500 else ""


def told_at(visit: Visit, refusal: Refusal | None, names: Sequence[str]) -> tuple[dict[str, str], Refusal | None]:
    """What is to be mended, by field; and the refusal when it is about something else too."""
    if refusal is None:
        return {}, None
    wrong: dict[str, str] = {}
    problems = refusal.problems or (problem(refusal.path, refusal.reason, refusal.message),)
    is_elsewhere = False
    for one in problems:
        name = TYPED_AS.get(one["path"], one["path"]) or DECLINED_AT.get(
            one["code"], "points" if visit.t.has(_wrong(one)) else ""
        )
        if name in names:
            wrong.setdefault(name, _told(visit, one, name))
        else:
            is_elsewhere = True
    return wrong, refusal if is_elsewhere else None


def _wrong(one: Problem) -> str:
    return f"customer.wrong.{one['code']}"


def _told(visit: Visit, one: Problem, name: str) -> str:
    """A sentence about the code, else about what the field takes."""
    keys = (_wrong(one), f"refused.reason.{one['code']}", f"customer.mend.{name.partition('.')[0]}")
    return next((visit.t(key) for key in keys if visit.t.has(key)), one["message"])


def _route(path: str, act: Act | CardAct, show: Page, do: Page) -> None:
    pages.get(path, act.scope)(show)
    pages.act(path, act.scope)(do)


for _one in ACTS:
    _route(f"/customers/{{customer_id}}/{_one.name}", _one, partial(_show, _one), partial(_act, _one))
for _each in CARD_ACTS:
    _place = f"/customers/{{customer_id}}/cards/{{card_id}}/{_each.name}"
    _route(_place, _each, partial(_show_card, _each), partial(_act_on_card, _each))
