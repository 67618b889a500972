"""The terms of tiers: what cannot be is refused, and nothing has changed then."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.core.facts.tiers import TierTerms

TERMS: dict[str, Any] = {
    "by": "POINTS",
    "asset": "bonus",
    "period": "YEAR",
    "days": None,
    "valid_periods": 1,
    "tiers": [{"tier": "silver", "rank": 1, "sum": 10}, {"tier": "gold", "rank": 2, "sum": 20}],
}


def steps(*rows: tuple[str, int, int]) -> dict[str, Any]:
    return {"tiers": [{"tier": tier, "rank": rank, "sum": least} for tier, rank, least in rows]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "VISITS"},
        {"period": "WEEK"},
        {"period": "DAYS"},
        {"period": "DAYS", "days": 0},
        {"valid_periods": 0},
        {"valid_periods": True},
        steps(),
        steps(("silver", 0, 10)),
        steps(("silver", 33, 10)),
        steps(("silver", 1, 0)),
        steps(("", 1, 10)),
        steps(("silver", 1, 10), ("silver", 2, 20)),
        steps(("silver", 2, 10), ("gold", 1, 20)),
        steps(("silver", 1, 10), ("gold", 2, 10)),
        steps(*((f"t{rank}", rank, rank) for rank in range(1, 34))),
    ],
)
def test_terms_that_cannot_be_are_refused_and_change_nothing(wrong: dict[str, Any]) -> None:
    terms = TierTerms()
    terms.put(TERMS)
    with pytest.raises(ValueError, match=r"."):
        terms.put(TERMS | wrong)
    assert (terms.count, terms.points_asset) == (2, "bonus")


def test_terms_are_replaced_and_cleared_whole() -> None:
    terms = TierTerms()
    terms.put(TERMS)
    terms.put(TERMS | {"by": "TURNOVER", "asset": None} | steps(("only", 3, 1)))
    assert (terms.count, terms.points_asset) == (1, None)
    terms.clear()
    assert (terms.count, terms.points_asset) == (0, None)
