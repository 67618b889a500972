"""Small receipts through the core: documents and lines in short, the outcome as proto field names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset

NOON = (1_800_000_000_000_000, 0, 0)
Wall = tuple[int, int, int]


def compiled(text: str) -> Ruleset:
    """The ruleset of YAML documents."""
    rules = read_documents(load_documents(text))
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, version=1))


def line(line_no: int, sku: str, price_minor: int, qty_milli: int = 1000, **more: Any) -> dict[str, Any]:
    return {"line_no": line_no, "sku": sku, "price_minor": price_minor, "qty_milli": qty_milli, **more}


def lines(*prices: int, **more: Any) -> list[dict[str, Any]]:
    """One unit of sku a, b, c, … at each price."""
    return [line(number, chr(ord("a") + number - 1), price, **more) for number, price in enumerate(prices, start=1)]


def calculate(
    rules: str | Ruleset,
    bought: Sequence[dict[str, Any]],
    customer: dict[str, Any] | None = None,
    coupons: Sequence[str] = (),
    store: dict[str, Any] | None = None,
    wall: Wall = NOON,
    explain: bool = True,
) -> dict[str, Any]:
    """The outcome; explained unless told otherwise."""
    ruleset = compiled(rules) if isinstance(rules, str) else rules
    receipt = {"lines": list(bought), "coupons": [{"code": code} for code in coupons]}
    return evaluate(ruleset, receipt, store or {}, customer, wall, explain)


def nets(outcome: dict[str, Any]) -> list[int]:
    return [row["net_minor"] for row in outcome["lines"]]


def discounts(outcome: dict[str, Any], promotion_id: str) -> list[int]:
    """What a promotion took from each line."""
    return [
        sum(row["amount_minor"] for row in one["discounts"] if row["promotion_id"] == promotion_id)
        for one in outcome["lines"]
    ]


def points(outcome: dict[str, Any]) -> list[int]:
    return [sum(row["points"] for row in one["accrual"]) for one in outcome["lines"]]


def trace(outcome: dict[str, Any], promotion_id: str, reward_no: int = 0) -> dict[str, Any]:
    return next(
        row
        for row in outcome["explain"]["rules"]
        if row["promotion_id"] == promotion_id and row["reward_no"] == reward_no
    )


def roles(outcome: dict[str, Any], promotion_id: str) -> list[str]:
    """What part each line had in a promotion: T target, Q qualifier."""
    return [
        "".join(
            row["role"][len("PARTICIPATION_ROLE_")]
            for row in one["participates_as"]
            if row["promotion_id"] == promotion_id
        )
        for one in outcome["lines"]
    ]
