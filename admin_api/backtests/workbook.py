"""A backtest's report as a workbook with charts, or as CSV: one table a sheet, amounts in whole units of money.

Heads and titles are English words; ``say`` tells them in another language. A text that came from outside is never a
formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import xlsxwriter

from altyn.admin_api.backtests.report import MISSING_TOLD, SKIPPED_TOLD

EXPONENT = 2
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
SHEET_CHARS_MAX = 31
Say = Callable[[str], str]
TABLES = {
    "days": ("day", "By day"),
    "stores": ("store", "By store"),
    "categories": ("category", "By category"),
    "segments": ("segment", "By segment"),
    "top": ("seq", "Top receipts"),
}
CHARTED_ROWS_MAX = 40


class Table(NamedTuple):
    """A sheet: rows of texts and numbers under their heads."""

    name: str
    title: str
    heads: list[str]
    rows: list[list[Any]]


def tables_of(report: Mapping[str, Any], exponent: int = EXPONENT, say: Say = str) -> list[Table]:
    """Every table of a report, the summary first; titles and heads are still to be said."""
    made = [_summary(report, exponent, say)]
    for kind, (key, title) in TABLES.items():
        if report[kind]:
            made.append(_sums(report, kind, key, title, exponent))
    if report["promotions"]:
        made.append(_promotions(report, exponent))
    if report["limits"]:
        made.append(_limits(report, exponent, say))
    return made


def write_csv(report: Mapping[str, Any], out: Path | BinaryIO, exponent: int = EXPONENT, say: Say = str) -> None:
    """All tables in one file, each under its title, an empty line between them. OSError."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for table in tables_of(report, exponent, say):
        heads = [say(head) for head in table.heads]
        writer.writerows([[say(table.title)], heads, *map(_safe, table.rows), []])
    data = text.getvalue().encode("utf-8-sig")
    if isinstance(out, Path):
        out.write_bytes(data)
    else:
        out.write(data)


def write_workbook(report: Mapping[str, Any], out: Path | BinaryIO, exponent: int = EXPONENT, say: Say = str) -> None:
    """An XLSX file: a sheet a table, charts of days and budgets. OSError."""
    file = str(out) if isinstance(out, Path) else out
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        amount = book.add_format({"num_format": "#,##0.00"})
        for table in tables_of(report, exponent, say):
            title = say(table.title)[:SHEET_CHARS_MAX]
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 1)
            sheet.set_column(0, 0, 60 if table.name == "summary" else 24)
            sheet.set_column(1, len(table.heads), 15)
            sheet.write_row(0, 0, [say(name) for name in table.heads], head)
            for number, row in enumerate(table.rows, 1):
                for column, value in enumerate(row):
                    if isinstance(value, Decimal):
                        sheet.write_number(number, column, float(value), amount)
                    else:
                        sheet.write(number, column, value)
            _chart(book, sheet, table, title)


def _chart(book: Any, sheet: Any, table: Table, title: str) -> None:
    """Before and after beside one another; of limits what was taken."""
    wanted = {
        "days": ("discount_before", "discount_after"),
        "stores": ("discount_before", "discount_after"),
        "categories": ("discount_before", "discount_after"),
        "limits": ("counted", "cap"),
    }.get(table.name)
    if wanted is None or not table.rows:
        return
    chart = book.add_chart({"type": "line" if table.name == "limits" else "column"})
    last = min(len(table.rows), CHARTED_ROWS_MAX)
    by = table.heads.index("day") if table.name == "limits" else 0
    for head in wanted:
        column = table.heads.index(head)
        chart.add_series(
            {
                "name": [title, 0, column],
                "categories": [title, 1, by, last, by],
                "values": [title, 1, column, last, column],
            }
        )
    chart.set_title({"name": title})
    chart.set_size({"width": 900, "height": 420})
    sheet.insert_chart(len(table.rows) + 3, 1, chart)


def _summary(report: Mapping[str, Any], exponent: int, say: Say) -> Table:
    total = report["total"]
    rows: list[list[Any]] = [
        [say("days"), f"{report['first_day'] or ''} – {report['last_day'] or ''}", ""],
        [say("complete"), say("yes" if report["complete"] else "no"), ""],
        [say("receipts"), report["receipts"], ""],
        [say("receipts changed"), report["changed"], ""],
        [say("at shelf prices"), _money(total["gross_minor"], exponent), ""],
    ]
    for name in ("discount", "points_paid", "to_pay"):
        before, after = (_money(total[f"{name}_{side}_minor"], exponent) for side in ("before", "after"))
        rows += _change(say(name.replace("_", " ")), before, after, say)
    for asset in report["assets"]:
        points = total["points"][asset["asset"]]
        before, after = (_money(points[side], asset["scale"]) for side in ("before", "after"))
        rows += _change(f"{say('points')} {asset['asset']}", before, after, say)
    for area, texts in (("skipped", SKIPPED_TOLD), ("missing", MISSING_TOLD)):
        rows += [[f"{say(area)}: {say(texts[name])}", count, ""] for name, count in report[area].items()]
    rows += [[say("returns"), report["returns"], ""], [say("voids of sales"), report["voids"], ""]]
    rows += [[f"{say('assumed')}: {say(text)}", "", ""] for text in report["assumptions"]]
    return Table("summary", "Summary", ["", "value", "change"], rows)


def _change(label: str, before: Decimal, after: Decimal, say: Say) -> list[list[Any]]:
    return [[f"{label}, {say('before')}", before, ""], [f"{label}, {say('after')}", after, after - before]]


def _sums(report: Mapping[str, Any], kind: str, key: str, title: str, exponent: int) -> Table:
    """Rows of sums, with the change of what is given away."""
    heads = [key, "receipts", "changed"] if kind != "categories" else [key, "lines", "changed"]
    if kind == "top":
        heads = [key, "store", "business_time"]
    heads += ["gross", "discount_before", "discount_after", "discount_change", "points_paid_before"]
    heads += ["points_paid_after", "to_pay_before", "to_pay_after"]
    heads += [f"{asset['asset']}_{side}" for asset in report["assets"] for side in ("before", "after")]
    rows = []
    for row in report[kind]:
        made: list[Any] = [row[key], row["store"], row["business_time"]] if kind == "top" else _counts(row, key)
        before, after = (_money(row[f"discount_{side}_minor"], exponent) for side in ("before", "after"))
        made += [_money(row["gross_minor"], exponent), before, after, after - before]
        made += [
            _money(row[f"{name}_{side}_minor"], exponent)
            for name in ("points_paid", "to_pay")
            for side in ("before", "after")
        ]
        made += list(_points(row, report["assets"]))
        rows.append(made)
    return Table(kind, title, heads, rows)


def _counts(row: Mapping[str, Any], key: str) -> list[Any]:
    return [row[key], row["receipts"], row["changed"]]


def _points(row: Mapping[str, Any], assets: Sequence[Mapping[str, Any]]) -> Iterator[Decimal]:
    for asset in assets:
        for side in ("before", "after"):
            yield _money(row["points"][asset["asset"]][side], asset["scale"])


def _promotions(report: Mapping[str, Any], exponent: int) -> Table:
    heads = ["promotion", "receipts_before", "receipts_after", "discount_before", "discount_after", "discount_change"]
    heads += [f"{asset['asset']}_{side}" for asset in report["assets"] for side in ("before", "after")]
    rows = []
    for row in report["promotions"]:
        before, after = (_money(row[f"discount_{side}_minor"], exponent) for side in ("before", "after"))
        counts = [row["promotion"], row["receipts_before"], row["receipts_after"]]
        rows.append([*counts, before, after, after - before, *_points(row, report["assets"])])
    return Table("promotions", "By promotion", heads, rows)


def _limits(report: Mapping[str, Any], exponent: int, say: Say) -> Table:
    """A row a day: the budget as it burns down."""
    heads = ["promotion", "measure", "per", "window", "day", "cap", "taken", "counted", "left", "receipts", "full"]
    rows: list[list[Any]] = []
    for limit in report["limits"]:
        digits = {"amount": exponent, "quantity": 3}.get(limit["measure"], 0)
        for day in limit["days"]:
            cap, taken, counted = (_money(one, digits) for one in (limit["cap"], day["taken"], day["counted"]))
            words = (say(limit[name]) for name in ("measure", "per", "window"))
            names = [limit["promotion"], *words, day["day"]]
            rows.append([*names, cap, taken, counted, max(cap - counted, Decimal(0)), day["receipts"], day["full"]])
    return Table("limits", "Limits and budgets", heads, rows)


def _money(minor: int, digits: int) -> Decimal:
    return Decimal(minor).scaleb(-digits)


def _safe(row: Sequence[Any]) -> list[Any]:
    """A text that a spreadsheet would take for a formula stays a text."""
    return [f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_BEGINS) else value for value in row]
