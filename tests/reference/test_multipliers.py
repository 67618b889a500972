"""Multipliers: the worked numbers of semantics §6.4 and §6.11.17."""

from typing import Any

import pytest

from .generator import generate
from .generator_later import PARTS
from .receipts import accrued, amount, line, percent, points, priced, promotion, rows, run, verdicts

HUNDRED = priced(100_00)


def coupons(result: dict[str, Any]) -> list[str]:
    return [row["state"] for row in result["coupons"]]


@pytest.mark.parametrize(
    ("rate", "times", "off_ppm"),
    [("3", ("1.5", "1.25"), 56250), ("3", ("1.25", "1.5"), 56250), ("3.33", ("1.3333", "1.3333"), 59197)],
)
def test_product_is_exact_and_rounded_once_6_11_17(rate: str, times: tuple[str, ...], off_ppm: int) -> None:
    multiplier = [{"times": one} for one in times]
    result = run([promotion("a", percent(rate), multiplier=multiplier)], priced(10_000_00))
    assert rows(result, "a") == [off_ppm]


def test_multiplied_percent_is_at_most_the_bound_and_a_hundred() -> None:
    bounded = promotion("a", percent("5"), multiplier=[{"times": "3"}], max_rate="12")
    assert rows(run([bounded], HUNDRED), "a") == [12_00]
    free = promotion("a", percent("50"), multiplier=[{"times": "3"}], allow_free=True)
    assert rows(run([free], HUNDRED), "a") == [100_00]


def test_multiplier_whose_condition_fails_changes_nothing() -> None:
    rule = promotion("a", percent("5"), multiplier=[{"times": "3", "when": {"receipt_sum": {"from": "100.01"}}}])
    assert rows(run([rule], HUNDRED), "a") == [5_00]


def test_condition_of_a_multiplier_is_tested_at_the_turn_of_its_promotion() -> None:
    """The second promotion finds 90.00 left."""
    when = {"receipt_sum": {"from": "100.00", "base": "RUNNING"}}
    rules = [promotion(name, percent("10"), multiplier=[{"times": "2", "when": when}]) for name in ("a", "b")]
    result = run([rules[0] | {"multiplier": []}, rules[1]], HUNDRED)
    assert (rows(result, "a"), rows(result, "b")) == ([10_00], [9_00])


def test_multiplier_with_goods_gives_calc_groups_rates_of_their_own() -> None:
    lines = [line(1, 100_00, brand_id="acme"), line(2, 200_00)]
    rule = promotion("a", percent("10"), multiplier=[{"times": "2", "of": {"brand": "acme"}}])
    assert rows(run([rule], lines), "a") == [20_00, 20_00]


def test_points_of_several_rates_are_rounded_down_once_and_spread_by_base_and_rate() -> None:
    """6 % of 0.49 and 3 % of 0.49: 4.41 kopecks of points are 4; weights 2 to 1, the spare one to the larger."""
    lines = [line(1, 49, brand_id="acme"), line(2, 49)]
    rule = promotion("a", points(percent="3"), multiplier=[{"times": "2", "of": {"brand": "acme"}}])
    assert accrued(run([rule], lines)) == [3, 1]


def test_fixed_points_are_rounded_half_up_before_the_step() -> None:
    rule = promotion("a", points(fixed="0.03"), multiplier=[{"times": "0.5"}])
    assert accrued(run([rule], HUNDRED)) == [2]
    assert accrued(run([{"asset": "bonus", "step": "0.05"}, rule], HUNDRED)) == [0]


def test_every_step_of_tiers_is_multiplied_and_bounded() -> None:
    """By parts: 50.00 at 10 % × 1.5, 50.00 at 20 % × 1.5 and not above 25 %."""
    tiers = [{"from": "0.01", "rate": "10"}, {"from": "50.00", "rate": "20"}]
    terms = {"tiers": tiers, "progressive": True}
    rule = promotion("a", {"percent": terms}, multiplier=[{"times": "1.5"}], max_rate="25", stage="receipt")
    assert rows(run([rule], HUNDRED), "a") == [20_00]
    whole = promotion("a", {"percent": {"tiers": tiers}}, multiplier=[{"times": "1.5"}], stage="receipt")
    assert rows(run([whole], HUNDRED), "a") == [30_00]


def test_multiplied_rate_competes() -> None:
    group = {"name": "g", "mode": "BEST"}
    rules = [
        promotion("a", percent("10"), multiplier=[{"times": "2"}], group=group),
        promotion("b", amount("15.00", "receipt"), group=group),
    ]
    assert verdicts(run(rules, HUNDRED)) == {"a": "APPLIED", "b": "BEATEN"}


@pytest.mark.parametrize(
    ("multiplier", "states"),
    [
        ([{"times": "2", "when": {"coupon": {"code": "B"}}}], ["APPLIED", "APPLIED"]),
        ([{"times": "1", "when": {"coupon": {"code": "B"}}}], ["APPLIED", "NOT_APPLIED"]),
        ([{"times": "2", "when": {"coupon": {"code": "B"}}, "of": {"brand": "acme"}}], ["APPLIED", "NOT_APPLIED"]),
        (
            [{"times": "2", "when": {"all": [{"coupon": {"code": "B"}}, {"receipt_sum": {"from": "100.01"}}]}}],
            ["APPLIED", "NOT_APPLIED"],
        ),
    ],
)
def test_code_of_a_multiplier_is_used_where_it_changed_a_rate(multiplier: list[Any], states: list[str]) -> None:
    """Beside the code of the promotion itself."""
    rule = promotion("p", percent("10"), when={"coupon": {"code": "A"}}, multiplier=multiplier)
    assert coupons(run([rule], HUNDRED, codes=("A", "B"))) == states


def test_code_of_a_multiplier_stays_free_when_its_promotion_gave_nothing() -> None:
    rule = promotion("p", percent("10", brand="acme"), multiplier=[{"times": "2", "when": {"coupon": {"code": "B"}}}])
    assert coupons(run([rule], HUNDRED, codes=("B",))) == ["NOT_APPLIED"]


def test_case_of_width_4_is_the_one_of_width_3_with_later_parts() -> None:
    multiplied = 0
    later = frozenset(PARTS) - {"change", "multipliers"}
    for seed in range(40):
        case, plain = generate(seed, 4, later), generate(seed, 3)
        ids = {document.get("promotion") for document in plain.rules_documents}
        kept = [
            {key: value for key, value in document.items() if key not in ("multiplier", "max_rate")}
            for document in case.rules_documents
            if document.get("promotion") in ids
        ]
        assert (kept, case.receipt) == (plain.rules_documents, plain.receipt)
        multiplied += any("multiplier" in document for document in case.rules_documents)
    assert multiplied > 10
