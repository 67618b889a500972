"""Small change: the worked numbers of semantics §6.4 and §6.11.24."""

from typing import Any

import pytest

from .generator import generate
from .numbers import minor
from .oracle import calculate
from .receipts import Document, accrued, amount, line, nets, percent, points, priced, promotion, run

THREE = priced(19990, 8990, 4995)
# The cascade of §6.2: 10 %, then 5 %, then 100.00 off the receipt, 190.47 to pay.
CASCADE = [
    promotion("a", percent("10")),
    promotion("b", percent("5")),
    promotion("c", amount("100.00", "receipt")),
]


def rounding(to: str, rounding_id: str = "cash", **fields: Any) -> Document:
    return {"rounding": rounding_id, "to": to, **fields}


def test_small_change_is_spread_by_what_is_left_6_11_24() -> None:
    result = run([*CASCADE, rounding("1.00")], THREE)
    assert nets(result) == [11179, 5028, 2793]
    assert (result["totals"]["to_pay_minor"], result["totals"]["rounding_minor"]) == (19000, 47)
    assert [row["discounts"][-1] for row in result["lines"]] == [
        {"promotion_id": "cash", "reward_no": 0, "amount_minor": share, "kind": "rounding"} for share in (28, 12, 7)
    ]


def test_what_cannot_be_placed_whole_is_not_rounded_6_11_24() -> None:
    """0.99 of 244.99: the bread may lose 0.50, the cigarettes nothing."""
    lines = [line(1, 19999, no_discount=True), line(2, 4500, min_price_minor=4450)]
    result = run([rounding("1.00")], lines)
    assert (nets(result), result["totals"]["rounding_minor"]) == ([19999, 4500], 0)


@pytest.mark.parametrize(("paid", "to_pay"), [("CASH", 19000), ("CARD", 19047)])
def test_small_change_is_due_when_its_condition_holds(paid: str, to_pay: int) -> None:
    rule = rounding("1.00", when={"payment": {"type": "cash", "from_percent": "100"}})
    result = run([*CASCADE, rule], THREE, payments=[{"type": paid, "sum_minor": 19047}])
    assert result["totals"]["to_pay_minor"] == to_pay


def test_first_by_priority_and_id_whose_condition_holds_rounds() -> None:
    rules = [
        rounding("10.00", "b", priority=1),
        rounding("0.50", "a", priority=1, when={"customer": {"has_card": True}}),
        rounding("0.10", "nobody", priority=0, when={"customer": {"has_card": False}}),
    ]
    assert nets(run(rules, priced(199))) == [150]


def test_accrual_counts_what_small_change_left() -> None:
    """5 % of 190.00."""
    assert sum(accrued(run([*CASCADE, rounding("1.00"), promotion("p", points(percent="5"))], THREE))) == 950


def test_generated_small_change_is_all_or_nothing() -> None:
    """What is let off is what a step leaves over, or nothing; the rest of the case is that of width 2."""
    rounded = 0
    for seed in range(60):
        case, plain = generate(seed, 3), generate(seed, 2)
        assert [one for one in case.rules_documents if "rounding" not in one] == plain.rules_documents
        arguments = (case.receipt, case.store, case.customer, case.at, case.holdings)
        with_change, without = calculate(case.rules_documents, *arguments), calculate(plain.rules_documents, *arguments)
        if "refused" in without:
            continue
        totals, before = with_change["totals"], without["totals"]
        steps = [minor(one["to"]) for one in case.rules_documents if "rounding" in one]
        taken = before["to_pay_minor"] - totals["to_pay_minor"]
        assert taken == totals["rounding_minor"] - before["rounding_minor"]
        assert not taken or any(taken == before["to_pay_minor"] % step for step in steps)
        rounded += taken > 0
    assert rounded > 8
