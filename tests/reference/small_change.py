"""Documents of kind rounding: small change at the end of stage 10 (semantics §6.4, §6.11.24).

Decides how much of what is to pay is let off. All or nothing.
"""

from collections.abc import Iterable
from typing import Any

from .board import Board, split
from .conditions import Condition, Situation, read_condition
from .discounts import Applied, Ledger
from .goods import PLAIN_FLOOR
from .numbers import minor

# The document's id, what to round to in kopecks, and when.
SmallChange = tuple[str, int, Condition]


def read_small_change(documents: Iterable[dict[str, Any]]) -> list[SmallChange]:
    """Documents of kind rounding in (priority, id) order."""
    ordered = sorted(documents, key=lambda one: (int(one.get("priority", 100)), str(one["rounding"]).encode()))
    return [(str(one["rounding"]), minor(one["to"]), read_condition(one.get("when"))) for one in ordered]


def round_small_change(
    rules: list[SmallChange], board: Board, situation: Situation, ledger: Ledger
) -> list[dict[str, Any]]:
    """The first whose condition holds; verdicts up to it, FLOOR when it cannot be placed whole."""
    verdicts: list[dict[str, Any]] = []
    for rounding_id, step, condition in rules:
        answer = condition(situation)
        verdicts.append({"promotion_id": rounding_id, "verdict": answer.failure, "condition": answer.path})
        if answer.failure is None:
            verdicts[-1]["verdict"] = _round(rounding_id, step, board, ledger)
            break
    return verdicts


def _round(rounding_id: str, step: int, board: Board, ledger: Ledger) -> str:
    over = sum(map(board.running, board.slots())) % step
    slots = [slot for slot in board.slots() if board.groups[slot[0]].line.is_discountable]
    amounts = split(over, slots, board.running, lambda slot: board.room(slot, PLAIN_FLOOR))
    if not over:
        return "ZERO"
    if sum(amounts.values()) < over:
        return "FLOOR"
    board.lower(amounts)
    ledger.applied.append(Applied(rounding_id, 0, "rounding", "rounding", amounts))
    return "APPLIED"
