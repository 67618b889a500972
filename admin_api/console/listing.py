"""The list of promotions: filters in the address, pages on the server, and what has to do with a product."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from starlette.responses import Response

from altyn.admin_api.console import suggestions
from altyn.admin_api.console.bulk import open_acts
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Shell, Visit
from altyn.admin_api.console.views import FILTERS, Picture, picture_of
from altyn.admin_api.edge.problems import Invalid
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.circumstances import Circumstances, attributes_of, day_of
from altyn.admin_api.promotions.goods import concerned_by

PAGE_SIZE = 25
GROUPS_MAX = 200
PRICE = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?")

pages = Pages()


@pages.get("/promotions", "promotions:read")
async def show_list(visit: Visit) -> Response:
    picture = await picture_of(visit, "list")
    if isinstance(picture, Response):
        return picture
    after = visit.asked("after")[:64]
    rows = await rows_of(visit, picture, after)
    shown = [(row, Outline(row["document"], visit.t)) for row in rows[:PAGE_SIZE]]
    return visit.show(
        "list.html",
        rows=shown,
        acts=open_acts(visit),
        first=picture.address() if after else "",
        following=picture.address(after=shown[-1][0]["promotion_id"]) if len(rows) > PAGE_SIZE else "",
        **await frame_of(visit, picture),
    )


async def rows_of(
    visit: Visit, picture: Picture, after: str, count_max: int = PAGE_SIZE + 1, **more: Any
) -> list[asyncpg.Record]:
    """Promotions that the filters leave, by id; ``more`` stands in place of filters."""
    chosen: dict[str, Any] = {name: picture.chosen.get(name) for name in FILTERS}
    return await repository.list_promotions(
        visit.call.connection,
        visit.call.tenant,
        after=after,
        count_max=count_max,
        today=today(visit).isoformat(),
        **chosen | more,
    )


async def frame_of(visit: Visit, picture: Picture) -> dict[str, Any]:
    """What ``_filters.html`` takes: the filters, what may be chosen, and what is."""
    return {
        "picture": picture,
        "chips": [(name, _told(visit, name, value), picture.without(name)) for name, value in picture.chosen.items()],
        "filters": {name: FILTERS[name] for name in ("state", "stage", "validity", "kind")},
        "groups": await repository.list_groups(visit.call.connection, visit.call.tenant, GROUPS_MAX),
    }


@pages.get("/products/hits", "promotions:read")
async def show_hits(visit: Visit) -> Response:
    """What else hits this SKU."""
    asked = {name: visit.asked(name)[:64].replace("\0", "") for name in ("sku", "price", "day", "store", "segment")}
    call, sku, store_id = visit.call, asked["sku"], asked["store"]
    place = await repository.store_attributes(call.connection, call.tenant, store_id) if store_id else None
    if store_id and place is None:
        raise Invalid(store_id, path="store")
    given = Circumstances(attributes_of(place), asked["segment"] or None, _asked_day(asked["day"]))
    price_minor = _minor(visit.shell, asked["price"])
    found = await concerned_by(call, sku=sku, price_minor=price_minor, given=given) if sku else []
    rows = [(one, Outline(one.document, visit.t)) for one in found]
    return visit.show("hits.html", asked=asked, sku=sku, rows=rows, lists=await suggestions.lists(visit))


def _asked_day(text: str) -> int | None:
    """None without. Raises Invalid."""
    try:
        return day_of(date.fromisoformat(text)) if text else None
    except ValueError:
        raise Invalid(text, path="day") from None


def today(visit: Visit) -> date:
    """The date by the program's wall clock."""
    return visit.call.now.astimezone(ZoneInfo(visit.shell.zone)).date()


def _told(visit: Visit, name: str, value: str) -> str:
    return value if FILTERS[name] is None else visit.t.word(name, value)


def _minor(shell: Shell, text: str) -> int | None:
    """Money as people write it; None without. Raises Invalid."""
    if not text:
        return None
    found = PRICE.fullmatch(text)
    if found is None or len(found[2] or "") > shell.exponent:
        raise Invalid(text, path="price")
    return int(found[1] + (found[2] or "").ljust(shell.exponent, "0"))
