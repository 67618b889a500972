"""Payment with points: the numbers of semantics §6.5, §6.11.20, §6.11.23 and §6.11.25."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.cli.evaluate import evaluate_documents
from altyn.core.evaluate import ReceiptError

Fields = dict[str, Any]
AT = "2027-03-01T12:00"
CUSTOMER = {"customer_id": 7, "card_state": "ACTIVE"}
MOST = 10**9


def line(line_no: int, price: int, sku: str = "", **fields: Any) -> Fields:
    return {"line_no": line_no, "sku": sku or f"s{line_no}", "qty_milli": 1000, "price_minor": price, **fields}


THREE = [line(1, 19990), line(2, 8990), line(3, 4995)]
FOUR = [*THREE, line(4, 30000, flags={"no_redeem": True, "no_accrual": True})]


def payment(*rules: Fields, **fields: Any) -> Fields:
    return {"limit": "pay", "payment": [{"asset": "bonus", **rule} for rule in rules or ({},)], **fields}


def wish(points: int | None = None, asset: str = "bonus") -> Fields:
    return {"asset": asset, "max": True} if points is None else {"asset": asset, "requested_points": points}


def run(
    documents: list[Fields],
    lines: list[Fields],
    *wishes: Fields,
    customer: Fields | None = CUSTOMER,
    explain: bool = False,
    **balances: int,
) -> Fields:
    receipt = {"lines": lines, "points": list(wishes), "identity": {"input_method": "INPUT_METHOD_PHONE"}}
    held = {"balances": balances}
    return evaluate_documents(documents, receipt, {"store_id": "s1"}, customer, AT, explain, held)


def paid(outcome: Fields) -> list[int]:
    return [row["points_paid_minor"] for row in outcome["lines"]]


def most(outcome: Fields) -> list[tuple[str, int, int, str]]:
    return [
        (row["asset"], row["points"], row["amount_minor"], row["limited_by"].removeprefix("REASON_"))
        for row in outcome["max_redeem"]
    ]


def test_seventy_roubles_of_points_go_by_price_and_never_on_a_no_redeem_line() -> None:
    outcome = run([payment()], FOUR, wish(7000), bonus=MOST)
    assert paid(outcome) == [4119, 1852, 1029, 0]
    assert outcome["totals"]["points_paid_minor"] == 7000
    assert outcome["totals"]["to_pay_minor"] == 63975 - 7000
    assert outcome["totals"]["discount_minor"] == 0
    (row,) = outcome["lines"][0]["discounts"]
    assert (row["promotion_id"], row["kind"], row["stage"]) == ("pay", "DISCOUNT_KIND_POINTS", "STAGE_POINTS")


def test_point_of_thirty_kopecks_pays_in_whole_steps() -> None:
    rule = {"rate": "0.30", "step": 1, "up_to_percent": "47.53"}
    outcome = run([payment(rule)], [line(1, 10000)], wish(), bonus=MOST)
    assert paid(outcome) == [4740]
    assert most(outcome) == [("bonus", 15800, 4740, "LIMITED_BY_STEP")]


def test_share_of_a_calc_group_is_rounded_down_once() -> None:
    lines = [line(number, 5, "x") for number in (1, 2, 3)]
    outcome = run([payment({"up_to_percent": 50})], lines, wish(), bonus=MOST)
    assert sum(paid(outcome)) == 7
    assert most(outcome) == [("bonus", 7, 7, "LIMITED_BY_SHARE")]


def test_two_assets_pay_in_the_order_of_their_rules_not_of_the_wishes() -> None:
    rules = [payment({"asset": "a", "up_to_percent": 30}, {"asset": "b", "up_to_percent": 50, "rate": "0.10"})]
    lines = [line(1, 20000), line(2, 10000)]
    outcome = run([{"asset": "a"}, {"asset": "b"}, *rules], lines, wish(None, "b"), wish(None, "a"), a=5000, b=MOST)
    assert [[row["amount_minor"] for row in one["discounts"]] for one in outcome["lines"]] == [
        [3333, 10000],
        [1667, 5000],
    ]
    assert most(outcome) == [("a", 5000, 5000, "POINTS_SHORT"), ("b", 150000, 15000, "LIMITED_BY_SHARE")]


@pytest.mark.parametrize(
    ("rule", "active", "expected"),
    [
        ({}, 500, (500, 500, "POINTS_SHORT")),
        ({"max": 3}, 500, (300, 300, "LIMITED_BY_MAXIMUM")),
        ({"step": 2}, 500, (400, 400, "LIMITED_BY_STEP")),
        ({"receipt_percent": "2.5"}, 500, (250, 250, "LIMITED_BY_SHARE")),
        ({"min": 6}, 500, (0, 0, "POINTS_BELOW_MINIMUM")),
        ({"deny_input": ["phone"]}, 500, (0, 0, "REDEMPTION_NOT_ALLOWED")),
        ({"of": {"sku": "other"}}, 500, (0, 0, "LIMITED_BY_SHARE")),
        ({}, 9999, (9999, 9999, "LIMITED_BY_SHARE")),
        ({}, 0, (0, 0, "POINTS_SHORT")),
    ],
)
def test_most_points_tell_what_lowered_them_last(rule: Fields, active: int, expected: tuple[int, int, str]) -> None:
    outcome = run([payment(rule)], [line(1, 10000)], bonus=active)
    assert most(outcome) == [("bonus", *expected)]
    assert outcome["totals"]["to_pay_minor"] == 10000


def test_request_above_the_most_is_lowered_and_one_below_the_minimum_is_not_taken() -> None:
    rule = payment({"min": 2, "step": "0.10"})
    assert paid(run([rule], [line(1, 10000)], wish(90000), bonus=517)) == [510]
    assert paid(run([rule], [line(1, 10000)], wish(199), bonus=517)) == [0]
    assert paid(run([rule], [line(1, 10000)], wish(209), bonus=517)) == [200]


def test_line_without_discounts_is_paid_down_to_its_minimal_price() -> None:
    lines = [line(1, 10000, flags={"no_discount": True}, min_price_minor=9000), line(2, 100)]
    assert paid(run([payment()], lines, wish(), bonus=MOST)) == [1000, 99]


def test_first_rule_whose_condition_holds_is_the_assets_rule() -> None:
    rules = [
        payment({"rate": "0.50", "when": {"customer": {"segment": "gold"}}}, {"rate": "0.25"}, priority=1),
        {"limit": "later", "payment": [{"asset": "bonus", "rate": 1}]},
    ]
    outcome = run(rules, [line(1, 10000)], wish(1000), explain=True, bonus=1000)
    assert paid(outcome) == [250]
    rows = [row for row in outcome["explain"]["rules"] if row["stage"] == "STAGE_POINTS"]
    assert [(row["promotion_id"], row["reward_no"], row["verdict"]) for row in rows] == [
        ("pay", 0, "VERDICT_NOT_MATCHED"),
        ("pay", 1, "VERDICT_APPLIED"),
    ]
    assert rows[1]["lines"] == [{"line_no": 1, "before_minor": 10000, "after_minor": 9750}]
    gold = {**CUSTOMER, "segments": ["gold"]}
    assert paid(run(rules, [line(1, 10000)], wish(1000), customer=gold, bonus=1000)) == [500]


def test_asset_without_a_payment_rule_is_told() -> None:
    outcome = run([payment()], [line(1, 10000)], wish(1, "stars"), bonus=5)
    assert most(outcome) == [("bonus", 5, 5, "POINTS_SHORT"), ("stars", 0, 0, "NO_PAYMENT_RULE")]


def test_nobody_pays_nothing_and_is_told_nothing() -> None:
    outcome = run([payment()], [line(1, 10000)], wish(), customer=None, bonus=5000)
    assert most(outcome) == [] and paid(outcome) == [0]


def test_cap_that_counts_points_leaves_them_what_discounts_left() -> None:
    rules = [
        {"promotion": "ten", "stage": "item", "reward": [{"percent": {"rate": 10}}]},
        {"promotion": "five", "stage": "item", "priority": 200, "reward": [{"percent": {"rate": 5}}]},
        {"promotion": "hundred", "stage": "receipt", "reward": [{"amount": {"off": 100, "spread": "receipt"}}]},
        payment(),
        {"limit": "cap", "cap": {"per": "receipt", "percent": 60, "include_points": True}},
    ]
    outcome = run(rules, THREE, wish(), bonus=MOST)
    # 149.28 of 339.75 is taken off, 60 % is 203.85
    assert outcome["totals"]["discount_minor"] == 14928
    assert outcome["totals"]["points_paid_minor"] == 20385 - 14928


def test_accrual_is_on_what_points_did_not_pay_unless_the_rule_says_so() -> None:
    def earn(**fields: Any) -> Fields:
        return {"promotion": "earn", "reward": [{"points": {"asset": "bonus", "percent": 3, **fields}}]}

    # 338.75 less 70.00: 158.71, 71.38, 39.66
    outcome = run([payment(), earn()], FOUR, wish(7000), bonus=MOST)
    by_line = [[row["points"] for row in one["accrual"]] for one in outcome["lines"]]
    assert by_line == [[476], [214], [119], []]
    outcome = run([payment(), earn(exclude_points_paid=False)], FOUR, wish(7000), bonus=MOST)
    assert outcome["totals"]["accrual"] == [{"asset": "bonus", "points": 33975 * 3 // 100}]
    outcome = run([payment(), earn(if_paid_with_points="SKIP_RECEIPT")], FOUR, wish(7000), bonus=MOST)
    assert outcome["totals"]["accrual"] == []
    outcome = run([payment(), earn(if_paid_with_points="SKIP_RECEIPT")], FOUR, bonus=MOST)
    assert outcome["totals"]["accrual"] == [{"asset": "bonus", "points": 33975 * 3 // 100}]


def test_best_accrual_by_line_compares_exact_points_with_what_points_paid() -> None:
    def earn(name: str, percent: str, **fields: Any) -> Fields:
        points = {"asset": "bonus", "percent": percent, **fields}
        return {"promotion": name, "group": {"name": "best", "mode": "BEST"}, "reward": [{"points": points}]}

    rules = [payment(), earn("a", "3"), earn("b", "2", exclude_points_paid=False)]
    # 100.00 of which 40.00 by points: 3 % of 60.00 is 1.80, 2 % of 100.00 is 2.00
    outcome = run(rules, [line(1, 10000)], wish(4000), bonus=MOST)
    assert outcome["totals"]["accrual"] == [{"asset": "bonus", "points": 200}]
    # 30.00 by points: 2.10 against 2.00
    outcome = run(rules, [line(1, 10000)], wish(3000), bonus=MOST)
    assert outcome["totals"]["accrual"] == [{"asset": "bonus", "points": 210}]


@pytest.mark.parametrize("price", [1, 3, 10**9])
@pytest.mark.parametrize("rate", ["0.0001", "0.30", "1", "1000000"])
def test_no_price_and_rate_break_the_identities(price: int, rate: str) -> None:
    """The calculator asserts them on every receipt."""
    outcome = run([payment({"rate": rate})], [line(1, price)], wish(), bonus=10**12)
    assert 0 <= outcome["totals"]["points_paid_minor"] < price


def test_wish_without_a_number_is_refused_by_name() -> None:
    with pytest.raises(ReceiptError, match=r"points\[0\]"):
        run([payment()], THREE, {"asset": "bonus"}, bonus=1)
