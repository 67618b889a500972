"""A customer given as plain values: what cannot be is refused at its place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import read_documents
from altyn.core.rules.ruleset import Ruleset

RULES = read_documents(
    [{"promotion": "p", "stage": "item", "when": {"personal": True}, "reward": [{"amount": {"off": 1}}]}]
)
RULESET = Ruleset(compile_ruleset(RULES.promotions, RULES.assets, version=1))
LINE = {"line_no": 1, "sku": "a", "qty_milli": 1000, "price_minor": 1000}
# 2027-03-01T10:00:00Z
INSTANT_US = 1_803_895_200_000_000


def discount(customer: dict[str, Any], instant_us: int | None = INSTANT_US) -> int:
    outcome = evaluate(RULESET, {"lines": [LINE]}, {}, customer, (0, 0, 0), instant_us=instant_us)
    found: int = outcome["totals"]["discount_minor"]
    return found


@pytest.mark.parametrize(
    ("times", "holds"),
    [
        ({}, True),
        ({"from": "2027-03-01T13:00+03:00"}, True),
        ({"from": "2027-03-01T10:00:00.000001Z"}, False),
        ({"from": "2027-03-01T04:30:00-05:30"}, True),
        ({"from": "2027-03-01T04:31:00-05:30"}, False),
        ({"to": "2027-03-01T10:00Z"}, False),
        ({"to": INSTANT_US + 1}, True),
        ({"to": datetime(2027, 3, 1, 10, tzinfo=UTC)}, False),
        ({"from": INSTANT_US, "to": None}, True),
    ],
)
def test_times_of_a_grant_are_instants(times: dict[str, Any], holds: bool) -> None:
    assert discount({"personal": [{"promotion": "p", **times}]}) == (100 if holds else 0)


@pytest.mark.parametrize(
    ("customer", "path", "code"),
    [
        ({"birthday": "02-30"}, "customer.birthday", "BAD_FORMAT"),
        ({"birthday": "2-29"}, "customer.birthday", "BAD_FORMAT"),
        ({"birthday": 229}, "customer.birthday", "BAD_FORMAT"),
        ({"favourites": "coffee"}, "customer.favourites", "BAD_FORMAT"),
        ({"favourites": [f"c{n}" for n in range(33)]}, "customer.favourites", "TOO_LARGE"),
        ({"favourites": ["a", 1]}, "customer.favourites[1]", "BAD_FORMAT"),
        ({"personal": ["p"]}, "customer.personal[0]", "BAD_FORMAT"),
        ({"personal": [{"promotion": "p", "till": 1}]}, "customer.personal[0]", "BAD_FORMAT"),
        ({"personal": [{}]}, "customer.personal[0].promotion", "BAD_FORMAT"),
        ({"personal": [{"promotion": "p", "from": "2027-03-01T10:00"}]}, "customer.personal[0].from", "BAD_FORMAT"),
        ({"personal": [{"promotion": "p", "to": "2027-02-29T10:00Z"}]}, "customer.personal[0].to", "BAD_FORMAT"),
        ({"personal": [{"promotion": "p", "from": 5, "to": 5}]}, "customer.personal[0].to", "OUT_OF_RANGE"),
        ({"personal": [{"promotion": "p", "skus": ["a"] * 33}]}, "customer.personal[0].skus", "TOO_LARGE"),
        (
            {"personal": [{"promotion": "p", "skus": ["a"] * 32, "categories": ["b"]}]},
            "customer.personal[0].skus",
            "TOO_LARGE",
        ),
        ({"personal": [{"promotion": "p"}] * 65}, "customer.personal", "TOO_LARGE"),
    ],
)
def test_customer_that_cannot_be_is_refused_at_the_place(customer: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(ReceiptError) as refused:
        discount(customer)
    assert (refused.value.path, refused.value.code) == (path, code)


def test_grant_with_times_needs_the_instant() -> None:
    with pytest.raises(ReceiptError, match="instant of the receipt"):
        discount({"personal": [{"promotion": "p", "from": 5}]}, None)
    assert discount({"personal": [{"promotion": "p"}]}, None) == 100
