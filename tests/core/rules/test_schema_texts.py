"""Every key of the schema is described, and its examples are taken by the schema and by the reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from altyn.core.rules.definition import read_documents
from altyn.core.rules.read import documents, forms, limits, products, roundings
from altyn.core.rules.read.conditions import CONDITION, LEAVES
from altyn.core.rules.read.problems import Reading
from altyn.core.rules.read.rewards import KINDS
from altyn.core.rules.schema import KINDS_OF, document_schema
from altyn.core.rules.schema_texts import DEFINITIONS, KEYS, text_of
from tests.core.rules.json_schema import is_valid

SCHEMA = document_schema()
FORMS: dict[str, Any] = {
    "promotion": documents.PROMOTION,
    "asset": documents.ASSET,
    "limit": limits.LIMIT_DOCUMENT,
    "rounding": roundings.ROUNDING,
    "product_set": products.PRODUCT_SET,
    **LEAVES,
    **KINDS,
}
# Forms that take a short form or a mapping: the mapping's keys.
MAPPINGS = {"promotion.group": documents.GROUP_MAPPING, "promotion.exclusive": documents.EXCLUSIVE_MAPPING}


def keys(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All keys below a definition that are not definitions themselves."""
    for name, one in schema.get("properties", {}).items():
        if name not in KINDS_OF.get(path, ()):
            yield f"{path}.{name}", one
        yield from keys(f"{path}.{name}", one)
    variants = () if path == "promotion" else schema.get("anyOf", ())
    for one in (*variants, *([schema["items"]] if "items" in schema else ())):
        yield from keys(path, one)


EVERY_KEY = {path: one for name in SCHEMA["$defs"] for path, one in keys(name, SCHEMA["$defs"][name])}


def form_at(path: str) -> Any:
    """The reader's form of a key."""
    name, *steps = path.split(".")
    form, here = FORMS[name], name
    for step in steps:
        here = f"{here}.{step}"
        while not isinstance(form, forms.MappingOf):
            form = form.form() if isinstance(form, forms.Named) else getattr(form, "mapping", None) or form.form
        form = MAPPINGS.get(here) if here in MAPPINGS and here != path else form.keys[step].form
    return form


@pytest.mark.parametrize("path", EVERY_KEY)
def test_key_is_described_and_its_examples_are_taken(path: str) -> None:
    node = EVERY_KEY[path]
    assert len(node["description"]) > 3
    assert node["examples"]
    for example in node["examples"]:
        assert is_valid(example, node, SCHEMA)
        if not path.startswith("condition."):
            reading = Reading()
            assert form_at(path).read(example, path, reading) is not None, reading.found
            assert not reading.found
        else:
            reading = Reading()
            assert CONDITION.read({path.split(".")[1]: example}, "when", reading) is not None, reading.found


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition_has_an_example_that_is_taken(name: str) -> None:
    node = SCHEMA["$defs"][name]
    (example,) = node["examples"]
    assert is_valid(example, node, SCHEMA)
    reading = Reading()
    form = CONDITION if name == "condition" else FORMS[name]
    assert form.read(example, name if name in KINDS else "", reading) is not None, reading.found


def test_examples_of_documents_are_read() -> None:
    assert len(read_documents(SCHEMA["examples"]).promotions) == 1


def test_no_text_is_of_a_key_that_does_not_exist() -> None:
    used = {path for path in KEYS if path in EVERY_KEY or path.startswith("*.")}
    assert set(KEYS) == used
    shared = {path[1:] for path in KEYS if path.startswith("*.")}
    assert all(any(path.endswith(end) for path in EVERY_KEY) for end in shared)
    assert text_of("promotion.nothing") is None
