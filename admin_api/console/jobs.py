"""The page of jobs: what works behind the pages, how far it is; stopped and gone on with by a button."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Redrawn, Visit, local_path
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.jobs import repository, service
from altyn.admin_api.jobs.errors import JobUnknown
from altyn.admin_api.jobs.schemas import JobKind, JobState
from altyn.admin_api.jobs.standing import standing

PAGE_SIZE = 25
FILTERS: dict[str, tuple[str, ...]] = {"kind": tuple(JobKind), "state": tuple(JobState)}
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
STOPPED = (JobState.CANCELLED, JobState.FAILED)
#: Where the rows of a kind are, and the right to see them.
LEADS = {
    "SEGMENT_MEMBERS": ("jobs:read", "/console/jobs?kind=SEGMENT_MEMBERS"),
    "BACKTEST": ("jobs:read", "/console/jobs?kind=BACKTEST"),
    "ACCRUALS": ("accruals:read", "/console/value/accruals"),
    "ACCOUNT_ACTS": ("customers:read", "/console/value/families"),
    "EVENTS": ("events:read", "/console/value/events"),
    "COUPON_EXPORTS": ("coupons:read", "/console/value/coupons"),
    "PUBLISHING_SCHEDULE": ("promotions:read", "/console/promotions?state=SCHEDULED"),
}

pages = Pages()


@pages.get("/jobs", "jobs:read")
async def show_jobs(visit: Visit) -> Response:
    """All of them, newest first; asked again while one is not finished."""
    return await _page(visit)


@pages.act("/jobs/{job_id}/cancel", "jobs:write")
async def cancel(visit: Visit) -> Response:
    return await _act(visit, service.cancel)


@pages.act("/jobs/{job_id}/go-on", "jobs:write")
async def go_on(visit: Visit) -> Response:
    return await _act(visit, service.go_on)


def job_number(visit: Visit) -> int:
    """The job of the address. Raises JobUnknown."""
    text = visit.request.path_params["job_id"]
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 19 and int(text) > 0):
        raise JobUnknown(text[:40], path="job_id")
    return int(text)


async def _act(visit: Visit, act: Any) -> Response:
    back = local_path(visit.field("back") or "/console/jobs")
    try:
        async with visit.call.connection.transaction():
            await act(visit.call, job_number(visit))
    except JobUnknown:
        raise
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal)) from None
    return visit.go(back)


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response:
    chosen = {name: visit.asked(name) for name, known in FILTERS.items() if visit.asked(name) in known}
    asked = visit.asked("before")
    before = int(asked) if asked.isascii() and asked.isdecimal() and 0 < len(asked) < 19 else None
    rows = await repository.list_jobs(
        visit.call.connection, visit.call.tenant, before=before, count_max=PAGE_SIZE + 1, **chosen
    )
    shown = rows[:PAGE_SIZE]
    query = chosen | ({"before": before} if before else {})
    more = chosen | {"before": shown[-1]["job_id"]} if len(rows) > PAGE_SIZE else None
    return visit.show(
        "jobs_list.html" if visit.shell.is_part else "jobs.html",
        refusal.status_code if refusal else 200,
        rows=shown,
        chosen=chosen,
        filters=FILTERS,
        refusal=refusal,
        address=_address(query),
        first=_address(chosen) if before else "",
        following=_address(more) if more else "",
        is_moving=any(row["state"] in UNFINISHED for row in shown),
        standing=[] if visit.shell.is_part else await standing(visit.call.connection, visit.office),
        leads={kind: address for kind, (scope, address) in LEADS.items() if visit.shell.may(scope)},
    )


def _address(query: dict[str, Any]) -> str:
    return "/console/jobs" + (f"?{urlencode(query)}" if query else "")
