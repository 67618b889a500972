"""The largest receipt there can be (semantics §6.1.7): no mechanic overflows, whatever it multiplies."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.core.evaluate import evaluate
from tests.core.calculator.scenario import NOON, calculate, compiled, line, points, trace

PRICE_MAX = 1_000_000_000
# 10 000 units at the highest price, in as many lines of 2 500.
BOUGHT = [line(number, sku, PRICE_MAX, 2_500_000) for number, sku in enumerate("aabc", start=1)]
GROSS = 10_000 * PRICE_MAX
POINTS_MAX = 10**12


@pytest.mark.parametrize(
    ("reward", "off"),
    [
        ("{percent: {rate: 99.9999}}", GROSS * 999_999 // 1_000_000),
        ("{amount: {off: 90071992547409.91, spread: receipt}}", GROSS - 10_000),
        ("{amount: {off: 90071992547409.91, spread: unit}}", GROSS - 10_000),
        ("{fixed_price: {price: 0.01}}", GROSS - 10_000),
        ("{multi_buy: {take: 2, pay: 1}}", GROSS // 2),
        ("{multi_buy: {take: 100, pay: 1}}", GROSS // 100 * 99),
        ("{bundle: {parts: [{quantity: 1000}, {quantity: 1000}], price: 0.01}}", GROSS - 10_000),
        ("{bundle: {parts: [{quantity: 1}, {quantity: 1}], percent: 50}}", GROSS // 2),
        ("{buy_get: {buy: {quantity: 1}, get: {quantity: ALL}, percent: 50}}", (GROSS - PRICE_MAX) // 2),
        ("{ladder: {rungs: [0, 50], by: percent}}", (GROSS - PRICE_MAX) // 2),
        (
            "{percent: {tiers: [{from: 0.01, rate: 50}, {from: 0.02, rate: 50}], progressive: true}}",
            (GROSS - 1) // 2 + 1,
        ),
    ],
)
def test_reward_on_the_largest_receipt_is_exact(reward: str, off: int) -> None:
    stage = "item" if any(word in reward for word in ("{percent", "{amount", "fixed")) else "set"
    outcome = calculate(f"[{{promotion: p, stage: {stage}, reward: [{reward}]}}]", BOUGHT)
    totals = outcome["totals"]
    assert (totals["gross_minor"], totals["discount_minor"]) == (GROSS, off)
    assert totals["to_pay_minor"] == GROSS - off == sum(row["net_minor"] for row in outcome["lines"])
    assert trace(outcome, "p")["amount_minor"] == off


def accrued(text: str, exponent: int) -> dict[str, Any]:
    receipt = {"lines": BOUGHT, "coupons": [], "exponent": exponent}
    return evaluate(compiled(text), receipt, {}, None, NOON, True)


@pytest.mark.parametrize("exponent", [0, 2, 4])
@pytest.mark.parametrize("scale", [0, 2, 4])
def test_points_of_the_largest_receipt_are_exact_up_to_the_most_one_rule_gives(exponent: int, scale: int) -> None:
    text = f"""
    - {{asset: b, scale: {scale}}}
    - {{promotion: half, reward: [{{points: {{asset: b, percent: 50}}}}]}}
    - {{promotion: most, reward: [{{points: {{asset: b, percent: 10000}}}}]}}
    - {{promotion: twice, multiplier: [{{times: 2}}], reward: [{{points: {{asset: b, percent: 5000}}}}]}}
    """
    outcome = accrued(text, exponent)
    half, most = (min(GROSS * rate * 10**scale // (100 * 10**exponent), POINTS_MAX) for rate in (50, 10_000))
    by_rule = [trace(outcome, name)["points"] for name in ("half", "most", "twice")]
    assert by_rule == [half, most, most]
    assert sum(points(outcome)) == outcome["totals"]["accrual"][0]["points"] == half + 2 * most


def test_rates_of_the_largest_receipt_are_shared_by_exact_weights() -> None:
    text = """
    - {asset: b}
    - promotion: p
      multiplier: [{times: 100, of: {sku: a}}, {times: 3, of: {sku: b}}]
      reward: [{points: {asset: b, percent: 99.9999}}]
    """
    # Of a 9 999.99 %, of b 299.9997 %, of c 99.9999 %: as 300 to 9 to 3, 500 000, 250 000 and 250 000 each.
    weights = [2_500 * PRICE_MAX * rate for rate in (99_999_900, 99_999_900, 2_999_997, 999_999)]
    shares = [POINTS_MAX * weight // sum(weights) for weight in weights]
    assert [abs(got - share) <= 1 for got, share in zip(points(accrued(text, 2)), shares, strict=True)] == [True] * 4
    assert sum(points(accrued(text, 2))) == POINTS_MAX


def test_many_rules_of_the_most_points_add_up() -> None:
    rules = [
        f"- {{promotion: p{number}, reward: [{{points: {{asset: b, fixed: 900719925474.0991}}}}]}}"
        for number in range(200)
    ]
    outcome = accrued("\n".join(["- {asset: b, scale: 4}", *rules]), 2)
    assert outcome["totals"]["accrual"] == [{"asset": "b", "points": 200 * POINTS_MAX}]
