"""The table a shop director reads after a demonstration: what was sold, what it cost, what customers got.

Plain totals in, a rich table out. It adds and formats; it never computes an amount of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.console import Group
from rich.table import Table
from rich.text import Text


@dataclass(slots=True)
class StoreTotals:
    """One store's day or days, in minor units and points."""

    receipts_count: int = 0
    gross_minor: int = 0
    discount_minor: int = 0
    points_accrued: int = 0


@dataclass(slots=True)
class Totals:
    """What a replay adds up. ``discounts_minor`` is by promotion id; ``gave`` are promotions that were seen to give
    something else: points, words, codes.
    """

    receipts_count: int = 0
    member_receipts_count: int = 0
    gross_minor: int = 0
    discount_minor: int = 0
    points_paid_minor: int = 0
    to_pay_minor: int = 0
    returned_minor: int = 0
    points_accrued: int = 0
    points_redeemed: int = 0
    discounts_minor: dict[str, int] = field(default_factory=dict)
    discounted_receipts_count: dict[str, int] = field(default_factory=dict)
    gave: set[str] = field(default_factory=set)
    stores: dict[str, StoreTotals] = field(default_factory=dict)

    def silent(self, promotions: Iterable[str]) -> list[str]:
        """Those that were not seen to give anything."""
        return [one for one in promotions if one not in self.gave and one not in self.discounts_minor]


def show(
    totals: Totals, titles: Mapping[str, str], *, currency: str = "USD", exponent: int = 2, scale: int = 2
) -> Group:
    """The report. ``titles`` are promotions by id; one without a title is shown by its id."""
    return Group(
        _summary(totals, currency, exponent, scale),
        _promotions(totals, titles, exponent),
        _stores(totals, exponent, scale),
        *(Text(f"Gave nothing: {titles[one]} ({one})") for one in totals.silent(titles)),
        Text("Amounts are not real sales: a published retail dataset at rebuilt shelf prices.", style="dim"),
    )


def amount(minor: int, digits: int) -> str:
    """A whole number of minor units with its decimal point and thin spaces between thousands."""
    sign, whole = "−" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    units, fraction = (whole[:-digits], "." + whole[-digits:]) if digits else (whole, "")
    return sign + f"{int(units):,}".replace(",", "\u202f") + fraction


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent with one digit, half-up; a dash when there is no whole."""
    if whole <= 0:
        return "–"
    tenths = (part * 2000 + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10} %"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
    return table


def _summary(totals: Totals, currency: str, exponent: int, scale: int) -> Table:
    table = _table(f"Sales, {currency}", "", "", "of shelf price")
    members = share(totals.member_receipts_count, totals.receipts_count)
    table.add_row("Receipts", amount(totals.receipts_count, 0), "")
    table.add_row("… with a loyalty card", amount(totals.member_receipts_count, 0), members + " of receipts")
    for name, minor in (
        ("At shelf prices", totals.gross_minor),
        ("Discounts", -totals.discount_minor),
        ("Paid with points", -totals.points_paid_minor),
        ("Paid with money", totals.to_pay_minor),
        ("Given back", -totals.returned_minor),
    ):
        table.add_row(name, amount(minor, exponent), share(abs(minor), totals.gross_minor))
    table.add_row("Points given", amount(totals.points_accrued, scale), "")
    table.add_row("Points spent", amount(totals.points_redeemed, scale), "")
    return table


def _promotions(totals: Totals, titles: Mapping[str, str], exponent: int) -> Table:
    table = _table("Discounts by promotion", "Promotion", "Receipts", "Discount", "of all discounts")
    for promotion_id, minor in sorted(totals.discounts_minor.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(
            titles.get(promotion_id, promotion_id),
            amount(totals.discounted_receipts_count.get(promotion_id, 0), 0),
            amount(minor, exponent),
            share(minor, totals.discount_minor),
        )
    return table


def _stores(totals: Totals, exponent: int, scale: int) -> Table:
    columns = ("Store", "Receipts", "At shelf prices", "Discount", "of shelf price", "Points given")
    table = _table("Stores", *columns)
    for store_id, store in sorted(totals.stores.items(), key=lambda item: (-item[1].gross_minor, item[0])):
        table.add_row(
            store_id,
            amount(store.receipts_count, 0),
            amount(store.gross_minor, exponent),
            amount(store.discount_minor, exponent),
            share(store.discount_minor, store.gross_minor),
            amount(store.points_accrued, scale),
        )
    return table
