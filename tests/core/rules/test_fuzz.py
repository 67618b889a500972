"""A few hundred damaged documents; `tests/core/rules/fuzz.py` tries as many as there is time for."""

from __future__ import annotations

import pytest

from tests.core.rules.fuzz import Fuzz


def test_damaged_documents_are_refused_with_a_place_or_calculated() -> None:
    fuzz = Fuzz()
    for seed in range(600):
        fuzz.step(seed)
    # Every way out was taken.
    assert set(fuzz.counts) >= {"tried", "texts", "text refused", "refused", "read", "remarks", "calculated"}
    assert fuzz.counts["calculated"] >= 30


def test_same_seed_damages_the_same_documents() -> None:
    first, second = Fuzz(), Fuzz()
    for fuzz in (first, second):
        fuzz.chance.seed(7)
    assert repr(first.documents()) == repr(second.documents())


def test_documents_that_agree_on_nothing_are_judged_too() -> None:
    fuzz = Fuzz()
    member = {
        "promotion": "a",
        "stage": "item",
        "group": {"name": "g", "mode": "BEST"},
        "reward": [{"percent": {"rate": 1}}],
    }
    fuzz.judge([member, {**member, "promotion": "b", "group": {"name": "g", "mode": "ADD"}}])
    assert fuzz.counts["contradictory"] == 1


def test_a_crash_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("tests.core.rules.fuzz.compile_ruleset", crash)
    with pytest.raises(KeyError):
        Fuzz().judge([{"promotion": "p", "stage": "item", "reward": [{"percent": {"rate": 1}}]}])
