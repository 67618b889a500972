"""What little is missing to a promotion; most of it is in tests/scenarios/nudge."""

from __future__ import annotations

from typing import Any

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
