"""What multiplies another promotion's rate, and gifts, worked by hand (semantics §6.2, §6.11.17)."""

from typing import Any

import pytest

from .receipts import Document, line, percent, points, priced, promotion, rows, run, verdicts

HUNDRED = priced(100_00)


def rate(promotion_id: str, times: str, named: str = "a", **fields: Any) -> Document:
    of = {"of": fields.pop("of")} if "of" in fields else {}
    return {"promotion": promotion_id, "reward": [{"multiplier": {"times": times, "promotion": named, **of}}], **fields}


def gift(promotion_id: str, *skus: str, quantity: int = 1, **fields: Any) -> Document:
    return {"promotion": promotion_id, "reward": [{"gift": {"sku": list(skus), "quantity": quantity}}], **fields}


def promised(result: Document) -> list[tuple[str, int, int]]:
    return [(row["promotion_id"], row["quantity"], row["taken"]) for row in result["gifts"]]


def test_factors_of_others_join_those_of_the_promotion_6_11_17() -> None:
    """3 % × 1.5 × 1.25 = 5.625 %; the one named first stands last."""
    rules = [rate("b", "1.25"), promotion("a", percent("3"), multiplier=[{"times": "1.5"}]), rate("c", "1")]
    result = run(rules, priced(10_000_00))
    assert rows(result, "a") == [562_50]
    assert verdicts(result) == {"a": "APPLIED", "b": "APPLIED", "c": "ZERO"}


def test_bound_of_the_named_promotion_holds_for_all() -> None:
    result = run([promotion("a", percent("10"), max_rate="15"), rate("b", "2")], HUNDRED)
    assert rows(result, "a") == [15_00]


@pytest.mark.parametrize(
    ("fields", "verdict", "amount"),
    [
        ({"when": {"receipt_sum": {"from": "100.01"}}}, "NOT_MATCHED", 10_00),
        ({"when": {"schedule": {"weekdays": "mon"}}}, "INACTIVE", 10_00),
        ({"of": {"brand": "acme"}}, "ZERO", 10_00),
        ({}, "APPLIED", 20_00),
    ],
)
def test_row_of_a_rate_says_whether_it_acted(fields: Document, verdict: str, amount: int) -> None:
    result = run([promotion("a", percent("10")), rate("b", "2", **fields)], HUNDRED)
    assert (verdicts(result)["b"], rows(result, "a")) == (verdict, [amount])


def test_rate_of_a_promotion_that_a_cap_took_back_is_zero() -> None:
    cap = {"limit": "none", "cap": {"percent": "0.0001"}}
    result = run([promotion("a", percent("10")), rate("b", "2"), cap], priced(1_00))
    assert verdicts(result) == {"a": "CAP", "b": "ZERO"}


def test_code_of_a_rate_is_used_by_the_promotion_it_multiplied_and_its_message_said() -> None:
    code = rate("b", "2", when={"coupon": {"code": "TWICE"}})
    code["reward"].append({"message": {"to": "slip", "text": {"en": "Twice"}}})
    result = run([promotion("a", points(percent="3")), code], HUNDRED, codes=("twice",))
    assert result["coupons"] == [{"code": "TWICE", "state": "APPLIED", "promotion_id": "a"}]
    assert [row["text"] for row in result["messages"]] == ["Twice"]
    assert not run([promotion("a", points(percent="3")), code], HUNDRED)["messages"]


def test_condition_of_a_rate_is_tested_at_each_turn() -> None:
    """The second reward finds 90.00 left."""
    when = {"receipt_sum": {"from": "100.00", "base": "RUNNING"}}
    result = run([promotion("a", percent("5"), percent("10")), rate("b", "2", when=when)], HUNDRED)
    assert rows(result, "a") == [19_00]


def test_taken_gifts_are_units_of_gift_lines_up_to_the_promise() -> None:
    lines = [line(1, 100_00), line(2, 1_00, 3000, sku="mug", gift=True), line(3, 1_00, 500, sku="cup", gift=True)]
    rules = [gift("g", "mug", "cup", quantity=5), gift("h", "mug", quantity=2), gift("i", "bag")]
    assert promised(run(rules, lines)) == [("g", 5, 4), ("h", 2, 2), ("i", 1, 0)]


def test_gift_beside_a_discount_is_promised_when_it_gave() -> None:
    def with_gift(rate_text: str, brand: str) -> Document:
        return promotion(brand, percent(rate_text, brand=brand), {"gift": {"sku": "mug"}})

    result = run([with_gift("10", "acme"), with_gift("10", "best")], [line(1, 100_00, brand_id="acme")])
    assert promised(result) == [("acme", 1, 0)]


def test_gift_within_a_limit_counts_its_receipt() -> None:
    limits = [{"per": "customer", "window": "month", "times": 1}]
    key = ("g", "times", "customer", "month")
    assert run([gift("g", "mug", limits=limits)], HUNDRED)["counters"] == {key: 1}
    used = {"promotion_id": "g", "measure": "times", "per": "customer", "window": "month", "used": 1}
    result = run([gift("g", "mug", limits=limits)], HUNDRED, holdings={"counters": [used]})
    assert (promised(result), verdicts(result), result["counters"]) == ([], {"g": "LIMIT"}, {})
    assert verdicts(run([gift("g", "mug", limits=limits)], HUNDRED, customer=None)) == {"g": "LIMIT"}


def test_code_that_brings_a_gift_is_used() -> None:
    rule = gift("g", "mug", when={"coupon": {"code": "MUG"}})
    assert run([rule], HUNDRED, codes=("MUG",))["coupons"][0]["state"] == "APPLIED"
