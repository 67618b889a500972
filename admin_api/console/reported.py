"""A report in words, figures, charts and links: every number leads to its rows where a page lists just those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from urllib.parse import quote, urlencode

from altyn.admin_api.console import charts
from altyn.admin_api.console.pages import Shell
from altyn.admin_api.reports.definitions import REPORTS, TIMES, By, Unit
from altyn.admin_api.reports.schemas import ReportOut, ReportRow
from altyn.admin_api.reports.sheets import charted_column

ADDRESS = "/console/reports"
CHARTED_MAX = 12
FIGURES_MAX = 4
#: Charts of a report: (column, look, shape) of each row of numbers.
CHARTS: Mapping[str, Sequence[Sequence[tuple[str, str, str]]]] = {
    "summary": (
        (("to_pay_minor", "left", "area"),),
        (("receipts_count", "before", "bar"), ("member_receipts_count", "left", "line")),
        (("discount_minor", "after", "bar"), ("points_paid_minor", "left", "bar")),
    ),
    "promotions": ((("discount_minor", "after", "bar"),), (("receipts_count", "left", "bar"),)),
    "points": ((("accrued_points", "after", "area"), ("redeemed_points", "left", "area")),),
    "coupons": ((("issued_count", "before", "bar"), ("used_count", "after", "bar")),),
    "exceptions": ((("found_count", "before", "bar"), ("open_count", "after", "bar")),),
}


def report_address(name: str, asked: Mapping[str, str]) -> str:
    """Of a report with these filters."""
    return f"{ADDRESS}/{name}?{_query(asked)}"


def spans_of(report: ReportOut) -> dict[str, tuple[date, date]]:
    """First and last day of each row a report by time may have, in order; empty of others."""
    made: dict[str, tuple[date, date]] = {}
    if report.by in TIMES:
        for number in range((report.to_day - report.from_day).days + 1):
            day = report.from_day + timedelta(number)
            key = _key(report.by, day)
            made[key] = made[key][0] if key in made else day, day
    return made


def _key(by: By, day: date) -> str:
    """As the database writes it."""
    if by is By.WEEK:
        return "{}-W{:02}".format(*day.isocalendar())
    return day.isoformat() if by is By.DAY else f"{day:%Y-%m}"


def _query(asked: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True)
class Told:
    """``store_id``: the one store the report is of, empty for all."""

    shell: Shell
    report: ReportOut
    store_id: str

    @cached_property
    def rows(self) -> list[ReportRow]:
        """Spans of time in their order, else the largest first."""
        return self.report.rows if self.report.by in TIMES else self._largest(self.report.rows, self._main)

    def word(self, name: str) -> str:
        return self.shell.texts.word("report.word", name)

    def name(self, row: ReportRow) -> str:
        """What people call what a row is of."""
        if self.report.by in TIMES:
            return charts.told_day(self.shell.texts, row.key, with_year=True)
        if self.report.by is By.REASON:
            return self.shell.texts.word("exception.reason", row.key)
        return row.title or row.key or self.word("nothing")

    def number(self, place: int, value: int, scale: int) -> str:
        unit, t = self.report.columns[place].unit, self.shell.texts
        if unit is Unit.MONEY:
            return self.shell.money(value)
        return t.decimal(value, scale) if unit is Unit.POINTS else t.number(value)

    def table(self) -> Iterator[tuple[str, str, str, list[tuple[str, str]]]]:
        """Of each row its name, where it leads, its asset, and (number, where it leads) of each column. A year has
        thousands of cells, so what a template would ask for one by one is made here.
        """
        for row in self.rows:
            part = self._part(row)
            cells = [
                (self.number(place, value, row.scale), self._cell_address(part, place) if part and value else "")
                for place, value in enumerate(row.values)
            ]
            yield self.name(row), self._row_address(row, part), row.asset, cells

    def figures(self) -> list[tuple[str, str, str]]:
        """(name, amount, unit) of totals, what the charts show first."""
        if self.report.totals is None or not self.report.rows:
            return []
        first = self.report.rows[0]
        units = {Unit.MONEY: self.shell.currency, Unit.POINTS: first.asset}
        places = sorted(range(len(self.report.columns)), key=lambda place: place != self._main)[:FIGURES_MAX]
        told = [(place, self.report.columns[place], self.report.totals[place]) for place in places]
        return [
            (self.word(column.name), self.number(place, total, first.scale), units.get(column.unit, ""))
            for place, column, total in told
        ]

    def charts(self) -> list[tuple[str, str]]:
        """(name, chart), of each asset its own."""
        made = []
        for asset in sorted({row.asset for row in self.report.rows}):
            rows = [row for row in self.report.rows if row.asset == asset]
            for drawn in CHARTS[self.report.report]:
                shown = drawn if self.report.by in TIMES else drawn[:1]
                name = ", ".join(self.word(column) for column, *_ in shown)
                made.append((f"{name}: {asset}" if asset else name, self._chart(rows, asset, shown)))
        return made

    def _chart(self, rows: Sequence[ReportRow], asset: str, drawn: Sequence[tuple[str, str, str]]) -> str:
        places = [self._names.index(name) for name, *_ in drawn]
        unit, t = self.report.columns[places[0]].unit, self.shell.texts
        digits = {Unit.MONEY: self.report.exponent, Unit.POINTS: rows[0].scale}.get(unit, 0)
        told = {Unit.MONEY: self.shell.currency, Unit.POINTS: asset}.get(unit, "")
        if self.report.by not in TIMES:
            shown = self._largest(rows, places[0])[:CHARTED_MAX]
            line = charts.line(self.word(drawn[0][0]), [row.values[places[0]] for row in shown])
            return charts.by_name(t, [self.name(row) for row in shown], line, digits=digits, unit=told)
        values, spans = {row.key: row.values for row in rows}, list(self._spans)
        lines = [
            charts.line(self.word(name), [values[span][place] if span in values else 0 for span in spans], look, shape)
            for place, (name, look, shape) in zip(places, drawn, strict=True)
        ]
        return charts.over_time(t, spans, lines, digits=digits, unit=told)

    @cached_property
    def _spans(self) -> dict[str, tuple[date, date]]:
        """Made once: every cell asks for it."""
        return spans_of(self.report)

    @cached_property
    def _names(self) -> list[str]:
        return [column.name for column in self.report.columns]

    @property
    def _main(self) -> int:
        return charted_column(self.report) or 0

    @staticmethod
    def _largest(rows: Sequence[ReportRow], place: int) -> list[ReportRow]:
        return sorted(rows, key=lambda row: -row.values[place])

    # WHERE A ROW LEADS

    def _row_address(self, row: ReportRow, part: dict[str, str] | None) -> str:
        """The same report, nearer, or the page of what the row is of; empty: there is nothing nearer."""
        by, name = self.report.by, self.report.report
        if by is By.PROMOTION:
            is_known = bool(row.title) and self.shell.may("promotions:read")
            return f"/console/promotions/{quote(row.key, safe='')}" if is_known else ""
        if part is None or by is By.REASON:
            return ""
        first, *_ = (one for one in REPORTS[name].by if one not in TIMES)
        nearer = By.DAY if by is not By.DAY else By.STORE if name == "summary" and not self.store_id else first
        return report_address(name, part | {"by": nearer.value})

    def _cell_address(self, part: dict[str, str], place: int) -> str:
        """The receipts or the exceptions a number counts; empty where no page lists just those."""
        name = self._names[place]
        if self.report.report == "exceptions" and self.shell.may("exceptions:read"):
            return f"/console/exceptions?{_query(part | {'state': 'OPEN' if name == 'open_count' else 'ALL'})}"
        if self.report.report == "summary" and name == "receipts_count" and part["from_day"] == part["to_day"]:
            return f"/console/receipts?{_query({'day': part['from_day'], 'store_id': part['store_id']})}"
        return ""

    def _part(self, row: ReportRow) -> dict[str, str] | None:
        """Filters that say which part of the report a row is; None where none can."""
        by, days = self.report.by, (self.report.from_day, self.report.to_day)
        if not row.key or by not in (*TIMES, By.STORE, By.REASON):
            return None
        first, last = self._spans[row.key] if by in TIMES else days
        part = {"from_day": first.isoformat(), "to_day": last.isoformat(), "store_id": self.store_id}
        return part | {By.STORE: {"store_id": row.key}, By.REASON: {"reason": row.key}}.get(by, {})
