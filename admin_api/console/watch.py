"""What a person should look at, as two pages each: a list with filters in the address, and one with its acts.

``exceptions.py`` and ``fraud.py`` say what is listed, told and done. Whoever sees a few stores begins with the first
of them. It must never decide anything: an area's "no" is shown over the forms, with what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Redrawn, Visit
from altyn.admin_api.console.value import Tab
from altyn.admin_api.edge.problems import Invalid, NotFound, Refusal, invalid_from
from altyn.admin_api.stores.repository import list_stores

PAGE_SIZE = 25
STORES_LISTED_MAX = 1_000
CHARS_MAX = 64
ALL = "ALL"
_ID = re.compile(r"[0-9]{1,18}-[0-9]{1,4}")
TABS = (
    Tab("exceptions", "exceptions:read", "/console/exceptions"),
    Tab("fraud-cases", "fraud:read", "/console/fraud/cases"),
    Tab("fraud-rules", "fraud:read", "/console/fraud/rules"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """``cells`` stand under the heads of the list; ``state`` has a badge."""

    key: str
    cells: Sequence[str]
    state: str


@dataclass(frozen=True, slots=True)
class Listing:
    """``choices``: what a filter may be; None: any text. Without a word about it ``state`` is OPEN."""

    name: str
    address: str
    heads: Sequence[str]
    choices: Mapping[str, Sequence[str] | None]
    rows: Callable[[Visit, dict[str, Any]], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Form:
    """One act: a note and, where there are ``options``, a button for each."""

    name: str
    field: str = ""
    options: Sequence[str] = ()


async def show_listing(visit: Visit, listing: Listing) -> Response:
    typed = {name: visit.asked(name).replace("\0", "")[:CHARS_MAX] for name in (*listing.choices, "from_day", "to_day")}
    typed["state"] = typed["state"] or "OPEN"
    stores = await list_stores(visit.call.connection, visit.call.tenant, visit.call.reach, "", STORES_LISTED_MAX)
    if not visit.call.reach.is_network:
        typed["store_id"] = typed["store_id"] or (stores[0]["store_id"] if stores else "")
        await visit.call.at_store(typed["store_id"])
    rows: list[Row] = []
    refusal: Refusal | None = None
    try:
        rows = await listing.rows(visit, _filter(visit, typed))
    except ValidationError as error:
        refusal = invalid_from(RequestValidationError(error.errors()))
    except Refusal as found:
        refusal = found
    here = listing.address + "?" + urlencode({name: value for name, value in typed.items() if value})
    return visit.show(
        "watch.html",
        refusal.status_code if refusal else 200,
        listing=listing,
        tabs=tabs_of(visit),
        typed=typed,
        stores=stores,
        rows=rows[:PAGE_SIZE],
        refusal=refusal,
        first=here if visit.asked("before") else "",
        following=f"{here}&before={rows[PAGE_SIZE - 1].key}" if len(rows) > PAGE_SIZE else "",
    )


async def act_on_one(
    visit: Visit, address: str, act: Callable[[], Awaitable[int]], again: Callable[[Refusal], Awaitable[Response]]
) -> Response:
    """Do it, and on to its page; a "no" is shown there. ``act`` tells its place in the journal, or 0."""
    try:
        async with visit.call.connection.transaction():
            seq = await act()
    except ValidationError as error:
        raise Redrawn(await again(invalid_from(RequestValidationError(error.errors())))) from None
    except Refusal as refusal:
        raise Redrawn(await again(refusal)) from None
    return visit.go(f"{address}?wait_seq={seq}" if seq else address)


def key_of(visit: Visit) -> str:
    """Which one the address names. Raises NotFound."""
    key = str(visit.request.path_params["key"])
    if not _ID.fullmatch(key):
        raise NotFound(key[:40])
    return key


def is_behind(visit: Visit) -> bool:
    """What was done is in the journal, and not in the tables yet."""
    asked = visit.asked("wait_seq")
    return asked.isascii() and asked.isdecimal() and len(asked) < 19 and int(asked) > visit.office.projector.seq


def tabs_of(visit: Visit) -> list[Tab]:
    return [one for one in TABS if visit.shell.may(one.reads)]


def _filter(visit: Visit, typed: Mapping[str, str]) -> dict[str, Any]:
    """As the areas take it, whole days of UTC. Raises Invalid."""
    given: dict[str, Any] = {name: value for name, value in typed.items() if value and not name.endswith("_day")}
    if given["state"] == ALL:
        del given["state"]
    for name, field, more in (("from_day", "from_at", 0), ("to_day", "to_at", 1)):
        if typed[name]:
            given[field] = _midnight(typed[name], name) + timedelta(more)
    if before := visit.asked("before"):
        given["before"] = before
    return given | {"limit": PAGE_SIZE}


def _midnight(text: str, path: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{path}: {text[:40]} is no day", path=path) from None
    return datetime(min(day.year, 9_998), day.month, day.day, tzinfo=UTC)
