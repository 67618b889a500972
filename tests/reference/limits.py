"""Limits of a promotion and their counters (promotion-document «Limits of a promotion»; semantics §6.11.5, §6.11.19).

Decides how much of what a rule wants it may give. What is left is cap − used − held, less what this receipt took.
"""

from dataclasses import dataclass
from typing import Any

from .board import Amounts, Board, split
from .numbers import exact, minor

# (promotion, measure, per, window): what a counter is of. A budget counts as the measure it stands for.
CounterKey = tuple[str, str, str, str]
COUNTED = ("times", "amount", "quantity", "points")
PERSONAL = ("customer", "card")


@dataclass(frozen=True)
class Limit:
    """One measure: kopecks, thousandths of units, points in the smallest unit, or receipts."""

    promotion_id: str
    per: str
    window: str
    measure: str
    cap: int
    is_budget: bool = False
    skips: bool = False

    @property
    def key(self) -> CounterKey:
        return self.promotion_id, self.measure, self.per, self.window


@dataclass(frozen=True)
class Counters:
    """Used and held of every counter, as the book has them; `somebody` is false without an active card."""

    taken: dict[CounterKey, int]
    somebody: bool

    def left(self, limit: Limit, board: Board) -> int:
        """What of a measured limit is left for this receipt's next rule; never below 0."""
        given = board.given_by(limit.promotion_id)
        here = {"amount": given.amount, "quantity": given.quantity, "points": given.points, "times": 0}[limit.measure]
        taken = 0 if limit.per == "receipt" else self.taken.get(limit.key, 0)
        return max(0, limit.cap - taken - here)


def read_counters(rows: list[dict[str, Any]], somebody: bool) -> Counters:
    taken: dict[CounterKey, int] = {}
    for row in rows:
        key = str(row["promotion_id"]), str(row["measure"]), str(row["per"]), str(row["window"])
        taken[key] = taken.get(key, 0) + row.get("used", 0) + row.get("held", 0)
    return Counters(taken, somebody)


def read_limits(promotion_id: str, documents: list[dict[str, Any]], is_accrual: bool, scale: int) -> tuple[Limit, ...]:
    return tuple(_limit(promotion_id, document, is_accrual, scale) for document in documents)


def _limit(promotion_id: str, document: dict[str, Any], is_accrual: bool, scale: int) -> Limit:
    (named,) = set(document) & {*COUNTED, "budget"}
    measure = ("points" if is_accrual else "amount") if named == "budget" else named
    value = document[named]
    scales = {"times": 1, "amount": 100, "quantity": 1000, "points": 10**scale}
    cap = minor(value) if measure == "amount" else exact(value) * scales[measure]
    per = document.get("per", "promotion" if named == "budget" else "")
    return Limit(
        promotion_id=promotion_id,
        per=per,
        window=document.get("window", "" if per == "receipt" else "always"),
        measure=measure,
        cap=int(cap),
        # An amount or points that all share, by either name: `budget` is the same as `amount` per promotion.
        is_budget=per == "promotion" and measure in ("amount", "points"),
        skips=document.get("on_short", "PARTIAL") == "SKIP",
    )


def is_barred(limits: tuple[Limit, ...], counters: Counters, board: Board) -> bool:
    """Nobody to count for, or no receipts left: the rule is not even looked at."""
    for limit in limits:
        if limit.per in PERSONAL and not counters.somebody:
            return True
        if limit.measure == "times" and not counters.left(limit, board):
            return True
    return False


def quantity_left(limits: tuple[Limit, ...], counters: Counters, board: Board) -> int | None:
    """Thousandths that may still get the discount; None when nothing bounds them."""
    bounds = [counters.left(limit, board) for limit in limits if limit.measure == "quantity"]
    return min(bounds, default=None)


def allowed(
    wanted: int, measure: str, limits: tuple[Limit, ...], counters: Counters, board: Board
) -> tuple[int, str]:  # fmt: skip
    """How much of a wanted sum may be given, and the verdict of what lowered it (empty when nothing did)."""
    result, verdict = wanted, ""
    for limit in limits:
        if limit.measure != measure:
            continue
        left = counters.left(limit, board)
        if left < wanted:
            granted = 0 if limit.skips else left
            if granted < result:
                result, verdict = granted, "BUDGET" if limit.is_budget else "LIMIT"
    return result, verdict


def cut(amounts: Amounts, excess: int) -> Amounts:
    """Amounts less an excess, taken away by LR with the amounts as weights and caps (§6.11.5f)."""
    away = split(excess, amounts, amounts.__getitem__, amounts.__getitem__)
    return {slot: left for slot, amount in amounts.items() if (left := amount - away.get(slot, 0))}


def deltas(
    limits: tuple[Limit, ...], amount: int, quantity: int, points: int
) -> dict[CounterKey, int]:  # fmt: skip
    """What a promotion that gave this much adds to its counters; limits per receipt have none."""
    added = {"times": 1, "amount": amount, "quantity": quantity, "points": points}
    return {limit.key: added[limit.measure] for limit in limits if limit.per != "receipt" and added[limit.measure]}
