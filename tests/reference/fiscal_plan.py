"""What the fiscal receipt prints of each line (pos-conversation §4.6), and the rounding it needs (semantics §6.11.24).

Decides unit prices and rows by trying them one after another. A row is lawful when price × quantity rounds to its sum.
"""

from collections.abc import Callable, Iterator
from typing import Any

from .board import Board, Slot
from .discounts import Applied, Ledger
from .goods import PLAIN_FLOOR, Line
from .numbers import round_half_up

Row = tuple[int, int, int]
# Quantity in thousandths, price and sum in kopecks.


def is_measured(line: Line) -> bool:
    """One indivisible unit (§6.11.1)."""
    return line.unit != "PIECE" or line.qty % 1000 != 0


def is_one_label(line: Line) -> bool:
    """A measured line that may not be two rows: by its own word, or since marked goods are never split."""
    return is_measured(line) and (line.no_split or line.is_marked)


def prices_of(total: int, qty: int, most: int) -> Iterator[int]:
    """Unit prices up to `most`, the largest first, with which one row makes the sum."""
    for price in range(min(most, (total + 1) * 1000 // qty), -1, -1):
        made = round_half_up(price * qty, 1000)
        if made == total:
            yield price
        if made < total:
            return


def one_row(line: Line, total: int) -> Row | None:
    """At the till's own price when nothing was taken off, at 0 when nothing is left, else at the largest that does."""
    if total == line.gross:
        return line.qty, line.price, total
    price = 0 if total == 0 else next(prices_of(total, line.qty, line.price), None)
    return None if price is None else (line.qty, price, total)


def two_rows(line: Line, total: int) -> list[Row]:
    """At adjacent prices, as little as may be at the dearer one."""
    price = total * 1000 // line.qty
    for dearer in range(1, line.qty):
        first = round_half_up(price * (line.qty - dearer), 1000)
        second = round_half_up((price + 1) * dearer, 1000)
        if first + second == total:
            return [(line.qty - dearer, price, first), (dearer, price + 1, second)]
    raise AssertionError(f"{total} cannot be made of {line.qty}")


def measured_rows(line: Line, total: int) -> list[Row]:
    row = one_row(line, total)
    return two_rows(line, total) if row is None else [row]


def piece_rows(prices: list[int], singly: bool) -> list[Row]:
    """Units by price, the cheapest first; marked goods one by one."""
    rows: list[Row] = []
    for price in sorted(prices):
        if rows and rows[-1][1] == price and not singly:
            qty, _, total = rows.pop()
            rows.append((qty + 1000, price, total + price))
        else:
            rows.append((1000, price, price))
    return rows


def rows_of(line: Line, net: int, unit_nets: list[int], by_unit: bool) -> list[Row]:
    """`unit_nets` are printed only where a discount was left on free units; else pieces share the line's net evenly."""
    if is_measured(line):
        return measured_rows(line, net)
    count = line.qty // 1000
    even = [net // count] * (count - net % count) + [net // count + 1] * (net % count)
    return piece_rows(unit_nets if by_unit else even, line.is_marked)


def plan(
    lines: list[Line], board: Board, nets: dict[int, int], is_free: Callable[[Line], bool]
) -> list[dict[str, Any]]:
    """The whole plan, lines in the receipt's order."""
    result = []
    for line in lines:
        by_unit = is_free(line) and not is_measured(line)
        unit_nets = [board.running(slot) for slot in board.slots() if board.unit(slot).line is line]
        for number, (qty, price, total) in enumerate(rows_of(line, nets[line.line_no], unit_nets, by_unit), start=1):
            row = {"qty_milli": qty, "price_minor": price, "sum_minor": total, "by_unit": by_unit}
            result.append({"line_no": line.line_no, "sub_no": number, **row})
    return result


def round_one_labels(board: Board, ledger: Ledger) -> bool:
    """Stage 10: lines of one label go to the nearest lower sum one row can have; whether some floor forbade it."""
    forbidden = False
    amounts: dict[Slot, int] = {}
    for slot in board.slots():
        line = board.unit(slot).line
        running = board.running(slot)
        if not is_one_label(line) or one_row(line, running) is not None:
            continue
        lower = next(total for total in range(running, -1, -1) if one_row(line, total) is not None)
        if line.is_discountable and running - lower <= board.room(slot, PLAIN_FLOOR):
            amounts[slot] = running - lower
        else:
            forbidden = True
    if amounts:
        board.lower(amounts)
        ledger.applied.append(Applied("", 0, "rounding", "rounding", amounts))
    return forbidden
