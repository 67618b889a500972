"""The bundle reward (semantics §6.4, §6.11.13)."""

from __future__ import annotations

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, roles, trace

ABC = "parts: [{of: {sku: a}}, {of: {sku: b}}, {of: {sku: c}}]"


def bundle(keys: str) -> str:
    return f"{{promotion: set, stage: set, reward: [{{bundle: {{{keys}}}}}]}}"


@pytest.mark.parametrize(
    ("discount", "taken"),
    [
        ("price: 500.00", [6910, 4606, 3454]),
        ("percent: 10", [2999, 1999, 1499]),
        ("amount: 149.70", [6910, 4606, 3454]),
        ("price: 649.70", [0, 0, 0]),
        ("price: 700.00", [0, 0, 0]),
    ],
)
def test_discount_of_a_set_is_shared_by_its_goods(discount: str, taken: list[int]) -> None:
    outcome = calculate(bundle(f"{ABC}, {discount}"), lines(29990, 19990, 14990))
    assert discounts(outcome, "set") == taken
    assert roles(outcome, "set") == (["T", "T", "T"] if sum(taken) else ["", "", ""])


def test_set_is_made_as_often_as_every_part_is_there() -> None:
    bought = [line(1, "a", 29990, 3000), line(2, "b", 19990, 2000), line(3, "c", 14990, 5000)]
    assert discounts(calculate(bundle(f"{ABC}, price: 500.00"), bought), "set") == [13820, 9212, 6908]
    assert discounts(calculate(bundle(f"{ABC}, price: 500.00, max_applications: 1"), bought), "set") == [
        6910,
        4606,
        3454,
    ]
    assert discounts(calculate(bundle(f"{ABC}, price: 500.00"), bought[:2]), "set") == [0, 0]


def test_parts_take_the_dearest_in_written_order_without_looking_back() -> None:
    # Any good first takes a, which the second part would need.
    greedy = "parts: [{}, {of: {sku: a}}], percent: 10"
    narrow = "parts: [{of: {sku: a}}, {}], percent: 10"
    assert discounts(calculate(bundle(greedy), lines(10000, 5000)), "set") == [0, 0]
    assert discounts(calculate(bundle(narrow), lines(10000, 5000)), "set") == [1000, 500]


def test_several_units_of_a_part_go_together() -> None:
    keys = "parts: [{quantity: 2, of: {sku: a}}, {of: {sku: b}}], amount: 0.05"
    outcome = calculate(bundle(keys), [line(1, "a", 100, 3000), line(2, "b", 100)])
    assert discounts(outcome, "set") == [3, 2]


def test_only_targets_bear_the_discount_when_told_so() -> None:
    keys = "parts: [{of: {sku: a}}, {of: {sku: b}, target: true}], allocate_to: TARGETS"
    percent = calculate(bundle(f"{keys}, percent: 10"), lines(10000, 5000))
    assert discounts(percent, "set") == [0, 500]
    assert roles(percent, "set") == ["Q", "T"]
    price = calculate(bundle(f"{keys}, price: 120.00"), lines(10000, 5000))
    assert discounts(price, "set") == [0, 3000]


def test_part_that_is_no_target_may_be_without_discount() -> None:
    keys = "parts: [{of: {sku: a}}, {of: {sku: b}, target: true}], percent: 10, allocate_to: TARGETS"
    bought = [line(1, "a", 10000, flags={"no_discount": True}), line(2, "b", 5000)]
    assert discounts(calculate(bundle(keys), bought), "set") == [0, 500]
    uncounted = [line(1, "a", 10000, flags={"no_threshold": True}), line(2, "b", 5000)]
    assert discounts(calculate(bundle(keys), uncounted), "set") == [0, 0]


def test_floors_send_the_discount_to_the_others_and_end_it_when_nothing_can_be_placed() -> None:
    bought = [line(1, "a", 10000, min_price_minor=9900), line(2, "b", 5000)]
    keys = "parts: [{of: {sku: a}}, {of: {sku: b}}], amount: 30.00"
    assert discounts(calculate(bundle(keys), bought), "set") == [100, 2900]
    stuck = [{**one, "min_price_minor": one["price_minor"]} for one in bought]
    assert trace(calculate(bundle(keys), stuck), "set")["verdict"] == "VERDICT_FLOOR"
