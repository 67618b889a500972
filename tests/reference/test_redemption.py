"""Payment with points, accrual beside it, and returns: the worked numbers of semantics §6.5–6.7, §6.11.23, 25, 26."""

import random
from typing import Any

import pytest

from .generator import generate
from .oracle import calculate
from .receipts import Document, accrued, balances, discounts, line, percent, points, priced, promotion, run, wish
from .returns import LotState, Sale, SoldLine, back, restore, returns, sale_of, take_back

FOUR = [*priced(19990, 8990, 4995), line(4, 30000, no_redeem=True)]


def payment(*rules: Document, **fields: Any) -> Document:
    return {"limit": "pay", "payment": [{"asset": "bonus", **rule} for rule in rules or ({},)], **fields}


def paid(result: Document, asset: str = "bonus") -> list[int]:
    return [row["paid_by_asset"].get(asset, 0) for row in result["lines"]]


def most(result: Document) -> list[tuple[int, int, str]]:
    return [(row["points"], row["amount_minor"], row["limited_by"]) for row in result["max_redeem"]]


def test_seventy_by_points_is_spread_by_prices_6_5() -> None:
    result = run([payment()], FOUR, holdings=balances(bonus=10**6), points=[wish(points=7000)])
    assert paid(result) == [4119, 1852, 1029, 0]
    assert result["points_paid"] == {"bonus": 7000}


def test_points_are_stepped_down_to_what_the_line_may_take_6_11_23() -> None:
    rules: list[Document] = [payment({"rate": "0.30", "step": 1, "up_to_percent": "47.53"})]
    result = run(rules, [line(1, 10000)], holdings=balances(bonus=10**6), points=[wish()])
    assert paid(result) == [4740]
    assert result["points_paid"] == {"bonus": 15800}


def test_share_of_a_calc_group_is_rounded_down_6_11_23() -> None:
    lines = [line(number, 5, sku="x") for number in (1, 2, 3)]
    result = run([payment({"up_to_percent": 50})], lines, holdings=balances(bonus=10**6))
    assert most(result) == [(7, 7, "LIMITED_BY_SHARE")]


def test_two_assets_pay_one_after_another_6_11_23() -> None:
    rules = [payment({"asset": "a", "up_to_percent": 30}, {"asset": "b", "up_to_percent": 50, "rate": "0.10"})]
    wishes = [wish("b"), wish("a")]
    result = run(rules, priced(20000, 10000), holdings=balances(a=5000, b=10**6), points=wishes)
    assert paid(result, "a") == [3333, 1667]
    assert paid(result, "b") == [10000, 5000]
    assert result["points_paid"] == {"a": 5000, "b": 150000}


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
    ],
)
def test_most_points_tell_what_holds_them_down_6_5(rule: Document, active: int, expected: tuple[int, int, str]) -> None:
    identity = {"input_method": "PHONE"}
    result = run([payment(rule)], [line(1, 10000)], holdings=balances(bonus=active), identity=identity)
    assert most(result) == [expected]


def test_no_discount_line_may_be_paid_with_points_down_to_its_minimum_6_11_4() -> None:
    lines = [line(1, 10000, no_discount=True, min_price_minor=9000)]
    result = run([payment()], lines, holdings=balances(bonus=10**6), points=[wish()])
    assert paid(result) == [1000]


def test_first_payment_rule_that_holds_is_the_one() -> None:
    rules = [payment({"when": {"customer": {"segment": "other"}}}, {"max": 2}, {"max": 1})]
    assert most(run(rules, [line(1, 10000)], holdings=balances(bonus=500)))[0][0] == 200


def test_accrual_after_seventy_by_points_6_11_25() -> None:
    lines = [*FOUR[:3], line(4, 30000, no_redeem=True, no_accrual=True)]
    rules = [payment(), promotion("a", points(percent="3"))]
    result = run(rules, lines, holdings=balances(bonus=10**6), points=[wish(points=7000)])
    assert accrued(result) == [476, 214, 119, 0]


def test_accrual_with_points_paid_and_none_when_skipped_6_6() -> None:
    rules = [
        payment(),
        promotion("a", points(percent="10", exclude_points_paid=False)),
        promotion("b", points(percent="10", if_paid_with_points="SKIP_RECEIPT")),
        promotion("c", points(percent="10")),
    ]
    result = run(rules, [line(1, 10000)], holdings=balances(bonus=10**6), points=[wish(points=4000)])
    assert [(row["promotion_id"], row["points"]) for row in result["rules"]] == [("a", 1000), ("b", 0), ("c", 600)]


def test_priority_by_line_gives_each_group_to_the_first_rule_6_11_25() -> None:
    first = {"name": "g", "mode": "FIRST"}
    rules = [
        promotion("a", points(percent="5", of={"sku": "sku-001"}), group=first, priority=1),
        promotion("b", points(percent="10"), group=first, priority=2),
        promotion("c", points(fixed="60"), group=first, priority=3),
    ]
    assert accrued(run(rules, priced(100000, 20000))) == [5000, 2000]
    rules[1]["reward"][0]["points"]["of"] = {"sku": "sku-003"}
    assert accrued(run(rules, priced(100000, 20000, 10000))) == [5000, 6000, 1000]


def test_priority_by_receipt_has_one_winner_6_6() -> None:
    first = {"name": "g", "mode": "FIRST", "scope": "RECEIPT"}
    rules = [
        promotion("a", points(percent="5", of={"sku": "sku-001"}), group=first, priority=1),
        promotion("b", points(percent="10"), group=first, priority=2),
    ]
    assert accrued(run(rules, priced(100000, 20000))) == [5000, 0]


# Returns


def one_line(net: int, qty: int, **fields: Any) -> Sale:
    given: Document = {"points_paid": {}, "discounts": {}} | fields
    return Sale((SoldLine(1, qty, net, **given),), {}, {})


def test_units_come_back_by_the_cumulative_share_6_7_1() -> None:
    parts = returns(one_line(1000, 3000), [{1: 1000}] * 3)
    assert [part.refunds[1] for part in parts] == [333, 333, 334]


def test_points_of_a_line_come_back_by_the_cumulative_share_6_11_26() -> None:
    line_sold = SoldLine(1, 2000, 0, {"bonus": 4119}, {})
    sale = Sale((line_sold,), {}, {"bonus": (("lot", 4119),)})
    assert [part.restored["lot"] for part in returns(sale, [{1: 1000}, {1: 1000}])] == [2059, 2060]


def test_lots_get_points_back_in_reverse_order_of_use_6_11_26() -> None:
    used = (("A", 3000), ("B", 4000))
    assert restore(2500, used) == {"B": 2500, "A": 0}
    assert restore(5000, used) == {"B": 4000, "A": 1000}


def test_units_printed_by_their_price_come_back_cheapest_first_6_11_26() -> None:
    sale = one_line(20001, 3000, unit_nets=(10000, 10000, 1))
    assert [part.refunds[1] for part in returns(sale, [{1: 1000}, {1: 2000}])] == [1, 20000]


@pytest.mark.parametrize(
    ("policy", "wanted", "taken", "debt"),
    [
        ("WITHIN_BALANCE", 40, {"own": 30, "other": 10}, 0),
        ("WITHIN_BALANCE", 100, {"own": 30, "other": 50}, 20),
        ("ONLY_PENDING", 40, {}, 40),
    ],
)
def test_taken_back_from_the_own_lot_then_others_6_7_4(policy: str, wanted: int, taken: Document, debt: int) -> None:
    lots = [LotState("other", "bonus", 50), LotState("own", "bonus", 30), LotState("late", "bonus", 9, True)]
    assert take_back(wanted, "own", lots, policy) == (taken, debt)


def sale_and_receipt() -> tuple[Sale, Document]:
    rules = [payment(), promotion("d", percent("10")), promotion("a", points(percent="7"))]
    lines = [line(1, 3333, 3000), line(2, 777, 1234, unit="KG"), line(3, 101, 7000)]
    result = run(rules, lines, holdings=balances(bonus=10**6), points=[wish(points=2345)])
    assert sum(discounts(result)) > 0
    return sale_of(result, {"lines": lines}, {"bonus": (("A", 1000), ("B", 1345))}), {"lines": lines}


def assert_path_makes_no_difference(sale: Sale, receipt: Document, seed: int) -> None:
    """A random series of returns gives back what one full return does, and never takes anything back again."""
    rng = random.Random(seed)
    full = {one["line_no"]: one["qty_milli"] for one in receipt["lines"]}
    whole, left, parts = back(sale, full), dict(full), []
    assert whole.refunds == {one.line_no: one.net for one in sale.lines}
    assert whole.cancelled == {lot: sum(lines.values()) for lot, lines in sale.accrued.items()}
    while any(left.values()):
        part = {number: rng.choice((0, rng.randint(0, rest), rest)) for number, rest in left.items()}
        left = {number: rest - part[number] for number, rest in left.items()}
        parts.append(part)
    given = returns(sale, parts)
    for name in ("refunds", "cancelled", "restored", "discounts"):
        sums: dict[Any, int] = {}
        for one in given:
            for key, amount in getattr(one, name).items():
                assert amount >= 0
                sums[key] = sums.get(key, 0) + amount
        assert sums == getattr(whole, name) or not given, (seed, name)


def test_sum_of_partial_returns_is_one_full_return_6_7_9() -> None:
    sale, receipt = sale_and_receipt()
    assert back(sale, {1: 3000, 2: 1234, 3: 7000}).restored == {"A": 1000, "B": 1345}
    for seed in range(50):
        assert_path_makes_no_difference(sale, receipt, seed)


def test_sum_of_partial_returns_is_one_full_return_of_generated_sales_6_7_9() -> None:
    seen = 0
    for seed in range(150):
        case = generate(seed, width=2)
        arguments = case.rules_documents, case.receipt, case.store, case.customer, case.at, case.holdings
        result = calculate(*arguments)
        if "refused" in result:
            continue
        paid = result["points_paid"].items()
        used = {asset: (("first", number // 3), ("second", number - number // 3)) for asset, number in paid}
        assert_path_makes_no_difference(sale_of(result, case.receipt, used), case.receipt, seed)
        seen += bool(paid)
    assert seen > 5
