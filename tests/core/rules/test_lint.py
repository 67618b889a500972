"""Remarks on documents that can be read."""

from __future__ import annotations

from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.lint import remarks


def codes(text: str) -> list[tuple[str, str]]:
    return [(remark.path, remark.code) for remark in remarks(read_documents(load_documents(text)))]


def percent(name: str, rate: str, group: str, more: str = "") -> str:
    return f"{{promotion: {name}, stage: item, group: {group}, reward: [{{percent: {{rate: {rate}}}}}]{more}}}"


def test_lint_of_sound_documents_is_silent() -> None:
    assert codes(f"[{percent('a', '5', 'g')}, {percent('b', '7', 'g', ', priority: 5')}]") == []


def test_equal_priorities_in_a_group_are_told() -> None:
    assert codes(f"[{percent('a', '5', 'g')}, {percent('b', '7', 'g')}, {percent('c', '7', 'h')}]") == [
        ("b: priority", "EQUAL_PRIORITY")
    ]


def test_smaller_percent_of_a_best_group_is_told() -> None:
    best = "{name: g, mode: BEST}"
    text = f"[{percent('a', '5', best)}, {percent('b', '7', 'g', ', priority: 5')}]"
    assert codes(text) == [("a: reward[0].percent.rate", "NEVER_BEST")]


def test_smaller_percent_under_another_condition_is_no_matter() -> None:
    best = "{name: g, mode: BEST}"
    condition = ", priority: 5, when: {coupon: {code: x}}"
    assert codes(f"[{percent('a', '5', best)}, {percent('b', '7', 'g', condition)}]") == []


def test_points_that_round_down_to_nothing_are_told() -> None:
    text = "[{asset: a, step: 1}, {promotion: p, reward: [{points: {asset: a, fixed: 0.99}}]}]"
    assert codes(text) == [("p: reward[0].points.fixed", "BELOW_STEP")]


def test_asset_nobody_declares_is_told() -> None:
    assert codes("{promotion: p, reward: [{points: {asset: a, fixed: 1}}]}") == [
        ("p: reward[0].points.asset", "UNDECLARED_ASSET")
    ]


def test_stage_coupon_without_a_coupon_is_told() -> None:
    assert codes("{promotion: p, stage: coupon, reward: [{percent: {rate: 1}}]}") == [("p: stage", "NO_COUPON")]
    assert (
        codes("{promotion: p, stage: coupon, when: {any: [{coupon: {code: x}}]}, reward: [{percent: {rate: 1}}]}") == []
    )
