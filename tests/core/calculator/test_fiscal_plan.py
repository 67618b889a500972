"""The fiscal plan: vectors of semantics §6.11.24 and §6.11.26, and what holds of every plan."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.core.calculator.scenario import NOON, compiled, line, nets

NOTHING = compiled("asset: b")
FREE_THIRD = """
promotion: third
stage: set
reward: [{multi_buy: {take: 3, pay: 2, of: {sku: a}, allocate: ON_FREE}}]
"""

Row = tuple[int, int, int]


def limited(text: str) -> Ruleset:
    """With limit documents, which `compiled` leaves out."""
    rules = read_documents(load_documents(text))
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1, limits=rules.limits))


def planned(bought: list[dict[str, Any]], rules: Any = None, wanted: bool = True) -> dict[str, Any]:
    ruleset = compiled(rules) if isinstance(rules, str) else rules or NOTHING
    return evaluate(ruleset, {"lines": bought}, {}, None, NOON, True, None, fiscal_plan=wanted)


def rows(outcome: dict[str, Any], line_no: int = 1) -> list[Row]:
    """(quantity in thousandths, price, sum) of a line, in the order of their numbers."""
    mine = [row for row in outcome["fiscal_plan"] if row["line_no"] == line_no]
    assert [row["sub_no"] for row in mine] == list(range(1, len(mine) + 1))
    return [(row["qty_milli"], row["price_minor"], row["sum_minor"]) for row in mine]


def less(bought: dict[str, Any], off: int) -> dict[str, Any]:
    """The line with `off` taken by the till."""
    return {**bought, "external_discounts": [{"discount_id": "till", "amount_minor": off}]} if off else bought


def weighed(price: int, qty: int, net: int, **more: Any) -> dict[str, Any]:
    bought = line(1, "a", price, qty, unit="KG", **more)
    return less(bought, (price * qty + 500) // 1000 - net)


def test_pieces_share_their_sum_by_two_prices_the_cheaper_first() -> None:
    # 10.00 for 3: 1000 = 3 × 333 + 1.
    assert rows(planned([less(line(1, "a", 400, 3000), 200)])) == [(2000, 333, 666), (1000, 334, 334)]
    # 0.08 for 7: 8 = 7 × 1 + 1.
    assert rows(planned([less(line(1, "a", 100, 7000), 692)])) == [(6000, 1, 6), (1000, 2, 2)]


def test_untouched_line_is_printed_as_it_stands() -> None:
    outcome = planned([line(1, "a", 19990, 3000), line(2, "b", 39990, 1234, unit="KG"), line(3, "c", 5)])
    # 1.234 × 399.90 = 493.4766.
    assert rows(outcome) == [(3000, 19990, 59970)]
    assert rows(outcome, 2) == [(1234, 39990, 49348)]
    assert rows(outcome, 3) == [(1000, 5, 5)]


def test_tills_own_gross_keeps_its_price_when_measured_and_is_shared_by_pieces() -> None:
    # The till's 100.00 for 3 × 33.33, and 493.49 for 1.234 kg × 399.90.
    outcome = planned([
        line(1, "a", 3333, 3000, gross_minor=10000), line(2, "b", 39990, 1234, unit="KG", gross_minor=49349),
    ])  # fmt: skip
    assert rows(outcome) == [(2000, 3333, 6666), (1000, 3334, 3334)]
    assert rows(outcome, 2) == [(1234, 39990, 49349)]


def test_light_goods_take_any_sum_at_the_largest_price() -> None:
    # 0.512 × 3.91 = 2.00192, 0.512 × 3.92 = 2.00704 → 2.01.
    assert rows(planned([weighed(50000, 512, 200)])) == [(512, 391, 200)]


def test_heavy_goods_need_two_rows_at_adjacent_prices() -> None:
    # 2.345 × 4.26 = 9.9897 → 9.99, × 4.27 = 10.01315 → 10.01. 2.304 × 4.26 = 9.81504 → 9.82; 0.041 × 4.27 = 0.17507.
    outcome = planned([weighed(50000, 2345, 1000)])
    assert rows(outcome) == [(2304, 426, 982), (41, 427, 18)]
    assert nets(outcome) == [1000]


def test_one_label_goes_to_the_nearest_lower_sum() -> None:
    outcome = planned([weighed(50000, 2345, 1000, no_split=True)])
    assert rows(outcome) == [(2345, 426, 999)]
    assert outcome["totals"]["rounding_minor"] == 1
    assert outcome["totals"]["discount_minor"] == 117250 - 999
    rounded = outcome["lines"][0]["discounts"][-1]
    assert [rounded[key] for key in ("stage", "kind", "amount_minor")] == [
        "STAGE_ROUNDING", "DISCOUNT_KIND_ROUNDING", 1,
    ]  # fmt: skip
    traced = outcome["explain"]["rules"][-1]
    assert (traced["stage"], traced["verdict"], traced["amount_minor"]) == ("STAGE_ROUNDING", "VERDICT_APPLIED", 1)
    assert traced["lines"] == [{"line_no": 1, "before_minor": 1000, "after_minor": 999}]


def test_marked_measured_goods_are_one_label() -> None:
    for mark in ({"mark_code": "0104600"}, {"flags": {"marked": True}}):
        assert rows(planned([weighed(50000, 2345, 1000, **mark)])) == [(2345, 426, 999)]


def test_amounts_are_the_same_whether_the_plan_is_asked_for_or_not() -> None:
    bought = [weighed(50000, 2345, 1000, no_split=True)]
    asked, unasked = planned(bought), planned(bought, wanted=False)
    assert unasked.pop("fiscal_plan") == []
    assert asked.pop("fiscal_plan") and asked == unasked


def test_label_is_split_all_the_same_and_flagged_below_its_floor() -> None:
    # 2.345 at 0.00 is 0, at 0.01 is 2.345 → 0.02: the sum below 0.01 is 0, and a unit costs at least 0.01.
    outcome = planned([weighed(500, 2345, 1, no_split=True)])
    assert rows(outcome) == [(1845, 0, 0), (500, 1, 1)]
    assert outcome["flags"] == ["REASON_SPLIT_UNAVOIDABLE"]
    assert outcome["totals"]["rounding_minor"] == 0


def test_label_that_takes_no_discount_is_not_rounded_but_flagged() -> None:
    rules = """
- asset: b
- limit: pay
  payment: [{asset: b}]
"""
    bought = [line(1, "a", 500, 2345, unit="KG", no_split=True, flags={"no_discount": True})]
    receipt = {"lines": bought, "points": [{"asset": "b", "requested_points": 173}]}
    outcome = evaluate(limited(rules), receipt, {}, {"card_type": "x"}, NOON, True, {"balances": {"b": 1000}}, True)
    # 11.73 less 1.73 by points.
    assert (nets(outcome), rows(outcome)) == ([1000], [(2304, 426, 982), (41, 427, 18)])
    assert outcome["flags"] == ["REASON_SPLIT_UNAVOIDABLE"]


def test_rounding_lowers_the_base_of_accrual() -> None:
    rules = """
- asset: b
- promotion: p
  stage: accrual
  reward: [{points: {percent: 100, asset: b}}]
"""
    bought = [weighed(50000, 2345, 1000, no_split=True)]
    outcome = evaluate(compiled(rules), {"lines": bought}, {}, {"card_type": "x"}, NOON)
    # 100 % of 9.99, not of 10.00.
    assert [row["points"] for row in outcome["totals"]["accrual"]] == [999]


def test_pieces_of_one_label_are_split_as_others() -> None:
    assert rows(planned([less(line(1, "a", 400, 3000, no_split=True), 200)])) == [(2000, 333, 666), (1000, 334, 334)]


def test_marked_pieces_are_printed_one_by_one() -> None:
    assert rows(planned([less(line(1, "a", 400, 3000, mark_code="0104"), 200)])) == [
        (1000, 333, 333), (1000, 333, 333), (1000, 334, 334),
    ]  # fmt: skip


def test_goods_for_nothing_have_the_price_zero() -> None:
    rules = """
promotion: gift
stage: item
allow_free: true
reward: [{percent: {rate: "100"}}]
"""
    outcome = planned([line(1, "a", 500, 2000), line(2, "b", 500, 200, unit="KG")], rules)
    assert (rows(outcome), rows(outcome, 2)) == ([(2000, 0, 0)], [(200, 0, 0)])


def test_free_units_are_printed_by_what_they_cost() -> None:
    # Third unit of 3 is free down to 0.01; the fourth is in no block.
    outcome = planned([line(1, "a", 10000, 4000)], FREE_THIRD)
    assert rows(outcome) == [(1000, 1, 1), (3000, 10000, 30000)]
    assert {row["by_unit"] for row in outcome["fiscal_plan"]} == {True}


def test_free_units_are_told_unasked() -> None:
    outcome = planned([line(1, "a", 10000, 3000), line(2, "b", 100)], FREE_THIRD, wanted=False)
    assert [(row["line_no"], row["price_minor"], row["by_unit"]) for row in outcome["fiscal_plan"]] == [
        (1, 1, True), (1, 10000, True),
    ]  # fmt: skip


def test_discount_spread_over_the_block_is_printed_evenly() -> None:
    rules = FREE_THIRD.replace(", allocate: ON_FREE", "")
    # 100.00 off 300.00: 200.00 = 66.66 + 2 × 66.67.
    outcome = planned([line(1, "a", 10000, 3000)], rules)
    assert rows(outcome) == [(1000, 6666, 6666), (2000, 6667, 13334)]
    assert not any(row["by_unit"] for row in outcome["fiscal_plan"])


def test_marked_free_units_are_single_rows() -> None:
    outcome = planned([line(1, "a", 10000, 3000, mark_code="0104")], FREE_THIRD)
    assert rows(outcome) == [(1000, 1, 1), (1000, 10000, 10000), (1000, 10000, 10000)]


def test_free_units_paid_with_odd_kopecks_keep_their_own_prices() -> None:
    rules = (
        FREE_THIRD
        + """
---
promotion: receipt
stage: receipt
reward: [{amount: {off: "0.02", spread: receipt}}]
"""
    )
    # 100.00, 100.00, 0.01: the free unit is at its floor, the other two bear 0.01 each.
    assert rows(planned([line(1, "a", 10000, 3000)], rules)) == [(1000, 1, 1), (2000, 9999, 19998)]


def test_cap_that_takes_all_of_a_free_unit_back_leaves_an_even_line() -> None:
    rules = (
        FREE_THIRD
        + """
---
limit: none
cap: {per: receipt, percent: 0.0001}
"""
    )
    # floor(300.00 × 0.0001 %) = 0.
    outcome = planned([line(1, "a", 10000, 3000)], limited(rules))
    assert rows(outcome) == [(3000, 10000, 30000)]
    assert not any(row["by_unit"] for row in outcome["fiscal_plan"])


def made(price: int, qty: int) -> int:
    """Price × quantity as a fiscal register takes it: half-up."""
    return (price * qty + 500) // 1000


def check(bought: dict[str, Any], outcome: dict[str, Any]) -> list[Row]:
    printed, net = rows(outcome), outcome["lines"][0]["net_minor"]
    assert sum(total for _, _, total in printed) == net
    assert sum(qty for qty, _, _ in printed) == bought["qty_milli"]
    assert all(made(price, qty) == total and price >= 0 and qty > 0 for qty, price, total in printed)
    prices = [price for _, price, _ in printed]
    assert prices == sorted(prices) and prices[-1] - prices[0] <= 1
    if made(bought.get("min_price_minor", 0), bought["qty_milli"]) <= net:
        assert prices[0] >= bought.get("min_price_minor", 0)
    return printed


@st.composite
def measured(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """A line of more than a thousandth of a kopeck, and what the till takes off it."""
    price, qty = draw(st.integers(1, 200_000)), draw(st.integers(1, 12_000))
    gross = made(price, qty)
    least = draw(st.integers(0, price))
    floor = max(1, made(least, qty))
    off = draw(st.integers(0, max(0, gross - floor)))
    return line(1, "a", price, qty, unit="KG", min_price_minor=least), off


@given(measured())
@example((line(1, "a", 200_000, 3_000, unit="KG"), 300_001))
@example((line(1, "a", 1_000, 2_999, unit="KG"), 1))
@example((line(1, "a", 999, 9_999, unit="KG"), 3))
@settings(max_examples=400, deadline=None)
def test_every_sum_of_measured_goods_can_be_printed(case: tuple[dict[str, Any], int]) -> None:
    bought, off = case
    printed = check(bought, planned([less(bought, off)]))
    assert len(printed) <= (1 if bought["qty_milli"] <= 1000 else 2)
    if len(printed) == 2:
        (qty, price, _), (dearer, _, _) = printed
        net = sum(total for _, _, total in printed)
        assert made(price, qty + dearer) < net < made(price + 1, qty + dearer)
        assert not any(made(price, qty + dearer - x) + made(price + 1, x) == net for x in range(1, dearer))
    else:
        assert printed[0][1] == bought["price_minor"] or made(printed[0][1] + 1, bought["qty_milli"]) > printed[0][2]


@given(measured())
@settings(max_examples=300, deadline=None)
def test_one_label_is_one_row_or_flagged(case: tuple[dict[str, Any], int]) -> None:
    bought, off = case
    split = planned([less(bought, off)])
    outcome = planned([less({**bought, "no_split": True}, off)])
    printed = check(bought, outcome)
    lost = nets(split)[0] - nets(outcome)[0]
    assert lost == outcome["totals"]["rounding_minor"] and 0 <= lost <= bought["qty_milli"] // 1000
    assert outcome["flags"] == (["REASON_SPLIT_UNAVOIDABLE"] if len(printed) == 2 else [])
    assert nets(outcome)[0] >= min(bought["price_minor"] and 1, nets(split)[0])
    # The nearest one: no price makes a sum between.
    price = printed[0][1]
    assert lost == 0 or made(price + 1, bought["qty_milli"]) > nets(split)[0]


@given(st.integers(1, 50), st.integers(1, 20_000), st.data())
@settings(max_examples=200, deadline=None)
def test_pieces_add_up_at_two_adjacent_prices(count: int, price: int, data: st.DataObject) -> None:
    off = data.draw(st.integers(0, price * count - count))
    mark = data.draw(st.sampled_from([{}, {"mark_code": "0104"}]))
    bought = line(1, "a", price, count * 1000, **mark)
    printed = check(bought, planned([less(bought, off)]))
    assert len(printed) == count if mark else len(printed) <= 2


@given(st.permutations(range(1, 7)), st.data())
@settings(max_examples=100, deadline=None)
def test_order_of_lines_changes_no_plan(order: list[int], data: st.DataObject) -> None:
    lines = [
        less(line(number, f"s{number}", 9_990, data.draw(st.integers(1, 9_000)), unit="KG", no_split=number == 3), 7)
        if number % 2
        else line(number, "a", 5_000, data.draw(st.integers(1, 4)) * 1000)
        for number in range(1, 7)
    ]
    straight = planned(lines, FREE_THIRD)
    shuffled = planned([lines[number - 1] for number in order], FREE_THIRD)
    assert [rows(straight, number) for number in range(1, 7)] == [rows(shuffled, number) for number in range(1, 7)]
    assert [row["line_no"] for row in shuffled["fiscal_plan"] if row["sub_no"] == 1] == list(order)
