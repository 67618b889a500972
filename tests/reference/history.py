"""Conditions on earlier purchases (semantics §6.11.28, promotion-document «Earlier purchases»).

Decides figures by looking at every receipt of the customer's history, again for every question.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from .goods import FLAGS, Line, ProductSet, as_list, units_of


@dataclass(frozen=True)
class Earlier:
    """A committed receipt of the customer, returns already taken off: `paid` are kopecks by line."""

    date: date
    store: dict[str, Any]
    lines: tuple[Line, ...]
    paid: tuple[int, ...]
    gave: frozenset[str]

    def counted(self, goods: ProductSet) -> list[tuple[Line, int]]:
        pairs = zip(self.lines, self.paid, strict=True)
        return [(line, paid) for line, paid in pairs if line.is_counted and goods(line)]


def read_history(rows: list[dict[str, Any]] | None) -> list[Earlier]:
    """Receipts without a line are none."""
    return [_earlier(row) for row in rows or () if row.get("lines")]


def _earlier(row: dict[str, Any]) -> Earlier:
    lines = row["lines"]
    return Earlier(
        date=_date(row["date"]),
        store=row.get("store") or {},
        lines=tuple(_line(number, line) for number, line in enumerate(lines)),
        paid=tuple(int(line.get("paid_minor", 0)) for line in lines),
        gave=frozenset(str(one) for one in row.get("gave") or ()),
    )


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _line(number: int, line: dict[str, Any]) -> Line:
    """What there is in a history had a gross above 0, whatever was paid for it."""
    flags = line.get("flags") or {}
    return Line(
        line_no=number,
        sku=line["sku"],
        qty=line["qty_milli"],
        unit=str(line.get("unit") or "PIECE").removeprefix("UNIT_"),
        price=0,
        gross=1,
        computed_gross=1,
        vat_code=0,
        category=line.get("group_id") or "",
        brand=line.get("brand_id") or "",
        supplier=line.get("supplier_id") or "",
        min_price=0,
        cost=None,
        flags=frozenset(flag for flag in FLAGS if flag in flags and (not isinstance(flags, dict) or flags[flag])),
        external=(),
        manual_ppm=None,
        manual_amount=None,
        attributes=frozenset((line.get("attributes") or {}).items()),
    )


def window_of(document: Any, today: date) -> Callable[[date], bool]:
    """The business dates of a window, today's among them."""
    if isinstance(document, dict):
        first = today - timedelta(days=int(document["days"]) - 1)
        return lambda day: first <= day <= today
    if document == "week":
        monday = today - timedelta(days=today.weekday())
        return lambda day: monday <= day < monday + timedelta(days=7)
    if document == "month":
        return lambda day: (day.year, day.month) == (today.year, today.month)
    if document == "year":
        return lambda day: day.year == today.year
    assert document == "always", document
    return lambda _: True


@dataclass(frozen=True)
class Question:
    """Which earlier receipts are asked about, and which of their goods."""

    window: Any
    goods: ProductSet
    at: Callable[[dict[str, Any]], bool]

    def found(self, history: list[Earlier], today: date) -> list[tuple[Earlier, list[tuple[Line, int]]]]:
        """Receipts that count, each with its lines that do."""
        within = window_of(self.window, today)
        near = [one for one in history if within(one.date) and self.at(one.store)]
        pairs = [(one, one.counted(self.goods)) for one in near]
        return [(one, lines) for one, lines in pairs if lines]


def count_of(found: list[tuple[Earlier, list[tuple[Line, int]]]], count_by: str) -> int:
    """Thousandths of receipts, units or measure."""
    if count_by == "RECEIPTS":
        return 1000 * len(found)
    lines = [line for _, counted in found for line, _ in counted]
    if count_by == "WEIGHT":
        return sum(line.qty for line in lines)
    return 1000 * sum(len(units_of(line)) for line in lines)


def sum_of(found: list[tuple[Earlier, list[tuple[Line, int]]]]) -> int:
    return sum(paid for _, counted in found for _, paid in counted)


def start_by_sum(found: list[tuple[Earlier, list[tuple[Line, int]]]], wanted: int) -> date | None:
    """The earliest date by whose end the sums come to so much."""
    for day in sorted({one.date for one, _ in found}):
        if sum_of([pair for pair in found if pair[0].date <= day]) >= wanted:
            return day
    return None


def start_by_use(history: list[Earlier], promotion_id: str) -> date | None:
    """The earliest date of a receipt in which a promotion gave something."""
    return min((one.date for one in history if promotion_id in one.gave), default=None)


def next_number(document: dict[str, Any], number: int) -> tuple[bool, int]:
    """Whether this purchase has one of the numbers, and the next one that does, 0 when there is none."""
    if "every" in document:
        every = int(document["every"])
        return number % every == 0, -(-number // every) * every
    wanted = [int(one) for one in as_list(document["is"])]
    return number in wanted, min((one for one in wanted if one >= number), default=0)
