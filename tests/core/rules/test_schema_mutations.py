"""Documents of the docs and of the demo are valid, and damage to their shape is seen by schema and reader alike."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from altyn.core.rules.definition import DocumentError, load_documents, read_documents
from altyn.core.rules.schema import document_schema
from altyn.core.rules.schema_texts import DEFINITIONS
from tests.core.rules.json_schema import is_valid

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = document_schema()
KINDS = ("promotion", "asset", "limit", "rounding")
# What a schema can see; the rest needs arithmetic, another key or another document.
SHAPE = {"UNKNOWN_KEY", "UNKNOWN_WORD", "WRONG_TYPE", "REQUIRED", "EMPTY"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def of_the_docs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Whole documents in the pages; parts of one are no examples of a document."""
    for page in PAGES:
        for number, block in enumerate(BLOCK.findall(page.read_text())):
            try:
                found = load_documents(block)
            except (DocumentError, yaml.YAMLError):
                continue
            for document in found:
                for one in document.get("rules", [document]):  # type: ignore[attr-defined]
                    if isinstance(one, dict) and any(kind in one for kind in KINDS) and "scenario" not in one:
                        yield f"{page.name}-{number}-{next(iter(one.values()))}", one


def of_the_demo() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((ROOT / "cli/demo/promotions").glob("*.yaml")):
        for document in load_documents(path.read_text()):
            yield str(next(iter(document.values()))), document


DOCS = dict(of_the_docs())
DEMO = dict(of_the_demo())


def refusal(document: dict[str, Any]) -> set[str]:
    try:
        read_documents([document])
    except DocumentError as error:
        return {str(problem.code) for problem in error.problems}
    return set()


def test_there_are_documents_to_look_at() -> None:
    assert len(DOCS) >= 20
    assert len(DEMO) >= 40


@pytest.mark.parametrize("name", [*DOCS, *DEMO])
def test_document_of_docs_and_demo_is_valid(name: str) -> None:
    document = {**DOCS, **DEMO}[name]
    assert refusal(document) == set()
    assert is_valid(document, SCHEMA)


WRONG: list[Any] = ["no such word", "", {}, [], None, True, {"zzz": "1"}, [[]], "-1"]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All places in a document, the document itself left out."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in rows:
        yield (*path, key)
        yield from places(inner, (*path, key))


def damaged(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place replaced by something wrong, removed, and with an unknown key."""
    for path in places(document):
        for number, wrong in enumerate((*WRONG, "remove", "add")):
            made = copy.deepcopy(document)
            parent: Any = made
            for step in path[:-1]:
                parent = parent[step]
            if wrong == "remove":
                del parent[path[-1]]
            elif wrong == "add":
                if not isinstance(parent[path[-1]], dict):
                    continue
                parent[path[-1]]["zzz"] = "1"
            else:
                parent[path[-1]] = copy.deepcopy(wrong)
            yield f"{'.'.join(map(str, path))}: {WRONG[number] if number < len(WRONG) else wrong}", made


EXAMPLES = {name: DEFINITIONS[name][1] for name in KINDS} | dict(list(DEMO.items())[::4]) | DOCS


@pytest.mark.parametrize("name", EXAMPLES)
def test_damage_the_reader_sees_in_the_shape_the_schema_sees_too(name: str) -> None:
    strange = []
    for where, document in damaged(EXAMPLES[name]):
        codes = refusal(document)
        if is_valid(document, SCHEMA) == bool(codes & SHAPE) and (codes & SHAPE or not codes):
            strange.append((where, codes))
    assert strange == []
