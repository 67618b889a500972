"""Stage 8: caps cut what was applied last (semantics §6.4, §6.11.20; promotion-document «limit»).

Decides cuts of discounts and the room caps leave for payment with points. Points themselves are never cut.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .board import Board, Slot, split
from .discounts import Applied, Ledger
from .goods import ProductSet, read_product_set
from .numbers import MILLION, minor, ppm_of_percent


@dataclass(frozen=True)
class Cap:
    goods: ProductSet
    by_line: bool
    ppm: int | None
    amount: int
    counts_points: bool


def read_caps(documents: Iterable[dict[str, Any]]) -> list[Cap]:
    """Limit documents come in (priority, id) order."""
    return [_cap(document["cap"]) for document in documents if "cap" in document]


def _cap(document: dict[str, Any]) -> Cap:
    return Cap(
        goods=read_product_set(document.get("of")),
        by_line=document.get("per", "receipt") == "line",
        ppm=ppm_of_percent(document["percent"]) if "percent" in document else None,
        amount=minor(document["amount"]) if "amount" in document else 0,
        counts_points=bool(document.get("include_points", False)),
    )


def areas(cap: Cap, board: Board) -> list[list[int]]:
    """Calc groups that share one limit: all covered ones, or each by itself."""
    covered = [number for number, group in enumerate(board.groups) if cap.goods(group.line)]
    return [[number] for number in covered] if cap.by_line else [covered]


def limit_of(cap: Cap, numbers: list[int], board: Board) -> int:
    if cap.ppm is None:
        return cap.amount
    units = [unit for number in numbers for unit in board.groups[number].units]
    gross = sum(unit.gross for unit in units if not unit.line.is_neutral)
    return cap.ppm * gross // MILLION


def run_caps(caps: list[Cap], board: Board, ledger: Ledger) -> None:
    for cap in caps:
        for numbers in areas(cap, board):
            _cut_to(limit_of(cap, numbers, board), set(numbers), board, ledger)


def discounts_on(numbers: Iterable[int], ledger: Ledger) -> int:
    """Discounts of stages 1–7 on some calc groups, the till's own included."""
    covered = set(numbers)
    return sum(sum(_covered(applied, covered).values()) for applied in ledger.applied)


def _covered(applied: Applied, numbers: set[int]) -> dict[Slot, int]:
    return {slot: amount for slot, amount in applied.amounts.items() if slot[0] in numbers}


def _cut_to(limit: int, numbers: set[int], board: Board, ledger: Ledger) -> None:
    """Last applied first; inside one rule by LR with its own amounts; the till's own are never cut."""
    excess = discounts_on(numbers, ledger) - limit
    for applied in reversed(ledger.applied):
        if excess <= 0:
            return
        if applied.kind == "external":
            continue
        mine = _covered(applied, numbers)
        away = split(min(excess, sum(mine.values())), mine, mine.__getitem__, mine.__getitem__)
        board.lower({slot: -amount for slot, amount in away.items()})
        kept = {slot: amount - away.get(slot, 0) for slot, amount in applied.amounts.items()}
        applied.amounts = {slot: amount for slot, amount in kept.items() if amount}
        cut = sum(away.values())
        applied.cut += cut
        applied.capped += cut
        excess -= cut
