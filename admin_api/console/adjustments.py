"""Points by hand that wait for other eyes: a list, and a page for each with what can be decided about it.

What is asked for is not decided by who asked; after 72 hours it is not decided at all. Both are the area's rules.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from altyn.admin_api.accounts import repository, service
from altyn.admin_api.accounts.errors import AdjustmentUnknown
from altyn.admin_api.accounts.schemas import AdjustmentOut, AdjustmentState, DecisionIn
from altyn.admin_api.assets.repository import list_assets
from altyn.admin_api.console.customer import BY_HAND, number_in, tabs_of
from altyn.admin_api.console.customer_acts import told_at
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.watch import act_on_one
from altyn.admin_api.customers.repository import customers_of_accounts
from altyn.admin_api.edge.problems import NotFound, Refusal

ADDRESS = BY_HAND.address
PAGE_SIZE = 25
ALL = "ALL"
STATES = (*AdjustmentState, ALL)

pages = Pages()


@pages.get("/adjustments", "accounts:read")
async def show_adjustments(visit: Visit) -> Response:
    state = visit.asked("state") if visit.asked("state") in STATES else AdjustmentState.ASKED.value
    asked = visit.asked("before")
    if asked and not (asked.isascii() and asked.isdecimal() and len(asked) < 19):
        raise NotFound(asked[:40])
    rows = await repository.list_adjustments(
        visit.call.connection,
        visit.call.tenant,
        None if state == ALL else state,
        None,
        int(asked) if asked else None,
        PAGE_SIZE + 1,
    )
    shown = [service.adjustment_out(row) for row in rows[:PAGE_SIZE]]
    here = f"{ADDRESS}?state={state}"
    return visit.show(
        "adjustments.html",
        tabs=tabs_of(visit),
        listing=BY_HAND,
        rows=shown,
        states=STATES,
        state=state,
        first=here if asked else "",
        following=f"{here}&before={shown[-1].adjustment_id}" if len(rows) > PAGE_SIZE else "",
        **await _beside(visit, shown),
    )


@pages.get("/adjustments/{adjustment_id}", "accounts:read")
async def show_adjustment(visit: Visit) -> Response:
    return await _page(visit)


@pages.act("/adjustments/{adjustment_id}/approve", "accounts:approve")
async def approve(visit: Visit) -> Response:
    """Give what somebody else asked for."""

    async def act() -> int:
        made = await service.approve(visit.call, visit.office.ops, adjustment_id=_number(visit))
        return made.journal_seq or 0

    return await _decided(visit, act)


@pages.act("/adjustments/{adjustment_id}/reject", "accounts:approve")
async def reject(visit: Visit) -> Response:
    """Do not give it, and say why."""

    async def act() -> int:
        reason = DecisionIn(reason=visit.field("reason").strip()).reason
        await service.reject(visit.call, adjustment_id=_number(visit), reason=reason)
        return 0

    return await _decided(visit, act)


async def _decided(visit: Visit, act: Callable[[], Awaitable[int]]) -> Response:
    return await act_on_one(visit, f"{ADDRESS}/{_number(visit)}", act, lambda refusal: _page(visit, refusal))


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response:
    one = await service.read_adjustment(visit.call, adjustment_id=_number(visit))
    is_open = one.state is AdjustmentState.ASKED and not _is_late(visit, one)
    wrong, rest = told_at(visit, refusal, ("reason",))
    return visit.show(
        "adjustment.html",
        refusal.status_code if refusal else 200,
        tabs=tabs_of(visit),
        listing=BY_HAND,
        one=one,
        is_own=is_open and one.asked_by == visit.call.actor,
        decides=is_open and one.asked_by != visit.call.actor and visit.holds("accounts:approve"),
        typed=visit.field("reason") if refusal else "",
        wrong=wrong,
        refusal=rest,
        **await _beside(visit, [one]),
    )


async def _beside(visit: Visit, shown: list[AdjustmentOut]) -> dict[str, Any]:
    """Digits of the assets, whose accounts these are, and which of them came too late to be decided."""
    call = visit.call
    owners = await customers_of_accounts(call.connection, call.tenant, [one.account_id for one in shown])
    return {
        "scales": {row["asset"]: row["scale"] for row in await list_assets(call.connection, call.tenant)},
        "owners": owners if visit.holds("customers:read") else {},
        "late": {one.adjustment_id for one in shown if one.state is AdjustmentState.ASKED and _is_late(visit, one)},
    }


def _is_late(visit: Visit, one: AdjustmentOut) -> bool:
    return visit.call.now >= one.asked_at + service.ASKED_FOR


def _number(visit: Visit) -> int:
    """Raises AdjustmentUnknown."""
    found = number_in(visit, "adjustment_id")
    if not found:
        raise AdjustmentUnknown("an address names an adjustment by number", path="adjustment_id")
    return found
