"""What little is missing to a promotion; most of it is in tests/scenarios/nudge."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.calculator.scenario import calculate, line, lines

WORD = "messages: {nudge: {en: '{{distance}}'}}"


def nudges(outcome: dict[str, Any]) -> list[tuple[str, int, int, str]]:
    return [
        (row["promotion_id"], row["distance_minor"], row["distance_milli"], row["text"]) for row in outcome["nudges"]
    ]


def test_nudges_are_the_same_whether_or_not_somebody_wants_an_explanation() -> None:
    """To explain, every promotion is looked at, also those whose goods are not there."""
    rules = f"""
    - {{promotion: here, stage: receipt, when: {{receipt_sum: {{from: 150}}}},
       reward: [{{percent: {{rate: 5}}}}], {WORD}}}
    - {{promotion: there, stage: receipt, when: {{receipt_sum: {{from: 120}}}},
       reward: [{{percent: {{rate: 5, of: {{sku: z}}}}}}], {WORD}}}
    """
    for explain in (False, True):
        assert nudges(calculate(rules, lines(10000), explain=explain)) == [("here", 5000, 0, "50.00")]


def test_nobody_nudges_after_the_one_that_gave_in_a_first_group() -> None:
    """Later members are tried only when somebody wants an explanation; they could not give anyhow."""
    rules = f"""
    - {{promotion: early, stage: item, group: {{name: g, mode: FIRST}}, priority: 1,
       when: {{receipt_sum: {{from: 300}}}},
       reward: [{{percent: {{rate: 9}}}}], {WORD}}}
    - {{promotion: gives, stage: item, group: g, priority: 2, reward: [{{percent: {{rate: 5}}}}]}}
    - {{promotion: late, stage: item, group: g, priority: 3, when: {{receipt_sum: {{from: 150}}}},
       reward: [{{percent: {{rate: 6}}}}], {WORD}}}
    """
    for explain in (False, True):
        assert nudges(calculate(rules, lines(10000), explain=explain)) == [("early", 20000, 0, "200.00")]


def test_member_of_a_competition_nudges_once() -> None:
    rules = f"""
    - {{promotion: both, stage: item, group: {{name: g, mode: BEST}}, when: {{receipt_sum: {{from: 150}}}},
       reward: [{{percent: {{rate: 5}}}}, {{percent: {{rate: 6}}}}], {WORD}}}
    - {{promotion: other, stage: item, group: g, reward: [{{percent: {{rate: 1}}}}]}}
    """
    assert nudges(calculate(rules, lines(10000))) == [("both", 5000, 0, "50.00")]


def test_member_of_an_optimal_group_nudges_by_the_prices_at_its_turn() -> None:
    """Not by those of a combination that was only tried."""
    rules = f"""
    - {{promotion: first, stage: set, group: {{name: g, mode: OPTIMAL}}, priority: 1,
       reward: [{{multi_buy: {{take: 2, pay: 1}}}}]}}
    - {{promotion: second, stage: set, group: g, priority: 2, when: {{receipt_sum: {{from: 250, base: RUNNING}}}},
       reward: [{{multi_buy: {{take: 3, pay: 1}}}}], {WORD}}}
    """
    assert nudges(calculate(rules, lines(10000, 10000))) == [("second", 5000, 0, "50.00")]


def test_part_of_a_measure_is_written_out() -> None:
    rules = f"""
    - {{promotion: cheese, stage: item, when: {{quantity: {{from: 1.5, count_by: WEIGHT}}}},
       reward: [{{percent: {{rate: 5}}}}], {WORD}}}
    """
    bought = [line(1, "cheese", 10000, 1250, unit="UNIT_KG")]
    assert nudges(calculate(rules, bought)) == [("cheese", 0, 250, "0.250")]


def test_none_that_holds_does_not_stand_in_the_way_and_one_that_fails_does() -> None:
    rules = f"""
    - {{promotion: no-wine, stage: receipt, when: {{all: [{{none: [{{quantity: {{of: {{sku: wine}}, from: 1}}}}]}},
       {{receipt_sum: {{from: 150}}}}]}}, reward: [{{percent: {{rate: 5}}}}], {WORD}}}
    """
    assert nudges(calculate(rules, lines(10000))) == [("no-wine", 5000, 0, "50.00")]
    assert nudges(calculate(rules, [line(1, "wine", 10000)])) == []


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("{receipt_sum: {from: 500, of: {sku: tea}}}", None),
        ("{quantity: {from: 2, of: {sku: tea}}}", None),
        ("{any: [{receipt_sum: {from: 101, of: {sku: tea}}}, {quantity: {from: 3}}]}", "2"),
        ("{all: [{none: [{quantity: {from: 1, of: {sku: tea}}}]}, {receipt_sum: {from: 150}}]}", "50.00"),
        ("{all: [{receipt_sum: {below: 100}}, {quantity: {from: 3}}]}", None),
    ],
)
def test_nobody_is_led_to_goods_of_which_there_are_none(when: str, text: str | None) -> None:
    """100.00 of wine. An upper bound that is just met is no help either: less would have to be bought."""
    rules = f"- {{promotion: p, stage: item, when: {when}, reward: [{{percent: {{rate: 5}}}}], {WORD}}}"
    bought = [line(1, "wine", 10000)]
    assert [row["text"] for row in calculate(rules, bought)["nudges"]] == ([text] if text else [])


def test_tiers_of_goods_of_which_there_are_none_nudge_nobody() -> None:
    rules = f"""
    - {{promotion: p, stage: item, reward: [{{percent:
       {{tiers: [{{from: 200, rate: 5}}, {{from: 300, rate: 6}}], over: {{sku: tea}}}}}}], {WORD}}}
    """
    assert nudges(calculate(rules, [line(1, "wine", 10000)])) == []
    assert nudges(calculate(rules, [line(1, "tea", 10000)])) == [("p", 10000, 0, "100.00")]


@pytest.mark.parametrize("stage", ["item", "accrual", "group"])
def test_of_several_rewards_the_nearest_step_is_told_whichever_stands_first(stage: str) -> None:
    """Each at its own turn: 10 % of the first reward leave 90.00, of which the second one's base is."""
    near, far = "{from: 130, %s: 5}, {from: 900, %s: 6}", "{from: 400, %s: 5}, {from: 900, %s: 6}"
    word, kind = ("rate", "percent: {") if stage == "item" else ("percent", "points: {asset: bonus, ")
    one, other = (text.replace("%s", word) for text in (near, far))
    group = ", group: {name: g, mode: BEST}" if stage == "group" else ""
    for first, second in ((one, other), (other, one)):
        rules = f"""
        - {{promotion: p, stage: {"item" if stage == "item" else "accrual"}{group},
           reward: [{{{kind}tiers: [{first}]}}}}, {{{kind}tiers: [{second}]}}}}], {WORD}}}
        - {{promotion: q, stage: accrual{group}, reward: [{{points: {{asset: bonus, percent: 1}}}}]}}
        """
        assert nudges(calculate(rules, lines(10000))) == [("p", 3000, 0, "30.00")]


def test_reward_whose_sum_the_one_before_it_lowered_nudges_when_it_is_nearer() -> None:
    """The first reward holds and has no step; it leaves 90.00, and 5.00 are missing to the second."""
    rules = f"""
    - {{promotion: p, stage: item, when: {{receipt_sum: {{from: 95, base: RUNNING}}}},
       reward: [{{percent: {{rate: 10}}}}, {{percent: {{rate: 10}}}}], {WORD}}}
    """
    assert nudges(calculate(rules, lines(10000))) == [("p", 500, 0, "5.00")]
