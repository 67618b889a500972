"""The ladder reward (semantics §6.4, §6.11.15, §6.11.16)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, nets, roles, trace


def ladder(keys: str) -> str:
    return f"{{promotion: steps, stage: set, reward: [{{ladder: {{{keys}}}}}]}}"


def test_four_units_of_100_05_take_the_rungs_of_6_4() -> None:
    outcome = calculate(ladder("rungs: [0, 10, 20]"), [line(number, "a", 10005) for number in range(1, 5)])
    assert discounts(outcome, "steps") == [0, 1001, 2001, 2001]
    assert discounts(calculate(ladder("rungs: [0, 10, 20]"), [line(1, "a", 10005, 4000)]), "steps") == [5003]


@pytest.mark.parametrize(
    ("after", "taken"), [("CLAMP", [0, 1000, 2001, 2001, 2001]), ("REPEAT", [0, 1000, 2001, 0, 1000])]
)
def test_rungs_go_on_or_begin_again_after_the_last(after: str, taken: list[int]) -> None:
    rules = ladder(f"rungs: [0, 10, 20], after_last: {after}")
    assert discounts(calculate(rules, [line(number, "a", 10003) for number in range(1, 6)]), "steps") == taken


@pytest.mark.parametrize(
    ("order", "taken"), [("PRICE_DESC", [2000, 2000, 0]), ("PRICE_ASC", [2000, 0, 6000]), ("SCAN", [0, 1000, 6000])]
)
def test_order_says_who_stands_on_the_first_rung(order: str, taken: list[int]) -> None:
    bought = [line(1, "b", 20000), line(2, "c", 10000), line(3, "a", 30000)]
    assert discounts(calculate(ladder(f"rungs: [0, 10, 20], order: {order}"), bought), "steps") == taken


@pytest.mark.parametrize(
    ("by", "taken"), [("amount", [1000, 2000, 1999]), ("price", [9000, 6000, 0])], ids=["amount", "price"]
)
def test_rungs_are_amounts_or_prices_and_floors_hold(by: str, taken: list[int]) -> None:
    rules = ladder(f"rungs: [10.00, 20.00, 30.00], by: {by}")
    assert discounts(calculate(rules, lines(10000, 8000, 2000)), "steps") == taken


def test_weighted_unit_takes_a_rung_per_kilogram() -> None:
    rules = ladder("rungs: [50.00], by: amount")
    bought = [line(1, "a", 39990, 1234, unit="UNIT_KG")]
    assert discounts(calculate(rules, bought), "steps") == [6170]
    assert discounts(calculate(rules, [{**bought[0], "min_price_minor": 35000}]), "steps") == [6158]


def test_percent_after_a_ladder_is_shared_by_what_is_left() -> None:
    rules = f"[{ladder('rungs: [0, 10, 20]')}, {{promotion: ten, stage: receipt, reward: [{{percent: {{rate: 10}}}}]}}]"
    outcome = calculate(rules, [line(number, "a", 10005) for number in range(1, 5)])
    assert discounts(outcome, "ten") == [1001, 901, 800, 800]


def test_units_on_a_rung_of_nothing_are_used_up() -> None:
    rules = f"""
    - {ladder("rungs: [0, 10]")}
    - {{promotion: then, stage: set, priority: 200, reward: [{{ladder: {{rungs: [50]}}}}]}}
    """
    outcome = calculate(rules, lines(10000, 8000))
    assert discounts(outcome, "then") == [0, 0]
    assert roles(outcome, "steps") == ["T", "T"]
    assert trace(outcome, "then")["verdict"] == "VERDICT_ZERO"


def test_ladder_that_gives_nothing_uses_nothing_up() -> None:
    rules = f"""
    - {ladder("rungs: [0, 10]")}
    - {{promotion: then, stage: set, priority: 200, reward: [{{ladder: {{rungs: [50]}}}}]}}
    """
    outcome = calculate(rules, lines(10000))
    assert nets(outcome) == [5000]
    assert roles(outcome, "steps") == [""]


@pytest.mark.parametrize("flags", [{"no_discount": True}, {"gift": True}])
def test_line_that_may_not_be_discounted_takes_no_rung(flags: dict[str, Any]) -> None:
    outcome = calculate(ladder("rungs: [0, 10]"), [line(1, "a", 20000, flags=flags), *lines(10000, 8000)[1:]])
    assert discounts(outcome, "steps") == [0, 0]
