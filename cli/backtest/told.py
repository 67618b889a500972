"""A backtest's report for a terminal: what changes, where, and what was assumed. Only prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from altyn.admin_api.backtests.report import MISSING_TOLD, SKIPPED_TOLD
from altyn.cli.demo.report import amount, share

ROWS_SHOWN = 12
EXPONENT = 2


def told(report: Mapping[str, Any]) -> Group:
    """Everything a person reads at once; the whole is in the JSON and in the workbook."""
    parts: list[Any] = [_summary(report)]
    for kind, key, title in (
        ("promotions", "promotion", "Promotions, the largest change first"),
        ("days", "day", "Days"),
        ("stores", "store", "Stores, the largest change first"),
        ("categories", "category", "Categories, the largest change first"),
        ("segments", "segment", "Segments, the largest change first"),
        ("top", "seq", "Receipts, the largest change first"),
    ):
        if report[kind]:
            parts.append(_rows(report[kind], key, title))
    if report["limits"]:
        parts.append(_limits(report["limits"]))
    for texts, found in ((SKIPPED_TOLD, report["skipped"]), (MISSING_TOLD, report["missing"])):
        parts += [Text(f"{amount(count, 0)} {texts[reason]}", style="yellow") for reason, count in found.items()]
    parts.append(Text(f"{report['returns']} returns and {report['voids']} voids are not taken off."))
    parts += [Text(f"* {text}", style="dim") for text in report["assumptions"]]
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _summary(report: Mapping[str, Any]) -> Table:
    total = report["total"]
    table = _table(f"{report['first_day']} – {report['last_day']}", "", "as it was", "by the draft", "change")
    table.add_row("receipts", amount(report["receipts"], 0), "", "")
    table.add_row("… that change", "", amount(report["changed"], 0), share(report["changed"], report["receipts"]))
    for name, key in (("discounts", "discount"), ("paid with points", "points_paid"), ("to pay", "to_pay")):
        table.add_row(name, *_before_after(total[f"{key}_before_minor"], total[f"{key}_after_minor"], EXPONENT))
    for asset in report["assets"]:
        points = total["points"][asset["asset"]]
        table.add_row(f"points {asset['asset']}", *_before_after(points["before"], points["after"], asset["scale"]))
    return table


def _rows(rows: Sequence[Mapping[str, Any]], key: str, title: str) -> Table:
    table = _table(title, key, "receipts", "discount before", "after", "change", "points change")
    for row in rows[:ROWS_SHOWN]:
        receipts = row.get("receipts", row.get("receipts_after"))
        points = ", ".join(
            f"{_signed(one['after'] - one['before'], EXPONENT)} {name}"
            for name, one in row["points"].items()
            if one["after"] != one["before"]
        )
        changes = _before_after(row["discount_before_minor"], row["discount_after_minor"], EXPONENT)
        table.add_row(str(row[key]) or "–", amount(receipts, 0), *changes, points)
    if len(rows) > ROWS_SHOWN:
        table.add_row(f"… {len(rows) - ROWS_SHOWN} more", *[""] * 5)
    return table


def _limits(limits: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Limits and budgets", "promotion", "limit", "cap", "taken", "nothing left from")
    for limit in limits[:ROWS_SHOWN]:
        digits = {"amount": EXPONENT, "quantity": 3}.get(limit["measure"], 0)
        name = f"{limit['measure']} per {limit['per']}, {limit['window']}"
        caps = amount(limit["cap"], digits), amount(limit["taken"], digits)
        table.add_row(limit["promotion"], name, *caps, limit["spent_on"] or "–")
    return table


def _before_after(before: int, after: int, digits: int) -> tuple[str, str, str]:
    return amount(before, digits), amount(after, digits), _signed(after - before, digits)


def _signed(change: int, digits: int) -> str:
    return ("+" if change > 0 else "") + amount(change, digits)
