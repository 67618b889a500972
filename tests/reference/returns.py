"""Returns against the original as arithmetic (semantics §6.7, §6.11.26).

Decides what a series of partial returns gives back: money, points paid, points accrued, counters. Everything follows
from how much of each line has come back in all, so the order and size of the parts make no difference. Policies that
look at the rest of the basket are not here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .numbers import largest_remainder

# Thousandths returned so far, by line.
Returned = Mapping[int, int]


def share(whole_amount: int, returned: int, sold: int) -> int:
    """R(k) = ⌊amount · k / quantity⌋: what has come back when k of the quantity has."""
    assert 0 <= returned <= sold
    return whole_amount * returned // sold


@dataclass(frozen=True)
class SoldLine:
    """One line of the sale. Points are in the smallest unit; `unit_nets` only for goods printed by unit price."""

    line_no: int
    qty: int
    net: int
    points_paid: Mapping[str, int]
    discounts: Mapping[str, int]
    unit_nets: tuple[int, ...] = ()

    def refund(self, returned: int) -> int:
        """By unit price, cheapest first, where units were printed so (§6.11.26); else the cumulative share."""
        if self.unit_nets:
            return sum(sorted(self.unit_nets)[: returned // 1000])
        return share(self.net, returned, self.qty)


@dataclass(frozen=True)
class Sale:
    """What a sale left behind: lines, lots it accrued (points by line), lots it paid with in the order of use."""

    lines: tuple[SoldLine, ...]
    accrued: Mapping[str, Mapping[int, int]]
    used: Mapping[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True)
class Back:
    """All that has come back after some returns; a return is the difference of two of these."""

    refunds: dict[int, int]
    cancelled: dict[str, int]
    restored: dict[str, int]
    discounts: dict[str, int]

    def less(self, earlier: "Back") -> "Back":
        def minus(now: Any, before: Any) -> Any:
            return {key: amount - before.get(key, 0) for key, amount in now.items()}

        return Back(
            minus(self.refunds, earlier.refunds),
            minus(self.cancelled, earlier.cancelled),
            minus(self.restored, earlier.restored),
            minus(self.discounts, earlier.discounts),
        )


def sale_of(
    result: Mapping[str, Any], receipt: Mapping[str, Any], used: Mapping[str, tuple[tuple[str, int], ...]],
    by_unit: frozenset[int] = frozenset(),
) -> Sale:  # fmt: skip
    """A sale from the reference result. Points of a line: LR over the lines as paid, per asset."""
    rows = sorted(result["lines"], key=lambda row: int(row["line_no"]))
    quantity = {line["line_no"]: line["qty_milli"] for line in receipt["lines"]}
    points: dict[int, dict[str, int]] = {row["line_no"]: {} for row in rows}
    for asset, paid in result["points_paid"].items():
        shares = largest_remainder(paid, [row["paid_by_asset"].get(asset, 0) for row in rows])
        for row, part in zip(rows, shares, strict=True):
            points[row["line_no"]][asset] = part
    lines = []
    for row in rows:
        discounts: dict[str, int] = {}
        for entry in row["discounts"]:
            discounts[entry["promotion_id"]] = discounts.get(entry["promotion_id"], 0) + entry["amount_minor"]
        number = row["line_no"]
        nets = tuple(row["unit_nets"]) if number in by_unit else ()
        lines.append(SoldLine(number, quantity[number], row["net_minor"], points[number], discounts, nets))
    accrued = {f"{lot['promotion_id']}/{lot['reward_no']}/{lot['asset']}": lot["lines"] for lot in result["lots"]}
    return Sale(tuple(lines), accrued, used)


def back(sale: Sale, returned: Returned) -> Back:
    """What has come back in all when so much of each line has."""
    quantity = {line.line_no: line.qty for line in sale.lines}
    cancelled = {
        lot: sum(share(points, returned.get(number, 0), quantity[number]) for number, points in by_line.items())
        for lot, by_line in sale.accrued.items()
    }
    restored: dict[str, int] = {}
    for asset, lots in sale.used.items():
        total = sum(
            share(line.points_paid.get(asset, 0), returned.get(line.line_no, 0), line.qty) for line in sale.lines
        )
        restored |= restore(total, lots)
    discounts: dict[str, int] = {}
    for line in sale.lines:
        for promotion_id, amount in line.discounts.items():
            part = share(amount, returned.get(line.line_no, 0), line.qty)
            discounts[promotion_id] = discounts.get(promotion_id, 0) + part
    refunds = {line.line_no: line.refund(returned.get(line.line_no, 0)) for line in sale.lines}
    return Back(refunds, cancelled, restored, discounts)


def restore(total: int, used: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Points go back to the lots they came from, the last used first, by the total returned so far."""
    result: dict[str, int] = {}
    for lot, points in reversed(used):
        result[lot] = min(points, total)
        total -= result[lot]
    assert total == 0, "more points came back than were paid"
    return result


def returns(sale: Sale, parts: Sequence[Returned]) -> list[Back]:
    """What each return of a series gives back."""
    so_far: dict[int, int] = {}
    before, result = back(sale, so_far), []
    for part in parts:
        so_far = {number: so_far.get(number, 0) + part.get(number, 0) for number in {*so_far, *part}}
        after = back(sale, so_far)
        result.append(after.less(before))
        before = after
    return result


def is_whole(sale: Sale, returned: Returned, promotion_id: str) -> bool:
    """Whether every line a promotion touched is back: only then its coupon and its `times` are (§6.7.6)."""
    touched = [line for line in sale.lines if line.discounts.get(promotion_id)]
    return all(returned.get(line.line_no, 0) == line.qty for line in touched)


@dataclass(frozen=True)
class LotState:
    """What is left of a lot when a return asks for its points."""

    lot: str
    asset: str
    left: int
    is_pending: bool = False


def take_back(
    wanted: int, own: str, lots: list[LotState], policy: str = "WITHIN_BALANCE"
) -> tuple[dict[str, int], int]:  # fmt: skip
    """Points taken from lots and the debt: from the own lot, then by policy from other active ones (§6.7.4)."""
    by_name = {lot.lot: lot for lot in lots}
    mine = by_name[own]
    allowed = [] if policy == "ONLY_PENDING" and not mine.is_pending else [mine]
    if policy != "ONLY_PENDING":
        allowed += [lot for lot in lots if lot.asset == mine.asset and lot.lot != own and not lot.is_pending]
    taken: dict[str, int] = {}
    for lot in allowed:
        part = min(wanted, lot.left)
        if part:
            taken[lot.lot] = part
        wanted -= part
    return taken, wanted
