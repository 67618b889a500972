"""What no receipt may break: identities, and independence of how it was scanned (semantics §6.10)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.rules.ruleset import Ruleset
from tests.core.calculator.scenario import calculate, compiled, line

RULESETS = [
    compiled(text)
    for text in (
        """
        - {promotion: ten, stage: item, reward: [{percent: {rate: 10}}]}
        - {promotion: unit, stage: set, reward: [{amount: {off: 0.07, spread: unit, of: {category: x}}}]}
        - {promotion: line, stage: set, reward: [{amount: {off: 1.11, spread: line}}]}
        - {promotion: off, stage: receipt, when: {receipt_sum: {from: 20.00}}, reward: [{amount: {off: 7.77}}]}
        - {promotion: p, reward: [{points: {asset: b, percent: 3}}]}
        """,
        """
        - {promotion: a, stage: item, group: {name: g, mode: BEST, scope: LINE}, reward: [{percent: {rate: 7}}]}
        - {promotion: b, stage: item, group: g, reward: [{amount: {off: 0.50, spread: unit}}]}
        - {promotion: c, stage: item, group: g, floor: {percent: 40}, reward: [{amount: {off: 9.99}}]}
        - {promotion: d, stage: card, group: {name: h, mode: BEST}, reward: [{percent: {rate: 3}},
            {amount: {off: 1.00}}]}
        - {promotion: e, stage: card, group: h, allow_free: true, reward: [{percent: {rate: 100, of: {sku: b}}}]}
        - {promotion: p, group: {name: m, mode: BEST}, reward: [{points: {asset: b, percent: 3}}]}
        - {promotion: q, group: m, reward: [{points: {asset: b, fixed: 0.40}}]}
        """,
    )
]
SKUS = st.sampled_from(["a", "b", "c", "d"])
PIECES = st.tuples(SKUS, st.sampled_from([1, 5, 99, 1_00, 3_33, 199_90]), st.integers(1, 5))
RECEIPTS = st.lists(PIECES, min_size=1, max_size=8)
RULES = st.sampled_from(RULESETS)


def receipt_of(pieces: list[tuple[str, int, int]], **more: Any) -> list[dict[str, Any]]:
    return [
        line(number, sku, price, count * 1000, group_id="x" if sku in "ab" else "y", **more)
        for number, (sku, price, count) in enumerate(pieces, start=1)
    ]


def by_product(outcome: dict[str, Any], bought: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[int, int]]:
    """Net and points of each calc group: only the odd kopeck between its lines may move."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    products = {row["line_no"]: (row["sku"], row["price_minor"]) for row in bought}
    for row in outcome["lines"]:
        net, points = found.get(products[row["line_no"]], (0, 0))
        gained = sum(one["points"] for one in row["accrual"])
        found[products[row["line_no"]]] = (net + row["net_minor"], points + gained)
    return found


@given(RULES, RECEIPTS)
def test_lines_and_totals_agree_to_the_kopeck(rules: Ruleset, pieces: list[tuple[str, int, int]]) -> None:
    outcome = calculate(rules, receipt_of(pieces))
    for row in outcome["lines"]:
        assert row["gross_minor"] == row["net_minor"] + row["discount_minor"]
        assert row["discount_minor"] == sum(one["amount_minor"] for one in row["discounts"])
        assert all(one["amount_minor"] > 0 for one in row["discounts"])
        assert row["net_minor"] >= 0
    totals = outcome["totals"]
    assert totals["gross_minor"] == sum(row["gross_minor"] for row in outcome["lines"])
    assert totals["to_pay_minor"] == sum(row["net_minor"] for row in outcome["lines"])
    by_line = sum(one["points"] for row in outcome["lines"] for one in row["accrual"])
    assert sum(row["points"] for row in totals["accrual"]) == by_line
    given_by_rules = sum(row["amount_minor"] for row in outcome["explain"]["rules"])
    assert given_by_rules == totals["discount_minor"]


@given(RULES, RECEIPTS, st.integers())
def test_order_of_scanning_changes_no_product(rules: Ruleset, pieces: list[tuple[str, int, int]], seed: int) -> None:
    bought = receipt_of(pieces)
    shuffled = list(pieces)
    Random(seed).shuffle(shuffled)
    other = receipt_of(shuffled)
    assert by_product(calculate(rules, bought), bought) == by_product(calculate(rules, other), other)


@given(RULES, RECEIPTS)
def test_lines_split_into_single_units_change_no_product(rules: Ruleset, pieces: list[tuple[str, int, int]]) -> None:
    bought = receipt_of(pieces)
    single = receipt_of([(sku, price, 1) for sku, price, count in pieces for _ in range(count)])
    assert by_product(calculate(rules, bought), bought) == by_product(calculate(rules, single), single)


@given(RECEIPTS)
def test_promotion_that_does_not_concern_the_receipt_changes_nothing(pieces: list[tuple[str, int, int]]) -> None:
    text = "- {promotion: ten, stage: item, reward: [{percent: {rate: 10}}]}\n"
    strange = "- {promotion: odd, stage: price, reward: [{percent: {rate: 50, of: {sku: elsewhere}}}]}\n"
    bought = receipt_of(pieces)
    alone, together = (calculate(rules, bought, explain=False) for rules in (text, text + strange))
    assert alone == together


@given(RULES, RECEIPTS, st.sampled_from(["free", "gift"]))
def test_neutral_line_changes_nothing_else(rules: Ruleset, pieces: list[tuple[str, int, int]], kind: str) -> None:
    bought = receipt_of(pieces)
    more = line(99, "a", 0) if kind == "free" else line(99, "a", 100, flags={"gift": True})
    with_more = calculate(rules, [more, *bought])["lines"]
    assert with_more[1:] == calculate(rules, bought)["lines"]
    assert with_more[0]["discounts"] == with_more[0]["accrual"] == []


@given(RULES, RECEIPTS, st.integers(1, 300))
def test_no_unit_goes_below_its_minimum_price(rules: Ruleset, pieces: list[tuple[str, int, int]], least: int) -> None:
    bought = receipt_of(pieces, min_price_minor=least)
    for row, given_line in zip(calculate(rules, bought)["lines"], bought, strict=True):
        units = given_line["qty_milli"] // 1000
        assert row["net_minor"] >= min(row["gross_minor"], least * units)


@given(RULES, RECEIPTS)
def test_no_discount_line_keeps_its_price(rules: Ruleset, pieces: list[tuple[str, int, int]]) -> None:
    outcome = calculate(rules, receipt_of(pieces, flags={"no_discount": True, "no_accrual": True}))
    assert outcome["totals"]["discount_minor"] == 0
    assert outcome["totals"]["accrual"] == []


@pytest.mark.parametrize("rules", RULESETS)
@settings(max_examples=1)
@given(st.just(0))
def test_largest_receipt_is_calculated(rules: Ruleset, _: int) -> None:
    random = Random(7)
    bought = [
        line(number, f"sku-{random.randrange(400)}", random.randrange(1, 100_000), 10_000, group_id="x")
        for number in range(1, 1001)
    ]
    outcome = calculate(rules, bought)
    assert outcome["totals"]["to_pay_minor"] == sum(row["net_minor"] for row in outcome["lines"])
