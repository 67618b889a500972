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

# What to round to, in kopecks, and when.
SmallChange = tuple[int, Condition]


def read_small_change(documents: Iterable[dict[str, Any]]) -> list[SmallChange]:
    """Documents of kind rounding in (priority, id) order."""
    ordered = sorted(documents, key=lambda one: (int(one.get("priority", 100)), str(one["rounding"]).encode()))
    return [(minor(document["to"]), read_condition(document.get("when"))) for document in ordered]


def round_small_change(rules: list[SmallChange], board: Board, situation: Situation, ledger: Ledger) -> None:
    """The first whose condition holds; when floors and no_discount lines leave too little, nothing is rounded."""
    step = next((step for step, condition in rules if condition(situation).failure is None), 0)
    if not step:
        return
    over = sum(map(board.running, board.slots())) % step
    slots = [slot for slot in board.slots() if board.groups[slot[0]].line.is_discountable]
    amounts = split(over, slots, board.running, lambda slot: board.room(slot, PLAIN_FLOOR))
    if over and sum(amounts.values()) == over:
        board.lower(amounts)
        ledger.applied.append(Applied("", 0, "rounding", "rounding", amounts))
