"""READJUDICATE and FORBID_PARTIAL (semantics §6.7.3, §6.11.26), written from the specification alone.

Decides how many points of a sale have been cancelled when so much of each line has come back: promotions that keep are
shared by line; of those that are decided again it is A₀ − min(A₀, A(rest)) per asset, A being stage 11 on what is left
with the nets of the sale. Never looks at how the points were taken from the account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .documents import RuleBook, read_rules
from .goods import read_line
from .numbers import largest_remainder
from .oracle import Work, accrue, prepared
from .returns import Returned, share


def cancelled(
    rules: Iterable[Any] | RuleBook,
    receipt: dict[str, Any],
    result: Mapping[str, Any],
    returned: Returned,
    **world: Any,
) -> dict[str, int]:
    """Points by asset; `result` is what `calculate` says of the sale, `world` the rest of its arguments."""
    book = rules if isinstance(rules, RuleBook) else read_rules(rules)
    again = {one.promotion_id for one in book.promotions() if one.on_return == "READJUDICATE"}
    sold = {line["line_no"]: line["qty_milli"] for line in receipt["lines"]}
    total: dict[str, int] = {}
    at_first: dict[str, int] = {}
    shared: dict[tuple[str, int], int] = {}
    for lot in result["lots"]:
        total.setdefault(lot["asset"], 0)
        if lot["promotion_id"] in again:
            at_first[lot["asset"]] = at_first.get(lot["asset"], 0) + lot["points"]
            continue
        for number, points in lot["lines"].items():
            shared[lot["asset"], number] = shared.get((lot["asset"], number), 0) + points
    for (asset, number), points in shared.items():
        total[asset] += share(points, returned.get(number, 0), sold[number])
    now = _on_rest(book, receipt, result, returned, again, world) if at_first else {}
    for asset, points in at_first.items():
        total[asset] += points - min(points, now.get(asset, 0))
    return total


def _on_rest(
    book: RuleBook,
    receipt: dict[str, Any],
    result: Mapping[str, Any],
    returned: Returned,
    again: set[str],
    world: dict[str, Any],
) -> dict[str, int]:
    """What these promotions give on what is left, by asset."""
    rows = {row["line_no"]: row for row in result["lines"]}
    lines, nets, paid = [], {}, {}
    for given in receipt["lines"]:
        number, sold = given["line_no"], given["qty_milli"]
        k = returned.get(number, 0)
        if k == sold:
            continue
        left = {key: rows[number][key] - share(rows[number][key], k, sold) for key in _FIGURES}
        line = read_line(given)
        lines.append(replace(line, qty=sold - k, gross=sum(left.values())))
        nets[number], paid[number] = left["net_minor"], left["points_paid_minor"]
    if not lines:
        return {}
    work = prepared(book, lines, receipt, **{"holdings": None, **world})
    _charge(work, nets, paid)
    accrue(work)
    found: dict[str, int] = {}
    for lot in work.points.lots:
        if lot["promotion_id"] in again:
            found[lot["asset"]] = found.get(lot["asset"], 0) + lot["points"]
    return found


_FIGURES = ("net_minor", "discount_minor", "points_paid_minor")


def _charge(work: Work, nets: dict[int, int], paid: dict[int, int]) -> None:
    """The nets of the sale stand in the place of running prices: units of a line by equal weights."""
    slots_of: dict[int, list[tuple[int, int]]] = {}
    for slot in work.board.slots():
        slots_of.setdefault(work.board.unit(slot).line.line_no, []).append(slot)
    by_points: dict[tuple[int, int], int] = {}
    for number, slots in slots_of.items():
        for slot, net in zip(slots, largest_remainder(nets[number], [1] * len(slots)), strict=True):
            group = work.board.groups[slot[0]]
            group.running = [*group.running[: slot[1]], net, *group.running[slot[1] + 1 :]]
        by_points |= zip(slots, largest_remainder(paid[number], [1] * len(slots)), strict=True)
    if any(by_points.values()):
        work.payments.amounts["paid"] = by_points
        work.payments.points["paid"] = sum(by_points.values())


def is_refused(
    documents: Iterable[dict[str, Any]],
    receipt: dict[str, Any],
    result: Mapping[str, Any],
    before: Returned,
    after: Returned,
) -> bool:
    """Whether a preview refuses: of what a promotion with FORBID_PARTIAL gave on some comes back and some stays."""
    sold = {line["line_no"]: line["qty_milli"] for line in receipt["lines"]}
    for document in documents:
        if document.get("on_return") != "FORBID_PARTIAL":
            continue
        name = document["promotion"]
        touched = [
            row["line_no"]
            for row in result["lines"]
            if any(one["promotion_id"] == name for one in row["discounts"])
            or any(promotion_id == name for promotion_id, _ in row["participates_as"])
        ]
        moved = any(after.get(number, 0) > before.get(number, 0) for number in touched)
        if moved and any(after.get(number, 0) < sold[number] for number in touched):
            return True
    return False
