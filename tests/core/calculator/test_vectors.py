"""The worked numbers of the semantics, each under the section it stands in."""

from __future__ import annotations

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, nets, points

TEN_FIVE_HUNDRED = """
- {promotion: ten, stage: item, priority: 1, reward: [{percent: {rate: 10}}]}
- {promotion: five, stage: item, priority: 2, reward: [{percent: {rate: 5}}]}
- {promotion: hundred, stage: receipt, reward: [{amount: {off: 100.00}}]}
"""
TEN_PERCENT = "{promotion: ten, stage: item, reward: [{percent: {rate: 10}}]}"


def test_cascade_of_percents_and_an_amount_gives_the_vector_of_6_2() -> None:
    outcome = calculate(TEN_FIVE_HUNDRED, lines(19990, 8990, 4995))
    assert discounts(outcome, "ten") == [1999, 899, 500]
    assert discounts(outcome, "five") == [900, 405, 225]
    assert discounts(outcome, "hundred") == [5884, 2646, 1470]
    assert nets(outcome) == [11207, 5040, 2800]
    assert outcome["totals"]["to_pay_minor"] == 19047


@pytest.mark.parametrize(
    ("bought", "taken"),
    [
        ([line(1, "a", 5, 2000), line(2, "a", 5)], [2, 0]),
        ([line(1, "a", 5), line(2, "a", 5, 2000)], [1, 1]),
        (lines(5, 5, 5), [1, 1, 1]),
    ],
)
def test_percent_of_tiny_prices_is_rounded_once_per_calc_group(bought: list, taken: list[int]) -> None:
    assert discounts(calculate(TEN_PERCENT, bought), "ten") == taken


@pytest.mark.parametrize(("skus", "taken"), [("aa", [500, 500]), ("ab", [1000, 1000])])
def test_amount_per_line_is_given_once_per_calc_group(skus: str, taken: list[int]) -> None:
    rules = "{promotion: off, stage: item, reward: [{amount: {off: 10.00, spread: line}}]}"
    bought = [line(number, sku, 3000) for number, sku in enumerate(skus, start=1)]
    assert discounts(calculate(rules, bought), "off") == taken


def test_one_kopeck_goes_to_the_heavier_group_not_to_the_heaviest_unit() -> None:
    rules = "{promotion: off, stage: receipt, reward: [{amount: {off: 0.01}}]}"
    outcome = calculate(rules, [line(1, "a", 100, 2000), line(2, "b", 101)])
    assert discounts(outcome, "off") == [1, 0]


def test_percent_refused_by_a_floor_is_lost() -> None:
    rules = "{promotion: off, stage: item, floor: {price: 50.00}, reward: [{percent: {rate: 20}}]}"
    halved = "{promotion: half, stage: price, reward: [{amount: {off: 50.00, spread: unit, of: {sku: a}}}]}"
    outcome = calculate(f"[{rules}, {halved}]", lines(10000, 10000))
    assert nets(outcome) == [5000, 8000]


def test_amount_before_percent_gives_215_77_and_after_it_205_77() -> None:
    before = """
    - {promotion: hundred, stage: item, group: g, priority: 1, reward: [{amount: {off: 100.00}}]}
    - {promotion: ten, stage: item, group: g, priority: 2, reward: [{percent: {rate: 10}}]}
    """
    outcome = calculate(before, lines(19990, 8990, 4995))
    assert discounts(outcome, "hundred") == [5884, 2646, 1470]
    assert discounts(outcome, "ten") == [1411, 634, 353]
    assert outcome["totals"]["to_pay_minor"] == 21577
    after = before.replace("priority: 1", "priority: 3")
    assert calculate(after, lines(19990, 8990, 4995))["totals"]["to_pay_minor"] == 20577


@pytest.mark.parametrize(("fixed", "winner"), [(3500, "ten"), (3501, "whole")])
def test_best_by_line_ties_with_a_receipt_rule_by_priority(fixed: int, winner: str) -> None:
    rules = f"""
    - {{promotion: ten, stage: item, priority: 1, group: {{name: g, mode: BEST, scope: LINE}},
        reward: [{{percent: {{rate: 10}}}}]}}
    - {{promotion: fifteen, stage: item, priority: 2, group: g, reward: [{{amount: {{off: 15.00, spread: line,
        of: {{sku: a}}}}}}]}}
    - {{promotion: whole, stage: item, priority: 3, group: g, reward: [{{amount: {{off: {fixed / 100:.2f}}}}}]}}
    """
    outcome = calculate(rules, lines(10000, 20000))
    if winner == "ten":
        assert (discounts(outcome, "fifteen"), discounts(outcome, "ten")) == ([1500, 0], [0, 2000])
    else:
        assert discounts(outcome, "whole") == [1167, 2334]


def test_amount_per_unit_of_a_weighted_line_is_per_measure() -> None:
    rules = "{promotion: off, stage: item, reward: [{amount: {off: 50.00, spread: unit}}]}"
    bought = [line(1, "cheese", 39990, 1234, unit="KG")]
    assert discounts(calculate(rules, bought), "off") == [6170]
    guarded = [{**bought[0], "min_price_minor": 35000}]
    assert discounts(calculate(rules, guarded), "off") == [6158]


def test_till_gross_of_three_units_is_cut_into_unequal_units() -> None:
    rules = "{promotion: off, stage: item, reward: [{amount: {off: 1.00, spread: unit}}]}"
    outcome = calculate(rules, [line(1, "a", 3333, 3000, gross_minor=10000)])
    assert nets(outcome) == [9700]


def test_accrual_floors_on_the_receipt_and_shares_over_lines() -> None:
    rules = "[{asset: bonus, step: STEP}, {promotion: p, reward: [{points: {asset: bonus, percent: 3}}]}]"
    bought = lines(11207, 5040, 2800)
    assert points(calculate(rules.replace("STEP", "0.01"), bought)) == [336, 151, 84]
    assert points(calculate(rules.replace("STEP", "1"), bought)) == [294, 132, 74]


@pytest.mark.parametrize(("fixed", "expected"), [("60.00", [5000, 2000]), ("80.00", [6667, 1333])])
def test_accrual_max_by_line_competes_with_a_fixed_reward(fixed: str, expected: list[int]) -> None:
    rules = f"""
    - {{promotion: five, group: {{name: g, mode: BEST}}, reward: [{{points: {{asset: b, percent: 5,
        of: {{sku: a}}}}}}]}}
    - {{promotion: ten, group: g, reward: [{{points: {{asset: b, percent: 10, of: {{sku: b}}}}}}]}}
    - {{promotion: whole, group: g, reward: [{{points: {{asset: b, fixed: {fixed}}}}}]}}
    """
    assert points(calculate(rules, lines(100000, 20000))) == expected


def test_external_discount_fits_above_the_floor_and_the_rest_is_told() -> None:
    bought = [line(1, "a", 10000, min_price_minor=9000, external_discounts=[{"amount_minor": 1500}]), line(2, "b", 100)]
    outcome = calculate("[]", bought)
    assert nets(outcome) == [9000, 100]
    assert outcome["flags"] == ["REASON_EXTERNAL_DISCOUNT_EXCESS"]


def test_manual_discount_comes_after_the_external_one() -> None:
    given = {"external_discounts": [{"amount_minor": 1000}], "manual_discount": {"percent_ppm": 100_000}}
    outcome = calculate("[]", [line(1, "a", 10000, **given)])
    assert [row["amount_minor"] for row in outcome["lines"][0]["discounts"]] == [1000, 900]


def test_till_price_below_the_minimum_gets_no_discount_and_a_flag() -> None:
    outcome = calculate(TEN_PERCENT, [line(1, "a", 100, min_price_minor=200, gross_minor=101), line(2, "b", 100)])
    assert nets(outcome) == [101, 90]
    assert outcome["flags"] == ["REASON_PRICE_BELOW_MINIMUM"]


@pytest.mark.parametrize(
    ("flags", "net"),
    [({}, 9000), ({"no_discount": True}, 10000), ({"gift": True}, 10000), ({"no_threshold": True}, 9000)],
)
def test_flags_of_a_line_decide_whether_it_is_a_target(flags: dict[str, bool], net: int) -> None:
    assert nets(calculate(TEN_PERCENT, [line(1, "a", 10000, flags=flags)])) == [net]


@pytest.mark.parametrize("flag", ["no_threshold", "gift"])
def test_lines_out_of_thresholds_do_not_count_in_sums(flag: str) -> None:
    rules = "{promotion: off, stage: receipt, when: {receipt_sum: {from: 100.00}}, reward: [{amount: {off: 1.00}}]}"
    bought = [line(1, "a", 6000), line(2, "b", 6000, flags={flag: True})]
    assert calculate(rules, bought)["totals"]["discount_minor"] == 0
    assert calculate(rules, lines(6000, 6000))["totals"]["discount_minor"] == 100


def test_allow_free_brings_a_unit_to_nothing_and_else_a_kopeck_stays() -> None:
    rules = "{promotion: all, stage: item, allow_free: FREE, reward: [{percent: {rate: 100}}]}"
    assert nets(calculate(rules.replace("FREE", "true"), lines(500))) == [0]
    assert nets(calculate(rules.replace("FREE", "false"), [line(1, "a", 500, 3000)])) == [3]
