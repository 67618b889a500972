"""Guard rails of publishing: how they hold, how they are to be, and what they have stopped.

One proposes, another approves; ``altyn.admin_api.rails.service`` decides. Shares are typed in percent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Redrawn, Visit, local_path
from altyn.admin_api.console.trying import MONEY, decimal_of
from altyn.admin_api.console.value import number_of
from altyn.admin_api.edge.problems import Invalid, Problem, Refusal, invalid_from
from altyn.admin_api.rails import repository, service
from altyn.admin_api.rails.schemas import AlertOut, ChangeOut, ChangeState, ProposeIn, Rails

ADDRESS = "/console/rails"
CHANGES_MAX = 20
ALERTS_MAX = 50
PERCENT_DIGITS = 4  # a millionth is a ten-thousandth of a percent
PERCENT = re.compile(r"(\d{1,3})(?:[.,](\d{1,4}))?")
COUNT = re.compile(r"(\d{1,5})()")
#: Each rail with how it is typed.
FIELDS = {
    "receipt_discount_max_ppm": "percent",
    "price_floor_ppm": "percent",
    "hour_budget_minor": "money",
    "ratio_times_max": "count",
    "ratio_least_ppm": "percent",
    "receipts_least_count": "count",
    "budget_alert_ppm": "percent",
}

pages = Pages()


@pages.get("/rails", "promotions:read")
async def show_rails(visit: Visit) -> Response:
    return await _page(visit)


@pages.act("/rails", "rails:write")
async def propose(visit: Visit) -> Response:
    """The rails as they are to be, for somebody else."""

    async def act() -> None:
        await service.propose(visit.call, asked=_typed(visit))

    return await _act(visit, act)


@pages.act("/rails/{change_id}/approve", "rails:approve")
async def approve(visit: Visit) -> Response:
    async def act() -> None:
        await service.approve(visit.call, change_id=number_of(visit.request.path_params["change_id"], "change_id"))

    return await _act(visit, act)


@pages.act("/rails/{change_id}/reject", "rails:write")
async def reject(visit: Visit) -> Response:
    async def act() -> None:
        await service.reject(visit.call, change_id=number_of(visit.request.path_params["change_id"], "change_id"))

    return await _act(visit, act)


@pages.act("/publishing-alerts/{alert_id}/acknowledge", "promotions:stop")
async def acknowledge(visit: Visit) -> Response:
    """Somebody has seen it; back to where it was seen."""

    async def act() -> None:
        await service.acknowledge(visit.call, alert_id=number_of(visit.request.path_params["alert_id"], "alert_id"))

    return await _act(visit, act)


async def open_alerts(visit: Visit, promotion_id: str | None = None, count_max: int = ALERTS_MAX) -> list[AlertOut]:
    """What nobody has acknowledged, newest first."""
    call = visit.call
    rows = await repository.list_alerts(
        call.connection, call.tenant, count_max=count_max, is_open=True, promotion_id=promotion_id
    )
    return [AlertOut(**row) for row in rows]


async def _act(visit: Visit, act: Callable[[], Awaitable[None]]) -> Response:
    try:
        async with visit.call.connection.transaction():
            await act()
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal)) from None
    return visit.go(local_path(visit.field("back") or ADDRESS))


def _typed(visit: Visit) -> ProposeIn:
    """Raises Invalid, which names the fields."""
    problems: list[Problem] = []
    given: dict[str, Any] = {"reason": visit.field("reason").strip()}
    for name, kind in FIELDS.items():
        text = visit.field(name).strip()
        if kind == "percent":
            given[name] = decimal_of(text, PERCENT, PERCENT_DIGITS, name, problems)
        elif kind == "money":
            given[name] = decimal_of(text, MONEY, visit.shell.exponent, name, problems)
        else:
            given[name] = decimal_of(text, COUNT, 0, name, problems)
    if problems:
        raise Invalid(problems[0]["message"], path=problems[0]["path"], problems=problems)
    try:
        return ProposeIn(**given)
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response:
    call = visit.call
    rails = await repository.find_rails(call.connection, call.tenant)
    changes = [ChangeOut(**row) for row in await repository.list_changes(call.connection, call.tenant, CHANGES_MAX)]
    typed = {name: visit.field(name) for name in FIELDS} if refusal and visit.field("reason") else {}
    told = _told(visit, rails, rails)
    rows = await repository.list_alerts(call.connection, call.tenant, count_max=ALERTS_MAX)
    return visit.show(
        "rails.html",
        refusal.status_code if refusal else 200,
        fields=[(name, FIELDS[name], typed.get(name, value)) for name, value, _ in told],
        told=told,
        changes=[(one, _told(visit, one.value, rails), _is_open(visit, one)) for one in changes],
        alerts=[AlertOut(**row) for row in rows],
        reason=visit.field("reason") if refusal else "",
        refusal=refusal,
    )


def _is_open(visit: Visit, change: ChangeOut) -> bool:
    return change.state is ChangeState.PROPOSED and visit.call.now < change.proposed_at + service.PROPOSED_FOR


def _told(visit: Visit, rails: Rails, now: Rails) -> list[tuple[str, str, bool]]:
    """(name, value as people write it, whether it differs from how it is now)."""
    found = []
    for name, kind in FIELDS.items():
        value = getattr(rails, name)
        digits = {"percent": PERCENT_DIGITS, "money": visit.shell.exponent}.get(kind, 0)
        text = format(Decimal(value).scaleb(-digits).normalize(), "f")
        found.append((name, text, value != getattr(now, name)))
    return found
