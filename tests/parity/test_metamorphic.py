"""What must not change what the core gives, on generated documents over the whole vocabulary (semantics §6.10).

The guarantee covers PIECE lines of whole quantity without the till's or the cashier's figures. The one exception it
names is left out: the odd kopeck may move between the lines of a calc group, so lines are compared by what they sum to,
and labels, whose last kopeck follows it, are taken off the goods. Ladders in order of scan look at line numbers.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from altyn.core.rules.ruleset import Ruleset
from tests.parity.compare import core_clock, core_customer, prepared
from tests.parity.engine import AWAITED, WIDTH_MAX, evaluate_case, ruleset_of
from tests.reference.generator import Case, generate

FIRST_SEED = 700_000
CASES = 250
Outcome = dict[str, Any]
Lines = list[dict[str, Any]]
TILL = ("external_discounts", "manual_discount", "gross_minor", "no_split", "mark_code")


def covered(case: Case) -> Case | None:
    """The case with the goods the guarantee covers, if any are left."""
    lines = [
        {key: value for key, value in line.items() if key not in TILL}
        for line in case.receipt["lines"]
        if line["unit"].endswith("PIECE") and line["qty_milli"] % 1000 == 0
    ]
    documents = copy.deepcopy(case.rules_documents)
    for document in documents:
        for reward in document.get("reward", ()):
            if "ladder" in reward:
                reward["ladder"].pop("order", None)
    return replace(case, rules_documents=documents, receipt={**case.receipt, "lines": lines}) if lines else None


@cache
def cases() -> list[tuple[int, Case, Ruleset]]:
    """Covered cases by seed with their rules, some of the first width."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + CASES):
        case = covered(generate(seed, 1 if seed % 10 == 0 else WIDTH_MAX, AWAITED))
        if case is not None:
            found.append((seed, case, compiled(case, case.rules_documents)))
    return found


def compiled(case: Case, documents: list[Any]) -> Ruleset:
    return ruleset_of(prepared(case, documents))


def calculated(ruleset: Ruleset, case: Case, lines: Lines | None = None, explain: bool = False) -> Outcome:
    receipt = case.receipt if lines is None else {**case.receipt, "lines": lines}
    return evaluate_case(ruleset, replace(case, receipt=receipt), core_customer(case), core_clock(case), explain)


def told(outcome: Outcome) -> Outcome:
    """All of an outcome that does not depend on which line is which."""
    rules = outcome["explain"]["rules"]
    return {
        **{key: outcome[key] for key in ("totals", "coupons", "counters", "max_redeem", "messages", "issued_coupons")},
        "gifts": outcome.get("gifts"),
        "nudges": outcome["nudges"],
        "rules": [
            (row["promotion_id"], row["reward_no"], row["verdict"], row["amount_minor"], row["points"]) for row in rules
        ],
    }


def by_sku(outcome: Outcome, lines: Lines) -> dict[str, int]:
    """What is to pay for each product."""
    sku_of = {line["line_no"]: line["sku"] for line in lines}
    paid: dict[str, int] = {}
    for row in outcome["lines"]:
        sku = sku_of[row["line_no"]]
        paid[sku] = paid.get(sku, 0) + row["net_minor"]
    return paid


def scanned_otherwise(lines: Lines, rng: random.Random) -> Lines:
    shuffled = copy.deepcopy(lines)
    numbers = [line["line_no"] for line in shuffled]
    rng.shuffle(shuffled)
    for number, line in zip(numbers, shuffled, strict=True):
        line["line_no"] = number
    return shuffled


def split(lines: Lines, rng: random.Random) -> Lines:
    """Every line of several pieces as two."""
    result: Lines = []
    for line in lines:
        pieces = line["qty_milli"] // 1000
        parts = [pieces]
        if pieces > 1:
            first = rng.randint(1, pieces - 1)
            parts = [first, pieces - first]
        result += [{**line, "qty_milli": part * 1000} for part in parts]
    return numbered(result)


def merged(lines: Lines, rng: random.Random) -> Lines:
    """Lines alike in all but number and quantity as one."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        key = repr(sorted((key, value) for key, value in line.items() if key not in ("line_no", "qty_milli")))
        if key in found:
            found[key]["qty_milli"] += line["qty_milli"]
        else:
            found[key] = dict(line)
    return numbered(list(found.values()))


def numbered(lines: Lines) -> Lines:
    return [{**line, "line_no": number} for number, line in enumerate(lines, start=1)]


@pytest.mark.parametrize("change", [scanned_otherwise, split, merged])
def test_way_of_scanning_changes_nothing(change: Callable[[Lines, random.Random], Lines]) -> None:
    changed = 0
    for seed, case, ruleset in cases():
        lines = change(case.receipt["lines"], random.Random(seed))
        one, other = calculated(ruleset, case, explain=True), calculated(ruleset, case, lines, explain=True)
        assert told(other) == told(one), seed
        assert by_sku(other, lines) == by_sku(one, case.receipt["lines"]), seed
        changed += len(lines) != len(case.receipt["lines"]) or change is scanned_otherwise
    assert changed > CASES // 20


def test_line_of_price_0_changes_nothing() -> None:
    for seed, case, ruleset in cases():
        lines = case.receipt["lines"]
        free = {
            **random.Random(seed).choice(lines),
            "price_minor": 0,
            "line_no": max(one["line_no"] for one in lines) + 1,
        }
        with_it = calculated(ruleset, case, [*lines, free], explain=True)
        alone = calculated(ruleset, case, explain=True)
        assert told(with_it) == told(alone), seed
        assert with_it["lines"][:-1] == alone["lines"], seed
        assert with_it["lines"][-1]["net_minor"] == 0


# Nobody buys this, nobody is this, and nobody has this code.
IRRELEVANT: list[dict[str, Any]] = [
    {
        "promotion": "0-goods",
        "stage": "price",
        "priority": 0,
        "exclusive": "ALL",
        "reward": [{"percent": {"rate": 99}}],
    },
    {"promotion": "0-store", "stage": "item", "priority": 0, "exclusive": {"over": "ALL", "scope": "RECEIPT"}},
    {"promotion": "0-sum", "stage": "set", "priority": 0, "when": {"receipt_sum": {"from": "900000000.00"}}},
    {"promotion": "0-points", "priority": 0, "reward": [{"points": {"asset": "bonus", "percent": 99}}]},
]
IRRELEVANT[0]["reward"][0]["percent"]["of"] = {"sku": "nobody buys this"}
IRRELEVANT[1] |= {"when": {"store": {"id": "no such store"}}, "reward": [{"amount": {"off": "5.00", "spread": "unit"}}]}
IRRELEVANT[2]["reward"] = [{"multi_buy": {"take": 2, "pay": 1}}]
IRRELEVANT[3]["reward"][0]["points"]["of"] = {"category": "nobody buys this"}


def test_promotion_that_does_not_apply_changes_nothing() -> None:
    for seed, case, ruleset in cases():
        with_them = compiled(case, [*case.rules_documents, *IRRELEVANT])
        assert calculated(with_them, case) == calculated(ruleset, case), seed


def test_receipts_one_after_another_are_calculated_as_each_alone() -> None:
    """Rules are used again and again, forwards and backwards, each time as if for the first receipt."""
    batch = cases()[:30]
    for _, case, ruleset in batch[:8]:
        others = [replace(other, rules_documents=case.rules_documents) for _, other, _ in batch]
        alone = [calculated(compiled(case, case.rules_documents), other) for other in others]
        assert [calculated(ruleset, other) for other in others] == alone
        assert [calculated(ruleset, other) for other in reversed(others)] == alone[::-1]
