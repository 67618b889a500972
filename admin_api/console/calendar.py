"""The calendar: on which days, and in which hours of them, promotions may be in force.

Days are those of the stores' own wall clocks, as the core reads schedules; a store that is named leaves out what its
attributes rule out. Only conditions on time and place are looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg
from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console import suggestions
from altyn.admin_api.console.listing import PAGE_SIZE, frame_of, rows_of, today
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.views import picture_of
from altyn.admin_api.promotions.circumstances import (
    Circumstances,
    Ranges,
    attributes_of,
    day_of,
    hours_of,
    minute_of,
    ways_under,
)
from altyn.admin_api.promotions.goods import readable
from altyn.admin_api.promotions.repository import store_attributes
from altyn.core.rules.checks.schedules import DAY_MINUTES
from altyn.core.rules.promotion import Asset, Promotion

#: What a page spans, by its name: columns, and days of each.
SPANS = {"week": (7, 1), "month": (28, 1), "quarter": (13, 7)}
FIRST, LAST = date(2000, 1, 1), date(2999, 1, 1)
WHOLE = [(0, DAY_MINUTES)]
#: States in which it will be as the calendar says unless somebody acts.
SETTLED = ("ACTIVE", "SCHEDULED")

pages = Pages()


@dataclass(frozen=True, slots=True)
class Column:
    """``count`` days from ``first`` on."""

    first: date
    count: int
    is_now: bool

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(number) for number in range(self.count)]


@dataclass(frozen=True, slots=True)
class Cell:
    """``state``: on, part, off. ``hours`` of a day that is not whole; ``days_count`` of a column of several days."""

    state: str
    hours: Ranges
    days_count: int


@pages.get("/calendar", "promotions:read")
async def show_calendar(visit: Visit) -> Response:
    span = visit.asked("span") if visit.asked("span") in SPANS else "month"
    store_id, first = visit.asked("store")[:64].replace("\0", ""), _first(visit)
    shown_from = first.isoformat() if visit.asked("from") else ""
    asked = {"span": span if span != "month" else "", "store": store_id, "from": shown_from}
    picture = await picture_of(visit, "calendar", asked)
    if isinstance(picture, Response):
        return picture
    place = await store_attributes(visit.call.connection, visit.call.tenant, store_id) if store_id else None
    after = visit.asked("after")[:64]
    rows = await rows_of(visit, picture, after, kind="promotion")
    columns, (count, each) = _columns(first, span, today(visit)), SPANS[span]
    step = timedelta(count * each)
    assets = await declared_assets(visit.call.connection, tenant=visit.call.tenant)
    given = Circumstances(place=attributes_of(place))
    zone = place["zone"] if place else visit.shell.zone
    lines = await asyncio.to_thread(_lines, rows[:PAGE_SIZE], assets, given, columns, zone)
    return visit.show(
        "calendar.html",
        lines=[(row, Outline(row["document"], visit.t), cells) for row, cells in lines],
        columns=columns,
        span=span,
        spans=[(name, picture.address(span=name)) for name in SPANS],
        store=store_id,
        is_store_known=place is not None or not store_id,
        zone=zone,
        stores=(await suggestions.lists(visit))["store.id"],
        earlier=picture.address(**{"from": (first - step).isoformat()}) if first - step >= FIRST else "",
        later=picture.address(**{"from": (first + step).isoformat()}) if first + step <= LAST else "",
        now=picture.address(**{"from": ""}),
        first=picture.address() if after else "",
        following=picture.address(after=rows[PAGE_SIZE - 1]["promotion_id"]) if len(rows) > PAGE_SIZE else "",
        clock=clock,
        settled=SETTLED,
        **await frame_of(visit, picture),
    )


def clock(ranges: Ranges) -> str:
    """10:00–18:00, 20:00–24:00."""
    return ", ".join(f"{start // 60:02}:{start % 60:02}–{end // 60:02}:{end % 60:02}" for start, end in ranges)


def _first(visit: Visit) -> date:
    """The Monday of the week that is asked for, or of this one."""
    try:
        asked = date.fromisoformat(visit.asked("from")[:10])
    except ValueError:
        asked = today(visit)
    asked = min(max(asked, FIRST), LAST)
    return asked - timedelta(asked.weekday())


def _columns(first: date, span: str, now: date) -> list[Column]:
    count, each = SPANS[span]
    firsts = [first + timedelta(number * each) for number in range(count)]
    return [Column(one, each, one <= now < one + timedelta(each)) for one in firsts]


def _lines(
    rows: Sequence[asyncpg.Record],
    assets: Sequence[Asset],
    given: Circumstances,
    columns: Sequence[Column],
    zone: str,
) -> list[tuple[asyncpg.Record, list[Cell]]]:
    documents = {row["promotion_id"]: row["document"] for row in rows}
    found = {one.promotion_id: one for one in readable(documents, assets)}
    lines = []
    for row in rows:
        since = minute_of(row["effective_at"], zone) if row["effective_at"] else 0
        promotion = found.get(row["promotion_id"])
        cells = _cells(promotion, given, columns, since) if promotion else [Cell("off", [], 0)] * len(columns)
        lines.append((row, cells))
    return lines


def _cells(promotion: Promotion, given: Circumstances, columns: Sequence[Column], since: int) -> list[Cell]:
    ways = ways_under(promotion, given)
    cells = []
    for column in columns:
        hours = [hours_of(ways, day_of(day), since) for day in column.days]
        days_count = sum(map(bool, hours))
        state = "off" if not days_count else "on" if all(one == WHOLE for one in hours) else "part"
        cells.append(Cell(state, hours[0] if column.count == 1 else [], days_count))
    return cells
