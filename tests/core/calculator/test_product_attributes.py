"""Product sets by attributes against a plain reading of them, and receipts whose attributes cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import read_documents
from altyn.core.rules.ruleset import Ruleset

NAMES = st.sampled_from(["colour", "colour2", "size"])
VALUES = st.sampled_from(["red", "re", "blue", "s", "red=s"])
PAIRS = st.dictionaries(NAMES, VALUES, max_size=3)
WANTED = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3, unique=True), min_size=1, max_size=3)
SETS = st.fixed_dictionaries(
    {},
    optional={
        "attribute": WANTED,
        "category": st.sampled_from(["a", "b"]),
        "except": st.fixed_dictionaries({"attribute": WANTED}, optional={"category": st.sampled_from(["a", "b"])}),
    },
)


def ruleset(*sets: dict[str, Any]) -> Ruleset:
    documents = [
        {"promotion": f"p{number}", "stage": "item", "reward": [{"percent": {"rate": "1", "of": of}}]}
        for number, of in enumerate(sets)
    ]
    rules = read_documents(documents)
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1))


def lines(*attributes: dict[str, str], sku: str = "") -> list[dict[str, Any]]:
    return [
        {
            "line_no": number,
            "sku": sku or f"s{number}",
            "group_id": "ab"[number % 2],
            "qty_milli": 1000,
            "price_minor": 100_000,
            "attributes": one,
        }
        for number, one in enumerate(attributes, start=1)
    ]


def is_in(of: dict[str, Any], line: dict[str, Any]) -> bool:
    if any(line["attributes"].get(name) not in values for name, values in of.get("attribute", {}).items()):
        return False
    if "category" in of and of["category"] != line["group_id"]:
        return False
    return "except" not in of or not is_in(of["except"], line)


@settings(max_examples=200, deadline=None)
@given(st.lists(SETS, min_size=1, max_size=4), st.lists(PAIRS, min_size=1, max_size=6))
def test_lines_of_a_set_are_those_a_plain_reading_finds(
    sets: list[dict[str, Any]], pairs: list[dict[str, str]]
) -> None:
    try:
        rules = ruleset(*sets)
    except ValueError:
        return  # an exception that leaves nothing in the set
    bought = lines(*pairs)
    found = evaluate(rules, {"lines": bought}, {}, None, (0, 0, 0))["lines"]
    for line, row in zip(bought, found, strict=True):
        assert {one["promotion_id"] for one in row["discounts"]} == {
            f"p{number}" for number, of in enumerate(sets) if is_in(of, line)
        }


def test_sixteen_attributes_of_a_line_all_count() -> None:
    most = {f"a{number:02}": "x" for number in range(16)}
    (row,) = evaluate(ruleset({"attribute": most}), {"lines": lines(most)}, {}, None, (0, 0, 0))["lines"]
    assert row["net_minor"] == 99_000


@pytest.mark.parametrize(
    ("bought", "path", "code"),
    [
        (lines({"a": "x"}, {"a": "y"}, sku="one"), "lines[1].attributes", "BAD_FORMAT"),
        (lines({"a": "x"}, {}, sku="one"), "lines[1].attributes", "BAD_FORMAT"),
        (lines({"Colour": "x"}), "lines[0].attributes.Colour", "BAD_FORMAT"),
        (lines({"a": ""}), "lines[0].attributes.a", "BAD_FORMAT"),
        (lines({"a": "x" * 65}), "lines[0].attributes.a", "BAD_FORMAT"),
        (lines({f"a{number}": "x" for number in range(17)}), "lines[0].attributes", "TOO_LARGE"),
    ],
)
def test_attributes_that_cannot_be_are_refused_at_their_place(bought: Any, path: str, code: str) -> None:
    with pytest.raises(ReceiptError) as refused:
        evaluate(ruleset({"sku": "x"}), {"lines": bought}, {}, None, (0, 0, 0))
    assert (refused.value.path, refused.value.code) == (path, code)


def test_lines_of_one_sku_may_name_its_attributes_in_any_order() -> None:
    bought = lines({"a": "x", "b": "y"}, {"b": "y", "a": "x"}, sku="one")
    found = evaluate(ruleset({"attribute": {"a": "x", "b": "y"}}), {"lines": bought}, {}, None, (0, 0, 0))
    assert found["totals"]["discount_minor"] == 2_000
