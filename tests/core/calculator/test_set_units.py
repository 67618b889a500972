"""Set rules and the units they use (semantics §6.11.11), beside other rules and in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.calculator.scenario import calculate, compiled, discounts, line, lines, nets, roles, trace

FIVE = lines(10000, 9000, 8000, 7000, 6000)
THREE_THEN_TWO = """
- {{promotion: three, stage: set, priority: 1, reward: [{{multi_buy: {{take: 3, pay: 2}}}}]}}
- {{promotion: two, stage: set, priority: 2, reward: [{{multi_buy: {{take: 2, pay: 1{}}}}}]}}
"""


def test_units_of_a_block_are_not_offered_to_a_later_set_rule() -> None:
    outcome = calculate(THREE_THEN_TWO.format(""), FIVE)
    assert sum(discounts(outcome, "three")) == 8000
    assert sum(discounts(outcome, "two")) == 6000
    assert roles(outcome, "two") == ["", "", "", "T", "T"]


def test_rule_that_shares_units_takes_used_ones_too() -> None:
    # Left after the first: 70.37, 63.33, 56.30, 70.00, 60.00; blocks 70.37+70.00 and 63.33+60.00.
    outcome = calculate(THREE_THEN_TWO.format(", share_units: true"), FIVE)
    assert nets(calculate(THREE_THEN_TWO.format(""), FIVE))[:3] == [7037, 6333, 5630]
    assert sum(discounts(outcome, "two")) == 7000 + 6000


def test_nothing_stays_used_in_the_next_stage() -> None:
    rules = """
    - {promotion: set, stage: set, reward: [{multi_buy: {take: 2, pay: 1}}]}
    - {promotion: ten, stage: receipt, reward: [{percent: {rate: 10}}]}
    """
    outcome = calculate(rules, lines(10000, 10000))
    assert discounts(outcome, "ten") == [500, 500]


def test_set_promotion_competes_with_its_whole_total() -> None:
    rules = """
    - {promotion: pair, stage: set, group: {name: g, mode: BEST}, priority: 1, reward: [{multi_buy: {take: 2, pay: 1}}]}
    - {promotion: steps, stage: set, group: g, priority: 2, reward: [{ladder: {rungs: [0, 100], after_last: REPEAT}}],
       allow_free: true}
    - {promotion: after, stage: set, priority: 200, group: {name: h, priority: 200}, reward: [{ladder: {rungs: [50]}}]}
    """
    outcome = calculate(rules, FIVE)
    # Pairs give 90.00 + 70.00; so does the ladder: a tie that the lower priority number wins.
    assert sum(discounts(outcome, "pair")) == 16000
    assert trace(outcome, "steps")["verdict"] == "VERDICT_BEATEN"
    # What the loser's trial used is free again, and what the winner used is not.
    assert discounts(outcome, "after") == [0, 0, 0, 0, 3000]
    assert [row for one in outcome["lines"] for row in one["participates_as"] if row["promotion_id"] == "steps"] == []


def test_second_set_reward_of_a_promotion_takes_what_the_first_left() -> None:
    rules = """{promotion: both, stage: set, reward: [
        {multi_buy: {take: 3, pay: 2}}, {buy_get: {buy: {}, get: {}, percent: 50}}]}"""
    outcome = calculate(rules, FIVE)
    assert nets(outcome) == [7037, 6333, 5630, 7000, 3000]
    assert roles(outcome, "both") == ["T", "T", "T", "Q", "T"]


def test_role_is_told_once_for_a_line() -> None:
    rules = "{promotion: pair, stage: set, reward: [{buy_get: {buy: {}, get: {}, percent: 50}}]}"
    assert roles(calculate(rules, [line(1, "a", 100, 6000)]), "pair") == ["TQ"]


REWARDS = (
    "multi_buy: {take: 3, pay: 2}",
    "multi_buy: {take: 3, pay: 1, allocate: ON_FREE}",
    "multi_buy: {take: 4, pay: 3, free: GLOBAL_CHEAPEST, max_applications: 2}",
    "bundle: {parts: [{quantity: 2, of: {sku: [a, b]}}, {of: {sku: [b, c]}}], percent: 15}",
    "bundle: {parts: [{of: {sku: [a, b]}}, {quantity: 2, of: {sku: [b, c]}, target: true}], amount: 0.31,"
    " allocate_to: TARGETS}",
    "buy_get: {buy: {quantity: 2}, get: {of: {sku: [a, c]}}, percent: 33}",
    "buy_get: {buy: {of: {sku: b}}, get: {quantity: 2}, price: 0.50, reusable_qualifiers: true}",
    "ladder: {rungs: [0, 7, 33]}",
    "ladder: {rungs: [5, 25], after_last: REPEAT, order: PRICE_ASC}",
)
RULESETS = [
    compiled(f"""
    - {{promotion: odd, stage: item, reward: [{{amount: {{off: 0.07, spread: receipt}}}}]}}
    - {{promotion: first, stage: set, priority: 1, reward: [{{{one}}}]}}
    - {{promotion: then, stage: set, priority: 2, reward: [{{{other}}}]}}
    """)
    for number, one in enumerate(REWARDS)
    for other in (REWARDS[number - 1], REWARDS[number - 4])
]
GOODS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from((99, 100, 101, 1999, 33334)), st.integers(1, 9)),
    min_size=1,
    max_size=6,
)


def by_good(bought: Sequence[dict[str, Any]], outcome: dict[str, Any]) -> dict[tuple[str, int], int]:
    """Nets summed over lines of the same good."""
    found: dict[tuple[str, int], int] = {}
    for one, net in zip(bought, nets(outcome), strict=True):
        key = one["sku"], one["price_minor"]
        found[key] = found.get(key, 0) + net
    return found


@pytest.mark.parametrize("ruleset", RULESETS)
@settings(max_examples=12, deadline=None)
@given(goods=GOODS)
def test_splitting_lines_changes_no_total(ruleset: Any, goods: list[tuple[str, int, int]]) -> None:
    """Lines of one unit are applied one by one, longer ones in runs: both must give the same."""
    whole = [line(number, sku, price, units * 1000) for number, (sku, price, units) in enumerate(goods, start=1)]
    single = [{**one, "qty_milli": 1000} for one in whole for _ in range(one["qty_milli"] // 1000)]
    single = [{**one, "line_no": number} for number, one in enumerate(single, start=1)]
    assert by_good(whole, calculate(ruleset, whole)) == by_good(single, calculate(ruleset, single))


@pytest.mark.parametrize("reward", REWARDS)
@settings(max_examples=12, deadline=None)
@given(goods=GOODS)
def test_winner_of_a_group_gives_what_it_gives_alone(reward: str, goods: list[tuple[str, int, int]]) -> None:
    """Trials are undone whole: runs, used units, roles."""
    bought = [line(number, sku, price, units * 1000) for number, (sku, price, units) in enumerate(goods, start=1)]
    alone = calculate(f"{{promotion: set, stage: set, reward: [{{{reward}}}]}}", bought)
    rivals = calculate(
        f"""
    - {{promotion: loser, stage: set, group: {{name: g, mode: BEST}}, priority: 1,
       reward: [{{ladder: {{rungs: [0.0001]}}}}]}}
    - {{promotion: set, stage: set, group: g, priority: 2, reward: [{{{reward}}}]}}
    - {{promotion: twin, stage: set, group: g, priority: 3, reward: [{{{reward}}}]}}
    """,
        bought,
    )
    assert rivals["lines"] == alone["lines"]


def test_exclusive_set_rule_closes_its_targets_and_not_its_qualifiers() -> None:
    rules = """
    - {promotion: second, stage: set, exclusive: ALL, reward: [{buy_get: {buy: {}, get: {}, percent: 50}}]}
    - {promotion: ten, stage: receipt, reward: [{percent: {rate: 10}}]}
    """
    assert discounts(calculate(rules, lines(10000, 8000, 6000)), "ten") == [1000, 0, 600]


def test_units_closed_by_an_exclusive_rule_are_no_targets() -> None:
    rules = """
    - {promotion: own, stage: item, exclusive: ALL, reward: [{percent: {rate: 1, of: {sku: a}}}]}
    - {promotion: pair, stage: set, reward: [{multi_buy: {take: 2, pay: 1}}]}
    """
    assert discounts(calculate(rules, lines(10000, 8000, 8000)), "pair") == [0, 4000, 4000]


@pytest.mark.parametrize(
    ("reward", "taken"),
    [
        ("multi_buy: {take: 2, pay: 1}", 20000),
        ("bundle: {parts: [{}, {}], percent: 50}", 20000),
        ("ladder: {rungs: [50]}", 25000),
    ],
)
def test_quantity_limit_bounds_applications(reward: str, taken: int) -> None:
    limits = "limits: [{per: receipt, quantity: 5}]"
    rules = f"{{promotion: set, stage: set, {limits}, reward: [{{{reward}}}]}}"
    assert sum(discounts(calculate(rules, [line(1, "a", 10000, 9000)]), "set")) == taken
