"""Limits and budgets over receipts: what is left binds, what is taken is counted (semantics §6.11.5, §6.11.19)."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.cli.evaluate import evaluate_documents

Fields = dict[str, Any]
AT = "2027-03-01T12:00"
CUSTOMER = {"customer_id": 7, "card_state": "ACTIVE"}
THREE = [(19990, 1), (8990, 1), (4995, 1)]


def promotion(reward: Fields, *limits: Fields, **fields: Any) -> Fields:
    return {"promotion": "ten", "stage": "item", "reward": [reward], "limits": list(limits), **fields}


def counted(measure: str, per: str, window: str, used: int, held: int = 0, promotion_id: str = "ten") -> Fields:
    return {
        "promotion_id": promotion_id, "measure": measure, "per": per, "window": window, "used": used, "held": held,
    }  # fmt: skip


def run(
    rules: list[Fields], goods: list[tuple[int, int]], *counters: Fields, customer: Fields | None = CUSTOMER
) -> Fields:
    lines = [
        {"line_no": n, "sku": f"s{n}", "qty_milli": 1000 * count, "price_minor": price}
        for n, (price, count) in enumerate(goods, 1)
    ]
    held = {"counters": list(counters)}
    return evaluate_documents(rules, {"lines": lines}, {"store_id": "s1"}, customer, AT, True, held)


def off(outcome: Fields) -> list[int]:
    return [line["discount_minor"] for line in outcome["lines"]]


def verdict(outcome: Fields) -> str:
    return str(outcome["explain"]["rules"][0]["verdict"]).removeprefix("VERDICT_")


def taken(outcome: Fields) -> list[tuple[str, str, str, int]]:
    return [(row["measure"], row["per"], row["window"], row["delta"]) for row in outcome["counters"]]


TEN = {"percent": {"rate": 10}}


def test_budget_that_is_nearly_spent_is_shared_by_what_the_rule_gave() -> None:
    outcome = run([promotion(TEN, {"budget": 100})], THREE, counted("amount", "promotion", "always", 8500, 500))
    assert off(outcome) == [588, 265, 147]
    assert verdict(outcome) == "APPLIED"
    assert taken(outcome) == [("amount", "promotion", "always", 1000)]


def test_budget_that_is_short_with_skip_gives_nothing() -> None:
    rule = promotion(TEN, {"budget": 100, "on_short": "SKIP"})
    outcome = run([rule], THREE, counted("amount", "promotion", "always", 9000))
    assert (off(outcome), verdict(outcome)) == ([0, 0, 0], "BUDGET")
    assert taken(outcome) == []


def test_quantity_that_is_left_chooses_units() -> None:
    rule = promotion(TEN, {"per": "customer", "window": "day", "quantity": 5})
    outcome = run([rule], [(10003, 5)], counted("quantity", "customer", "day", 3000))
    assert off(outcome) == [2001]
    assert taken(outcome) == [("quantity", "customer", "day", 2000)]


@pytest.mark.parametrize(("used", "given", "says"), [(2, 0, "LIMIT"), (1, 1000, "APPLIED")])
def test_times_counts_receipts_in_which_something_was_given(used: int, given: int, says: str) -> None:
    rule = promotion(TEN, {"per": "card", "window": "week", "times": 2})
    outcome = run([rule], [(10000, 1)], counted("times", "card", "week", used))
    assert (off(outcome), verdict(outcome)) == ([given], says)
    assert taken(outcome) == ([("times", "card", "week", 1)] if given else [])


@pytest.mark.parametrize("per", ["customer", "card"])
def test_limit_of_nobody_lets_nothing_be_given(per: str) -> None:
    rule = promotion(TEN, {"per": per, "window": "always", "amount": 100})
    outcome = run([rule], [(10000, 1)], customer=None)
    assert (off(outcome), verdict(outcome)) == ([0], "LIMIT")


def test_rule_that_gives_nothing_takes_nothing() -> None:
    rule = promotion(
        {"percent": {"rate": 10, "of": {"sku": "other"}}}, {"per": "customer", "window": "day", "times": 1}
    )
    outcome = run([rule], [(10000, 1)])
    assert (taken(outcome), verdict(outcome)) == ([], "ZERO")


def test_loser_of_a_best_group_takes_nothing() -> None:
    limits = [{"per": "customer", "window": "day", "amount": 50}, {"per": "customer", "window": "day", "quantity": 9}]
    group = {"name": "best", "mode": "BEST"}
    loser = promotion(TEN, *limits, group=group)
    winner = {"promotion": "more", "stage": "item", "group": "best", "reward": [{"percent": {"rate": 20}}]}
    outcome = run([loser, winner], [(10000, 2)])
    assert (off(outcome), taken(outcome)) == ([4000], [])


def test_winner_of_a_best_group_competes_with_what_its_limit_leaves() -> None:
    group = {"name": "best", "mode": "BEST"}
    limited = promotion({"percent": {"rate": 30}}, {"per": "promotion", "window": "always", "amount": 100}, group=group)
    other = {"promotion": "more", "stage": "item", "group": "best", "reward": [{"percent": {"rate": 20}}]}
    assert off(run([limited, other], [(10000, 1)], counted("amount", "promotion", "always", 8001))) == [2000]
    assert off(run([limited, other], [(10000, 1)], counted("amount", "promotion", "always", 7999))) == [2001]


def test_points_of_a_limit_are_whole_steps() -> None:
    rule = {
        "promotion": "ten",
        "reward": [{"points": {"asset": "bonus", "percent": 10}}],
        "limits": [{"per": "customer", "window": "month", "points": 5}],
    }
    outcome = run([{"asset": "bonus", "step": 1}, rule], [(10000, 1)], counted("points", "customer", "month", 150))
    assert outcome["totals"]["accrual"] == [{"asset": "bonus", "points": 300}]
    assert taken(outcome) == [("points", "customer", "month", 300)]


def test_counter_of_another_day_binds_nobody_today() -> None:
    rule = promotion(TEN, {"per": "customer", "window": "day", "times": 1})
    held = {"counters": [counted("times", "customer", "day", 1)]}
    receipt = {"lines": [{"line_no": 1, "sku": "a", "qty_milli": 1000, "price_minor": 10000}]}
    # Both are given as of the receipt's own day: the same receipt a day later has a counter of its own.
    first = evaluate_documents([rule], receipt, {"store_id": "s1"}, CUSTOMER, AT, True, held)
    assert off(first) == [0]
    assert off(evaluate_documents([rule], receipt, {"store_id": "s1"}, CUSTOMER, "2027-03-02T00:00", True, {})) == [
        1000
    ]


def test_quantity_of_a_reward_that_a_cap_cut_to_nothing_does_not_count() -> None:
    per_unit = {"amount": {"off": 10, "spread": "unit", "of": {"sku": "s1"}}}
    second = {"amount": {"off": 1, "spread": "unit", "of": {"sku": "s2"}}}
    rule = promotion(per_unit, {"per": "customer", "window": "day", "quantity": 5}) | {"reward": [per_unit, second]}
    cap = {"limit": "most", "cap": {"per": "receipt", "amount": 10}}
    outcome = run([rule, cap], [(10000, 1), (10000, 2)])
    assert off(outcome) == [1000, 0]
    assert taken(outcome) == [("quantity", "customer", "day", 1000)]


def test_block_that_a_budget_leaves_nothing_took_no_part() -> None:
    pairs = {"multi_buy": {"take": 2, "pay": 1}}
    rule = promotion(pairs, {"budget": 1}, {"per": "customer", "window": "day", "quantity": 9}, stage="set")
    outcome = run([rule], [(6, 2), (5, 2)], counted("amount", "promotion", "always", 99))
    assert sum(off(outcome)) == 1
    part = [[row["role"] for row in line["participates_as"]] for line in outcome["lines"]]
    given = [bool(amount) for amount in off(outcome)]
    assert part == [["PARTICIPATION_ROLE_TARGET"] if gave else [] for gave in given]
    assert ("quantity", "customer", "day", 2000) in taken(outcome)


def test_exclusive_unit_is_named_before_the_closed_receipt() -> None:
    five = {"percent": {"rate": 5, "of": {"sku": "s1"}}}
    first = {"promotion": "a", "stage": "price", "exclusive": "ALL", "reward": [five]}
    second = {
        "promotion": "b", "stage": "item", "exclusive": {"over": "ALL", "scope": "RECEIPT"},
        "reward": [{"percent": {"rate": 5, "of": {"sku": "s2"}}}],
    }  # fmt: skip
    rule = {"promotion": "c", "stage": "card", "reward": [TEN]}
    outcome = run([first, second, rule], [(10000, 1), (10000, 1)])
    row = outcome["explain"]["rules"][2]
    assert (row["verdict"], row["by_promotion_id"]) == ("VERDICT_EXCLUDED", "a")
