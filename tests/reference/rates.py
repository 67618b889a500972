"""Promotions of stage rate: what multiplies the rate of another one (semantics §6.11.17).

Decides which of them were applied, from what the promotions they name did in the end.
"""

from collections.abc import Iterable
from typing import Any

from .conditions import HOLDS, Answer
from .documents import RATE, Promotion, Rule
from .messages import judged


def rate_rows(promotions: Iterable[Promotion], verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each reward: APPLIED, ZERO where it held at a turn, else what failed at the first turn."""
    rows = []
    for promotion in promotions:
        for rule in promotion.spoken if promotion.stage == RATE else ():
            if rule.kind == "multiplier":
                rows.append(_row(rule, [row for row in verdicts if row["promotion_id"] == rule.terms["promotion"]]))
    return rows


def _row(rule: Rule, turns: list[dict[str, Any]]) -> dict[str, Any]:
    first: Answer | None = None
    verdict = ""
    for turn in turns:
        for member, answer in turn["multiplied"].said:
            if member.owner != rule.key:
                continue
            first = first or answer
            if answer.failure is None:
                acted = turn["verdict"] == "APPLIED" and member.times != 1 and any(map(member.goods, turn["targets"]))
                verdict = "APPLIED" if acted or verdict == "APPLIED" else "ZERO"
    said = first if first is not None and not verdict else HOLDS
    return judged(rule, said, verdict or said.failure or "ZERO")
