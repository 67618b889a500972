"""A report as CSV and as a workbook with a chart: amounts in whole units, under heads somebody reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal

import xlsxwriter

from altyn.admin_api.reports.definitions import Unit
from altyn.admin_api.reports.schemas import ReportOut, ReportRow

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
CHARTED_ROWS_MAX = 60
Cell = str | int | Decimal
#: The text of a column, or of what rows are.
Named = Callable[[str], str]


def rows_of(report: ReportOut, named: Named) -> list[list[Cell]]:
    """The heads, then the rows, then the totals where there are any."""
    has_title = any(row.title for row in report.rows)
    has_asset = any(row.asset for row in report.rows)
    heads: list[Cell] = [named(report.by.value), *([named("title")] if has_title else [])]
    heads += [*([named("asset")] if has_asset else []), *(named(column.name) for column in report.columns)]
    made: list[list[Cell]] = [heads]
    for row in report.rows:
        before: list[Cell] = [row.key, *([row.title] if has_title else []), *([row.asset] if has_asset else [])]
        made.append([*before, *_values(report, row.values, row.scale)])
    if report.totals is not None:
        blank: list[Cell] = [""] * (has_title + has_asset)
        scale = report.rows[0].scale if report.rows else 0
        made.append([named("total"), *blank, *_values(report, report.totals, scale)])
    return made


def as_csv(report: ReportOut, named: Named) -> bytes:
    """UTF-8 with a mark at its begin, as spreadsheets want it. What one would take for a formula stays a text."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    for row in rows_of(report, named):
        writer.writerow(
            [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell for cell in row]
        )
    return file.getvalue().encode("utf-8-sig")


def as_workbook(report: ReportOut, named: Named) -> bytes:
    """An XLSX file of one sheet, the first column of money or points charted."""
    file = io.BytesIO()
    rows = rows_of(report, named)
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        amount = book.add_format({"num_format": "#,##0.00"})
        sheet = book.add_worksheet(named(report.report)[:31])
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, len(rows[0]), 16)
        sheet.write_row(0, 0, rows[0], head)
        for number, row in enumerate(rows[1:], 1):
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(number, column, float(cell), amount)
                elif isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                else:
                    sheet.write_string(number, column, cell)
        charted = charted_column(report)
        if report.rows and charted is not None:
            last, place = min(len(report.rows), CHARTED_ROWS_MAX), len(rows[0]) - len(report.columns) + charted
            chart = book.add_chart({"type": "column"})
            name = sheet.get_name()
            chart.add_series(
                {"name": [name, 0, place], "categories": [name, 1, 0, last, 0], "values": [name, 1, place, last, place]}
            )
            chart.set_size({"width": 900, "height": 420})
            sheet.insert_chart(len(rows) + 2, 1, chart)
    return file.getvalue()


def charted_column(report: ReportOut) -> int | None:
    """The place of what a picture shows first."""
    wanted = ("to_pay_minor", "discount_minor", "accrued_points", "used_count", "found_count")
    names = [column.name for column in report.columns]
    return next((names.index(name) for name in wanted if name in names), None)


def _values(report: ReportOut, values: Sequence[int], scale: int) -> list[Cell]:
    digits = {Unit.MONEY: report.exponent, Unit.POINTS: scale}
    return [
        Decimal(value).scaleb(-digits[column.unit]) if column.unit in digits else value
        for column, value in zip(report.columns, values, strict=True)
    ]


__all__ = ["Named", "ReportRow", "as_csv", "as_workbook", "charted_column", "rows_of"]
