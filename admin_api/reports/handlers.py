"""The HTTP face of reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from altyn.admin_api.edge.rights import Place
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.reports import schemas, service
from altyn.admin_api.reports.definitions import REPORTS

router = area_router("reports")

ReportName = Annotated[str, Path(max_length=64)]


@router.get("/reports")
@needs("receipts:read", place=Place.OWN)
async def list_reports(call: CurrentCall) -> schemas.ReportKinds:
    """Which reports there are, by what their rows may be, and their columns."""
    return schemas.ReportKinds(
        reports=[
            schemas.ReportKind(
                report=report.name,
                by=list(report.by),
                columns=[schemas.ColumnOut(name=one.name, unit=one.unit) for one in report.columns],
            )
            for report in REPORTS.values()
        ]
    )


@router.get("/reports/{report}")
@needs("receipts:read", place=Place.OWN)
async def get_report(
    call: CurrentCall, report: ReportName, asked: Annotated[schemas.ReportFilter, Query()]
) -> schemas.ReportOut:
    """Sums of business dates, of the stores where the caller's right holds."""
    return await service.make_report(call, report, asked, call.reach)
