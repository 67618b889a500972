"""Routes of plain pages: a page for each list and each thing, an address for each act, all by the calls' own marks.

An act happens once (``console.pages``), names what was seen when it replaces a thing, and is drawn again with what was
typed when it is refused. Keys and files are told in the answer to the act, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Redrawn, Visit, local_path
from altyn.admin_api.console.programme.asking import ask, body_of, parameters_of
from altyn.admin_api.console.programme.options import options_of
from altyn.admin_api.console.programme.things import ROOT, Act, Answer, Table, Thing
from altyn.admin_api.console.programme.typed import digest, label_of, read_form, shown_by, word_of
from altyn.admin_api.console.programme.views import Tried, Viewing, address_of, current
from altyn.admin_api.edge.bulk import FILE_BYTES_MAX
from altyn.admin_api.edge.problems import Invalid, Refusal, RevisionDiffers, problem

_UNPLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class ThingExists(Refusal):
    """A form for a new thing names one that is there already: open that one to change it."""

    status_code = 409
    reason = "THING_EXISTS"


class Programme:
    """Lists and things, and the pages they make. ``tabs`` are lists and things that the frame leads to."""

    def __init__(self, tabs: Sequence[Table | Thing], things: Sequence[Thing]) -> None:
        self.tabs = tuple(tabs)
        self.things = (*(one for one in tabs if isinstance(one, Thing)), *things)
        self.tables = tuple(one for one in tabs if isinstance(one, Table))
        self.pages = Pages()
        for table in self.tables:
            self._add_table(table, None)
        for thing in self.things:
            self.pages.get(thing.path, thing.needs.scope, thing.needs.place)(partial(self._show_thing, thing))
            for act in (*([thing.save] if thing.save else []), *thing.acts):
                self._add_act(act, thing.path, partial(self._act, act, None, thing))
            for part in thing.parts:
                self._add_table(part, thing)

    def thing_at(self, path: str) -> Thing:
        return next(one for one in self.things if one.path == path)

    def _add_table(self, table: Table, owner: Thing | None) -> None:
        self.pages.get(table.path, table.needs.scope, table.needs.place)(partial(self._show_table, table))
        for act in table.make:
            self._add_act(act, f"{table.path}/-", partial(self._act, act, table, owner))
        for act in table.acts:
            self._add_act(act, f"{table.path}/{{{table.key}}}", partial(self._act, act, table, owner))

    def _add_act(self, act: Act, above: str, page: Any) -> None:
        needs = act.needs
        self.pages.act(f"{above}/{act.name}", needs.scope, needs.timeout_s, needs.place, has_file=act.has_file)(page)

    # READ

    async def _show_table(self, table: Table, visit: Visit) -> Response:
        return await self._table_page(table, visit)

    async def _show_thing(self, thing: Thing, visit: Visit) -> Response:
        return await self._thing_page(thing, visit)

    async def _table_page(self, table: Table, visit: Visit, tried: Tried | None = None) -> Response:
        view = await (await Viewing(visit, tried).begin()).table(table)
        status = tried.refusal.status_code if tried else view.refusal.status_code if view.refusal else 200
        owner = next((one for one in self.things if table in one.parts), None)
        above = address_of(owner.path, visit.request.path_params) if owner else ""
        return self._drawn(visit, "thing_list.html", status, tried, view=view, above=above, name=table.name)

    async def _thing_page(self, thing: Thing, visit: Visit, tried: Tried | None = None) -> Response:
        view = await (await Viewing(visit, tried).begin()).thing(thing)
        template = "thing_body.html" if visit.shell.is_part else "thing.html"
        return self._drawn(
            visit, template, tried.refusal.status_code if tried else 200, tried, view=view, name=thing.name
        )

    def _drawn(self, visit: Visit, template: str, status: int, tried: Tried | None, **given: Any) -> Response:
        tabs = [(one.name, ROOT + one.path) for one in self.tabs if visit.shell.may(one.needs.scope)]
        return visit.show(
            template,
            status,
            tabs=tabs,
            here=_tab_of(tabs, visit.request.scope["path"], getattr(given.get("view"), "above", "")),
            tried=tried,
            label=partial(label_of, visit.t),
            word=partial(word_of, visit.t),
            file_bytes_max=FILE_BYTES_MAX,
            **given,
        )

    # ACT

    async def _act(self, act: Act, table: Table | None, thing: Thing | None, visit: Visit) -> Response:
        keys: dict[str, Any] = dict(visit.request.path_params)
        try:
            async with visit.call.connection.transaction():
                given, answer = await self._done(act, table, thing, visit, keys)
        except Refusal as refusal:
            tried = Tried(visit.request.scope["path"], refusal)
            again = self._thing_page(thing, visit, tried) if thing else self._table_page(_given(table), visit, tried)
            raise Redrawn(await again) from None
        return self._answered(act, table, thing, visit, given, answer)

    async def _done(
        self, act: Act, table: Table | None, thing: Thing | None, visit: Visit, keys: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """What was said, and what the call answered."""
        _, scales = await options_of(visit)
        if thing is not None and act is thing.save:
            await self._as_seen(act, thing, visit, keys)
        typed = read_form(visit, act.fields, scales, keys)
        if act.is_final and visit.field("sure") != "yes":
            raise Invalid(visit.t("plain.wrong.sure"), path="sure")
        if act.has_file:
            if visit.upload is None:
                message = visit.t("plain.wrong.file")
                raise Invalid(message, path="file", problems=[problem("file", "UNREADABLE", message)])
            visit.call.body = visit.upload.content
        given, body = _parted(act, {**typed, **(act.given or {})})
        given |= keys
        if table is not None and table.leads and act.answer is Answer.ONE and act.call.__name__.startswith("put_"):
            await self._as_new(table, visit, given)
        return given, await ask(visit, act.call, given, body)

    async def _as_seen(self, act: Act, thing: Thing, visit: Visit, keys: Mapping[str, Any]) -> None:
        """Nobody has changed it since the form was drawn. Raises RevisionDiffers."""
        await visit.call.feed.lock()
        now = await current(visit, thing, keys)
        if visit.field("seen") != (digest(shown_by(act.fields, now)) if now else ""):
            raise RevisionDiffers("somebody has changed it since you opened this page", path="")

    async def _as_new(self, table: Table, visit: Visit, given: Mapping[str, Any]) -> None:
        """There is none of this name yet. Raises ThingExists, Invalid."""
        await visit.call.feed.lock()
        try:
            await ask(visit, self.thing_at(table.leads).call, given)
        except Refusal as refusal:
            if refusal.status_code != 404:
                raise
        else:
            raise ThingExists("there is one of this name already: open it to change it", path=table.key)

    def _answered(
        self, act: Act, table: Table | None, thing: Thing | None, visit: Visit, given: Mapping[str, Any], answer: Any
    ) -> Response:
        values = answer.model_dump() if isinstance(answer, BaseModel) else {}
        back = local_path(visit.field("back"))
        if act.answer is Answer.FILE:
            assert isinstance(answer, Response)
            name = _UNPLAIN.sub("-", "-".join([act.name, *map(str, visit.request.path_params.values())]))
            answer.headers["content-disposition"] = f'attachment; filename="{name}.csv"'
            return answer
        if act.answer is Answer.SECRET:
            return self._drawn(visit, "thing_secret.html", 200, None, values=values, back=back, name=act.name)
        if act.answer is Answer.REPORT:
            return self._drawn(visit, "thing_report.html", 200, None, values=values, back=back, name=act.name)
        if act.answer is Answer.ONE:
            return visit.go(address_of(_given(table).leads, {**given, **values}))
        if act.answer is Answer.UP:
            return visit.go(address_of(_given(thing).above, given))
        return visit.go(back)


def _tab_of(tabs: Sequence[tuple[str, str]], *places: str) -> str:
    """The tab that a page stands under: by its address, or by that of what it belongs to."""
    return next((tab for place in places for _, tab in tabs if f"{place}/".startswith(f"{tab}/")), "")


def _parted(act: Act, typed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the address of the call would say, and its body."""
    names = set(parameters_of(act.call)) - {"body"}
    shape = body_of(act.call)
    given = {name: value for name, value in typed.items() if name in names}
    return given, {name: value for name, value in typed.items() if name not in names} if shape else {}


def _given(one: Any) -> Any:
    assert one is not None
    return one
