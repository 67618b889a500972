"""Reports: sums of days as figures, charts and a table whose numbers lead to their rows; taken along as a file.

The numbers are those of ``altyn.admin_api.reports``, for the stores where the visitor's right holds; what is asked
stands in the address. Here they get words, charts and links: nothing is added up and no amount is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.listing import today
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.reported import ADDRESS, Told, report_address
from altyn.admin_api.edge.problems import NotFound, Refusal, invalid_from
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.reports.definitions import REPORTS, Report
from altyn.admin_api.reports.schemas import ReportFilter, ReportOut
from altyn.admin_api.reports.service import make_report, report_of
from altyn.admin_api.reports.sheets import as_csv, as_workbook
from altyn.admin_api.stores.repository import list_stores

DAYS = 30
SPANS = (7, 30, 90, 365)
STORES_LISTED_MAX = 1_000
FILES = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_workbook),
    "csv": ("text/csv; charset=utf-8", as_csv),
}

pages = Pages()


@pages.get("/reports", "receipts:read", Place.OWN)
async def show_first(visit: Visit) -> Response:
    return visit.go(f"{ADDRESS}/{next(iter(REPORTS))}")


@pages.get("/reports/{report}", "receipts:read", Place.OWN)
async def show_report(visit: Visit) -> Response:
    """One report; what cannot be asked is told over the filters, with what was typed."""
    kind, typed = report_of(visit.request.path_params["report"]), _typed(visit)
    told, refusal = None, None
    try:
        told = Told(visit.shell, await _made(visit, kind, typed), typed["store_id"])
    except Refusal as found:
        refusal = found
    stores = await list_stores(
        visit.call.connection, visit.call.tenant, visit.call.reach, "", STORES_LISTED_MAX if kind.has_store else 0
    )
    until = today(visit)
    return visit.show(
        "report.html",
        refusal.status_code if refusal else 200,
        kind=kind,
        reports=[
            (one, report_address(one.name, {name: typed[name] for name in ("from_day", "to_day")}))
            for one in REPORTS.values()
            if one.has_store or visit.call.reach.is_network
        ],
        files=[(ending, report_address(f"{kind.name}/report.{ending}", typed)) for ending in FILES],
        typed=typed,
        spans=[
            (count, report_address(kind.name, _span(typed, count, until)), _span(typed, count, until))
            for count in SPANS
        ],
        stores=stores,
        told=told,
        refusal=refusal,
    )


@pages.get("/reports/{report}/report.{ending}", "receipts:read", Place.OWN)
async def take_report(visit: Visit) -> Response:
    """The table as a file, under heads in the visitor's language."""
    kind, ending = report_of(visit.request.path_params["report"]), visit.request.path_params["ending"]
    found = FILES.get(ending)
    if found is None:
        raise NotFound("there is no such file of a report", path="report")
    media, write = found
    report = await _made(visit, kind, _typed(visit))
    body = await asyncio.to_thread(write, report, lambda name: visit.t.word("report.word", name))
    name = f"{report.report}-{report.from_day}-{report.to_day}.{ending}"
    return Response(body, headers={"content-disposition": f'attachment; filename="{name}"'}, media_type=media)


def _typed(visit: Visit) -> dict[str, str]:
    """What the address asks for; the last days when it says nothing of days."""
    typed = {name: visit.asked(name).replace("\0", "")[:64] for name in ReportFilter.model_fields}
    return typed if typed["from_day"] or typed["to_day"] else _span(typed, DAYS, today(visit))


def _span(typed: Mapping[str, str], count: int, until: date) -> dict[str, str]:
    """The same of so many days until this one."""
    return {**typed, "from_day": (until - timedelta(count - 1)).isoformat(), "to_day": until.isoformat()}


async def _made(visit: Visit, kind: Report, typed: Mapping[str, str]) -> ReportOut:
    """Raises Invalid, ReportWrong."""
    try:
        asked = ReportFilter.model_validate({name: value for name, value in typed.items() if value})
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None
    return await make_report(visit.call, kind.name, asked, visit.call.reach)
