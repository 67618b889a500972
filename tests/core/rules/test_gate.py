"""Gates against brute force: looking only at candidates gives what looking at every rule gives."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.gate import gate_of
from altyn.core.rules.ruleset import Ruleset
from tests.parity.compare import run_core
from tests.reference.generator import generate


@given(st.integers(0, 1 << 40))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_candidates_of_the_gates_give_what_all_rules_give(seed: int) -> None:
    """`run_core` calculates twice, over every rule (explaining) and over candidates, and refuses a difference."""
    try:
        run_core(generate(seed))
    except ValueError as error:
        assert "everything is left out" in str(error)


def gate_keys(text: str) -> set[str] | None:
    gate = gate_of(read_documents(load_documents(text)).promotions[0])
    return None if gate is None else {key for _, key in gate.keys}


def rule(when: str = "", of: str = "{}") -> str:
    shown = f"when: {when}, " if when else ""
    return f"{{promotion: p, stage: item, {shown}reward: [{{percent: {{rate: 1, of: {of}}}}}]}}"


def test_gate_is_the_most_selective_positive_conjunct() -> None:
    assert gate_keys(rule()) is None
    assert gate_keys(rule(of="{sku: [a, b], category: c}")) == {"a", "b"}
    assert gate_keys(rule(of="{attribute: {colour: [red, blue]}, except: {attribute: {size: s}}}")) == {
        "colour=red",
        "colour=blue",
    }
    assert gate_keys(rule(of="{favourite: true, personal: true}")) == {"p"}
    assert gate_keys(rule(of="{favourite: true}")) == {"favourite"}
    assert gate_keys(rule("{personal: true, store: {id: s}}")) == {"p"}
    assert gate_keys(rule("{coupon: {code: X}, store: {id: s}}", "{sku: a}")) == {"X"}
    assert gate_keys(rule("{store: {id: s}}", "{category: c}")) == {"c"}
    assert gate_keys(rule("{store: {id: {none_of: [s]}}}")) is None
    assert gate_keys(rule("{none: [{coupon: {code: X}}]}")) is None
    assert gate_keys(rule("{any: [{store: {id: s}}, {customer: {segment: v}}]}")) == {"s", "v"}
    assert gate_keys(rule("{any: [{store: {id: s}}, {customer: {has_card: true}}]}")) is None
    assert gate_keys(rule("{receipt_sum: {from: 1, of: {brand: b}}}")) == {"b"}
    assert gate_keys(rule("{receipt_sum: {below: 1, of: {brand: b}}}")) is None
    assert gate_keys(rule("{purchase_number: {is: 1, of: {brand: b}}}")) == {"b"}
    assert gate_keys(rule("{purchases: {window: week, from: 1, of: {brand: b}}}")) is None
    assert gate_keys(rule("{any: [{coupon: {code: X}}, {customer: {has_card: true}}]}", "{sku: a}")) == {"a", "X"}


@given(
    st.lists(st.text("ab", min_size=1, max_size=20), min_size=1, max_size=40, unique=True), st.text("ab", max_size=20)
)
def test_every_symbol_is_found_and_no_other(skus: list[str], other: str) -> None:
    documents = [
        {"promotion": f"p{number}", "stage": "item", "reward": [{"percent": {"rate": 50, "of": {"sku": sku}}}]}
        for number, sku in enumerate(skus)
    ]
    rules = read_documents(documents)
    ruleset = Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1))
    bought = [
        {"line_no": number, "sku": sku, "qty_milli": 1000, "price_minor": 100}
        for number, sku in enumerate(dict.fromkeys([*skus, other]), start=1)
    ]
    rows = evaluate(ruleset, {"lines": bought}, {}, None, (0, 0, 0))["lines"]
    assert [row["net_minor"] for row in rows] == [50 if one["sku"] in skus else 100 for one in bought]
