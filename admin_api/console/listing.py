"""The list of promotions: filters in the address, pages on the server, and what has to do with a product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.responses import Response

from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Shell, Visit
from altyn.admin_api.edge.problems import Invalid
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.goods import concerned_by
from altyn.admin_api.promotions.schemas import Kind, State

PAGE_SIZE = 25
GROUPS_MAX = 200
TEXT_CHARS_MAX = 100
STAGES = ("price", "item", "set", "receipt", "coupon", "card", "accrual", "message")
VALIDITY = ("now", "coming", "over")
#: What a filter may be; None: any text.
FILTERS: Mapping[str, tuple[str, ...] | None] = {
    "text": None,
    "state": tuple(State),
    "stage": STAGES,
    "group": None,
    "validity": VALIDITY,
    "kind": tuple(Kind),
}
PRICE = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?")

pages = Pages()


@pages.get("/promotions", "promotions:read")
async def show_list(visit: Visit) -> Response:
    asked = {name: _filter(visit, name) for name in FILTERS}
    after = visit.asked("after")[:64]
    rows = await repository.list_promotions(
        visit.call.connection,
        visit.call.tenant,
        after=after,
        count_max=PAGE_SIZE + 1,
        today=today(visit).isoformat(),
        **asked,
    )
    shown = [(row, Outline(row["document"], visit.t)) for row in rows[:PAGE_SIZE]]
    chosen = {name: value for name, value in asked.items() if value}
    chips = [(name, _told(visit, name, value), _address(chosen, leave_out=name)) for name, value in chosen.items()]
    following = _address(chosen, after=shown[-1][0]["promotion_id"]) if len(rows) > PAGE_SIZE else ""
    return visit.show(
        "list.html",
        rows=shown,
        chosen=chosen,
        chips=chips,
        first=_address(chosen) if after else "",
        following=following,
        filters={"state": FILTERS["state"], "stage": STAGES, "validity": VALIDITY, "kind": FILTERS["kind"]},
        groups=await repository.list_groups(visit.call.connection, visit.call.tenant, GROUPS_MAX),
    )


@pages.get("/products/hits", "promotions:read")
async def show_hits(visit: Visit) -> Response:
    """What else hits this SKU."""
    sku, price = visit.asked("sku")[:64], visit.asked("price")[:20]
    found = await concerned_by(visit.call, sku=sku, price_minor=_minor(visit.shell, price)) if sku else []
    rows = [(one, Outline(one.document, visit.t)) for one in found]
    return visit.show("hits.html", sku=sku, price=price, rows=rows)


def today(visit: Visit) -> date:
    """The date by the program's wall clock."""
    return visit.call.now.astimezone(ZoneInfo(visit.shell.zone)).date()


def _filter(visit: Visit, name: str) -> str | None:
    value, known = visit.asked(name)[:TEXT_CHARS_MAX], FILTERS[name]
    return value if value and "\0" not in value and (known is None or value in known) else None


def _told(visit: Visit, name: str, value: str) -> str:
    return value if FILTERS[name] is None else visit.t.word(name, value)


def _address(chosen: Mapping[str, str], *, leave_out: str = "", **more: Any) -> str:
    kept = {name: value for name, value in chosen.items() if name != leave_out} | more
    return "/console/promotions" + (f"?{urlencode(kept)}" if kept else "")


def _minor(shell: Shell, text: str) -> int | None:
    """Money as people write it; None without. Raises Invalid."""
    if not text:
        return None
    found = PRICE.fullmatch(text)
    if found is None or len(found[2] or "") > shell.exponent:
        raise Invalid(text, path="price")
    return int(found[1] + (found[2] or "").ljust(shell.exponent, "0"))
