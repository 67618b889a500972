"""The buy-and-get reward (semantics §6.4, §6.11.13)."""

from __future__ import annotations

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, roles, trace


def buy_get(keys: str) -> str:
    return f"{{promotion: second, stage: set, reward: [{{buy_get: {{{keys}}}}}]}}"


SECOND_HALF = "buy: {}, get: {}, percent: 50"
BAG_AND_BOOK = "buy: {of: {sku: bag}}, get: {of: {sku: book}}"


def test_second_pair_of_shoes_costs_half() -> None:
    outcome = calculate(buy_get(SECOND_HALF), lines(10000, 9000, 8000, 7000))
    assert discounts(outcome, "second") == [0, 4500, 0, 3500]
    assert roles(outcome, "second") == ["Q", "T", "Q", "T"]


def test_qualifiers_outside_the_set_of_targets_go_first() -> None:
    outcome = calculate(buy_get("buy: {of: {sku: [a, b]}}, get: {of: {sku: a}}, percent: 50"), lines(10000, 5000))
    assert discounts(outcome, "second") == [5000, 0]
    assert roles(outcome, "second") == ["T", "Q"]


@pytest.mark.parametrize(
    ("discount", "taken"), [("percent: 30", 3000), ("amount: 15.00", 3000), ("price: 40.00", 2000), ("price: 60.00", 0)]
)
def test_every_target_gets_the_discount(discount: str, taken: int) -> None:
    bought = [line(1, "bag", 90000, 2000), line(2, "book", 5000, 3000)]
    outcome = calculate(buy_get(f"{BAG_AND_BOOK}, {discount}"), bought)
    assert discounts(outcome, "second") == [0, taken]
    assert roles(outcome, "second") == (["Q", "T"] if taken else ["", ""])


def test_percent_is_rounded_once_per_calc_group_over_all_applications() -> None:
    # 10 % of 3 × 0.05 is 1.5 kop, 2; of each by itself it would be 1 + 1 + 1.
    outcome = calculate(buy_get(f"{BAG_AND_BOOK}, percent: 10"), [line(1, "bag", 900, 3000), line(2, "book", 5, 3000)])
    assert discounts(outcome, "second") == [0, 2]


def test_application_needs_all_its_units() -> None:
    keys = "buy: {quantity: 2, of: {sku: bag}}, get: {quantity: 2, of: {sku: book}}, percent: 50"
    assert discounts(calculate(buy_get(keys), [line(1, "bag", 100, 5000), line(2, "book", 100, 3000)]), "second") == [
        0,
        100,
    ]
    assert discounts(calculate(buy_get(keys), [line(1, "bag", 100), line(2, "book", 100, 3000)]), "second") == [0, 0]
    assert discounts(calculate(buy_get(keys), [line(1, "bag", 100, 2000), line(2, "book", 100)]), "second") == [0, 0]


def test_all_targets_follow_one_application() -> None:
    keys = "buy: {of: {sku: bag}}, get: {quantity: ALL, of: {sku: book}}, percent: 50"
    outcome = calculate(buy_get(keys), [line(1, "bag", 100, 2000), line(2, "book", 100, 7000)])
    assert discounts(outcome, "second") == [0, 350]
    assert discounts(calculate(buy_get(keys), [line(1, "bag", 100)]), "second") == [0]


def test_reusable_qualifiers_serve_every_application() -> None:
    keys = f"{BAG_AND_BOOK}, percent: 50, reusable_qualifiers: true"
    bought = [line(1, "bag", 100), line(2, "book", 100, 3000)]
    assert discounts(calculate(buy_get(keys), bought), "second") == [0, 150]
    assert discounts(calculate(buy_get(f"{keys}, max_applications: 2"), bought), "second") == [0, 100]
    assert discounts(calculate(buy_get(f"{BAG_AND_BOOK}, percent: 50"), bought), "second") == [0, 50]


@pytest.mark.parametrize(("reusable", "left"), [("true", [5000]), ("false", [0])])
def test_reusable_qualifiers_stay_free_for_later_rules(reusable: str, left: list[int]) -> None:
    rules = f"""
    - {buy_get(f"{BAG_AND_BOOK}, percent: 50, reusable_qualifiers: {reusable}")}
    - {{promotion: half, stage: set, priority: 200, reward: [{{ladder: {{rungs: [50], of: {{sku: bag}}}}}}]}}
    """
    outcome = calculate(rules, [line(1, "bag", 10000), line(2, "book", 1000)])
    assert discounts(outcome, "half")[:1] == left


def test_reusable_qualifier_of_the_same_goods_is_no_target() -> None:
    outcome = calculate(buy_get(f"{SECOND_HALF}, reusable_qualifiers: true"), lines(10000, 9000, 8000))
    assert discounts(outcome, "second") == [0, 4500, 4000]
    assert roles(outcome, "second") == ["Q", "T", "T"]


def test_application_whose_target_is_at_its_floor_leaves_its_units_free() -> None:
    rules = f"""
    - {buy_get(f"{BAG_AND_BOOK}, percent: 50")}
    - {{promotion: half, stage: set, priority: 200, reward: [{{ladder: {{rungs: [50], of: {{sku: bag}}}}}}]}}
    """
    outcome = calculate(rules, [line(1, "bag", 10000), line(2, "book", 1000, min_price_minor=1000)])
    assert discounts(outcome, "half") == [5000, 0]
    assert trace(outcome, "second")["verdict"] == "VERDICT_FLOOR"


def test_line_without_discount_qualifies_and_one_without_threshold_does_not() -> None:
    rules = buy_get(f"{BAG_AND_BOOK}, percent: 50")
    for flag, taken in (("no_discount", [0, 500]), ("no_threshold", [0, 0])):
        bought = [line(1, "bag", 10000, flags={flag: True}), line(2, "book", 1000)]
        assert discounts(calculate(rules, bought), "second") == taken


def test_percent_that_reaches_only_the_first_targets_uses_up_only_their_applications() -> None:
    # 10 % of 7 × 0.01 rounds to 1 kop for the first book: the other applications gave nothing, their bags stay free.
    rules = f"""
    - {buy_get(f"{BAG_AND_BOOK}, percent: 10")}
    - {{promotion: half, stage: set, priority: 200, reward: [{{ladder: {{rungs: [50], of: {{sku: bag}}}}}}]}}
    """
    outcome = calculate(
        rules.replace("stage: set,", "stage: set, allow_free: true,"),
        [line(1, "bag", 100, 7000), line(2, "book", 1, 7000)],
    )
    assert discounts(outcome, "second") == [0, 1]
    assert discounts(outcome, "half") == [300, 0]
