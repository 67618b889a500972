"""The JSON Schema takes all that the reader takes, and catches most of what it refuses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from altyn.core.rules.definition import DocumentError, default_documents, load_documents, read_documents
from altyn.core.rules.schema import DIALECT, document_schema
from tests.core.rules.corpus import REFUSED
from tests.core.rules.json_schema import is_valid
from tests.core.rules.strategies import documents
from tests.scenarios.adapter import Scenario, scenarios

SCHEMA = document_schema()

# Refused by the reader alone: contradictions, ranges of decimal text, the calendar, other documents.
BEYOND_A_SCHEMA = {
    "CONTRADICTION", "DUPLICATE_ID", "TOO_DEEP", "OUT_OF_RANGE", "TOO_PRECISE", "BAD_FORMAT", "TOO_LARGE", "EMPTY",
    "REQUIRED",
}  # fmt: skip


def takes(document: Any) -> bool:
    return is_valid(document, SCHEMA)


def test_schema_is_of_the_2020_12_dialect_and_plain_json() -> None:
    assert SCHEMA["$schema"] == DIALECT
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_schema_takes_every_document_of_the_scenarios(scenario: Scenario) -> None:
    assert all(takes(document) for document in scenario.documents)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_schema_takes_what_the_reader_takes(written: list[dict[str, Any]]) -> None:
    assert all(takes(document) for document in written)
    assert all(takes(document) for document in default_documents(read_documents(written)))


@pytest.mark.parametrize("name", REFUSED)
def test_schema_refuses_what_needs_no_arithmetic(name: str) -> None:
    text, problems = REFUSED[name]
    with pytest.raises(DocumentError):
        read_documents(load_documents(text))
    if {code for _, code in problems} - BEYOND_A_SCHEMA:
        assert not all(takes(document) for document in load_documents(text))


@pytest.mark.parametrize(
    "document",
    [
        {"promotion": "p", "stage": "item", "reward": []},
        {"promotion": "p", "stage": "item", "reward": [{"percent": {"rate": "-1"}}]},
        {"promotion": "p", "stage": "item", "reward": [{"percent": {}}]},
        {"promotion": "p", "reward": [{"points": {"asset": "a"}}]},
        {"promotion": "p", "stage": "item", "when": {}, "reward": [{"percent": {"rate": "1"}}]},
        {"promotion": "p", "stage": "item", "when": {"receipt_sum": {}}, "reward": [{"percent": {"rate": "1"}}]},
    ],
)
def test_schema_refuses_common_mistakes(document: dict[str, Any]) -> None:
    assert not takes(document)


def test_schema_takes_numbers_written_as_numbers() -> None:
    assert takes({"promotion": "p", "stage": "item", "priority": 5, "reward": [{"amount": {"off": Decimal("300.00")}}]})
