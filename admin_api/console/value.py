"""Points without a purchase, families, print runs: a list of each with its acts, and one form.

The pages are alike, so a page is a ``Section``: what it shows, what it asks, and the functions of the area that
read and act; ``sections.py`` has them. Points are typed and shown in whole units of their asset. It must never
decide anything: an area's "no" is shown over the form, with what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.assets.repository import list_assets
from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.edge.problems import Invalid, Refusal, invalid_from, problem

PAGE_SIZE = 25
ADDRESS = "/value"
#: What is not at rest: the page asks again while it shows one of these.
MOVING = ("QUEUED", "RUNNING", "PENDING")
DIGITS_MAX = 15
NUMBERS_MAX = 100_000
_POINTS = re.compile(r"(\d{1,12})(?:[.,](\d{1,4}))?")

Rows = tuple[Sequence[Mapping[str, Any]], int | None]


@dataclass(frozen=True, slots=True)
class Field:
    """``kind``: text, number, points (of ``asset``, else of the one chosen beside), choice, choices (some of them),
    moment, day, numbers (a list). A choice without options gets those of the section.
    """

    name: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    is_needed: bool = True
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """A button of a row that is in one of ``states``. What ``do`` returns is answered, else the list is shown."""

    name: str
    scope: str
    picture: str
    states: tuple[str, ...]
    do: Callable[[Visit, str], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True)
class Tab:
    """A page that stands beside others."""

    name: str
    reads: str
    address: str


@dataclass(frozen=True, slots=True)
class Section:
    """``columns``: (name, kind) with the kinds text, short, link (to its own page), number, points, state, word, words,
    many (folded), yes, progress, moment, who, members. ``make``: what the form does; a ``Response`` of it is answered;
    None: there is no form. ``path``: where it is; empty: under its name with the others. ``menu``: the one of the
    header it is in.
    """

    name: str
    reads: str
    writes: str
    key: str
    columns: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    rows: Callable[[Visit, int | None], Awaitable[Rows]]
    make: Callable[[Visit, dict[str, Any]], Awaitable[object]] | None = None
    acts: tuple[Act, ...] = ()
    options: Callable[[Visit], Awaitable[dict[str, Sequence[str]]]] | None = None
    path: str = ""
    menu: str = "customers"

    @property
    def address(self) -> str:
        return "/console" + (self.path or f"{ADDRESS}/{self.name}")


def add_sections(pages: Pages, sections: Sequence[Section], tabs: Sequence[Tab] = ()) -> None:
    """Their pages; the frame of each leads to the others, or to these tabs."""
    beside = tabs or [Tab(one.name, one.reads, one.address) for one in sections]
    for one in sections:
        path = one.address.removeprefix("/console")
        pages.get(path, one.reads)(partial(_show, beside, one))
        if one.make is not None:
            pages.act(path, one.writes)(partial(_make, beside, one))
        for act in one.acts:
            pages.act(f"{path}/{{key}}/{act.name}", act.scope)(partial(_act, beside, one, act))


async def _show(tabs: Sequence[Tab], section: Section, visit: Visit) -> Response:
    return await _page(tabs, section, visit)


async def _make(tabs: Sequence[Tab], section: Section, visit: Visit) -> Response:
    try:
        async with visit.call.connection.transaction():
            assert section.make is not None
            made = await section.make(visit, await read_fields(visit, section.fields))
    except ValidationError as error:
        refusal = invalid_from(RequestValidationError(error.errors()))
        raise Redrawn(await _page(tabs, section, visit, refusal)) from None
    except Refusal as refusal:
        raise Redrawn(await _page(tabs, section, visit, refusal)) from None
    return made if isinstance(made, Response) else visit.go(section.address)


async def _act(tabs: Sequence[Tab], section: Section, act: Act, visit: Visit) -> Response:
    try:
        async with visit.call.connection.transaction():
            made = await act.do(visit, visit.request.path_params["key"])
    except Refusal as refusal:
        raise Redrawn(await _page(tabs, section, visit, refusal)) from None
    return visit.go(section.address) if made is None else made


async def _page(tabs: Sequence[Tab], section: Section, visit: Visit, refusal: Refusal | None = None) -> Response:
    asked = visit.asked("at")
    at = number_of(asked, "at") if asked else None
    rows, following = await section.rows(visit, at)
    assets = await list_assets(visit.call.connection, visit.call.tenant)
    options: dict[str, Sequence[str]] = {"asset": [row["asset"] for row in assets]}
    if section.options is not None:
        options |= await section.options(visit)
    return visit.show(
        "value_list.html" if visit.shell.is_part else "value.html",
        refusal.status_code if refusal else 200,
        tabs=[one for one in tabs if visit.shell.may(one.reads)],
        section=section,
        rows=rows,
        scales={row["asset"]: row["scale"] for row in assets},
        options=options,
        typed=dict(visit.fields) if refusal else {},
        chosen=set(visit.fields) if refusal else set(),
        refusal=refusal,
        here=f"{section.address}?at={at}" if at else section.address,
        first=section.address if at else "",
        following=f"{section.address}?at={following}" if following else "",
        is_moving=any(row.get("state") in MOVING for row in rows),
    )


# WHAT IS TYPED


async def read_fields(visit: Visit, fields: Sequence[Field]) -> dict[str, Any]:
    """What was filled in, as the areas take it. Raises Invalid, which names the field."""
    found: dict[str, Any] = {}
    for one in fields:
        if one.kind == "choices":
            found[one.name] = [value for name, value in visit.fields if name == one.name]
            continue
        text = visit.field(one.name).strip()
        if not text:
            continue
        if one.kind == "points":
            found[one.name] = await _smallest(visit, text, one.name, one.asset or visit.field("asset"))
        elif one.kind == "number":
            found[one.name] = number_of(text, one.name)
        elif one.kind == "numbers":
            parts = text.replace(",", " ").split()
            found[one.name] = [number_of(part, one.name) for part in parts[: NUMBERS_MAX + 1]]
        elif one.kind == "moment":
            found[one.name] = _moment(visit, text, one.name)
        else:
            found[one.name] = text
    return found


def number_of(text: str, path: str) -> int:
    """Raises Invalid."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX):
        raise invalid_field(path, f"{text[:40]} is no whole number")
    return int(text)


def invalid_field(path: str, message: str) -> Invalid:
    """What a field cannot be."""
    return Invalid(message, path=path, problems=[problem(path, "BAD_FORMAT", message)])


async def _smallest(visit: Visit, text: str, path: str, asset: str) -> int:
    """Whole units of the asset in its smallest. Raises Invalid."""
    assets = await list_assets(visit.call.connection, visit.call.tenant)
    scale = next((row["scale"] for row in assets if row["asset"] == asset), 0)
    typed = _POINTS.fullmatch(text)
    if typed is None or len(typed[2] or "") > scale:
        raise invalid_field(path, f"{text[:40]} is no number of points with {scale} digits after the point")
    return int(typed[1] + (typed[2] or "").ljust(scale, "0"))


def _moment(visit: Visit, text: str, path: str) -> datetime:
    """By the program's wall clock. Raises Invalid."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(visit.shell.zone))
    except ValueError:
        raise invalid_field(path, f"{text[:40]} is no day and time") from None
