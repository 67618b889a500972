"""A document as a form: boxes of fields, each under the name that leads back to its place.

Built from the tables of ``shape``; what they do not know, or what has another form than they expect, becomes a field of
YAML, so that a form sent back unchanged is the same document. Problems are put to the field they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from altyn.admin_api.console import shape
from altyn.admin_api.console.fields import Path, Unread, at, name_of, path_text, write_part
from altyn.admin_api.console.texts import Texts
from altyn.admin_api.edge.problems import Problem

TRUTHS = ("true", "false")


@dataclass(slots=True)
class Input:
    """One field. ``options`` are (value, text); ``id`` is what a problem's link leads to."""

    name: str
    kind: str
    label: str
    value: Any
    place: str
    options: list[tuple[str, str]] = field(default_factory=list)
    unit: str = ""
    hint: str = ""
    key: str = ""
    is_minor: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def is_aside(self) -> bool:
        """Shown only when asked for."""
        return self.is_minor and not self.value and not self.problems

    @property
    def id(self) -> str:
        return "at-" + self.place.replace("[", ".").replace("]", "")


@dataclass(slots=True)
class Box:
    """A part of a form. ``place`` is what an act on it names; ``marks`` keep its place when all fields are empty."""

    kind: str
    title: str
    place: str
    inputs: list[Input] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_empty: bool = False

    @property
    def id(self) -> str:
        return "at-" + self.place.replace("[", ".").replace("]", "")


class FormView:
    """The form of one document."""

    def __init__(self, document: dict[str, Any], problems: Sequence[Problem], texts: Texts) -> None:
        self.document = document
        self.t = texts
        self.kind = "limit" if "limit" in document else "promotion"
        self.problems = list(problems)
        self._told: set[int] = set()
        self._places = [one["path"] for one in self.problems]
        self.title = self._inputs((), shape.TITLE)
        self.id = self._input((), shape.Field(self.kind))
        is_promotion = self.kind == "promotion"
        self.when = self._when() if is_promotion else None
        self.rewards = self._list("reward", self._reward) if is_promotion else []
        self.stacking = self._inputs((), shape.STACKING) if is_promotion else []
        self.limits = self._list("limits", self._limit) if is_promotion else []
        self.messages = self._inputs((), shape.MESSAGES) if is_promotion else []
        known = shape.PROMOTION_KEYS if is_promotion else {"limit", "title"}
        self.rest = self._rest((), known)
        self.marks = [name_of((key,), "a-list") for key in ("reward", "limits") if isinstance(document.get(key), list)]

    @property
    def left(self) -> list[Problem]:
        """Problems no field has shown."""
        return [one for number, one in enumerate(self.problems) if number not in self._told]

    def _when(self) -> Box:
        """The outermost group; a document without ``all`` shows its short form in one."""
        when = self.document.get("when")
        if when is None or (isinstance(when, dict) and not when):
            return Box("group", "all", "when", is_empty=True)
        if not isinstance(when, dict):
            return Box("group", "all", "when", inputs=[self._yaml(("when",), "when")])
        boxes = self._conditions(("when",), when)
        if len(boxes) == 1 and boxes[0].kind == "group":
            boxes[0].marks.insert(0, name_of(("when",), "a-map"))
            return boxes[0]
        return Box("short", "all", "when", boxes=boxes, marks=[name_of(("when",), "a-map")])

    def _conditions(self, path: Path, node: dict[str, Any]) -> list[Box]:
        """A box for every key of a condition."""
        found = []
        for key, value in node.items():
            here = (*path, key)
            if key in shape.GROUPS and isinstance(value, list):
                found.append(self._group(here, key, value))
            elif key in shape.CONDITIONS and isinstance(value, dict):
                found.append(self._box(key, here, shape.CONDITIONS[key], value))
            else:
                found.append(Box("yaml", key, path_text(here), inputs=[self._yaml(here, key)]))
        return found

    def _group(self, path: Path, word: str, parts: list[Any]) -> Box:
        box = Box("group", word, path_text(path), marks=[name_of(path, "a-list")], problems=self._problems(path))
        for number, part in enumerate(parts):
            here = (*path, number)
            if isinstance(part, dict):
                inner = self._conditions(here, part)
                place = path_text(here)
                if len(inner) == 1:
                    inner[0].marks.insert(0, name_of(here, "a-map"))
                    box.boxes.append(inner[0])
                else:
                    box.boxes.append(Box("short", "all", place, boxes=inner, marks=[name_of(here, "a-map")]))
            else:
                box.boxes.append(Box("yaml", "yaml", path_text(here), inputs=[self._yaml(here, "yaml")]))
        return box

    def _list(self, key: str, draw: Any) -> list[Box]:
        parts = self.document.get(key)
        if parts is None:
            return []
        if not isinstance(parts, list):
            return [Box("yaml", key, key, inputs=[self._yaml((key,), key)])]
        return [draw((key, number), part) for number, part in enumerate(parts)]

    def _reward(self, path: Path, part: Any) -> Box:
        if isinstance(part, dict) and len(part) == 1:
            kind, body = next(iter(part.items()))
            if kind in shape.REWARDS and isinstance(body, dict):
                box = self._box(kind, (*path, kind), shape.REWARDS[kind], body)
                box.marks.insert(0, name_of(path, "a-map"))
                box.place = path_text(path)
                box.problems += self._problems(path)
                return box
        return Box("yaml", "yaml", path_text(path), inputs=[self._yaml(path, "yaml")], problems=self._problems(path))

    def _limit(self, path: Path, part: Any) -> Box:
        if isinstance(part, dict):
            return self._box("limit", path, shape.LIMIT, part)
        return Box("yaml", "yaml", path_text(path), inputs=[self._yaml(path, "yaml")])

    def _box(self, kind: str, path: Path, fields: Sequence[shape.Field], body: dict[str, Any]) -> Box:
        box = Box(kind, kind, path_text(path), marks=[name_of(path, "a-map")], problems=self._problems(path))
        known = {one.key.partition(".")[0] for one in fields}
        for one in fields:
            here = (*path, *one.key.split("."))
            if one.kind == "goods":
                box.boxes.append(self._goods(here, one, at(self.document, here)))
            elif one.kind == "chosen":
                box.inputs += self._chosen(here, one, kind)
            else:
                box.inputs.append(self._input(path, one, kind))
        box.inputs += self._rest(path, known, body)
        dotted: dict[str, set[str]] = {}
        for one in fields:
            head, _, tail = one.key.partition(".")
            if tail:
                dotted.setdefault(head, set()).add(tail)
        for head, tails in dotted.items():
            box.inputs += self._rest((*path, head), tails)
        return box

    def _goods(self, path: Path, one: shape.Field, value: Any) -> Box:
        title = self._label(one.key, "")
        if value is not None and not isinstance(value, dict):
            return Box("goods", title, path_text(path), inputs=[self._yaml(path, "of")])
        box = Box("goods", title, path_text(path), is_empty=not value)
        box.marks = [] if value is None else [name_of(path, "a-map")]
        box.inputs = self._inputs(path, shape.GOODS)
        left_out = (value or {}).get("except")
        known = {field.key.partition(".")[0] for field in shape.GOODS}
        if isinstance(left_out, dict) and not {"except", "unit_price"} & set(left_out):
            inner = Box("except", self.t("field.except"), path_text((*path, "except")))
            inner.marks = [name_of((*path, "except"), "a-map")]
            inner.inputs = self._inputs((*path, "except"), shape.GOODS[:4]) + self._rest(
                (*path, "except"), {field.key for field in shape.GOODS[:4]}
            )
            box.boxes.append(inner)
            known |= {"except"}
        box.inputs += self._rest(path, known, value or {})
        box.inputs += self._rest((*path, "unit_price"), {"from", "to"})
        box.problems = self._problems(path)
        return box

    def _chosen(self, path: Path, one: shape.Field, owner: str) -> list[Input]:
        """Two fields: what must match, and what must not."""
        value = at(self.document, path)
        if isinstance(value, dict):
            if set(value) <= {"any_of", "none_of"}:
                wanted, unwanted = value.get("any_of"), value.get("none_of")
            else:
                return [self._yaml(path, one.key)]
        else:
            wanted, unwanted = value, None
        found = []
        for word, names in (("any_of", wanted), ("none_of", unwanted)):
            here = (*path, word)
            made = self._made(here, "list", self.t(f"field.{owner}.{one.key}.{word}"), names)
            made.key, made.is_minor = f"{owner}.{one.key}", one.is_minor or word in one.minor_words
            if word == "any_of":
                made.problems += self._problems(path)
            found.append(made)
        return found

    def _inputs(self, path: Path, fields: Iterable[shape.Field]) -> list[Input]:
        """Fields, and what their mappings hold beside them."""
        fields = tuple(fields)
        found = [self._input(path, one) for one in fields]
        known: dict[Path, set[str]] = {}
        for one in fields:
            *heads, tail = one.key.split(".")
            for depth in range(len(heads)):
                known.setdefault((*path, *heads[: depth + 1]), set()).add((*heads, tail)[depth + 1])
        for place, keys in known.items():
            found += self._rest(place, keys)
        return found

    def _input(self, path: Path, one: shape.Field, owner: str = "") -> Input:
        here = (*path, *one.key.split("."))
        value = at(self.document, here)
        if value is None and one.key == "group.name" and isinstance(at(self.document, ("group",)), str):
            value = self.document["group"]  # the short form of a group is its name
        made = self._made(here, one.kind, self._label(one.key, owner), value)
        if made.kind in ("choice", "truth", "each"):
            made.options = [(option, self._option(one, owner, option)) for option in one.options or TRUTHS]
            if made.kind == "choice" and isinstance(value, str) and value not in one.options:
                made.options.append((value, value))
        made.unit, made.key = one.unit, one.key if not owner else f"{owner}.{one.key}"
        made.is_minor = one.is_minor
        hint = f"hint.{owner}.{one.key}" if owner else f"hint.{one.key}"
        made.hint = self.t(hint) if self.t.has(hint) else ""
        return made

    def _made(self, path: Path, kind: str, label: str, value: Any) -> Input:
        """A field of the kind, or of YAML when the value has another form."""
        if not _fits(kind, value):
            return self._yaml(path, label)
        if kind in ("words", "list"):
            value = ", ".join(value) if isinstance(value, list) else value
        elif kind == "each":
            value = [value] if isinstance(value, str) else value or []
        elif kind == "truth" and isinstance(value, bool):
            value = "true" if value else "false"
        name = name_of(path, {"choice": "word"}.get(kind, kind))
        return Input(name, kind, label, "" if value is None else value, path_text(path), problems=self._below(path))

    def _yaml(self, path: Path, label: str) -> Input:
        text = write_part(at(self.document, path))
        found = self._below(path)
        return Input(name_of(path, "yaml"), "yaml", self.t.word("kind", label), text, path_text(path), problems=found)

    def _rest(self, path: Path, known: Iterable[str], body: Any = None) -> list[Input]:
        """What stands there beside the known keys."""
        body = at(self.document, path) if path and body is None else self.document if body is None else body
        left = {key: value for key, value in body.items() if key not in known} if isinstance(body, dict) else {}
        if not left:
            return []
        text = left["yaml"] if isinstance(left.get("yaml"), Unread) else write_part(left)
        found = [message for key in left for message in self._below((*path, key))]
        place = path_text((*path, next(iter(left))))
        return [Input(name_of(path, "rest"), "yaml", self.t("form.more_yaml"), text, place, problems=found)]

    def _label(self, key: str, owner: str) -> str:
        own = f"field.{owner}.{key}"
        return self.t(own) if owner and self.t.has(own) else self.t("field." + key)

    def _option(self, one: shape.Field, owner: str, option: str) -> str:
        for area in (f"option.{owner}.{one.key}.{option}", f"option.{one.key}.{option}", f"option.{option}"):
            if self.t.has(area):
                return self.t(area)
        return option

    def _problems(self, path: Path) -> list[str]:
        """Those about exactly this place."""
        here = path_text(path)
        return self._take(lambda place: place == here)

    def _below(self, path: Path) -> list[str]:
        """Those about this place or something in it."""
        here = path_text(path)
        return self._take(lambda place: place == here or place.startswith((here + ".", here + "[")))

    def _take(self, chosen: Any) -> list[str]:
        found = []
        for number, place in enumerate(self._places):
            if number not in self._told and chosen(place):
                self._told.add(number)
                found.append(told_problem(self.problems[number], self.t))
        return found


def told_problem(one: Problem, texts: Texts) -> str:
    """A problem as the visitor reads it: in his language what is wrong, and the reader's exact words."""
    if texts.language == "en" or not texts.has(f"problem.{one['code']}"):
        return one["message"]
    return f"{texts('problem.' + one['code'])} ({one['message']})"


def _fits(kind: str, value: Any) -> bool:
    """Can a field of the kind show the value, and give it back."""
    if value is None:
        return True
    if isinstance(value, Unread):
        return False
    if kind in ("words", "list"):
        names = value if isinstance(value, list) else [value]
        return all(isinstance(one, str) and one and one == one.strip() and not set(one) & set(",\n") for one in names)
    if kind == "each":
        names = value if isinstance(value, list) else [value]
        return all(isinstance(one, str) and one in shape.WEEKDAYS for one in names)
    if kind == "truth":
        return isinstance(value, bool) or value in TRUTHS
    return isinstance(value, str) and "\n" not in value and (kind == "text" or value == value.strip())
