"""Vectors of semantics for group modes, exclusivity, tiers, caps, limits within a receipt and messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.core.calculator.scenario import NOON, calculate, compiled, discounts, line, lines, nets, points, trace

CASCADE = """
- {promotion: ten, stage: item, priority: 1, reward: [{percent: {rate: 10}}]}
- {promotion: five, stage: item, priority: 2, reward: [{percent: {rate: 5}}]}
- {promotion: flat, stage: receipt, reward: [{amount: {off: 100.00}}]}
"""
THREE = lines(19990, 8990, 4995)


def with_limits(text: str, bought: list[dict[str, Any]], explain: bool = True) -> dict[str, Any]:
    rules = read_documents(load_documents(text))
    ruleset = Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, version=1))
    return evaluate(ruleset, {"lines": bought}, {}, None, NOON, explain)


# --- fixed price


def test_fixed_price_of_weighted_goods_is_per_measure() -> None:
    rules = "{promotion: p, stage: price, reward: [{fixed_price: {price: 299.90}}]}"
    assert discounts(calculate(rules, [line(1, "a", 39990, 1234, unit="KG")]), "p") == [12340]


def test_fixed_price_never_raises_and_stops_at_the_floor() -> None:
    rules = "{promotion: p, stage: price, reward: [{fixed_price: {price: 50.00}}]}"
    bought = [line(1, "a", 4000), line(2, "b", 6000, min_price_minor=5500), line(3, "c", 5000)]
    outcome = calculate(rules, bought)
    assert nets(outcome) == [4000, 5500, 5000]


# --- group modes


def group(mode: str, *rewards: str, stage: str = "item") -> str:
    documents = [
        f"{{promotion: p{n}, stage: {stage}, priority: {n}, group: {{name: g, mode: {mode}}}, reward: [{reward}]}}"
        for n, reward in enumerate(rewards, start=1)
    ]
    return "[" + ", ".join(documents) + "]"


def test_add_takes_each_of_the_price_at_group_entry() -> None:
    outcome = calculate(group("ADD", "{percent: {rate: 10}}", "{percent: {rate: 5}}"), THREE)
    assert discounts(outcome, "p1") == [1999, 899, 500]
    assert discounts(outcome, "p2") == [1000, 450, 250]


def test_add_of_a_percent_and_a_receipt_amount_shares_by_entry_prices() -> None:
    outcome = calculate(group("ADD", "{percent: {rate: 10}}", "{amount: {off: 100.00}}"), THREE)
    assert discounts(outcome, "p2") == [5884, 2646, 1470]
    assert outcome["totals"]["to_pay_minor"] == 20577


def test_add_stops_at_the_floor() -> None:
    outcome = calculate(group("ADD", "{percent: {rate: 60}}", "{percent: {rate: 60}}"), lines(10000))
    assert (discounts(outcome, "p1"), discounts(outcome, "p2")) == ([6000], [3999])


def test_add_in_a_later_stage_begins_at_what_is_left() -> None:
    rules = group("ADD", "{percent: {rate: 10}}", "{percent: {rate: 10}}", stage="card")[:-1]
    outcome = calculate(rules + ", {promotion: a, stage: item, reward: [{percent: {rate: 50}}]}]", lines(10000))
    assert nets(outcome) == [4000]


def test_first_gives_the_first_that_gives_something() -> None:
    rules = group("FIRST", "{percent: {rate: 50, of: {sku: zzz}}}", "{percent: {rate: 5}}", "{percent: {rate: 10}}")
    outcome = calculate(rules, lines(10000))
    assert nets(outcome) == [9500]
    assert trace(outcome, "p1")["verdict"] == "VERDICT_ZERO"
    assert trace(outcome, "p2")["verdict"] == "VERDICT_APPLIED"
    beaten = trace(outcome, "p3")
    assert (beaten["verdict"], beaten["by_promotion_id"], beaten["margin_minor"]) == ("VERDICT_BEATEN", "p2", 0)


def test_min_gives_the_smallest_above_nothing() -> None:
    rules = group("MIN", "{percent: {rate: 10}}", "{percent: {rate: 5}}", "{percent: {rate: 1, of: {sku: zzz}}}")
    outcome = calculate(rules, lines(10000))
    assert nets(outcome) == [9500]
    beaten = trace(outcome, "p1")
    assert (beaten["verdict"], beaten["by_promotion_id"], beaten["margin_minor"]) == ("VERDICT_BEATEN", "p2", 500)


def test_min_tie_goes_to_the_smaller_priority() -> None:
    outcome = calculate(group("MIN", "{percent: {rate: 5}}", "{amount: {off: 5.00}}"), lines(10000))
    assert discounts(outcome, "p1") == [500]


def test_priority_accrual_by_line_gives_each_line_to_the_first() -> None:
    rules = """
    - promotion: a
      priority: 1
      group: {name: g, mode: FIRST}
      reward: [{points: {asset: x, percent: 1, of: {sku: a}}}]
    - {promotion: b, priority: 2, group: g, reward: [{points: {asset: x, percent: 5}}]}
    - {promotion: c, priority: 3, group: g, reward: [{points: {asset: x, fixed: 7}}]}
    """
    outcome = calculate(rules, lines(10000, 20000))
    assert points(outcome) == [100, 1000]
    assert trace(outcome, "c")["verdict"] == "VERDICT_BEATEN"


def test_priority_accrual_by_receipt_has_one_winner() -> None:
    rules = """
    - promotion: a
      priority: 1
      group: {name: g, mode: FIRST, scope: RECEIPT}
      reward: [{points: {asset: x, percent: 1, of: {sku: a}}}]
    - {promotion: b, priority: 2, group: g, reward: [{points: {asset: x, percent: 5}}]}
    """
    outcome = calculate(rules, lines(10000, 20000))
    assert points(outcome) == [100, 0]
    assert trace(outcome, "b")["verdict"] == "VERDICT_BEATEN"


def test_priority_accrual_of_a_fixed_rule_takes_the_lines_that_are_free() -> None:
    rules = """
    - promotion: a
      priority: 1
      group: {name: g, mode: FIRST}
      reward: [{points: {asset: x, percent: 1, of: {sku: a}}}]
    - {promotion: c, priority: 2, group: g, reward: [{points: {asset: x, fixed: 7}}]}
    """
    assert points(calculate(rules, lines(10000, 20000, 10000))) == [100, 467, 233]


# --- exclusivity


def after(first: str, second: str = "") -> str:
    return f"""
    - {{promotion: a, stage: item, priority: 1, {first} reward: [{{percent: {{rate: 10}}}}]}}
    - {{promotion: b, stage: item, priority: 2, {second} reward: [{{percent: {{rate: 50}}}}]}}
    - {{promotion: c, stage: card, reward: [{{percent: {{rate: 50}}}}]}}
    """


def test_exclusive_marks_units_it_took_nothing_from() -> None:
    outcome = calculate(after("exclusive: ALL,"), [line(1, "a", 5, 3000)])
    assert [discounts(outcome, name) for name in "abc"] == [[2], [0], [0]]
    excluded = trace(outcome, "b")
    assert (excluded["verdict"], excluded["by_promotion_id"]) == ("VERDICT_EXCLUDED", "a")


def test_exclusive_of_a_stage_ends_with_it() -> None:
    outcome = calculate(after("exclusive: STAGE,"), lines(10000))
    assert [discounts(outcome, name) for name in "abc"] == [[1000], [0], [4500]]


def test_exclusive_by_unit_leaves_other_units() -> None:
    rules = """
    - {promotion: a, stage: item, priority: 1, exclusive: ALL, reward: [{percent: {rate: 10, of: {sku: a}}}]}
    - {promotion: b, stage: receipt, reward: [{amount: {off: 30.00}}]}
    """
    outcome = calculate(rules, lines(10000, 5000, 5000))
    assert discounts(outcome, "b") == [0, 1500, 1500]
    assert trace(outcome, "b")["verdict"] == "VERDICT_APPLIED"


def test_exclusive_by_receipt_closes_everything() -> None:
    rules = """
    - promotion: a
      stage: item
      exclusive: {over: ALL, scope: RECEIPT}
      reward: [{percent: {rate: 10, of: {sku: a}}}]
    - {promotion: b, stage: receipt, reward: [{amount: {off: 30.00}}]}
    """
    bought = [*lines(10000, 5000), line(3, "c", 1000, manual_discount={"amount_minor": 100})]
    outcome = calculate(rules, bought)
    assert nets(outcome) == [9000, 5000, 1000]
    excluded = trace(outcome, "b")
    assert (excluded["verdict"], excluded["by_promotion_id"]) == ("VERDICT_EXCLUDED", "a")


def test_exclusive_that_gives_nothing_excludes_nobody() -> None:
    rules = """
    - {promotion: a, stage: item, exclusive: ALL, reward: [{percent: {rate: 10, of: {sku: zzz}}}]}
    - {promotion: b, stage: card, reward: [{percent: {rate: 50}}]}
    """
    assert nets(calculate(rules, lines(10000))) == [5000]


def test_own_rewards_of_an_exclusive_promotion_follow_one_another() -> None:
    rules = """
    - {promotion: a, stage: item, exclusive: ALL, reward: [{percent: {rate: 10}}, {percent: {rate: 10}}]}
    - {promotion: b, stage: card, reward: [{percent: {rate: 50}}]}
    """
    assert nets(calculate(rules, lines(10000))) == [8100]


def test_exclusive_all_stands_against_the_cashier_and_not_against_the_till() -> None:
    rules = "{promotion: a, stage: item, exclusive: ALL, reward: [{percent: {rate: 10}}]}"
    manual = line(1, "a", 10000, manual_discount={"percent_ppm": 500_000})
    external = line(2, "b", 10000, external_discounts=[{"amount_minor": 700}])
    assert nets(calculate(rules, [manual, external])) == [9000, 8300]


def test_skip_discounted_leaves_what_earlier_promotions_touched() -> None:
    rules = """
    - {promotion: a, stage: item, priority: 1, reward: [{percent: {rate: 10, of: {sku: a}}}]}
    - {promotion: b, stage: card, skip_discounted: true, reward: [{percent: {rate: 50}}]}
    - {promotion: c, stage: card, priority: 900, reward: [{percent: {rate: 10}}]}
    """
    outcome = calculate(rules, lines(10000, 10000))
    assert nets(outcome) == [8100, 4500]
    assert trace(calculate(rules, lines(10000)), "b")["verdict"] == "VERDICT_ZERO"


# --- tiers

STEPS = "[{from: 1000.00, rate: 5}, {from: 3000.00, rate: 10}]"


@pytest.mark.parametrize(("bought", "off"), [((99999,), 0), ((100000,), 5000), ((299999,), 15000), ((300000,), 30000)])
def test_tier_that_is_reached_holds_for_the_whole(bought: tuple[int, ...], off: int) -> None:
    rules = f"{{promotion: p, stage: receipt, reward: [{{percent: {{tiers: {STEPS}}}}}]}}"
    assert calculate(rules, lines(*bought))["totals"]["discount_minor"] == off


def test_tiers_are_of_their_own_set_and_base() -> None:
    rules = f"""
    - {{promotion: a, stage: item, reward: [{{percent: {{rate: 50, of: {{sku: a}}}}}}]}}
    - promotion: b
      stage: receipt
      reward: [{{percent: {{tiers: {STEPS}, base: RUNNING, over: {{sku: a}}, of: {{sku: b}}}}}}]
    """
    assert discounts(calculate(rules, lines(599999, 10000)), "b") == [0, 500]
    assert discounts(calculate(rules, lines(600000, 10000)), "b") == [0, 1000]


def test_tiers_of_amounts_and_points() -> None:
    rules = """
    - {promotion: a, stage: receipt, reward: [{amount: {tiers: [{from: 10, off: 1}, {from: 20, off: 3}]}}]}
    - {promotion: b, reward: [{points: {asset: x, tiers: [{from: 10, fixed: 1}, {from: 20, fixed: 5}]}}]}
    - {promotion: c, reward: [{points: {asset: y, tiers: [{from: 10, percent: 1}, {from: 20, percent: 5}], base: NET}}]}
    """
    outcome = calculate(rules, lines(2000))
    assert nets(outcome) == [1700]
    assert outcome["totals"]["accrual"] == [{"asset": "x", "points": 500}, {"asset": "y", "points": 17}]


def test_tiers_in_a_best_group_are_tried_at_group_entry() -> None:
    rules = """
    - promotion: a
      stage: item
      group: {name: g, mode: BEST, scope: LINE}
      priority: 1
      reward: [{percent: {base: RUNNING, of: {sku: a}, tiers: [{from: 10, rate: 10}, {from: 200, rate: 20}]}}]
    - promotion: b
      stage: item
      group: g
      priority: 2
      reward: [{percent: {base: RUNNING, of: {sku: b}, tiers: [{from: 10, rate: 10}, {from: 200, rate: 20}]}}]
    """
    assert nets(calculate(rules, lines(10000, 10000))) == [8000, 8000]


# --- caps


def capped(cap: str) -> str:
    return CASCADE + f"- {{limit: most, cap: {cap}}}\n"


def test_cap_cuts_the_last_rule_by_what_it_gave() -> None:
    outcome = with_limits(capped("{per: receipt, percent: 40}"), THREE)
    assert nets(outcome) == [11994, 5394, 2997]
    assert discounts(outcome, "flat") == [5884 - 787, 2646 - 354, 1470 - 197]
    cut = trace(outcome, "flat")
    assert (cut["verdict"], cut["amount_minor"], cut["cut_minor"]) == ("VERDICT_APPLIED", 10000, 1338)
    assert cut["by_promotion_id"] == "most"
    assert nets(with_limits(capped("{per: receipt, percent: 40}"), THREE, explain=False)) == nets(outcome)


def test_cap_cuts_rule_after_rule() -> None:
    outcome = with_limits(capped("{per: receipt, percent: 10}"), THREE)
    assert (discounts(outcome, "flat"), discounts(outcome, "five")) == ([0, 0, 0], [0, 0, 0])
    assert discounts(outcome, "ten") == [1998, 899, 500]
    assert [trace(outcome, name)["verdict"] for name in ("ten", "five", "flat")] == [
        "VERDICT_APPLIED",
        "VERDICT_CAP",
        "VERDICT_CAP",
    ]
    shown = outcome["explain"]["rules"]
    given = sum(row["amount_minor"] for row in shown if row["verdict"] in ("VERDICT_APPLIED", "VERDICT_CAP"))
    assert given - sum(row["cut_minor"] for row in shown) == outcome["totals"]["discount_minor"]


def test_cap_that_is_kept_changes_nothing() -> None:
    assert with_limits(capped("{per: receipt, percent: 60}"), THREE)["lines"] == calculate(CASCADE, THREE)["lines"]


def test_cap_by_line_is_of_each_calc_group() -> None:
    rules = """
    - {promotion: p, stage: item, reward: [{percent: {rate: 50}}]}
    - {limit: most, cap: {per: line, amount: 30.00, of: {sku: [a, b]}}}
    """
    assert nets(with_limits(rules, lines(10000, 4000, 10000))) == [7000, 2000, 5000]


def test_cap_never_cuts_the_discount_of_the_till() -> None:
    rules = """
    - {promotion: p, stage: item, reward: [{percent: {rate: 10}}]}
    - {limit: most, cap: {per: receipt, percent: 20}}
    """
    bought = [line(1, "a", 10000, external_discounts=[{"amount_minor": 3000}])]
    outcome = with_limits(rules, bought)
    assert nets(outcome) == [7000]
    cut = trace(outcome, "p")
    assert (cut["verdict"], cut["amount_minor"], cut["cut_minor"]) == ("VERDICT_CAP", 1000, 1000)


def test_cap_on_equal_goods_of_several_lines_is_taken_by_units() -> None:
    rules = """
    - {promotion: p, stage: item, reward: [{percent: {rate: 10}}]}
    - {limit: most, cap: {per: receipt, amount: 0.31}}
    """
    split = [line(1, "a", 105, 2000), line(2, "a", 105, 1000)]
    assert [row["discount_minor"] for row in with_limits(rules, split)["lines"]] == [21, 10]
    merged = with_limits(rules, [line(1, "a", 105, 3000)])
    assert merged["totals"]["discount_minor"] == 31


def test_coupon_of_a_rule_cut_to_nothing_stays_free() -> None:
    rules = """
    - {promotion: a, stage: item, reward: [{percent: {rate: 30}}]}
    - {promotion: b, stage: coupon, when: {coupon: {code: X}}, reward: [{percent: {rate: 30}}]}
    - {limit: most, cap: {per: receipt, percent: 30}}
    """
    read = read_documents(load_documents(rules))
    ruleset = Ruleset(compile_ruleset(read.promotions, read.assets, read.limits, version=1))
    outcome = evaluate(ruleset, {"lines": lines(10000), "coupons": [{"code": "X"}]}, {}, None, NOON, False)
    assert outcome["coupons"][0]["state"] == "COUPON_STATE_NOT_APPLIED"
    assert nets(outcome) == [7000]


# --- limits within a receipt


def test_amount_limit_gives_back_by_what_was_given() -> None:
    rules = "{promotion: p, stage: item, limits: [{per: receipt, amount: 10.00}], reward: [{percent: {rate: 10}}]}"
    assert discounts(calculate(rules, THREE), "p") == [588, 265, 147]


def test_amount_limit_that_skips_gives_all_or_nothing() -> None:
    limit = "limits: [{per: receipt, amount: 33.97, on_short: SKIP}]"
    rules = f"{{promotion: p, stage: item, {limit}, reward: [{{percent: {{rate: 10}}}}]}}"
    outcome = calculate(rules, THREE)
    assert outcome["totals"]["discount_minor"] == 0
    assert trace(outcome, "p")["verdict"] == "VERDICT_LIMIT"
    outcome = calculate(rules.replace("33.97", "33.98"), THREE)
    assert outcome["totals"]["discount_minor"] == 3398


def test_amount_limit_is_of_all_rewards_together() -> None:
    rules = """
    promotion: p
    stage: item
    limits: [{per: receipt, amount: 15.00}]
    reward: [{percent: {rate: 10}}, {percent: {rate: 10}}]
    """
    assert nets(calculate(rules, lines(10000))) == [8500]


def test_quantity_limit_chooses_the_dearest_units() -> None:
    rules = "{promotion: p, stage: item, limits: [{per: receipt, quantity: 2}], reward: [{percent: {rate: 10}}]}"
    assert calculate(rules, [line(1, "a", 10003, 5000)])["totals"]["discount_minor"] == 2001
    assert discounts(calculate(rules, lines(100, 300, 200)), "p") == [0, 30, 20]


def test_quantity_limit_passes_over_weighted_goods_that_do_not_fit() -> None:
    rules = "{promotion: p, stage: item, limits: [{per: receipt, quantity: 1.5}], reward: [{percent: {rate: 10}}]}"
    bought = [line(1, "a", 1000, 1600, unit="KG"), line(2, "b", 1000, 1200, unit="KG"), line(3, "c", 100)]
    assert discounts(calculate(rules, bought), "p") == [0, 120, 0]


def test_limit_in_a_best_group_counts_in_the_trial() -> None:
    rules = """
    - promotion: a
      stage: item
      group: {name: g, mode: BEST}
      priority: 1
      limits: [{per: receipt, amount: 5.00}]
      reward: [{percent: {rate: 20}}]
    - {promotion: b, stage: item, group: g, priority: 2, reward: [{percent: {rate: 10}}]}
    """
    outcome = calculate(rules, lines(10000))
    assert nets(outcome) == [9000]
    assert trace(outcome, "a")["margin_minor"] == 500


def test_points_limit_is_kept_in_steps() -> None:
    rules = """
    - {asset: x, scale: 2, step: 1}
    - {promotion: p, limits: [{per: receipt, points: 7.50}], reward: [{points: {asset: x, percent: 10}}]}
    """
    assert calculate(rules, lines(10000))["totals"]["accrual"] == [{"asset": "x", "points": 700}]


# --- messages

TALK = """
- promotion: p
  title: {en: Ten off, ru: Минус десять}
  stage: item
  reward:
  - {percent: {rate: 10, of: {sku: a}}}
  - {message: {to: cashier, priority: 1, text: {en: "Say thanks"}, barcode: "460"}}
  messages: {slip: {ru: "{{promotion}}: {{ discount }} ₽", en: "{{ promotion }}: {{discount}}, to pay {{to_pay}}!"}}
- promotion: hello
  when: {receipt_sum: {from: 90.00, base: NET}}
  reward: [{message: {to: customer_display, text: {en: "{{points}}{{balance}}"}}}, {issue_coupon: {series: next}}]
"""


def test_messages_are_said_when_the_promotion_gave_something() -> None:
    outcome = calculate(TALK, lines(10000))
    said = [(one["channel"], one["language"], one["text"], one["barcode"]) for one in outcome["messages"]]
    assert said == [
        ("CHANNEL_CASHIER", "en", "Say thanks", "460"),
        ("CHANNEL_SLIP", "en", "Ten off: 10.00, to pay 90.00!", ""),
        ("CHANNEL_SLIP", "ru", "Минус десять: 10.00 ₽", ""),
        ("CHANNEL_CUSTOMER_DISPLAY", "en", "0", ""),
    ]
    assert outcome["issued_coupons"] == [{"promotion_id": "hello", "series": "next"}]
    assert trace(outcome, "p", 1)["verdict"] == "VERDICT_APPLIED"
    assert trace(outcome, "hello")["verdict"] == "VERDICT_APPLIED"


def test_messages_of_a_promotion_that_gave_nothing_are_not_said() -> None:
    outcome = calculate(TALK, [line(1, "b", 100)])
    assert (outcome["messages"], outcome["issued_coupons"]) == ([], [])
    assert trace(outcome, "p", 1)["verdict"] == "VERDICT_ZERO"
    assert trace(outcome, "hello")["verdict"] == "VERDICT_NOT_MATCHED"


# --- the slower ways give what the fast ones give

WATCHED = "- {promotion: zz, stage: card, skip_discounted: true, reward: [{percent: {rate: 1, of: {sku: none}}}]}\n"


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.integers(1, 3), st.sampled_from("aab"), st.integers(0, 200)),
        min_size=1,
        max_size=5,
    ),
    st.lists(
        st.sampled_from([
            "{percent: {rate: 33.33}}",
            "{percent: {rate: 7, of: {sku: a}}}",
            "{amount: {off: 0.17, spread: unit}}",
            "{amount: {off: 0.50, spread: line, of: {sku: a}}}",
            "{amount: {off: 1.01}}",
            "{fixed_price: {price: 1.50}}",
        ]),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["CASCADE", "BEST"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_units_watched_one_by_one_give_the_same(
    bought: list[tuple[int, int, str, int]], rewards: list[str], mode: str
) -> None:
    receipt = [
        line(n, sku, price, units * 1000, min_price_minor=min(least, price))
        for n, (price, units, sku, least) in enumerate(bought, start=1)
    ]
    fast = calculate(group(mode, *rewards), receipt, explain=False)
    documents = load_documents(group(mode, *rewards)) + load_documents(WATCHED)
    rules = read_documents(documents)
    watched = Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1))
    every = evaluate(watched, {"lines": receipt}, {}, None, NOON, True)
    assert every["lines"] == fast["lines"]


def test_code_of_a_multiplier_that_does_nothing_is_not_used_by_a_promotion_without_conditions() -> None:
    """Whatever stands before the conditions in the image is no condition."""
    rules = """
    - promotion: back
      multiplier: [{times: 2, when: {coupon: {code: DOUBLE}}, of: {category: tea}}]
      reward: [{points: {asset: bonus, percent: 5}}]
    - {promotion: more, reward: [{points: {asset: bonus, percent: 1}}]}
    """
    outcome = evaluate(compiled(rules), {"lines": lines(10000), "coupons": [{"code": "DOUBLE"}]}, {}, None, NOON, False)
    assert outcome["coupons"][0]["state"] == "COUPON_STATE_NOT_APPLIED"
