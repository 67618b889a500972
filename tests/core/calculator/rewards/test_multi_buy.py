"""The multi-buy reward (semantics §6.4, §6.11.12)."""

from __future__ import annotations

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, nets, roles, trace


def multi_buy(keys: str, more: str = "") -> str:
    return f"{{promotion: free, stage: set{more}, reward: [{{multi_buy: {{{keys}}}}}]}}"


FOUR_FOR_THREE = "take: 4, pay: 3"
FLOORS = (8500, 8500, 7900, 6900)


def test_discount_is_spread_over_the_block() -> None:
    outcome = calculate(multi_buy(FOUR_FOR_THREE), lines(10000, 9000, 8000, 7000))
    assert discounts(outcome, "free") == [2059, 1853, 1647, 1441]


def test_incomplete_block_gets_nothing() -> None:
    outcome = calculate(multi_buy(FOUR_FOR_THREE), lines(10000, 9000, 8000, 7000, 6000))
    assert discounts(outcome, "free") == [2059, 1853, 1647, 1441, 0]
    assert roles(outcome, "free") == ["T", "T", "T", "T", ""]
    assert trace(calculate(multi_buy(FOUR_FOR_THREE), lines(1, 2, 3)), "free")["verdict"] == "VERDICT_ZERO"


def test_what_floors_cannot_place_is_lost() -> None:
    bought = [
        {**one, "min_price_minor": floor} for one, floor in zip(lines(10000, 9000, 8000, 7000), FLOORS, strict=True)
    ]
    assert discounts(calculate(multi_buy(FOUR_FOR_THREE), bought), "free") == [1500, 500, 100, 100]


def test_free_unit_stays_at_its_floor() -> None:
    outcome = calculate(multi_buy(f"{FOUR_FOR_THREE}, allocate: ON_FREE"), lines(10000, 9000, 8000, 7000))
    assert discounts(outcome, "free") == [0, 0, 0, 6999]
    assert roles(outcome, "free") == ["T", "T", "T", "T"]
    given = calculate(
        multi_buy(f"{FOUR_FOR_THREE}, allocate: ON_FREE", ", allow_free: true"), lines(10000, 9000, 8000, 7000)
    )
    assert nets(given) == [10000, 9000, 8000, 0]


def test_cheapest_of_all_leave_the_middle_out() -> None:
    rules = multi_buy(f"{FOUR_FOR_THREE}, free: GLOBAL_CHEAPEST")
    outcome = calculate(rules, lines(10000, 9000, 8000, 7000, 6000))
    assert discounts(outcome, "free") == [1818, 1636, 1455, 0, 1091]
    assert roles(outcome, "free") == ["T", "T", "T", "", "T"]


def test_cheapest_of_all_take_both_ends_of_one_line() -> None:
    # Two blocks of 3 for 2 from 7 equal units: 6 of them, 2 free, 200.00 over the six.
    outcome = calculate(multi_buy("take: 3, pay: 2, free: GLOBAL_CHEAPEST"), [line(1, "a", 10000, 7000)])
    assert discounts(outcome, "free") == [20000]


@pytest.mark.parametrize("skus", ["aa", "ab"])
def test_weighted_goods_join_when_lines_are_counted(skus: str) -> None:
    bought = [
        line(number, sku, 39900, qty, unit="UNIT_KG") for number, sku, qty in zip((1, 2), skus, (512, 430), strict=True)
    ]
    assert discounts(calculate(multi_buy("take: 2, pay: 1, count_by: LINES"), bought), "free") == [9325, 7832]
    assert discounts(calculate(multi_buy("take: 2, pay: 1"), bought), "free") == [0, 0]


def test_counting_lines_leaves_pieces_as_they_are() -> None:
    outcome = calculate(multi_buy("take: 2, pay: 1, count_by: LINES"), [line(1, "a", 10000, 2000)])
    assert discounts(outcome, "free") == [10000]


def test_applications_are_bounded() -> None:
    rules = multi_buy("take: 2, pay: 1, max_applications: 2")
    assert discounts(calculate(rules, [line(1, "a", 10000, 10000)]), "free") == [20000]
    assert discounts(calculate(rules, lines(1000, 1000, 900, 900, 800, 800)), "free") == [500, 500, 450, 450, 0, 0]


def test_odd_kopeck_of_equal_blocks_is_taken_block_by_block() -> None:
    # 0.05 × 3 for 2: 5 kop over three units is 2, 2, 1; twice.
    outcome = calculate(multi_buy("take: 3, pay: 2"), [line(number, "a", 5) for number in range(1, 7)])
    assert discounts(outcome, "free") == [2, 2, 1, 2, 2, 1]
    assert discounts(calculate(multi_buy("take: 3, pay: 2"), [line(1, "a", 5, 6000)]), "free") == [10]


def test_lines_list_a_rule_once() -> None:
    outcome = calculate(multi_buy("take: 2, pay: 1"), [line(1, "a", 10001, 4000), line(2, "b", 8000, 4000)])
    assert [len(one["discounts"]) for one in outcome["lines"]] == [1, 1]
    assert [(row["line_no"], row["after_minor"]) for row in trace(outcome, "free")["lines"]] == [(1, 20002), (2, 16000)]
