"""What a plain page shows: rows of a list with what may be done to each, one thing with its forms, and its history.

Only what the visitor's rights open, here, is offered. It reads and never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from altyn.admin_api.console.pages import Visit
from altyn.admin_api.console.programme.asking import defaults_of, may, read, takes
from altyn.admin_api.console.programme.history import history_of
from altyn.admin_api.console.programme.options import options_of
from altyn.admin_api.console.programme.things import ROOT, Act, Columns, Field, Table, Thing
from altyn.admin_api.console.programme.typed import Drawing, Scales, digest, shown_by
from altyn.admin_api.edge.problems import Refusal

PAGE_SIZE = 25
PART_ROWS = 10
TEXT_CHARS_MAX = 100
MOVING = ("QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True)
class Tried:
    """An act that was refused: its form is drawn with what was typed."""

    address: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Form:
    """An act as it is offered. ``id`` is of the page; ``seen`` is what a form with values was drawn from."""

    act: Act
    address: str
    id: str
    drawing: Drawing
    seen: str = ""
    is_open: bool = False


@dataclass(slots=True)
class Row:
    values: Mapping[str, Any]
    address: str
    forms: list[Form] = field(default_factory=list)


@dataclass(slots=True)
class TableView:
    """``following`` and ``first`` are addresses of other pages of it, ``all`` that of its own page."""

    table: Table
    rows: list[Row]
    makes: list[Form]
    filters: list[tuple[Field, str]]
    address: str
    scales: Scales
    first: str = ""
    following: str = ""
    all: str = ""
    refusal: Refusal | None = None
    is_filtered: bool = False

    @property
    def has_acts(self) -> bool:
        return any(row.forms for row in self.rows)

    @property
    def is_told(self) -> bool:
        """A form of it tells what was refused."""
        return any(form.is_open for form in (*self.makes, *(one for row in self.rows for one in row.forms)))


@dataclass(slots=True)
class ThingView:
    thing: Thing
    title: str
    values: Mapping[str, Any]
    save: Form | None
    forms: list[Form]
    parts: list[TableView]
    history: Any
    above: str
    is_moving: bool
    scales: Scales
    own: str

    @property
    def facts(self) -> Columns:
        """What its form does not show."""
        shown = {one.path for one in self.save.act.fields} if self.save else set()
        return tuple(one for one in self.thing.facts if one[0] not in shown)

    @property
    def is_told(self) -> bool:
        forms = [*self.forms, *([self.save] if self.save else [])]
        return any(one.is_open for one in forms) or any(part.is_told for part in self.parts)


def address_of(path: str, values: Mapping[str, Any]) -> str:
    """Where that is, of these values."""
    quoted = {name: quote(str(value), safe="") for name, value in values.items() if not isinstance(value, dict | list)}
    return ROOT + path.format(**quoted)


class Viewing:
    """The views of one visit."""

    def __init__(self, visit: Visit, tried: Tried | None = None) -> None:
        self.visit, self.tried = visit, tried
        self.keys: dict[str, str] = dict(visit.request.path_params)

    async def begin(self) -> Viewing:
        self.options, self.scales = await options_of(self.visit)
        return self

    # A LIST

    async def table(self, table: Table, *, is_part: bool = False) -> TableView:
        """A page of it; as a part of another page, its beginning."""
        visit, refusal = self.visit, None
        asked = {} if is_part else {one.path: visit.asked(one.path)[:TEXT_CHARS_MAX] for one in table.filters}
        asked = {name: value.replace("\0", "") for name, value in asked.items()}
        at = "" if is_part else visit.asked("at")[:TEXT_CHARS_MAX].replace("\0", "")
        count = PART_ROWS if is_part else PAGE_SIZE
        try:
            found, following = await self._page(table, asked, at, count)
        except Refusal as error:
            if is_part or not (at or any(asked.values())):
                raise
            found, following, refusal = [], None, error
        chosen = {name: value for name, value in asked.items() if value}
        address = address_of(table.path, self.keys)
        rows = [await self._row(table, values) for values in found]
        return TableView(
            table=table,
            rows=rows,
            makes=[await self._form(table.name, act, f"{address}/-", {}) for act in table.make if await self._may(act)],
            filters=[(one, asked.get(one.path, "")) for one in table.filters],
            address=address,
            scales=self.scales,
            first=_with(address, chosen) if at else "",
            following=_with(address, chosen | {"at": following}) if following is not None and not is_part else "",
            all=address if following is not None and is_part else "",
            refusal=refusal,
            is_filtered=bool(chosen),
        )

    async def _page(
        self, table: Table, asked: Mapping[str, str], at: str, count: int
    ) -> tuple[list[dict[str, Any]], Any]:
        """Rows, and where the next page begins."""
        place = next((name for name in ("after", "before") if takes(table.call, name)), "")
        given: dict[str, Any] = {**self.keys, **asked}
        if place:
            answer = await read(self.visit, table.call, given | {place: at, "limit": count})
            return [_as_row(table, one) for one in answer[table.rows]], answer.get(f"next_{place}")
        answer = await read(self.visit, table.call, given)
        rows = [_as_row(table, one) for one in answer[table.rows]]
        text = asked.get("text", "").lower()
        rows = [one for one in rows if not text or any(text in str(one[name]).lower() for name, _ in table.columns)]
        begin = next((number for number, one in enumerate(rows, 1) if str(one[table.key]) == at), 0)
        rest = rows[begin : begin + count]
        return rest, rest[-1][table.key] if len(rows) > begin + count else None

    async def _row(self, table: Table, values: dict[str, Any]) -> Row:
        known = {**self.keys, **values}
        own = f"{address_of(table.path, known)}/{quote(str(values[table.key]), safe='')}"
        forms = [
            await self._form(table.name, act, own, {}, suffix=f"-{values[table.key]}")
            for act in table.acts
            if is_in_order(act, values) and await self._may(act)
        ]
        return Row(values, address_of(table.leads, known) if table.leads else "", forms)

    # ONE

    async def thing(self, thing: Thing) -> ThingView:
        """Raises what its call raises."""
        values = await current(self.visit, thing, self.keys)
        known = {**self.keys, **values}
        own = address_of(thing.path, self.keys)
        save = thing.save if thing.save and await self._may(thing.save) else None
        object_id = thing.object_id.format(**known, tenant=self.visit.call.tenant)
        return ThingView(
            thing=thing,
            title=self._title(thing, known),
            values=values,
            save=await self._form(thing.name, save, own, values) if save else None,
            forms=[
                await self._form(thing.name, act, own, {})
                for act in thing.acts
                if values and is_in_order(act, values) and await self._may(act)
            ],
            parts=[
                await self.table(one, is_part=True) for one in thing.parts if await may(self.visit, one.needs, known)
            ],
            history=await history_of(self.visit, thing.kind, object_id),
            above=address_of(thing.above, known) if thing.above else "",
            is_moving=values.get("state") in MOVING,
            scales=self.scales,
            own=own,
        )

    def _title(self, thing: Thing, known: Mapping[str, Any]) -> str:
        """Its title, else its name, and of what has a number what it is the number of."""
        t, title = self.visit.t, known.get("title")
        name, named = thing.title.format(**known), f"plain.{thing.name}.named"
        name = t(named, name=name) if t.has(named) else name
        return str((t.of(title) if isinstance(title, dict) else title) or name or t(f"plain.{thing.name}.title"))

    # FORMS

    async def _may(self, act: Act) -> bool:
        return await may(self.visit, act.needs, self.keys)

    async def _form(self, owner: str, act: Act, above: str, values: Mapping[str, Any], suffix: str = "") -> Form:
        address = f"{above}/{act.name}"
        refusal = self.tried.refusal if self.tried and self.tried.address == unquote(address) else None
        drawn_from = {**self.keys, **(values or defaults_of(act.call))}
        drawing = Drawing(self.visit, act.fields, self.options, self.scales, owner, drawn_from, refusal, suffix)
        seen = digest(shown_by(act.fields, values)) if values else ""
        return Form(act, address, f"{owner}-{act.name}{suffix}", drawing, seen, refusal is not None)


async def current(visit: Visit, thing: Thing, keys: Mapping[str, Any]) -> dict[str, Any]:
    """What it is now; nothing, when it is the only one of its kind and not there yet. Raises what its call raises."""
    try:
        return await read(visit, thing.call, keys)
    except Refusal as refusal:
        if refusal.status_code == 404 and not keys:
            return {}
        raise


def is_in_order(act: Act, values: Mapping[str, Any]) -> bool:
    return (not act.states or str(values.get("state", "")) in act.states) and not values.get(act.unless)


def _as_row(table: Table, one: Any) -> dict[str, Any]:
    return dict(one) if isinstance(one, Mapping) else {table.key: one}


def _with(address: str, query: Mapping[str, Any]) -> str:
    return address + (f"?{urlencode(query)}" if query else "")
