"""The fields of a form and the tree of a document: one name for each place, so that nothing is lost on the way.

A field's name is ``doc.<path>|<kind>``; the kind says how its text becomes a value. ``a-map`` and ``a-list``
are marks that something stands there, be it empty. What cannot be read stays as it was typed (``Unread``), and is told.
Invariants: every value is text, a truth value, a list or a mapping, as ``load_documents`` gives them; a place written
twice keeps the last. It decides nothing about what documents mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from altyn.admin_api.edge.problems import Problem, problem
from altyn.core.rules.definition import DocumentError, dump_documents, load_documents

PREFIX = "doc."
STEPS_MAX = 64
TRUTHS: dict[str, bool] = {"true": True, "false": False}
_UNPLAIN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

Tree = dict[str, Any]
Path = tuple[str | int, ...]


class Unread(str):
    """YAML as it was typed, which cannot be read."""


@dataclass(slots=True)
class Typed:
    """What a form holds: the document, and what of it could not be read."""

    document: Tree
    problems: list[Problem] = field(default_factory=list)


def name_of(path: Path, kind: str) -> str:
    """The field's name."""
    return PREFIX + ".".join(map(str, path)) + "|" + kind


def path_text(path: Path) -> str:
    """A place as problems name it: ``when.all[1].receipt_sum``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read_fields(fields: Iterable[tuple[str, str]]) -> Typed:
    """The document of a form, in the order of its fields."""
    found = Typed({})
    for name, text in fields:
        if not name.startswith(PREFIX):
            continue
        place, _, kind = name.removeprefix(PREFIX).rpartition("|")
        path = _path(place)
        if (path or kind == "rest") and len(path) <= STEPS_MAX:
            _take(found, path, kind, text.replace("\r\n", "\n"))
    found.document = _listed(found.document)
    return found


def _path(place: str) -> Path:
    return tuple(int(step) if step.isdecimal() else step for step in place.split(".")) if place else ()


def path_of(text: str) -> Path:
    """The place ``path_text`` has named."""
    return _path(text.replace("[", ".").replace("]", ""))


def _take(found: Typed, path: Path, kind: str, text: str) -> None:
    if kind in MARKS:
        _put(found.document, path, MARKS[kind](), is_mark=True)
    elif kind == "rest":
        value = _yaml(found, path, text)
        for key, inner in value.items() if isinstance(value, dict) else ():
            _put(found.document, (*path, key), inner)
        if value is not None and not isinstance(value, dict):
            _put(found.document, (*path, "yaml"), Unread(text))
    elif kind == "yaml":
        if (value := _yaml(found, path, text)) is not None:
            _put(found.document, path, value)
    elif (value := _value(kind, text)) is not None:
        if kind == "each" and isinstance(value, str):  # a box of many: every one that is ticked comes by itself
            before = _get(found.document, path)
            value = [*(before if isinstance(before, list) else []), value]
        _put(found.document, path, value)


def _value(kind: str, text: str) -> Any:
    """None: nothing stands there."""
    if kind == "text":
        return text or None
    text = text.strip()
    if not text:
        return None
    if kind in ("words", "list"):
        words = [word for word in (part.strip() for part in text.split(",")) if word]
        return words if kind == "list" or len(words) != 1 else words[0]
    return TRUTHS.get(text, text) if kind == "truth" else text


def _yaml(found: Typed, path: Path, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return read_part(text)
    except DocumentError as error:
        found.problems += [problem(path_text(path), str(one.code), one.message) for one in error.problems[:5]]
        return Unread(text)


def read_part(text: str) -> Any:
    """A value written in YAML. Raises DocumentError."""
    indented = "".join(f"  {line}\n" for line in text.split("\n"))
    documents = load_documents(f"value:\n{indented}")
    return documents[0].get("value") if documents else None


def write_part(value: Any) -> str:
    """A value as YAML that ``read_part`` reads back."""
    if isinstance(value, Unread):
        return str(value)
    text = dump_documents([value]).removesuffix("...\n")
    if read_part(text) == value:
        return text
    # A few characters, such as U+0085, do not come back from plain YAML: then it is its JSON face, with escapes.
    return _UNPLAIN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


class _Listed(dict[Any, Any]):
    """A list while it is filled: what came under each number."""


MARKS: dict[str, type[dict[Any, Any]]] = {"a-map": dict, "a-list": _Listed}


def _put(tree: Tree, path: Path, value: Any, *, is_mark: bool = False) -> None:
    node: Any = tree
    for step in path[:-1]:
        inner = node.get(step)
        if not isinstance(inner, dict):
            inner = {}
            node[step] = inner
        node = inner
    if is_mark and isinstance(node.get(path[-1]), dict):
        return
    node[path[-1]] = value


def _get(tree: Tree, path: Path) -> Any:
    node: Any = tree
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _listed(node: Any) -> Any:
    """Lists in place of what was numbered, in order of the form."""
    if isinstance(node, _Listed):
        return [_listed(inner) for inner in node.values()]
    if isinstance(node, dict):
        return {str(key): _listed(inner) for key, inner in node.items()}
    return node


def at(tree: Any, path: Sequence[str | int]) -> Any:
    """What stands at a place of a document; None when nothing does."""
    for step in path:
        if isinstance(tree, dict) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and 0 <= step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree
