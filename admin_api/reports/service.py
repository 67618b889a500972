"""Use cases of reports: one report of a span of days, for what the reader may see.

Invariants: a row is of stores where the reader's right holds; a report of what has no store is for those whose right
holds in the whole network. Never here: amounts that are not sums of the projections.
"""

from __future__ import annotations

from typing import Any

from altyn.admin_api.accounts.repository import projected_seq
from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.exceptions.names import name_of
from altyn.admin_api.program.repository import find_program
from altyn.admin_api.reports import repository
from altyn.admin_api.reports.definitions import REPORTS, By, Report
from altyn.admin_api.reports.errors import ReportUnknown, ReportWrong
from altyn.admin_api.reports.schemas import ROWS_MAX, ColumnOut, ReportFilter, ReportOut, ReportRow

DAYS_MAX = 3 * 366
NOT_SUMMED = "average_minor"


def report_of(name: str) -> Report:
    """Raises ReportUnknown."""
    found = REPORTS.get(name)
    if found is None:
        raise ReportUnknown(f"no report is called {name}", path="report")
    return found


async def make_report(call: Call, name: str, asked: ReportFilter, reach: Reach) -> ReportOut:
    """`reach`: where the reader's right to it holds. Raises ReportUnknown, ReportWrong."""
    report = report_of(name)
    by = asked.by or report.by[0]
    if by not in report.by:
        raise ReportWrong(f"this report goes by {', '.join(report.by)}", path="by")
    days = (asked.to_day - asked.from_day).days + 1
    if not 1 <= days <= DAYS_MAX:
        raise ReportWrong(f"a report is of 1 to {DAYS_MAX} days", path="to_day")
    if not report.has_store and asked.store_id is not None:
        raise ReportWrong("this report is not told by store", path="store_id")
    if not report.has_store and not reach.is_network:
        raise ReportWrong("this report is of the whole network, where your roles do not hold", path="report")
    program = await find_program(call.connection, call.tenant)
    found = await repository.rows_of(
        call.connection, report, by, call.tenant, (asked.from_day, asked.to_day), asked.store_id, reach, ROWS_MAX + 1
    )
    titles = await repository.titles(call.connection, call.tenant, by, [row["key"] for row in found])
    scales = {one.asset: one.scale for one in await declared_assets(call.connection, tenant=call.tenant)}
    rows = [
        ReportRow(
            key=name_of("reason", int(row["key"])) if by is By.REASON else row["key"],
            title=titles.get(row["key"], ""),
            asset=row["asset"],
            scale=scales.get(row["asset"], 2) if row["asset"] else 0,
            values=[row[column.name] for column in report.columns],
        )
        for row in found[:ROWS_MAX]
    ]
    return ReportOut(
        report=report.name,
        by=by,
        from_day=asked.from_day,
        to_day=asked.to_day,
        currency=program["currency"],
        exponent=program["exponent"],
        columns=[ColumnOut(name=column.name, unit=column.unit) for column in report.columns],
        rows=rows,
        totals=_totals(report, rows),
        is_cut=len(found) > ROWS_MAX,
        projected_seq=await projected_seq(call.connection),
    )


def _totals(report: Report, rows: list[ReportRow]) -> list[int] | None:
    """Of points of several assets there is none; an average is that of the whole."""
    if len({row.asset for row in rows}) > 1:
        return None
    totals = [sum(row.values[place] for row in rows) for place in range(len(report.columns))]
    named: dict[str, Any] = {column.name: place for place, column in enumerate(report.columns)}
    if NOT_SUMMED in named:
        count = totals[named["receipts_count"]]
        totals[named[NOT_SUMMED]] = totals[named["to_pay_minor"]] // count if count else 0
    return totals
