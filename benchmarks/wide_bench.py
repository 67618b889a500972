"""What a calculation costs when many promotions matter to a receipt: 500 plain ones, 20 sets, the longest receipt.

Numbers are medians of rounds in processor time, as those of `core_bench`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from random import Random
from typing import Any

from altyn.benchmarks import wide_rules
from altyn.benchmarks.core_bench import Corpus, calculate_nanoseconds
from altyn.benchmarks.core_rules import Row
from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.ruleset import Ruleset

RECEIPTS = 200
LONG_RECEIPTS = 4
ROUNDS = 9
SEED = 2027


def run() -> dict[str, Any]:
    """The figures by their names in the report; `unsearched_share` is of OPTIMAL groups that went by priority."""
    random = Random(SEED)
    plain = ruleset_of(wide_rules.plain_promotions(random))
    sets = ruleset_of(wide_rules.set_promotions())
    rows = wide_rules.receipts(RECEIPTS, random)
    result = measure("calc_us_500_relevant", 1_000, plain, rows)
    result |= measure("calc_us_sets", 1_000, sets, rows)
    result["unsearched_share"] = round(unsearched(sets, rows), 4)
    long = wide_rules.long_receipts(LONG_RECEIPTS, random)
    return result | measure("calc_ms_1000_lines", 1_000_000, ruleset_of(wide_rules.hungry_promotions()), long)


def ruleset_of(promotions: Iterable[Promotion]) -> Ruleset:
    return Ruleset(compile_ruleset(list(promotions), version=1))


def measure(name: str, unit_ns: int, ruleset: Ruleset, rows: list[Row]) -> dict[str, Any]:
    """The median of rounds, the quartiles around it, and how many promotions were looked at."""
    corpus = Corpus(rows)
    _, relevant, _ = calculate_nanoseconds(ruleset, corpus, 1)
    rounds = [calculate_nanoseconds(ruleset, corpus, 1)[0] / unit_ns for _ in range(ROUNDS)]
    low, middle, high = (round(quartile, 3) for quartile in statistics.quantiles(rounds, n=4))
    return {name: middle, f"{name}_quartiles": [low, high], f"{name}_looked_at": round(relevant, 1)}


def unsearched(ruleset: Ruleset, rows: list[Row]) -> float:
    """Share of receipts with an OPTIMAL group that was not searched."""
    cut = 0
    for row in rows:
        lines = [
            {"line_no": number, "sku": sku.decode(), "group_id": category.decode(), "brand_id": brand.decode(),
             "price_minor": price, "qty_milli": quantity}
            for number, (sku, category, brand, price, quantity) in enumerate(row, start=1)
        ]  # fmt: skip
        cut += "REASON_NOT_SEARCHED" in evaluate(ruleset, {"lines": lines}, {}, None, (0, 0, 0))["flags"]
    return cut / len(rows)
