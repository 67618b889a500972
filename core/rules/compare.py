"""What changed between two sets of documents, by meaning: writing out a default or moving a key is no change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from altyn.core.rules.definition import Rules, default_documents


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class PathChange:
    """A place in a document; a side where nothing stands is None."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """`kind` is promotion, limit, rounding or asset; `paths` is empty unless CHANGED."""

    change: Change
    kind: str
    name: str
    paths: tuple[PathChange, ...] = ()


def compare(before: Rules, after: Rules) -> list[DocumentChange]:
    """Changes of all documents, sorted by kind and id."""
    old, new = _documents(before), _documents(after)
    found = []
    for kind, name in sorted({*old, *new}):
        left, right = old.get((kind, name)), new.get((kind, name))
        if left is None or right is None:
            found.append(DocumentChange(Change.ADDED if left is None else Change.REMOVED, kind, name))
        elif paths := tuple(_paths(left, right)):
            found.append(DocumentChange(Change.CHANGED, kind, name, paths))
    return found


def _documents(rules: Rules) -> dict[tuple[str, str], Mapping[str, str]]:
    return {_key(document): dict(_leaves(document, "")) for document in default_documents(rules)}


def _key(document: Mapping[str, Any]) -> tuple[str, str]:
    kind = next(kind for kind in ("promotion", "limit", "rounding", "asset") if kind in document)
    return kind, document[kind]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Places and their values as text. A list of plain values is one place: it is a set."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    elif isinstance(value, list):
        yield path, "[" + ", ".join(sorted(value)) + "]"
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value or "{}")


def _paths(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[PathChange]:
    for path in dict.fromkeys((*left, *right)):
        if left.get(path) != right.get(path):
            yield PathChange(path, left.get(path), right.get(path))
