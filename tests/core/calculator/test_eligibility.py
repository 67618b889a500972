"""Which promotions a receipt concerns, by hashes of texts; and the order of calc groups, by their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.calculator.scenario import calculate, compiled, discounts, line

TEN_OFF = (
    "- {{promotion: p{number}, stage: item, priority: {number}, "
    "reward: [{{amount: {{off: 0.10, of: {{sku: '{sku}'}}}}}}]}}\n"
)
ALPHABET = "".join(chr(code) for code in range(ord("!"), ord("~")) if chr(code) not in "'\\\"")
SKU = st.text(ALPHABET, min_size=1, max_size=64)


def spelled(size: int) -> str:
    return "".join(ALPHABET[place * 7 % len(ALPHABET)] for place in range(size))


@pytest.mark.parametrize("size", range(1, 65))
def test_text_of_any_length_is_found_and_no_other_of_its_length(size: int) -> None:
    sku = spelled(size)
    others = [sku[:place] + "~" + sku[place + 1 :] for place in range(size)]
    bought = [line(number, text, 1_00) for number, text in enumerate([sku, *others, sku + "~"], start=1)]
    outcome = calculate(compiled(TEN_OFF.format(number=1, sku=sku)), bought, explain=False)
    assert discounts(outcome, "p1") == [10] + [0] * (size + 1)


def test_text_of_another_attribute_is_not_the_same_symbol() -> None:
    bought = [line(1, "milk", 1_00), line(2, "x", 1_00, brand_id="milk"), line(3, "y", 1_00, group_id="milk")]
    assert discounts(calculate(TEN_OFF.format(number=1, sku="milk"), bought, explain=False), "p1") == [10, 0, 0]


@pytest.mark.parametrize("count", [1, 2, 3, 70])
def test_each_promotion_of_a_symbol_is_a_candidate(count: int) -> None:
    rules = "".join(TEN_OFF.format(number=number, sku="milk") for number in range(1, count + 1))
    outcome = calculate(rules, [line(1, "bread", 9_00), line(2, "milk", 9_00)], explain=False)
    assert [row["amount_minor"] for row in outcome["lines"][1]["discounts"]] == [10] * count
    assert outcome["lines"][0]["discounts"] == []


@pytest.mark.parametrize("lines_count", [1, 31, 32, 33, 64, 65, 200])
def test_symbol_is_found_on_any_line_of_a_receipt_of_any_length(lines_count: int) -> None:
    bought = [line(number, f"sku-{number:04}", 1_00) for number in range(1, lines_count + 1)]
    rules = "".join(TEN_OFF.format(number=number, sku=f"sku-{number:04}") for number in range(1, lines_count + 1))
    for row in calculate(compiled(rules), bought, explain=False)["lines"]:
        assert [one["promotion_id"] for one in row["discounts"]] == [f"p{row['line_no']}"]


def test_set_of_several_attributes_holds_goods_that_match_all() -> None:
    rules = """
    - {promotion: two, stage: item, reward: [{amount: {off: 0.10, of: {category: dairy, brand: cow}}}]}
    - {promotion: priced, stage: item, reward: [{amount: {off: 0.20, of: {brand: cow, unit_price: {from: 5.00}}}}]}
    - {promotion: all_but, stage: item, reward: [{amount: {off: 0.30, of: {brand: cow, except: [{sku: c}]}}}]}
    """
    bought = [
        line(1, "a", 4_00, group_id="dairy", brand_id="cow"),
        line(2, "b", 6_00, group_id="dairy", brand_id="goat"),
        line(3, "c", 6_00, group_id="bread", brand_id="cow"),
    ]
    outcome = calculate(rules, bought, explain=False)
    assert [discounts(outcome, name) for name in ("two", "priced", "all_but")] == [[10, 0, 0], [0, 0, 20], [30, 0, 0]]


@given(st.lists(SKU, min_size=1, max_size=70, unique=True), st.data())
def test_odd_kopecks_go_to_the_first_skus_by_their_bytes(skus: list[str], data: st.DataObject) -> None:
    off = data.draw(st.integers(1, len(skus)))
    prefix = data.draw(st.sampled_from(["", "460", "46000000", "460000000000", "4600000000000000"]))
    rules = f"- {{promotion: off, stage: receipt, reward: [{{amount: {{off: {off / 100:.2f}}}}}]}}\n"
    texts = [(prefix + sku)[:64] for sku in skus]
    texts = list(dict.fromkeys(texts))
    outcome = calculate(rules, [line(number, sku, 5_00) for number, sku in enumerate(texts, start=1)], explain=False)
    given_to = [sku for sku, minor in zip(texts, discounts(outcome, "off"), strict=True) if minor]
    if len(texts) >= off:
        assert sorted(given_to) == sorted(texts)[:off]
