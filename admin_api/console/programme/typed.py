"""Forms of plain pages: what a thing has as fields, and what was typed as a call takes it.

Names are those of ``console.fields``, so a problem of the API finds its field by its path. Money and points are typed
and shown in whole units, moments by the programme's wall clock. Invariants: what was typed comes back as it was typed
when it is refused; it must never guess: what cannot be read is told at its field.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from altyn.admin_api.console.fields import Path, Tree, at, name_of, path_text, read_fields
from altyn.admin_api.console.pages import Visit
from altyn.admin_api.console.programme.things import Field
from altyn.admin_api.edge.problems import Invalid, Problem, Refusal, problem

DIGITS_MAX = 15
ROWS_SPARE = 2
_AMOUNT = re.compile(r"(\d{1,15})(?:[.,](\d{1,4}))?")
#: How the name of a field says what stands there (``console.fields``).
WRITTEN = {"words": "list", "truth": "truth"}


@dataclass(slots=True)
class Scales:
    """Digits after the point: of the programme's money, and of each asset."""

    money: int
    assets: Mapping[str, int]

    def of(self, one: Field, tree: Mapping[str, Any]) -> int:
        if one.kind == "money":
            return self.money
        declared = str(tree.get("scale", ""))  # of an asset that is only being made
        return self.assets.get(str(tree.get("asset")), int(declared) if declared in ("1", "2", "3", "4") else 0)


@dataclass(slots=True)
class Control:
    """One field as it is drawn. ``options`` are (value, text)."""

    name: str
    id: str
    kind: str
    label: str
    hint: str
    value: str
    options: Sequence[tuple[str, str]] = ()
    unit: str = ""
    is_needed: bool = False
    problems: list[str] = field(default_factory=list)
    rows: list[list[Control]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


# WHAT WAS TYPED


def read_form(visit: Visit, fields: Sequence[Field], scales: Scales, known: Mapping[str, Any]) -> Tree:
    """By path, as calls take it. ``known`` is what the address says. Raises Invalid, which names every field."""
    tree = read_fields(visit.fields).document
    problems: list[Problem] = []
    for one in fields:
        path = tuple(one.path.split("."))
        if one.kind == "rows":
            for number, row in enumerate(at(tree, path) or []):
                for inner in one.inner:
                    _convert(visit, inner, row, (inner.path,), (*path, number), scales, {**known, **tree}, problems)
        else:
            _convert(visit, one, tree, path, (), scales, {**known, **tree}, problems)
    if problems:
        raise Invalid("the form has fields that cannot be read", path=problems[0]["path"], problems=problems)
    return tree


def _convert(
    visit: Visit,
    one: Field,
    tree: Any,
    path: Path,
    above: Path,
    scales: Scales,
    known: Mapping[str, Any],
    problems: list[Problem],
) -> None:
    """Put what the text means in its place."""
    owner = at(tree, path[:-1])
    text = owner.get(path[-1]) if isinstance(owner, dict) else None
    if not isinstance(text, str):
        return
    try:
        owner[path[-1]] = _meaning(visit, one, text.strip(), scales.of(one, known))
    except ValueError as error:
        place = ".".join(map(str, path))
        if above:
            place = f"{'.'.join(map(str, above[:-1]))}[{above[-1]}].{place}"
        problems.append(problem(place, "UNREADABLE", str(error)))


def _meaning(visit: Visit, one: Field, text: str, scale: int) -> Any:
    """Raises ValueError."""
    if one.kind == "numbers":
        return [_meaning(visit, Field(one.path, "number"), part, 0) for part in text.replace(",", " ").split()]
    if one.kind == "number":
        if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX):
            raise ValueError(visit.t("plain.wrong.number", text=text[:40]))
        return int(text)
    if one.kind in ("money", "points"):
        typed = _AMOUNT.fullmatch(text)
        if typed is None or len(typed[2] or "") > scale:
            raise ValueError(visit.t("plain.wrong.amount", text=text[:40], digits=scale))
        return int(typed[1] + (typed[2] or "").ljust(scale, "0"))
    if one.kind == "moment":
        try:
            return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(visit.shell.zone))
        except ValueError:
            raise ValueError(visit.t("plain.wrong.moment", text=text[:40])) from None
    return text


# WHAT IS DRAWN


class Drawing:
    """A form with values, or with what was typed and what is wrong with it."""

    def __init__(
        self,
        visit: Visit,
        fields: Sequence[Field],
        options: Mapping[str, Sequence[tuple[str, str]]],
        scales: Scales,
        form: str,
        values: Mapping[str, Any] | None = None,
        refusal: Refusal | None = None,
        suffix: str = "",
    ) -> None:
        self._suffix = suffix
        self._visit, self._options, self._scales, self._form = visit, options, scales, form
        self._typed = dict(visit.fields) if refusal else {}
        self._values = values or {}
        self._problems = _told(refusal)
        self._told_at: set[str] = set()
        self._tree = read_fields(visit.fields).document if refusal else {}
        self.controls = [self._control(one, tuple(one.path.split("."))) for one in fields]
        #: (heading, controls): places under one name stand together.
        self.groups: list[tuple[str, list[Control]]] = []
        for one, control in zip(fields, self.controls, strict=True):
            heading = _first(visit.t, "", f"plain.part.{one.path.partition('.')[0]}")
            if not self.groups or self.groups[-1][0] != heading:
                self.groups.append((heading, []))
            self.groups[-1][1].append(control)
        #: Of no field of this form.
        self.others = [one for one in self._problems if one["path"] not in self._told_at]

    def _control(self, one: Field, path: Path) -> Control:
        t = self._visit.t
        place = path_text(path)
        name = name_of(path, WRITTEN.get(one.kind, one.kind))
        drawn = Control(
            name="file" if one.kind == "file" else name,
            id=f"{self._form}-{place}{self._suffix}".replace("[", ".").replace("]", ""),
            kind=one.kind,
            label=label_of(t, self._form, one.path),
            hint=_first(t, "", *(f"plain.hint.{name}" for name in (f"{self._form}.{one.path}", one.path, path[-1]))),
            value=self._value(one, path, name),
            is_needed=one.is_needed,
            unit={"money": self._visit.shell.currency}.get(one.kind, ""),
        )
        if one.kind == "choice":
            drawn.options = self._chosen_from(one, drawn.value)
        if one.kind == "rows":
            self._rows(one, path, drawn)
        drawn.problems = [self._said(told) for told in self._problems if told["path"] == place]
        self._told_at.add(place)
        return drawn

    def _said(self, told: Problem) -> str:
        """In the visitor's language as far as there are words for it, and as the API says it."""
        word = _first(self._visit.t, "", f"plain.problem.{told['code']}")
        return f"{word}: {told['message']}" if word and told["code"] != "REQUIRED" else word or told["message"]

    def _rows(self, one: Field, path: Path, drawn: Control) -> None:
        known = at(self._tree if self._typed else self._values, path)
        count = len(known) if isinstance(known, list) else 0
        drawn.name = name_of(path, "a-list")
        drawn.heads = [label_of(self._visit.t, self._form, inner.path) for inner in one.inner]
        drawn.rows = [
            [self._control(inner, (*path, number, *inner.path.split("."))) for inner in one.inner]
            for number in range(count + ROWS_SPARE)
        ]

    def _chosen_from(self, one: Field, value: str) -> Sequence[tuple[str, str]]:
        t = self._visit.t
        if one.source:
            found = list(self._options.get(one.source, ()))
        else:
            found = [(option, word_of(t, one.path.rpartition(".")[2], option)) for option in one.options]
        return found if not value or value in dict(found) else [*found, (value, value)]

    def _value(self, one: Field, path: Path, name: str) -> str:
        """As it was typed, else as it is."""
        if self._typed:
            if any(isinstance(step, int) for step in path):  # rows move up over those that were emptied
                kept = at(self._tree, path)
                return "" if kept is None else str(kept)
            return self._typed.get(name, "")
        value = at(self._values, path)
        if value is None or value == "":
            return ""
        if one.kind in ("money", "points"):
            return _amount(value, self._scales.of(one, self._values))
        if one.kind == "moment":
            return f"{value.astimezone(ZoneInfo(self._visit.shell.zone)):%Y-%m-%dT%H:%M}"
        if one.kind in ("words", "numbers"):
            return ", ".join(map(str, value))
        return {True: "true", False: ""}[value] if isinstance(value, bool) else str(value)


def digest(values: Any) -> str:
    """What a form was drawn from: whoever sends it back has seen this."""
    told = orjson.dumps(values, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(told).hexdigest()


def shown_by(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Of these values, those that the form shows."""
    return {one.path: at(values, tuple(one.path.split("."))) for one in fields}


def label_of(t: Any, form: str, path: str) -> str:
    name = path.rpartition(".")[2]
    own = f"plain.field.{path.replace('.', '_')}"
    return _first(t, path, f"plain.field.{form}.{path}", f"plain.field.{path}", own, f"plain.field.{name}")


def word_of(t: Any, name: str, value: object) -> str:
    return _first(t, str(value), f"plain.word.{name}.{value}", f"value.{name}.{value}")


def _first(t: Any, otherwise: str, *keys: str) -> str:
    return next((t(key) for key in keys if t.has(key)), otherwise)


def _told(refusal: Refusal | None) -> list[Problem]:
    if refusal is None:
        return []
    return list(refusal.problems) or [problem(refusal.path, refusal.reason, refusal.message)]


def _amount(value: int, scale: int) -> str:
    text = str(value).rjust(scale + 1, "0")
    return f"{text[:-scale]}.{text[-scale:]}" if scale else text


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
