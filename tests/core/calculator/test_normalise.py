"""Order of calc groups: by the bytes of their skus, however these look (semantics §6.11.1-2)."""

from __future__ import annotations

from random import Random

import pytest

from altyn.core.rules.ruleset import Ruleset
from tests.core.calculator.scenario import calculate, compiled, discounts, line

SKUS = {
    "shorter than a word": ["a", "ab", "abc", "b", "0", "zz", "z", "abcdefg"],
    "each begins with another": ["4600000000000000000"[:size] for size in range(1, 20)],
    "seven bytes and nine": ["1234567", "123456789", "12345678", "1234567a", "1234567Z9"],
    "scanned codes": [f"46{number * 7_919 % 100_000_000_000:011}" for number in range(20)],
    "the same eight bytes first": [f"ARTICLE-{number:06}" for number in range(32)],
    "the same sixteen bytes first": [f"ARTICLE-OF-A-SHOP-{number * 37 % 100:02}" for number in range(12)],
    "letters of several bytes": ["яблоко", "ябеда", "я", "jam", "Ябеда"],
    "ties in the leading bits": [f"46{number:011}" for number in (1, 2, 90_000_000_000, 90_000_000_001)],
    "more than are compared in pairs": [f"item-{number * 7_919 % 1_000:05}" for number in range(90)],
}
OFF = [
    compiled(f"- {{promotion: off, stage: receipt, reward: [{{amount: {{off: 0.{kopecks:02}}}}}]}}")
    for kopecks in (1, 4)
]


@pytest.mark.parametrize("skus", SKUS.values(), ids=SKUS)
@pytest.mark.parametrize(("rules", "kopecks"), list(zip(OFF, (1, 4), strict=True)))
def test_spare_kopecks_of_equal_groups_go_by_sku(rules: Ruleset, kopecks: int, skus: list[str]) -> None:
    scanned = Random(len(skus)).sample(skus, len(skus))
    first = sorted(skus, key=str.encode)[:kopecks]
    outcome = calculate(rules, [line(number, sku, 10_00) for number, sku in enumerate(scanned, start=1)])
    assert discounts(outcome, "off") == [sku in first for sku in scanned]


def test_texts_of_a_long_receipt_are_looked_up_on_every_line() -> None:
    named = (3, 63, 64, 65, 128, 199)
    skus = ", ".join(f"s{number}" for number in named)
    rules = f"- {{promotion: ten, stage: item, reward: [{{percent: {{rate: 10, of: {{sku: [{skus}]}}}}}}]}}"
    bought = [line(number + 1, f"s{number}", 10_00, group=f"g{number % 7}") for number in range(200)]
    assert discounts(calculate(rules, bought), "ten") == [100 * (number in named) for number in range(200)]


def test_pieces_of_several_lines_of_one_sku_are_one_group_in_order_of_their_lines() -> None:
    bought = [line(1, "b", 3_33, 2000), line(2, "a", 10_00), line(3, "b", 3_33), line(4, "b", 3_33, 3000)]
    rules = "- {promotion: off, stage: set, reward: [{amount: {off: 0.05, spread: line, of: {sku: b}}}]}"
    assert discounts(calculate(rules, bought), "off") == [2, 0, 1, 2]
