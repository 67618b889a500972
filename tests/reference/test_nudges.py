"""Nudges, worked by hand (promotion-document «Rewards»)."""

from typing import Any

import pytest

from .receipts import Document, line, percent, priced, promotion, run, set_promotion

TEXT = {"nudge": {"en": "{{ distance }}"}}
LOW: Document = {"receipt_sum": {"from": "300.00"}}
PAIR: Document = {"quantity": {"from": 2}}


def nudging(promotion_id: str, when: Document, **fields: Any) -> Document:
    return promotion(promotion_id, percent("10"), when=when, messages=TEXT, **fields)


def told(result: Document) -> list[tuple[str, str]]:
    return [(row["promotion_id"], row["text"]) for row in result["nudges"]]


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (LOW, "200.00"),
        (PAIR, "1"),
        ({"quantity": {"from": "2.500", "count_by": "WEIGHT"}}, "1.500"),
        ({"receipt_sum": {"from": "300.00", "below": "400.00"}}, "200.00"),
        ({"any": [PAIR, LOW]}, "200.00"),
        ({"any": [{"all": [LOW, {"customer": {"has_card": False}}]}, PAIR]}, "1"),
        ({"all": [LOW, PAIR]}, None),
        ({"all": [{"customer": {"has_card": True}}, LOW]}, "200.00"),
        ({"none": [LOW, {"receipt_sum": {"from": "50.00"}}]}, None),
        ({"receipt_sum": {"below": "50.00"}}, None),
        ({"balance": {"asset": "bonus", "from": "1.00"}}, None),
    ],
)
def test_one_sum_or_quantity_alone_is_told(when: Document, text: str | None) -> None:
    """100.00 and one piece; a card is presented."""
    assert told(run([nudging("p", when)], priced(10000))) == ([("p", text)] if text else [])


def test_running_sum_is_looked_at_at_the_turn() -> None:
    """10 % leaves 90.00 of 100.00: 5.00 are missing to 95.00."""
    rules = [
        promotion("first", percent("10"), priority=1),
        nudging("p", {"receipt_sum": {"from": "95.00", "base": "RUNNING"}}),
    ]
    assert told(run(rules, priced(10000))) == [("p", "5.00")]


def test_beaten_promotion_tells_its_further_step() -> None:
    tiers = {"tiers": [{"from": "50.00", "rate": "5"}, {"from": "150.00", "rate": "50"}]}
    group = {"name": "g", "mode": "BEST"}
    rules = [
        promotion("big", percent("10"), group=group),
        promotion("p", {"percent": tiers}, group="g", messages=TEXT),
    ]
    assert told(run(rules, priced(10000))) == [("p", "50.00")]


@pytest.mark.parametrize(("used", "is_told"), [(1000, False), (999, True)])
def test_who_a_budget_leaves_nothing_does_not_nudge(used: int, is_told: bool) -> None:
    counter = {"promotion_id": "p", "measure": "amount", "per": "promotion", "window": "always", "used": used}
    rules = [nudging("p", LOW, limits=[{"budget": "10.00"}])]
    assert bool(run(rules, priced(10000), holdings={"counters": [counter]})["nudges"]) is is_told


def test_three_nearest_sums_before_quantities_then_rank() -> None:
    rules = [
        nudging("pieces", PAIR),
        nudging("b", LOW, priority=5),
        nudging("a", LOW, priority=5),
        nudging("near", {"receipt_sum": {"from": "100.01"}}, priority=900),
    ]
    assert told(run(rules, priced(10000))) == [("near", "0.01"), ("a", "200.00"), ("b", "200.00")]


def test_member_of_an_optimal_group_nudges_once() -> None:
    reward: Document = {"multi_buy": {"take": 2, "pay": 1}}
    rules = [set_promotion("p", reward, group={"name": "g", "mode": "OPTIMAL"}, when=LOW, messages=TEXT)]
    assert told(run(rules, [line(1, 5000, 2000)])) == [("p", "200.00")]


def test_nobody_is_nudged_to_goods_he_has_none_of() -> None:
    """Coffee for 150.00 and no tea: 50.00 of coffee is missing, of tea nothing is told."""
    rules = [
        promotion(
            f"{kind}-sum",
            percent("10"),
            when={"receipt_sum": {"from": "200.00", "of": {"category": kind}}},
            messages=TEXT,
        )
        for kind in ("coffee", "tea")
    ]
    counted = {"quantity": {"from": "2", "of": {"category": "tea"}}}
    rules.append(promotion("tea-packs", percent("10"), when=counted, messages=TEXT))
    steps = [{"from": "100.00", "rate": "5"}, {"from": "300.00", "rate": "9"}]
    over = {"percent": {"tiers": steps, "over": {"category": "tea"}}}
    rules.append(promotion("tea-steps", over, messages=TEXT))
    told = run(rules, [line(1, 150_00, group_id="coffee")])["nudges"]
    assert [(row["promotion_id"], row["distance_minor"]) for row in told] == [("coffee-sum", 50_00)]


def test_nearest_step_of_all_rewards_is_told_once() -> None:
    rewards = [
        {"percent": {"tiers": [{"from": "1.00", "rate": "1"}, {"from": step, "rate": "2"}]}}
        for step in ("500.00", "180.00", "180.00")
    ]
    told = run([promotion("a", *rewards, messages=TEXT)], priced(150_00))["nudges"]
    assert [(row["promotion_id"], row["distance_minor"]) for row in told] == [("a", 30_00)]


def test_nobody_is_nudged_after_the_one_of_a_first_group_that_gave() -> None:
    group = {"name": "g", "mode": "FIRST"}
    fails = {"receipt_sum": {"from": "200.00"}}
    rules = [
        promotion("a", percent("10"), group=group, when=fails, messages=TEXT),
        promotion("b", percent("10"), group=group),
        promotion("c", percent("10"), group=group, when=fails, messages=TEXT),
    ]
    assert [row["promotion_id"] for row in run(rules, priced(100_00))["nudges"]] == ["a"]


def test_title_in_another_language_is_better_than_an_id() -> None:
    named = {"messages": {"nudge": {"en": "{{ promotion }}"}}, "when": LOW}
    rules = [promotion("a", percent("10"), title={"ru": "Скидка"}, **named), promotion("b", percent("10"), **named)]
    assert told(run(rules, priced(10000))) == [("a", "Скидка"), ("b", "b")]
