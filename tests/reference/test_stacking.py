"""Group modes, exclusivity, tiers, fixed prices, limits, caps: the worked numbers of semantics §6.2–6.4, §6.11."""

import pytest

from .receipts import (
    MEMBER,
    Document,
    amount,
    balances,
    discounts,
    line,
    nets,
    percent,
    points,
    priced,
    promotion,
    rows,
    run,
    set_promotion,
    verdicts,
    wish,
)

THREE = priced(19990, 8990, 4995)
ADD = {"name": "g", "mode": "ADD"}


def fixed(price: str, **of: str) -> Document:
    return {"fixed_price": {"price": price, "of": of}}


def test_add_rounds_each_rule_on_the_entry_price_6_2() -> None:
    rules = [promotion("a", percent("10"), group=ADD), promotion("b", percent("5"), group=ADD)]
    result = run(rules, THREE)
    assert rows(result, "a") == [1999, 899, 500]
    assert rows(result, "b") == [1000, 450, 250]


def test_add_of_percent_and_receipt_amount_6_11_7() -> None:
    rules = [promotion("a", percent("10"), group=ADD), promotion("b", amount("100.00", "receipt"), group=ADD)]
    result = run(rules, THREE)
    assert rows(result, "a") == [1999, 899, 500]
    assert rows(result, "b") == [5884, 2646, 1470]
    assert result["totals"]["to_pay_minor"] == 20577


def test_add_is_capped_by_the_floor_6_11_7() -> None:
    rules = [promotion("a", percent("60"), group=ADD), promotion("b", percent("60"), group=ADD)]
    result = run(rules, [line(1, 10000)])
    assert (rows(result, "a"), rows(result, "b")) == ([6000], [3999])


def member(promotion_id: str, rate: str, mode: str, **fields: object) -> Document:
    return promotion(promotion_id, percent(rate), group={"name": "g", "mode": mode}, **fields)


def test_min_takes_the_smallest_above_zero_6_11_9() -> None:
    rules = [member("a", "10", "MIN"), member("b", "5", "MIN"), member("c", "0.0001", "MIN")]
    result = run(rules, [line(1, 10000)])
    assert discounts(result) == [500]
    assert verdicts(result) == {"a": "BEATEN", "b": "APPLIED", "c": "ZERO"}


def test_first_takes_the_first_above_zero_6_2() -> None:
    rules = [member("a", "0.0001", "FIRST"), member("b", "5", "FIRST"), member("c", "10", "FIRST")]
    result = run(rules, [line(1, 10000)])
    assert discounts(result) == [500]
    assert verdicts(result) == {"a": "ZERO", "b": "APPLIED", "c": "BEATEN"}


@pytest.mark.parametrize(("off", "taken"), [("35.00", [1500, 2000]), ("35.01", [1167, 2334])])
def test_line_winners_against_a_bundle_6_11_9(off: str, taken: list[int]) -> None:
    best = {"name": "g", "mode": "BEST", "scope": "LINE"}
    parts = [{"quantity": 1, "of": {"sku": sku}} for sku in ("sku-001", "sku-002")]
    rules = [
        set_promotion("r1", percent("10"), group=best, priority=1),
        set_promotion("r2", amount("15.00", "line", sku="sku-001"), group=best, priority=2),
        set_promotion("r3", {"bundle": {"parts": parts, "amount": off}}, group=best, priority=3),
    ]
    assert discounts(run(rules, priced(10000, 20000))) == taken


def test_two_fixed_prices_in_best_the_lower_wins_6_4() -> None:
    best = {"name": "g", "mode": "BEST", "scope": "LINE"}
    rules = [promotion("a", fixed("90.00"), group=best), promotion("b", fixed("80.00", sku="sku-001"), group=best)]
    assert nets(run(rules, priced(10000, 10000))) == [8000, 9000]


def test_fixed_price_of_weighted_goods_6_11_16() -> None:
    result = run([promotion("a", fixed("299.90"))], [line(1, 39990, 1234, unit="KG")])
    assert discounts(result) == [12340]


def test_fixed_price_never_raises_6_4() -> None:
    assert discounts(run([promotion("a", fixed("100.01"))], [line(1, 10000)])) == [0]


def test_exclusive_marks_whole_calc_groups_6_11_10() -> None:
    rules = [
        promotion("a", percent("10"), exclusive="STAGE", priority=1),
        promotion("b", percent("50"), priority=2),
        promotion("c", percent("50"), stage="receipt"),
    ]
    lines = [line(number, 5, sku="x") for number in (1, 2, 3)]
    result = run(rules, lines)
    assert rows(result, "a") == [1, 1, 0]
    assert rows(result, "b") == [0, 0, 0]
    assert sum(rows(result, "c")) == 7
    assert verdicts(result)["b"] == "EXCLUDED"


def test_exclusive_of_all_stages_leaves_other_units_6_2() -> None:
    rules = [
        promotion("a", percent("10", sku="sku-001"), exclusive="ALL"),
        promotion("c", percent("50"), stage="receipt"),
    ]
    result = run(rules, priced(1000, 1000))
    assert discounts(result) == [100, 500]


def test_exclusive_of_the_receipt_shuts_everything_later_but_the_tills_own_6_11_21() -> None:
    rules = [
        promotion("a", percent("10", sku="sku-001"), exclusive={"over": "ALL", "scope": "RECEIPT"}),
        promotion("c", percent("50"), stage="receipt"),
    ]
    lines = [
        line(1, 1000),
        line(2, 1000, external_discounts=[{"discount_id": "t", "amount_minor": 70}]),
        line(3, 1000, manual_discount={"percent_ppm": 100_000}),
    ]
    assert discounts(run(rules, lines)) == [100, 70, 0]


def test_rule_that_gave_nothing_excludes_nothing_6_2() -> None:
    rules = [promotion("a", percent("0.0001"), exclusive="STAGE", priority=1), promotion("b", percent("50"))]
    assert discounts(run(rules, [line(1, 1000)])) == [500]


def test_skip_discounted_passes_units_with_an_earlier_discount_6_11_10() -> None:
    rules = [promotion("a", percent("10", sku="sku-001")), promotion("b", percent("50"), skip_discounted=True)]
    assert discounts(run(rules, priced(1000, 1000))) == [100, 500]


TIERS = [{"from": "1000.00", "rate": "5"}, {"from": "3000.00", "rate": "10"}]


@pytest.mark.parametrize(("price", "taken"), [(99999, 0), (100000, 5000), (299999, 15000), (300000, 30000)])
def test_highest_reached_tier_holds_for_the_whole_6_3(price: int, taken: int) -> None:
    rules = [promotion("a", {"percent": {"tiers": TIERS}})]
    result = run(rules, [line(1, price)])
    assert discounts(result) == [taken]


def test_tier_over_a_product_set_and_a_base_6_3() -> None:
    tiers = {"tiers": TIERS, "base": "RUNNING", "over": {"sku": "sku-001"}}
    rules = [promotion("a", percent("10", sku="sku-002"), priority=1), promotion("b", {"percent": tiers})]
    assert discounts(run(rules, priced(300000, 10000))) == [30000, 1000 + 900]


def test_budget_takes_its_excess_away_6_11_5() -> None:
    counters = [{"promotion_id": "a", "measure": "amount", "per": "promotion", "window": "always", "used": 99000}]
    limits = [{"per": "promotion", "budget": "1000.00"}]
    result = run([promotion("a", percent("10"), limits=limits)], THREE, holdings={"counters": counters})
    assert discounts(result) == [588, 265, 147]
    assert result["counters"] == {("a", "amount", "promotion", "always"): 1000}
    limits[0]["on_short"] = "SKIP"
    result = run([promotion("a", percent("10"), limits=limits)], THREE, holdings={"counters": counters})
    assert verdicts(result) == {"a": "BUDGET"}
    assert result["counters"] == {}


def test_quantity_limit_takes_the_first_units_6_11_19() -> None:
    limits = [{"per": "receipt", "quantity": 2}]
    result = run([promotion("a", percent("10"), limits=limits)], [line(1, 10003, 5000)])
    assert discounts(result) == [2001]
    assert result["lines"][0]["unit_nets"] == [9002, 9003, 10003, 10003, 10003]


def test_quantity_limit_makes_whole_blocks_only_6_11_19() -> None:
    limits = [{"per": "receipt", "quantity": 7}]
    rules = [set_promotion("m", {"multi_buy": {"take": 3, "pay": 2}}, limits=limits)]
    assert discounts(run(rules, [line(1, 1000, 9000)])) == [2000]


def test_weighted_unit_that_does_not_fit_is_passed_over_6_11_19() -> None:
    lines = [line(1, 10000, 1500, unit="KG"), line(2, 10000, 700, unit="KG")]
    limits = [{"per": "receipt", "quantity": "1.000"}]
    assert discounts(run([promotion("a", percent("10"), limits=limits)], lines)) == [0, 700]


@pytest.mark.parametrize(("held", "verdict"), [(0, "APPLIED"), (1, "LIMIT")])
def test_times_count_receipts_used_and_held_6_11_19(held: int, verdict: str) -> None:
    row = {"promotion_id": "a", "measure": "times", "per": "customer", "window": "day", "used": 1, "held": held}
    rules = [promotion("a", percent("10"), limits=[{"per": "customer", "window": "day", "times": 2}])]
    result = run(rules, [line(1, 1000)], holdings={"counters": [row]})
    assert verdicts(result) == {"a": verdict}
    assert result["counters"] == ({("a", "times", "customer", "day"): 1} if verdict == "APPLIED" else {})


def test_limit_per_customer_without_one_gives_nothing() -> None:
    rules = [promotion("a", percent("10"), limits=[{"per": "customer", "window": "day", "times": 2}])]
    assert verdicts(run(rules, [line(1, 1000)], customer=None)) == {"a": "LIMIT"}
    assert verdicts(run(rules, [line(1, 1000)], customer=MEMBER)) == {"a": "APPLIED"}


CASCADE = [
    promotion("a", percent("10"), priority=1),
    promotion("b", percent("5"), priority=2),
    promotion("c", amount("100.00", "receipt"), stage="receipt"),
]


def cap(rate: str, **terms: object) -> Document:
    return {"limit": "cap", "cap": {"per": "receipt", "percent": rate, **terms}}


def test_cap_cuts_the_last_rule_first_6_11_20() -> None:
    result = run([*CASCADE, cap("40")], THREE)
    assert [full - left for full, left in zip([5884, 2646, 1470], rows(result, "c"), strict=True)] == [787, 354, 197]
    assert nets(result) == [11994, 5394, 2997]


def test_cap_cuts_whole_rules_and_the_odd_kopeck_6_11_20() -> None:
    result = run([*CASCADE, cap("10")], THREE)
    assert verdicts(result) == {"a": "APPLIED", "b": "CAP", "c": "CAP"}
    assert rows(result, "a") == [1998, 899, 500]


def test_cap_with_points_lowers_what_points_may_pay_6_11_20() -> None:
    payment = {"limit": "pay", "payment": [{"asset": "bonus"}]}
    result = run([*CASCADE, cap("60", include_points=True), payment], THREE, holdings=balances(bonus=100_000))
    assert result["max_redeem"] == [
        {"asset": "bonus", "points": 5457, "amount_minor": 5457, "limited_by": "LIMITED_BY_SHARE"}
    ]
    result = run(
        [*CASCADE, cap("60", include_points=True), payment], THREE, holdings=balances(bonus=100_000), points=[wish()]
    )
    assert result["totals"]["points_paid_minor"] == 5457


def test_cap_per_line_and_of_an_amount() -> None:
    document = {"limit": "cap", "cap": {"per": "line", "amount": "5.00"}}
    assert discounts(run([promotion("a", percent("10")), document], priced(10000, 2000))) == [500, 200]


def test_cap_never_cuts_the_tills_own_6_11_20() -> None:
    till = [{"discount_id": "t", "amount_minor": 3000}]
    result = run([promotion("a", percent("10")), cap("20")], [line(1, 10000, external_discounts=till)])
    assert discounts(result) == [3000]
    assert verdicts(result) == {"a": "CAP"}


def test_series_coupon_must_be_free_6_11_22() -> None:
    rules = [promotion("a", percent("10"), stage="coupon", when={"coupon": {"series": "s"}})]
    booked = {"U1": {"series": "s", "state": "USED"}, "U2": {"series": "s", "state": "FREE"}}
    result = run(rules, [line(1, 1000)], codes=("u1", "u2", "u3"), holdings={"coupons": booked})
    assert result["coupons"] == [
        {"code": "U1", "state": "INVALID", "reason": "COUPON_USED"},
        {"code": "U2", "state": "APPLIED", "promotion_id": "a"},
        {"code": "U3", "state": "INVALID"},
    ]


def test_messages_are_said_when_the_promotion_gave_something() -> None:
    said = {"slip": {"en": "{{ promotion }}: {{discount}}, to pay {{ to_pay }}", "ru": "−{{ discount }}"}}
    rules = [
        promotion("a", percent("10"), messages=said, title={"en": "Ten"}),
        promotion("b", percent("0.0001"), messages=said),
        {"promotion": "m", "reward": [{"message": {"to": "cashier", "text": {"en": "Hello"}, "priority": 5}}]},
        {"promotion": "n", "when": {"receipt_sum": {"from": "10.00", "base": "RUNNING"}},
         "reward": [{"message": {"to": "cashier", "text": {"en": "Hello"}}}]},
    ]  # fmt: skip
    texts = [(row["promotion_id"], row["channel"], row["text"]) for row in run(rules, [line(1, 1000)])["messages"]]
    assert texts == [("m", "CASHIER", "Hello"), ("a", "SLIP", "Ten: 1.00, to pay 9.00"), ("a", "SLIP", "−1.00")]


def test_points_limit_cuts_an_accrual() -> None:
    limits = [{"per": "receipt", "points": "5"}]
    result = run([promotion("a", points(percent="10"), limits=limits)], [line(1, 10000)])
    assert result["totals"]["accrual"] == {"bonus": 500}
