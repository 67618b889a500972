"""Accrual vectors of semantics §6.6 and §6.11.25."""

from typing import Any

import pytest

from .receipts import Document, accrued, line, percent, points, promotion, run, verdicts

AFTER_DISCOUNTS = [line(1, 11207), line(2, 5040), line(3, 2800)]


@pytest.mark.parametrize(("step", "parts"), [("0.01", [336, 151, 84]), ("1", [294, 132, 74])])
def test_percent_is_rounded_down_to_the_step_then_shared_6_11_25(step: str, parts: list[int]) -> None:
    rules: list[Document] = [{"asset": "bonus", "step": step}, promotion("a", points(percent="3"))]
    assert accrued(run(rules, AFTER_DISCOUNTS)) == parts


def test_percent_skips_no_accrual_lines_6_11_25() -> None:
    lines = [line(1, 15871), line(2, 7138), line(3, 3966), line(4, 30000, no_accrual=True)]
    assert accrued(run([promotion("a", points(percent="3"))], lines)) == [476, 214, 119, 0]


def test_percent_of_hundred_roubles_is_that_many_points_6_11_25() -> None:
    assert run([promotion("a", points(percent="3"))], [line(1, 10000)])["totals"]["accrual"] == {"bonus": 300}


def test_scale_sets_the_smallest_unit_6_1() -> None:
    rules: list[Document] = [{"asset": "bonus", "scale": 0}, promotion("a", points(percent="3"))]
    assert run(rules, [line(1, 13333)])["totals"]["accrual"] == {"bonus": 3}


def test_base_is_what_is_paid_after_discounts_6_6() -> None:
    till = [{"discount_id": "t", "amount_minor": 1000}]
    rules = [promotion("d", percent("10")), promotion("a", points(percent="10"))]
    assert accrued(run(rules, [line(1, 10000, external_discounts=till)])) == [800]


LINES_AB = [line(1, 100000, sku="A"), line(2, 20000, sku="B")]


def maximum(fixed: str, **group: Any) -> list[Document]:
    best = {"name": "g", "mode": "BEST", **group}
    return [
        promotion("a", points(percent="5", of={"sku": "A"}), group=best, priority=1),
        promotion("b", points(percent="10", of={"sku": "B"}), group=best, priority=2),
        promotion("f", points(fixed=fixed), group=best, priority=3),
    ]


def test_max_by_line_adds_line_winners_against_fixed_points_6_11_25() -> None:
    result = run(maximum("60"), LINES_AB)
    assert accrued(result) == [5000, 2000]
    assert verdicts(result) == {"a": "APPLIED", "b": "APPLIED", "f": "BEATEN"}


def test_max_by_line_lost_to_fixed_points_gives_them_whole_6_11_25() -> None:
    result = run(maximum("80"), LINES_AB)
    assert accrued(result) == [6667, 1333]
    assert verdicts(result) == {"a": "BEATEN", "b": "BEATEN", "f": "APPLIED"}


def test_max_by_receipt_has_one_winner_6_6() -> None:
    result = run(maximum("49.99", scope="RECEIPT"), LINES_AB)
    assert accrued(result) == [5000, 0]
    assert verdicts(result) == {"a": "APPLIED", "b": "BEATEN", "f": "BEATEN"}


def test_max_is_judged_per_asset_6_6() -> None:
    best = {"name": "g", "mode": "BEST"}
    rules = [
        promotion("a", points(percent="5"), group=best),
        promotion("b", points(percent="1"), {"points": {"asset": "stars", "percent": "1"}}, group=best),
    ]
    assert run(rules, [line(1, 10000)])["totals"]["accrual"] == {"bonus": 500, "stars": 100}


def test_sum_rounds_every_rule_by_itself_6_6() -> None:
    group = {"name": "g", "mode": "CASCADE"}
    rules = [promotion("a", points(percent="1"), group=group), promotion("b", points(percent="1"), group=group)]
    assert run(rules, [line(1, 199)])["totals"]["accrual"] == {"bonus": 2}
    assert run([promotion("c", points(percent="2"))], [line(1, 199)])["totals"]["accrual"] == {"bonus": 3}


def test_fixed_points_without_any_base_are_nothing_6_11_25() -> None:
    result = run([promotion("f", points(fixed="80"))], [line(1, 10000, no_accrual=True)])
    assert result["totals"]["accrual"] == {}
    assert verdicts(result) == {"f": "ZERO"}


def test_points_of_a_calc_group_are_shared_over_its_lines_by_base_6_11_25() -> None:
    lines = [line(1, 100, 2000, sku="x"), line(2, 100, 1000, sku="x")]
    assert accrued(run([promotion("f", points(fixed="1"))], lines)) == [67, 33]
