"""Conditions: thresholds, coupons, customers, stores (semantics §6.3, §6.9, §6.11.18, §6.11.22)."""

from typing import Any

import pytest

from .receipts import (
    MEMBER,
    STORE,
    Document,
    amount,
    balances,
    discounts,
    line,
    percent,
    points,
    promotion,
    run,
    verdicts,
)


def matched(when: Document, *lines: Document, **given: Any) -> bool:
    """Whether a promotion with this condition applies."""
    result = run([promotion("a", percent("10"), when=when)], list(lines) or [line(1, 10000)], **given)
    return verdicts(result)["a"] == "APPLIED"


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"from": "105.00"}, True),
        ({"from": "105.01"}, False),
        ({"below": "105.01"}, True),
        ({"below": "105.00"}, False),
        ({"from": "105.00", "of": {"sku": "other"}}, False),
        ({"from": "105.00", "of": {"except": {"sku": "other"}}}, True),
    ],
)
def test_receipt_sum_at_the_threshold_is_reached_6_3(terms: Document, holds: bool) -> None:
    assert matched({"receipt_sum": terms}, line(1, 10500)) is holds


@pytest.mark.parametrize(("base", "net"), [("GROSS", 7450), ("STAGE_ENTRY", 9450), ("RUNNING", 9450)])
def test_receipt_threshold_after_a_discount_depends_on_its_base_6_3(base: str, net: int) -> None:
    """105.00 less 10 % is 94.50: only GROSS still reaches 100.00."""
    threshold = {"receipt_sum": {"from": "100.00", "base": base}}
    rules = [
        promotion("a", percent("10")),
        promotion("b", amount("20.00", "receipt"), stage="receipt", when=threshold),
    ]
    assert run(rules, [line(1, 10500)])["totals"]["to_pay_minor"] == net


@pytest.mark.parametrize(("base", "net"), [("STAGE_ENTRY", 7450), ("RUNNING", 9450)])
def test_receipt_threshold_inside_a_stage_differs_by_base_6_11_18(base: str, net: int) -> None:
    threshold = {"receipt_sum": {"from": "100.00", "base": base}}
    rules = [promotion("a", percent("10")), promotion("b", amount("20.00", "receipt"), when=threshold)]
    assert run(rules, [line(1, 10500)])["totals"]["to_pay_minor"] == net


def test_receipt_sum_net_of_an_accrual_rule_is_what_is_to_pay_6_3() -> None:
    def rules(threshold: str) -> list[Document]:
        when = {"receipt_sum": {"from": threshold, "base": "NET"}}
        return [promotion("a", percent("10")), promotion("b", points(percent="1"), when=when)]

    assert verdicts(run(rules("94.50"), [line(1, 10500)]))["b"] == "APPLIED"
    assert verdicts(run(rules("94.51"), [line(1, 10500)]))["b"] == "NOT_MATCHED"


def test_no_threshold_line_is_a_target_but_not_counted_6_11_4() -> None:
    lines = [line(1, 10000, no_threshold=True), line(2, 100)]
    assert discounts(run([promotion("a", percent("10"))], lines)) == [1000, 10]
    assert matched({"receipt_sum": {"from": "1.01"}}, *lines) is False
    assert matched({"quantity": {"from": 2}}, *lines) is False


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"from": 5}, True),
        ({"from": 6}, False),
        ({"below": 5}, False),
        ({"from": "4.934", "count_by": "WEIGHT"}, True),
        ({"from": "4.935", "count_by": "WEIGHT"}, False),
    ],
)
def test_quantity_counts_units_or_measure_6_3(terms: Document, holds: bool) -> None:
    """Three pieces, 1.234 kg and 0.700 of a piece: a measured line counts 1."""
    lines = [line(1, 100, 3000), line(2, 100, 1234, unit="KG"), line(3, 100, 700)]
    assert matched({"quantity": terms}, *lines) is holds


@pytest.mark.parametrize(
    ("when", "customer", "holds"),
    [
        ({"customer": {"has_card": True}}, MEMBER, True),
        ({"customer": {"has_card": True}}, None, False),
        ({"customer": {"has_card": False}}, None, True),
        ({"customer": {"has_card": False}}, MEMBER, False),
        ({"customer": {"has_card": True}}, MEMBER | {"card_state": "BLOCKED"}, False),
        ({"customer": {"has_card": False}}, MEMBER | {"card_state": "BLOCKED"}, True),
        ({"customer": {"segment": ["new", "vip"]}}, MEMBER, True),
        ({"customer": {"segment": {"none_of": ["new"]}}}, MEMBER, True),
        ({"customer": {"segment": {"none_of": ["vip", "new"]}}}, MEMBER, False),
        ({"customer": {"segment": {"none_of": ["new"]}}}, None, False),
        ({"customer": {"id": "c-2"}}, MEMBER, False),
        ({"customer": {"card_type": {"any_of": ["gold"]}, "id": "c-1"}}, MEMBER, True),
    ],
)
def test_customer_conditions_need_an_active_card(when: Document, customer: Document | None, holds: bool) -> None:
    assert matched(when, customer=customer) is holds


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"region": "msk"}, True),
        ({"region": ["spb", "msk"], "format": "super"}, True),
        ({"region": "msk", "format": "mini"}, False),
        ({"format": {"none_of": ["super"]}}, False),
        ({"cluster": {"none_of": ["a"]}}, True),
        ({"cluster": "a"}, False),
        ({"id": "s-1"}, True),
    ],
)
def test_store_conditions_match_every_given_attribute(terms: Document, holds: bool) -> None:
    assert matched({"store": terms}, store=STORE) is holds


YES: Document = {"quantity": {"from": 1}}
NO: Document = {"quantity": {"below": 1}}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"all": [YES, YES]}, True),
        ({"all": [YES, NO]}, False),
        ({"any": [NO, YES]}, True),
        ({"any": [NO, NO]}, False),
        ({"none": [NO, NO]}, True),
        ({"none": [NO, YES]}, False),
        ({"any": [{**YES, "receipt_sum": {"from": "999"}}, NO]}, False),
        ({**YES, "receipt_sum": {"from": "1"}}, True),
    ],
)
def test_conditions_nest(when: Document, holds: bool) -> None:
    assert matched(when) is holds


CLOSED: Document = {"schedule": {"hours": "01:00-02:00"}}


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        (CLOSED, "INACTIVE"),
        ({"all": [YES, {"all": [CLOSED]}, NO]}, "INACTIVE"),
        ({"all": [NO, CLOSED]}, "NOT_MATCHED"),
        ({"any": [CLOSED, NO]}, "INACTIVE"),
        ({"any": [NO, CLOSED]}, "NOT_MATCHED"),
        ({"none": [{"schedule": {"hours": "00:00-24:00"}}]}, "NOT_MATCHED"),
        ({**YES, **CLOSED}, "INACTIVE"),
        ({**NO, **CLOSED}, "INACTIVE"),
        ({**CLOSED, "none": [YES]}, "NOT_MATCHED"),
    ],
)
def test_verdict_names_the_first_failure_6_9(when: Document, verdict: str) -> None:
    result = run([promotion("a", percent("10"), when=when)], [line(1, 100)])
    assert verdicts(result) == {"a": verdict}


def coupon_rule(promotion_id: str, code: str, rate: str = "10", **fields: Any) -> Document:
    return promotion(promotion_id, percent(rate), stage="coupon", when={"coupon": {"code": code}}, **fields)


def test_coupon_codes_compare_trimmed_and_upper_case_6_11_22() -> None:
    result = run([coupon_rule("a", "Sale")], [line(1, 1000)], codes=(" sALE ", "SALE", "other"))
    assert result["coupons"] == [
        {"code": "SALE", "state": "APPLIED", "promotion_id": "a"},
        {"code": "OTHER", "state": "INVALID"},
    ]


def test_coupon_of_a_beaten_or_zero_rule_stays_free_6_11_22() -> None:
    group = {"name": "g", "mode": "BEST"}
    rules = [coupon_rule("a", "ONE", "10", group=group), coupon_rule("b", "TWO", "20", group=group)]
    rules.append(coupon_rule("c", "THREE", "0.0001"))
    states = {row["code"]: row["state"] for row in run(rules, [line(1, 100)], codes=("ONE", "TWO", "THREE"))["coupons"]}
    assert states == {"ONE": "NOT_APPLIED", "TWO": "APPLIED", "THREE": "NOT_APPLIED"}


def test_coupon_of_several_codes_uses_the_smallest_6_11_22() -> None:
    when = {"any": [{"coupon": {"code": "B"}}, {"coupon": {"code": "A"}}]}
    result = run([promotion("p", percent("10"), when=when)], [line(1, 100)], codes=("B", "A"))
    assert result["coupons"] == [
        {"code": "B", "state": "NOT_APPLIED"},
        {"code": "A", "state": "APPLIED", "promotion_id": "p"},
    ]


@pytest.mark.parametrize(
    ("when", "used"),
    [
        ({"any": [{"coupon": {"code": "A"}, **NO}, {"coupon": {"code": "B"}}]}, ["B"]),
        ({"any": [{"all": [{"any": [{"coupon": {"code": "A"}}]}, NO]}, YES]}, []),
        ({"any": [YES, {"all": [{"coupon": {"code": "A"}}, YES]}]}, ["A"]),
        ({"any": [YES], "none": [{"all": [{"coupon": {"code": "A"}}, NO]}]}, []),
    ],
)
def test_coupon_in_a_branch_that_fails_is_not_used_6_11_22(when: Document, used: list[str]) -> None:
    result = run([promotion("p", percent("10"), when=when)], [line(1, 100)], codes=("A", "B"))
    assert discounts(result) == [10]
    assert [row["code"] for row in result["coupons"] if row["state"] == "APPLIED"] == used


def test_coupon_for_points_is_used_when_they_accrue_6_11_22() -> None:
    rules = [promotion("p", points(percent="10"), when={"coupon": {"code": "A"}})]
    assert run(rules, [line(1, 100)], codes=("A",))["coupons"][0]["state"] == "APPLIED"
    assert run(rules, [line(1, 100, no_accrual=True)], codes=("A",))["coupons"][0]["state"] == "NOT_APPLIED"


@pytest.mark.parametrize(
    ("goods", "taken"),
    [
        ({}, [10, 20]),
        ({"sku": "sku-001"}, [10, 0]),
        ({"category": ["a", "b"], "brand": "x"}, [10, 0]),
        ({"supplier": "s"}, [0, 20]),
        ({"unit_price": {"from": "1.00", "to": "1.99"}}, [10, 0]),
        ({"unit_price": {"to": "2.00"}}, [10, 20]),
        ({"except": [{"sku": "sku-001"}, {"brand": "none"}]}, [0, 20]),
        ({"category": "a", "except": {"brand": "x"}}, [0, 0]),
    ],
)
def test_product_sets_choose_targets(goods: Document, taken: list[int]) -> None:
    lines = [line(1, 100, group_id="a", brand_id="x"), line(2, 200, group_id="b", supplier_id="s")]
    assert discounts(run([promotion("p", percent("10", **goods))], lines)) == taken


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"asset": "bonus", "from": "70.00"}, True),
        ({"asset": "bonus", "from": "70.01"}, False),
        ({"asset": "bonus", "below": "70.01"}, True),
        ({"asset": "bonus", "below": "70"}, False),
        ({"asset": "unknown", "below": "0.01"}, True),
        ({"asset": "unknown", "from": "0.01"}, False),
    ],
)
def test_balance_is_what_is_active_less_held(terms: Document, holds: bool) -> None:
    holdings = {"balances": {"bonus": {"active": 10000, "held": 3000}}}
    assert matched({"balance": terms}, holdings=holdings) is holds


def test_balance_of_an_asset_is_read_in_its_own_scale() -> None:
    rules = [
        {"asset": "stars", "scale": 0},
        promotion("a", percent("10"), when={"balance": {"asset": "stars", "from": "10"}}),
    ]
    given = {points: run(rules, [line(1, 10000)], holdings=balances(stars=points)) for points in (9, 10)}
    assert [verdicts(result)["a"] for result in given.values()] == ["NOT_MATCHED", "APPLIED"]
    row = given[9]["rules"][0]
    assert (row["condition"], row["actual"], row["needed"]) == ("when.balance", 9, 10)


@pytest.mark.parametrize("customer", [None, MEMBER | {"card_state": "BLOCKED"}])
def test_balance_of_nobody_fails_on_both_sides(customer: Document | None) -> None:
    for terms in ({"from": "1"}, {"below": "1"}):
        condition = {"balance": {"asset": "bonus", **terms}}
        assert not matched(condition, customer=customer, holdings=balances(bonus=100))
        assert matched({"none": [condition]}, customer=customer, holdings=balances(bonus=100))


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"type": "card"}, True),
        ({"type": "credit"}, False),
        ({"type": "other"}, False),
        ({"type": ["other", "cash"]}, True),
        ({"type": "card", "from_percent": "33.3333"}, True),
        ({"type": "card", "from_percent": "33.3334"}, False),
        ({"type": ["card", "cash"], "from_percent": "100"}, True),
    ],
)
def test_payment_by_types_is_a_part_of_all_that_is_told(terms: Document, holds: bool) -> None:
    """Cards pay 1.00 of 3.00 in two payments; a payment of nothing is none."""
    payments = [
        {"type": "PAYMENT_TYPE_CARD", "sum_minor": 60},
        {"type": "CASH", "sum_minor": 200},
        {"type": "CARD", "sum_minor": 40},
        {"type": "OTHER", "sum_minor": 0},
    ]
    assert matched({"payment": terms}, payments=payments) is holds


def test_payment_fails_when_none_is_told() -> None:
    assert not matched({"payment": {"type": ["cash", "card"]}})
    assert not matched({"payment": {"type": "cash", "from_percent": "100"}}, payments=[])


@pytest.mark.parametrize(
    ("terms", "holds"),
    [
        ({"id": "r-1"}, True),
        ({"id": ["r-2", "r-3"]}, False),
        ({"id": "r-1", "channel": "web"}, False),
        ({"id": "r-1", "channel": ["web", "pos"]}, True),
        ({"channel": {"none_of": ["web"]}}, True),
    ],
)
def test_register_matches_in_every_given_attribute(terms: Document, holds: bool) -> None:
    assert matched({"register": terms}, register_id="r-1", sales_channel="pos") is holds


def test_register_without_a_channel_is_in_none() -> None:
    assert not matched({"register": {"channel": ["pos", "web"]}}, register_id="r-1")
    assert matched({"register": {"channel": {"none_of": "web"}}}, register_id="r-1")


def test_short_form_tests_balance_then_payment_then_register() -> None:
    """The order of the table, whatever the order as written."""
    parts: Document = {
        "register": {"channel": "web"},
        "payment": {"type": "cash"},
        "balance": {"asset": "bonus", "from": "1"},
        "quantity": {"from": 2},
    }
    named = []
    while parts:
        (row,) = run([promotion("a", percent("10"), when=parts)], [line(1, 10000)])["rules"]
        named.append(row["condition"])
        del parts[row["condition"].split(".")[1]]
    assert named == ["when.quantity", "when.balance", "when.payment", "when.register.channel"]
