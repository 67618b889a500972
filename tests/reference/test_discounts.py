"""Discount vectors of semantics §6.2, §6.4 and §6.11, each named by its section."""

from typing import Any

import pytest

from .application import FULL
from .board import Board
from .discounts import CASHIER, NOBODYS
from .goods import PLAIN_FLOOR, CalcGroup, Unit, read_line
from .mechanics import Workbench, percent_of
from .receipts import Document, amount, discounts, line, nets, percent, promotion, rows, run, verdicts

THREE = [line(1, 19990), line(2, 8990), line(3, 4995)]


def test_cascade_of_percents_and_receipt_amount_6_2() -> None:
    rules = [
        promotion("a", percent("10"), priority=1),
        promotion("b", percent("5"), priority=2),
        promotion("c", amount("100.00", "receipt"), stage="receipt"),
    ]
    result = run(rules, THREE)
    assert rows(result, "a") == [1999, 899, 500]
    assert rows(result, "b") == [900, 405, 225]
    assert rows(result, "c") == [5884, 2646, 1470]
    assert nets(result) == [11207, 5040, 2800]
    assert result["totals"]["to_pay_minor"] == 19047
    assert result["totals"]["discount_minor"] == 14928  # 149.28 of 339.75 in §6.11.20


def test_percent_splits_of_calc_group_6_11_2() -> None:
    """10 % on 3 × 0.05: lines 2+1 → 2+0 kop, lines 1+2 → 1+1 kop, three SKUs → 1+1+1 kop."""
    rules = [promotion("a", percent("10"))]
    assert discounts(run(rules, [line(1, 5, 2000, sku="x"), line(2, 5, 1000, sku="x")])) == [2, 0]
    assert discounts(run(rules, [line(1, 5, 1000, sku="x"), line(2, 5, 2000, sku="x")])) == [1, 1]
    assert discounts(run(rules, [line(1, 5), line(2, 5), line(3, 5)])) == [1, 1, 1]
    assert discounts(run(rules, [line(1, 5, 3000)])) == [2]  # §6.1.6: 2 kop merged


def test_amount_per_line_is_per_calc_group_6_11_2() -> None:
    rules = [promotion("a", amount("10.00", "line"))]
    assert discounts(run(rules, [line(1, 3000, sku="x"), line(2, 3000, sku="x")])) == [500, 500]
    assert discounts(run(rules, [line(1, 3000), line(2, 3000)])) == [1000, 1000]


@pytest.mark.parametrize("field", ["vat_code", "min_price_minor", "cost_minor", "group_id", "brand_id", "supplier_id"])
def test_calc_group_differs_in_readable_field_stays_apart_6_11_2(field: str) -> None:
    value: Any = "other" if field.endswith("_id") else 1
    other: Document = {field: value}
    lines = [line(1, 3000, sku="x"), line(2, 3000, sku="x", **other)]
    assert discounts(run([promotion("a", amount("10.00", "line"))], lines)) == [1000, 1000]


@pytest.mark.parametrize("field", ["barcode", "mark_code"])
def test_calc_group_differs_in_unread_field_is_one_6_11_2(field: str) -> None:
    other: Document = {field: "other"}
    lines = [line(1, 3000, sku="x"), line(2, 3000, sku="x", **other)]
    assert discounts(run([promotion("a", amount("10.00", "line"))], lines)) == [500, 500]


def test_till_discount_makes_line_a_group_of_its_own_6_11_2() -> None:
    external = [{"discount_id": "till", "amount_minor": 1}]
    lines = [line(1, 3000, sku="x"), line(2, 3000, sku="x", external_discounts=external)]
    assert rows(run([promotion("a", amount("10.00", "line"))], lines), "a") == [1000, 1000]


def test_till_gross_within_one_kopeck_wins_and_splits_over_units_6_11_1() -> None:
    result = run([], [line(1, 3333, 3000, gross_minor=10000)])
    assert result["totals"]["gross_minor"] == 10000
    given = line(1, 3333, 3000, gross_minor=10000, sku="x")
    off = run([promotion("a", amount("33.34", "unit"), allow_free=True)], [given])
    assert nets(off) == [0]
    off = run([promotion("a", amount("33.33", "unit"), allow_free=True)], [given])
    assert nets(off) == [1]  # one unit of 33.34


def test_till_gross_two_kopecks_off_is_refused_6_1_3() -> None:
    lines = [line(1, 3333, 3000, gross_minor=10001), line(2, 100), line(3, 100, gross_minor=98)]
    assert run([], lines) == {"refused": "SUM_MISMATCH", "lines": [1, 3]}


def test_receipt_amount_goes_over_groups_before_units_6_11_3() -> None:
    lines = [line(1, 100, 2000), line(2, 101)]
    assert discounts(run([promotion("a", amount("0.01", "receipt"))], lines)) == [1, 0]


def percent_on_units(ppm: int, running: list[int], min_price: int = 0) -> list[int]:
    """A percent on a group of pieces whose earlier discounts left these running prices."""
    goods = read_line(line(1, max(running), 1000 * len(running), min_price_minor=min_price))
    board = Board([CalcGroup(goods, [Unit(goods, price, 1000) for price in running], running)])
    situation: Any = None
    bench = Workbench(CASHIER, NOBODYS, board, situation, FULL, PLAIN_FLOOR, None)
    return list(percent_of(board.slots(), ppm, bench).values())


def test_percent_on_unequal_units_is_shared_by_running_6_11_6() -> None:
    assert percent_on_units(100_000, [10005, 9004, 8004, 8004]) == [1001, 901, 800, 800]


def test_percent_refused_by_floor_is_lost_6_11_6() -> None:
    assert percent_on_units(200_000, [10000, 5000], min_price=5000) == [2000, 0]


def test_receipt_amount_after_percent_in_a_cascade_group_6_11_7() -> None:
    group = {"name": "g", "mode": "CASCADE"}
    rules = [promotion("a", percent("10"), group=group), promotion("b", amount("100.00", "receipt"), group=group)]
    result = run(rules, THREE)
    assert result["totals"]["to_pay_minor"] == 20577
    assert rows(result, "b") == [5884, 2646, 1470]


def test_receipt_amount_before_percent_in_a_cascade_group_6_11_7() -> None:
    group = {"name": "g", "mode": "CASCADE"}
    rules = [promotion("b", percent("10"), group=group), promotion("a", amount("100.00", "receipt"), group=group)]
    result = run(rules, THREE)
    assert rows(result, "a") == [5884, 2646, 1470]
    assert rows(result, "b") == [1411, 634, 353]
    assert result["totals"]["to_pay_minor"] == 21577


def best(scope: str) -> dict[str, str]:
    return {"name": "g", "mode": "BEST", "scope": scope}


LINES_AB = [line(1, 10000, sku="A"), line(2, 20000, sku="B")]


def best_against(off: str, scope: str = "LINE") -> list[dict[str, object]]:
    return [
        promotion("r1", percent("10"), group=best(scope), priority=1),
        promotion("r2", amount("15.00", "unit", sku="A"), group=best(scope), priority=2),
        promotion("r3", amount(off, "receipt"), group=best(scope), priority=3),
    ]


def test_best_line_winners_together_tie_with_a_receipt_rule_6_11_9() -> None:
    """Composite 15.00+20.00 ties with 35.00 and wins by r1's priority (a receipt amount stands for the bundle)."""
    result = run(best_against("35.00"), LINES_AB)
    assert discounts(result) == [1500, 2000]
    assert verdicts(result) == {"r1": "APPLIED", "r2": "APPLIED", "r3": "BEATEN"}


def test_best_line_loses_to_a_larger_receipt_rule_6_11_9() -> None:
    result = run(best_against("35.01"), LINES_AB)
    assert discounts(result) == [1167, 2334]
    assert verdicts(result) == {"r1": "BEATEN", "r2": "BEATEN", "r3": "APPLIED"}


def test_best_receipt_has_one_winner_6_2() -> None:
    result = run(best_against("29.99", "RECEIPT"), LINES_AB)
    assert discounts(result) == [1000, 2000]
    assert verdicts(result) == {"r1": "APPLIED", "r2": "BEATEN", "r3": "BEATEN"}


def test_best_tie_is_won_by_priority_then_id_6_2() -> None:
    group = best("RECEIPT")
    rules = [promotion("b", percent("10"), group=group), promotion("a", percent("10"), group=group)]
    assert verdicts(run(rules, THREE)) == {"a": "APPLIED", "b": "BEATEN"}
    rules = [promotion("b", percent("10"), group=group, priority=1), promotion("a", percent("10"), group=group)]
    assert verdicts(run(rules, THREE)) == {"b": "APPLIED", "a": "BEATEN"}


def test_best_promotion_competes_with_the_sum_of_its_rewards_6_11_8() -> None:
    group = best("RECEIPT")
    rules = [
        promotion("one", percent("15"), group=group, priority=1),
        promotion("two", percent("10"), percent("10"), group=group),
    ]
    result = run(rules, [line(1, 10000)])
    assert [row["amount_minor"] for row in result["lines"][0]["discounts"]] == [1000, 900]
    assert verdicts(result) == {"one": "BEATEN", "two": "APPLIED"}


def test_weighted_amount_is_per_measure_6_11_16() -> None:
    weighed = line(1, 39990, 1234, unit="KG")
    rules = [promotion("a", amount("50.00", "unit"))]
    assert run([], [weighed])["totals"]["gross_minor"] == 49348
    assert discounts(run(rules, [weighed])) == [6170]
    assert discounts(run(rules, [weighed | {"min_price_minor": 35000}])) == [6158]


@pytest.mark.parametrize(
    "given",
    [
        line(1, 10000, min_price_minor=10001),
        line(1, 3333, 3000, gross_minor=10000, min_price_minor=3334),
        line(1, 3, 1001, gross_minor=4, min_price_minor=4, unit="KG"),
        line(1, 50, 10, gross_minor=2, min_price_minor=51, unit="KG"),
    ],
)
def test_till_price_below_min_price_gets_no_discount_6_11_16(given: Document) -> None:
    """Nothing at all, the odd kopeck of the till's own gross included, from rules and from the till."""
    till = {"external_discounts": [{"discount_id": "t", "amount_minor": 1}], "manual_discount": {"amount_minor": 1}}
    result = run([promotion("a", percent("50"), allow_free=True)], [given | till])
    assert discounts(result) == [0]
    assert verdicts(result) == {"a": "FLOOR"}
    assert result["unplaced"] == {1: 1}


@pytest.mark.parametrize(
    ("reward", "given", "verdict"),
    [
        (percent("50"), line(1, 1), "FLOOR"),
        (percent("10"), line(1, 1), "ZERO"),
        (amount("1.00", "receipt"), line(1, 1), "FLOOR"),
        (amount("1.00", "receipt", sku="other"), line(1, 1), "ZERO"),
        (amount("0.01", "unit"), line(1, 100, 400, unit="KG", min_price_minor=100), "ZERO"),
        (percent("10"), line(1, 100, no_discount=True), "ZERO"),
    ],
)
def test_floor_is_told_from_nothing_to_give_6_9(reward: Document, given: Document, verdict: str) -> None:
    assert verdicts(run([promotion("a", reward)], [given])) == {"a": verdict}


@pytest.mark.parametrize(
    ("fields", "net"),
    [
        ({}, 1),
        ({"allow_free": True}, 0),
        ({"floor": {"price": "70.00"}}, 7000),
        ({"floor": {"percent": "33.3333"}}, 3333),
        ({"floor": {"price": "170.00"}}, 10000),
        ({"cost_floor": True}, 6000),
        ({"cost_floor": True, "floor": {"price": "60.01"}}, 6001),
    ],
)
def test_floors_stop_a_discount_6_4(fields: dict[str, object], net: int) -> None:
    assert nets(run([promotion("a", percent("100"), **fields)], [line(1, 10000, cost_minor=6000)])) == [net]


def test_no_discount_line_is_never_a_target_6_11_4() -> None:
    external = [{"discount_id": "t", "amount_minor": 5}]
    till: Document = {"external_discounts": external, "manual_discount": {"amount_minor": 5}}
    lines = [line(1, 10000, no_discount=True, **till), line(2, 10000)]
    result = run([promotion("a", amount("10.00", "receipt"))], lines)
    assert discounts(result) == [0, 1000]
    assert result["unplaced"] == {1: 5}


def test_gift_and_zero_lines_are_neutral_6_11_4() -> None:
    lines = [line(1, 10000, gift=True), line(2, 0), line(3, 10000)]
    rules = [
        promotion("a", percent("10")),
        promotion("b", percent("10"), when={"quantity": {"from": 2}}),
        promotion("c", percent("10"), when={"receipt_sum": {"from": "100.01"}}),
        promotion("d", {"points": {"asset": "bonus", "percent": "10"}}),
    ]
    result = run(rules, lines)
    assert discounts(result) == [0, 0, 1000]
    assert verdicts(result) == {"a": "APPLIED", "b": "NOT_MATCHED", "c": "NOT_MATCHED", "d": "APPLIED"}
    assert result["totals"]["accrual"] == {"bonus": 900}


def test_measured_line_of_gross_zero_leaves_its_calc_group_a_target_6_11_4() -> None:
    lines = [line(1, 100, 1, unit="KG", sku="x"), line(2, 100, 1000, unit="KG", sku="x")]
    assert discounts(run([promotion("a", percent("10"))], lines)) == [0, 10]


def test_external_discount_is_given_up_to_the_floor_6_11_21() -> None:
    given = line(1, 1000, external_discounts=[{"discount_id": "t", "amount_minor": 1000}], min_price_minor=300)
    result = run([promotion("a", percent("10"))], [given])
    assert nets(result) == [300]
    assert [(row["kind"], row["amount_minor"]) for row in result["lines"][0]["discounts"]] == [
        ("promotion", 100),
        ("external", 600),
    ]
    assert result["unplaced"] == {1: 400}


@pytest.mark.parametrize(("manual", "net"), [({"percent_ppm": 100_000}, 765), ({"amount_minor": 100}, 750)])
def test_manual_discount_follows_the_external_one_6_11_21(manual: dict[str, int], net: int) -> None:
    given = line(1, 1000, external_discounts=[{"discount_id": "t", "amount_minor": 50}], manual_discount=manual)
    result = run([promotion("a", percent("10"))], [given])
    assert nets(result) == [net]
    assert [row["kind"] for row in result["lines"][0]["discounts"]] == ["promotion", "external", "manual"]


def test_stages_run_in_their_order_whatever_the_priority_6_2() -> None:
    rules = [
        promotion("card", percent("10"), stage="card", priority=0),
        promotion("price", percent("50"), stage="price", priority=100),
    ]
    result = run(rules, [line(1, 1000)])
    assert [row["amount_minor"] for row in result["lines"][0]["discounts"]] == [500, 50]


def test_groups_of_a_stage_run_by_priority_then_id_6_2() -> None:
    rules = [
        promotion("z", percent("10"), group={"name": "a", "priority": 5}),
        promotion("y", percent("10"), priority=5),
        promotion("x", percent("10"), priority=4),
    ]
    result = run(rules, [line(1, 10000)])
    assert [row["promotion_id"] for row in result["lines"][0]["discounts"]] == ["x", "z", "y"]


def by_parts(*steps: tuple[str, str], **terms: Any) -> Document:
    """Progressive tiers of (from, rate)."""
    tiers = [{"from": start, "rate": rate} for start, rate in steps]
    return {"percent": {"progressive": True, "tiers": tiers, **terms}}


TAXES = by_parts(("1000.00", "5"), ("3000.00", "10"))


def test_progressive_percent_vectors_6_11_18() -> None:
    goods = [line(1, 200000), line(2, 150000)]
    rules = [promotion("t", TAXES, stage="receipt")]
    assert rows(run(rules, goods), "t") == [8571, 6429]
    rules.append(promotion("a", percent("10")))
    assert rows(run(rules, goods), "t") == [7714, 5786]
    assert rows(run(rules, [*goods, line(3, 50000, no_discount=True)]), "t") == [9000, 6750, 0]


@pytest.mark.parametrize(
    ("price", "taken"), [(99999, 0), (100000, 0), (100009, 0), (100010, 1), (300000, 10000), (300010, 10001)]
)
def test_progressive_percent_at_its_steps_6_11_18(price: int, taken: int) -> None:
    result = run([promotion("t", TAXES)], [line(1, price)])
    assert discounts(result) == [taken]
    assert verdicts(result) == {"t": "APPLIED" if taken else "ZERO"}


def test_progressive_percent_of_targets_wider_than_the_base_6_11_18() -> None:
    """T is 10 % of 1.00 above 1.00; the targets cost ten times the base: 1.00."""
    reward = by_parts(("1.00", "10"), over={"sku": "sku-001"})
    assert discounts(run([promotion("t", reward)], [line(1, 200), line(2, 1800)])) == [10, 90]


def test_progressive_percent_over_nothing_counted_gives_nothing_6_11_18() -> None:
    reward = by_parts(("0.01", "10"), over={"sku": "other"})
    assert verdicts(run([promotion("t", reward)], [line(1, 200)])) == {"t": "ZERO"}


def test_progressive_percent_closes_every_unit_of_a_group_it_gave_to_6_11_10() -> None:
    """0.01 on two equal units marks both, as any amount per receipt."""
    reward = by_parts(("0.01", "10"))
    rules = [promotion("a", reward, exclusive="STAGE"), promotion("b", percent("50"))]
    assert discounts(run(rules, [line(1, 5, 2000)])) == [1]
    assert rows(run(rules, [line(1, 5, 2000)]), "b") == [0]


def test_progressive_percent_whose_open_targets_earn_too_little_is_excluded_6_9() -> None:
    """T is 0.01 of a base of 0.10: both lines earn 0.01, the open one alone 0.004."""
    rules = [
        promotion("a", amount("0.02", "receipt", sku="sku-001"), exclusive="ALL"),
        promotion("b", by_parts(("0.01", "11.1111")), stage="receipt"),
    ]
    result = run(rules, [line(1, 6), line(2, 4)])
    assert verdicts(result) == {"a": "APPLIED", "b": "EXCLUDED"}
    assert result["rules"][1]["by_promotion_id"] == "a"


def test_line_winner_cut_to_nothing_beats_where_nobody_gives_6_9() -> None:
    """The better-ranked promotion that does not match is no winner."""
    best = {"name": "g", "mode": "BEST", "scope": "LINE"}
    rules = [
        promotion("a", amount("1.00", "receipt"), group=best, when={"quantity": {"from": 9}}),
        promotion("b", percent("10"), group=best),
        promotion("c", percent("20"), group=best, limits=[{"per": "receipt", "amount": "1.00", "on_short": "SKIP"}]),
    ]
    result = run(rules, [line(1, 10000)])
    assert verdicts(result) == {"a": "NOT_MATCHED", "b": "BEATEN", "c": "LIMIT"}
    assert result["rules"][1]["by_promotion_id"] == "c"
