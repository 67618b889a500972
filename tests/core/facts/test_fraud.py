"""Rules against fraud against a plain dict of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import FraudRules
from altyn.core.facts.fraud import FRAUD_KINDS, FRAUD_RULES_MAX, FRAUD_WINDOWS, FraudRuleFact
from altyn.journal.v1 import record_pb2 as journal

RULES = st.builds(
    FraudRuleFact,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(FRAUD_KINDS),
    st.sampled_from(FRAUD_WINDOWS),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from([("TAG",), ("CASE", "HOLDBACK")]),
    st.integers(0, 365),
    st.integers(0, 100),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), RULES), max_size=30))
def test_rules_after_any_changes_are_those_of_a_plain_dict(changes: list[tuple[bool, FraudRuleFact]]) -> None:
    rules, model = FraudRules(), {}
    for is_removed, rule in changes:
        if is_removed:
            assert rules.remove(rule.rule) == (model.pop(rule.rule, None) is not None)
        else:
            rules.upsert(rule)
            model[rule.rule] = rule
    assert (len(rules), rules.count, rules.is_overfull) == (len(model), len(model), False)
    assert {name: rules.get(name) for name in "abc" if rules.get(name)} == model


def test_more_rules_than_act_are_told() -> None:
    rules = FraudRules()
    for number in range(FRAUD_RULES_MAX + 1):
        rules.upsert(FraudRuleFact(f"r{number:03}", "CARD_RECEIPTS"))
    assert (rules.count, rules.is_overfull) == (FRAUD_RULES_MAX, True)
    rules.remove("r000")
    assert (rules.count, rules.is_overfull) == (FRAUD_RULES_MAX, False)


def test_names_are_numbered_as_the_journal_numbers_them() -> None:
    assert [journal.FraudKind.Value(f"FRAUD_KIND_{name}") for name in FRAUD_KINDS] == list(range(1, 13))
    assert [journal.LimitWindow.Value(f"LIMIT_WINDOW_{name}") for name in FRAUD_WINDOWS] == list(range(1, 6))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": ""},
        {"rule": "x" * 65},
        {"kind": "STRANGE"},
        {"window": "HOUR"},
        {"actions": ()},
        {"actions": ("SHOOT",)},
        {"threshold": -1},
        {"seconds": 10**13},
        {"holdback_days": 366},
        {"share_percent": 101},
    ],
)
def test_what_is_out_of_range_is_refused_and_changes_nothing(wrong: dict[str, object]) -> None:
    rules = FraudRules()
    with pytest.raises(ValueError, match="fraud rule"):
        rules.upsert(FraudRuleFact("a", "CARD_RECEIPTS")._replace(**wrong))
    assert len(rules) == rules.count == 0
