"""One act on the promotions that were picked in the list: a page that asks once more, a page that says what happened.

Each act has its own address and its own right. A double submit gets the first page again: nothing happens twice.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import asyncpg
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.console.reviewing import SCOPES, acts_in_order, turns_of
from altyn.admin_api.console.value import number_of
from altyn.admin_api.edge.problems import Refusal, invalid_from
from altyn.admin_api.promotions.repository import find_promotions
from altyn.admin_api.publishing.many import PROMOTIONS_MAX, TOGETHER, TURNS, Given, Pick, act_on_many
from altyn.admin_api.publishing.schemas import RejectIn, SuspendIn

ACT_TIMEOUT_S = 300.0
WRITES = "promotions:write"
#: Acts by their names, with the right each needs.
ACTS = {**SCOPES, **dict.fromkeys(TURNS, WRITES)}
REASONS = {"reject": RejectIn, "suspend": SuspendIn}

pages = Pages()


def open_acts(visit: Visit) -> list[str]:
    """What the visitor may do at all; only a key switches on without a review."""
    closed = {"activate"} if visit.call.person else set()
    return [act for act, scope in ACTS.items() if scope in visit.call.scopes and act not in closed]


async def _ask(act: str, visit: Visit) -> Response:
    """Which ones, and whether each is in order."""
    picked = list(dict.fromkeys(value[:64] for value in visit.request.query_params.getlist("pick")))
    return await _asked(act, visit, picked[: PROMOTIONS_MAX + 1])


async def _asked(act: str, visit: Visit, picked: list[str], refusal: Refusal | None = None) -> Response:
    rows = await find_promotions(visit.call.connection, visit.call.tenant, [one for one in picked if "\0" not in one])
    return visit.show(
        "bulk.html",
        refusal.status_code if refusal else 200,
        act=act,
        rows=[(row, Outline(row["document"], visit.t), _is_in_order(visit, act, row)) for row in rows],
        count_max=PROMOTIONS_MAX,
        asks_reason=act in REASONS,
        asks_emergency=act == "suspend",
        makes_release=act in TOGETHER,
        refusal=refusal,
        typed=dict(visit.fields),
    )


def _is_in_order(visit: Visit, act: str, row: asyncpg.Record) -> bool:
    return TURNS[act] in turns_of(visit, row) if act in TURNS else act in acts_in_order(visit, row)


async def _do(act: str, visit: Visit) -> Response:
    """Each by itself, in savepoints of one transaction; what was refused is told beside what was done."""
    values = [value for name, value in visit.fields if name == "pick"]
    try:
        picks = [_pick(value) for value in values[: PROMOTIONS_MAX + 1]]
        given = _given(act, visit)
        done, made = await act_on_many(visit.call, visit.office.compiler, act=act, picks=picks, given=given)
    except Refusal as refusal:
        names = [value.partition(" ")[2][:64] for value in values[: PROMOTIONS_MAX + 1]]
        raise Redrawn(await _asked(act, visit, names, refusal)) from None
    names = [one.promotion_id for one in done]
    rows = {row["promotion_id"]: row for row in await find_promotions(visit.call.connection, visit.call.tenant, names)}
    outlines = {name: Outline(row["document"], visit.t) for name, row in rows.items()}
    return visit.show("bulk_done.html", act=act, done=done, made=made, rows=rows, outlines=outlines)


def _pick(text: str) -> Pick:
    """``revision id``. Raises Invalid."""
    revision, _, promotion_id = text.partition(" ")
    return Pick(promotion_id[:64].replace("\0", ""), number_of(revision, "pick"))


def _given(act: str, visit: Visit) -> Given:
    """What was typed, by the rules of the JSON call. Raises Invalid."""
    if act not in REASONS:
        return Given()
    typed: dict[str, Any] = {"reason": visit.field("reason").strip()}
    if act == "suspend":
        typed["emergency"] = visit.field("emergency") == "1"
    try:
        return Given(**REASONS[act](**typed).model_dump())
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None


for _name, _scope in ACTS.items():
    pages.get(f"/promotion-acts/{_name}", _scope)(partial(_ask, _name))
    pages.act(f"/promotion-acts/{_name}", _scope, ACT_TIMEOUT_S)(partial(_do, _name))
