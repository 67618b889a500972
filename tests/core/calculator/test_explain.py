"""Verdicts, distances, coupons: the outcome says why."""

from __future__ import annotations

import pytest

from tests.core.calculator.scenario import calculate, discounts, line, lines, nets, trace


def test_threshold_not_reached_says_how_much_to_add() -> None:
    rules = "{promotion: off, stage: receipt, when: {receipt_sum: {from: 100.00}}, reward: [{amount: {off: 1.00}}]}"
    row = trace(calculate(rules, lines(8500)), "off")
    assert (row["verdict"], row["condition"]) == ("VERDICT_NOT_MATCHED", "when.receipt_sum")
    assert (row["actual"], row["needed"], row["distance"]) == (8500, 10000, 1500)


def test_beaten_promotion_names_the_winner_and_the_margin() -> None:
    rules = """
    - {promotion: small, stage: item, group: {name: g, mode: BEST}, reward: [{percent: {rate: 5}}]}
    - {promotion: large, stage: item, group: g, reward: [{percent: {rate: 10}}]}
    """
    row = trace(calculate(rules, lines(10000)), "small")
    assert (row["verdict"], row["by_promotion_id"], row["margin_minor"]) == ("VERDICT_BEATEN", "large", 500)


def test_applied_rule_shows_each_line_before_and_after() -> None:
    rules = "{promotion: ten, stage: item, reward: [{percent: {rate: 10, of: {sku: b}}}]}"
    row = trace(calculate(rules, lines(1000, 2000)), "ten")
    assert row["lines"] == [{"line_no": 2, "before_minor": 2000, "after_minor": 1800}]


def test_floor_that_leaves_nothing_is_named() -> None:
    rules = "{promotion: ten, stage: item, floor: {percent: 100}, reward: [{percent: {rate: 10}}]}"
    assert trace(calculate(rules, lines(1000)), "ten")["verdict"] == "VERDICT_FLOOR"


def test_amount_without_targets_is_zero_and_not_a_floor() -> None:
    rules = "{promotion: off, stage: item, reward: [{amount: {off: 1.00, of: {sku: nowhere}}}]}"
    assert trace(calculate(rules, lines(1000)), "off")["verdict"] == "VERDICT_ZERO"


def test_reward_of_a_line_winner_refused_by_floors_elsewhere_is_a_floor() -> None:
    """Wins on b; on a, of which its second reward speaks, the till's price stands at min_price."""
    group = "{name: g, mode: BEST, scope: LINE}"
    rewards = "[{percent: {rate: 10, of: {sku: b}}}, {percent: {rate: 10, of: {sku: a}}}]"
    rules = f"{{promotion: two, stage: item, group: {group}, reward: {rewards}}}"
    bought = [line(1, "a", 1000, min_price_minor=1000), line(2, "b", 1000)]
    verdicts = [row["verdict"] for row in calculate(rules, bought)["explain"]["rules"]]
    assert verdicts == ["VERDICT_APPLIED", "VERDICT_FLOOR"]


def test_points_lost_with_a_calc_group_are_beaten_even_when_nobody_gets_any() -> None:
    """Alone `all` gives 1.00 on 10.00; `one` takes half of its goods, and both round down to 0."""
    rules = """
    - {asset: bonus, step: 1}
    - {promotion: all, group: {name: g, mode: BEST}, reward: [{points: {asset: bonus, percent: 10}}]}
    - {promotion: one, group: g, reward: [{points: {asset: bonus, percent: 11, of: {sku: a}}}]}
    """
    outcome = calculate(rules, lines(500, 500))
    assert [row["verdict"] for row in outcome["explain"]["rules"]] == ["VERDICT_BEATEN", "VERDICT_ZERO"]
    assert trace(outcome, "all")["by_promotion_id"] == "one"


def test_none_of_a_schedule_that_holds_is_not_matched() -> None:
    when = "{none: [{schedule: {from: 2001-01-01}}]}"
    rules = f"{{promotion: x, stage: item, when: {when}, reward: [{{percent: {{rate: 10}}}}]}}"
    row = trace(calculate(rules, lines(1000)), "x")
    assert (row["verdict"], row["condition"]) == ("VERDICT_NOT_MATCHED", "when.none[0].schedule")


def test_any_whose_first_branch_is_a_schedule_that_fails_is_inactive() -> None:
    when = "{any: [{schedule: {to: 2001-01-01}}, {coupon: {code: A}}]}"
    rules = f"{{promotion: x, stage: item, when: {when}, reward: [{{percent: {{rate: 10}}}}]}}"
    row = trace(calculate(rules, lines(1000)), "x")
    assert (row["verdict"], row["condition"]) == ("VERDICT_INACTIVE", "when.any[0].schedule")


def test_rule_out_of_schedule_is_inactive() -> None:
    rules = "{promotion: old, stage: item, when: {schedule: {to: 2001-01-01}}, reward: [{percent: {rate: 10}}]}"
    assert trace(calculate(rules, lines(1000)), "old")["verdict"] == "VERDICT_INACTIVE"


COUPONS = """
- {promotion: three, stage: coupon, when: {coupon: {code: C}}, reward: [{amount: {off: 3.00}}]}
- promotion: either
  stage: coupon
  when: {any: [{coupon: {code: B}}, {coupon: {code: A}}]}
  reward: [{amount: {off: 1.00}}]
- {promotion: rich, stage: coupon, when: {coupon: {code: RICH}, receipt_sum: {from: 1000.00}},
    reward: [{amount: {off: 5.00}}]}
- {promotion: none, stage: coupon, when: {coupon: {code: NOTHING}}, reward: [{amount: {off: 5.00, of: {sku: nowhere}}}]}
"""


@pytest.mark.parametrize(
    ("codes", "answers"),
    [
        (["c"], [("APPLIED", "UNSPECIFIED", "three")]),
        ([" c ", "C"], [("APPLIED", "UNSPECIFIED", "three"), ("NOT_APPLIED", "COUPON_ALREADY_ENTERED", "")]),
        (["B", "A"], [("NOT_APPLIED", "COUPON_NO_EFFECT", ""), ("APPLIED", "UNSPECIFIED", "either")]),
        (["rich"], [("NOT_APPLIED", "COUPON_CONDITIONS_NOT_MET", "")]),
        (["nothing"], [("NOT_APPLIED", "COUPON_NO_EFFECT", "")]),
        (["unheard"], [("INVALID", "COUPON_UNKNOWN", "")]),
    ],
)
def test_coupons_are_answered_one_by_one(codes: list[str], answers: list[tuple[str, str, str]]) -> None:
    rows = calculate(COUPONS, lines(10000), coupons=codes, explain=False)["coupons"]
    assert [
        (row["state"].removeprefix("COUPON_STATE_"), row["reason"].removeprefix("REASON_"), row["promotion_id"])
        for row in rows
    ] == answers


@pytest.mark.parametrize(
    ("choice", "customer", "given"),
    [
        ("segment: [gold, lapsed]", {"segments": ["lapsed"]}, True),
        ("segment: [gold, lapsed]", {"segments": ["other"]}, False),
        ("segment: {none_of: [gold]}", {"segments": ["other"]}, True),
        ("segment: {none_of: [gold]}", {"segments": ["other", "gold"]}, False),
        ("segment: {none_of: [gold]}", None, False),
        ("has_card: false", None, True),
        ("has_card: true", {"card_state": "BLOCKED"}, False),
        ("has_card: true", {}, True),
        ("card_type: plastic", {"card_type": "plastic"}, True),
        ("id: 77", {"customer_id": 77}, True),
        ("id: 77", {"customer_id": 770}, False),
    ],
)
def test_customer_conditions_read_the_holdings(choice: str, customer: dict | None, given: bool) -> None:
    rules = f"{{promotion: p, stage: card, when: {{customer: {{{choice}}}}}, reward: [{{percent: {{rate: 10}}}}]}}"
    for explain in (False, True):
        assert bool(calculate(rules, lines(1000), customer, explain=explain)["totals"]["discount_minor"]) is given


@pytest.mark.parametrize(
    ("choice", "store", "given"),
    [
        ("region: [msk, spb]", {"region": "spb"}, True),
        ("region: [msk, spb]", {"region": "nsk"}, False),
        ("format: {none_of: [discounter]}", {"format": ""}, True),
        ("format: {none_of: [discounter]}", {"format": "discounter"}, False),
        ("id: s1, cluster: a", {"store_id": "s1", "cluster": "b"}, False),
    ],
)
def test_store_conditions_read_the_place(choice: str, store: dict[str, str], given: bool) -> None:
    rules = f"{{promotion: p, stage: item, when: {{store: {{{choice}}}}}, reward: [{{percent: {{rate: 10}}}}]}}"
    assert bool(calculate(rules, lines(1000), store=store, explain=False)["totals"]["discount_minor"]) is given


def test_stage_entry_base_is_the_running_price_when_the_stage_begins() -> None:
    rules = """
    - {promotion: a, stage: item, reward: [{percent: {rate: 10}}]}
    - {promotion: b, stage: receipt, priority: 1, when: {receipt_sum: {from: 90.00, base: STAGE_ENTRY}},
        reward: [{amount: {off: 1.00}}]}
    - {promotion: c, stage: receipt, priority: 2, when: {receipt_sum: {from: 90.00, base: STAGE_ENTRY}},
        reward: [{amount: {off: 1.00}}]}
    - {promotion: d, stage: receipt, priority: 3, when: {receipt_sum: {from: 90.00, base: RUNNING}},
        reward: [{amount: {off: 1.00}}]}
    """
    outcome = calculate(rules, lines(10000))
    assert nets(outcome) == [8800]
    assert discounts(outcome, "d") == [0]


def test_quantity_counts_units_or_weight() -> None:
    rules = (
        "{promotion: p, stage: item, when: {quantity: {from: FROM, count_by: HOW}}, reward: [{percent: {rate: 10}}]}"
    )
    bought = [line(1, "a", 1000, 2000), line(2, "b", 1000, 1500, unit="KG")]
    for how, reached, missed in (("UNITS", "3", "4"), ("WEIGHT", "3.5", "3.501")):
        assert calculate(rules.replace("HOW", how).replace("FROM", reached), bought)["totals"]["discount_minor"]
        assert not calculate(rules.replace("HOW", how).replace("FROM", missed), bought)["totals"]["discount_minor"]
