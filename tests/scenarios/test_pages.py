"""The pages of docs/mechanics show documents that can be read and receipts that are scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.schema import document_schema
from tests.scenarios.adapter import FOLDER, read_scenario

ROOT = FOLDER.parents[1]
PAGES = sorted(path for path in (ROOT / "docs" / "mechanics").glob("*.md") if path.name != "README.md")
# What happens to a receipt after its sale is no promotion; tests/core/engine takes receipts back.
SHOWING = [path for path in PAGES if path.name != "returns.md"]
LINKING = [
    ROOT / "docs" / "semantics.md",
    ROOT / "docs" / "promotion-document.md",
    *sorted((ROOT / "docs" / "mechanics").glob("*.md")),
    *sorted((ROOT / "docs" / "howto").glob("*.md")),
]
SCENARIO = re.compile(r"\]\(\.\./\.\./(tests/scenarios/[\w/-]+\.yaml)\)")
LINK = re.compile(r"\]\(([^)#:]+)\)")
DOCUMENT = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.stem)
def test_page_shows_a_document_of_one_of_its_scenarios(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (shown,) = DOCUMENT.findall(text)
    promotions = read_documents(load_documents(shown)).promotions
    scenarios = [read_scenario(ROOT / link) for link in SCENARIO.findall(text)]
    assert any(
        set(map(repr, promotions)) <= set(map(repr, read_documents(scenario.documents).promotions))
        for scenario in scenarios
    )


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not broken


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "mechanics" / "README.md").read_text(encoding="utf-8")
    assert {link for link in LINK.findall(index) if link.endswith(".md") and "/" not in link} == {p.name for p in PAGES}


def test_vocabulary_page_names_every_key_the_reader_knows() -> None:
    text = (ROOT / "docs" / "promotion-document.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z_]+", text))
    assert set(keys_of(document_schema())) <= words


def keys_of(schema: Any) -> Iterator[str]:
    """Names of all properties of a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from keys_of(inner)
