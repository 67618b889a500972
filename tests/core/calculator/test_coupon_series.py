"""Coupons of a series: which codes unlock a promotion, and what becomes of each (semantics §6.11.22)."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.cli.evaluate import evaluate_documents

Fields = dict[str, Any]
TEN = {
    "promotion": "ten",
    "stage": "coupon",
    "when": {"coupon": {"series": "spring"}},
    "reward": [{"percent": {"rate": 10}}],
}
LINES = [{"line_no": 1, "sku": "a", "qty_milli": 1000, "price_minor": 10000}]


def run(codes: list[str], known: dict[str, Fields], *rules: Fields) -> Fields:
    receipt = {"lines": LINES, "coupons": [{"code": code} for code in codes]}
    held = {"coupons": known}
    return evaluate_documents(list(rules) or [TEN], receipt, {"store_id": "s1"}, None, "2027-03-01T12:00", True, held)


def states(outcome: Fields) -> list[tuple[str, str]]:
    return [
        (row["state"].removeprefix("COUPON_STATE_"), row["reason"].removeprefix("REASON_"))
        for row in outcome["coupons"]
    ]


@pytest.mark.parametrize("state", ["FREE", "HELD_HERE"])
def test_free_code_of_the_series_unlocks_the_promotion(state: str) -> None:
    outcome = run([" abc "], {"ABC": {"series": "spring", "state": state}})
    assert outcome["totals"]["discount_minor"] == 1000
    assert states(outcome) == [("APPLIED", "UNSPECIFIED")]
    assert outcome["coupons"][0]["promotion_id"] == "ten"


@pytest.mark.parametrize("state", ["USED", "HELD", "EXPIRED", "NOT_YET_VALID", "BLOCKED"])
def test_code_that_cannot_be_used_is_invalid_and_says_why(state: str) -> None:
    outcome = run(["ABC"], {"ABC": {"series": "spring", "state": state}})
    assert outcome["totals"]["discount_minor"] == 0
    assert states(outcome) == [("INVALID", f"COUPON_{state}")]
    assert outcome["explain"]["rules"][0]["verdict"] == "VERDICT_NOT_MATCHED"


def test_code_of_another_series_stays_free() -> None:
    outcome = run(["ABC"], {"ABC": {"series": "autumn"}})
    assert states(outcome) == [("NOT_APPLIED", "COUPON_CONDITIONS_NOT_MET")]


def test_code_nobody_knows_is_invalid() -> None:
    assert states(run(["ABC"], {})) == [("INVALID", "COUPON_UNKNOWN")]


def test_smallest_free_code_is_used_and_the_other_stays_free() -> None:
    known = {code: {"series": "spring"} for code in ("B2", "A1", "C3")} | {"A0": {"series": "spring", "state": "USED"}}
    outcome = run(["C3", "B2", "A0", "A1"], known)
    assert states(outcome) == [
        ("NOT_APPLIED", "COUPON_NO_EFFECT"),
        ("NOT_APPLIED", "COUPON_NO_EFFECT"),
        ("INVALID", "COUPON_USED"),
        ("APPLIED", "UNSPECIFIED"),
    ]


def test_code_whose_promotion_gives_nothing_stays_free() -> None:
    nothing = {**TEN, "reward": [{"percent": {"rate": 10, "of": {"sku": "b"}}}]}
    assert states(run(["ABC"], {"ABC": {"series": "spring"}}, nothing)) == [("NOT_APPLIED", "COUPON_NO_EFFECT")]


def test_shared_code_that_is_also_a_used_code_of_a_series_counts_as_shared() -> None:
    shared = {**TEN, "promotion": "shared", "when": {"coupon": {"code": "ABC"}}}
    outcome = run(["ABC"], {"ABC": {"series": "spring", "state": "USED"}}, shared, TEN)
    assert states(outcome) == [("APPLIED", "UNSPECIFIED")]
    assert outcome["totals"]["discount_minor"] == 1000
