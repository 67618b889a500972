"""Backtests: asked for beside a draft, watched while they run, read when they are done, taken along as a file.

The numbers are those of ``altyn.admin_api.backtests.report``; here they get words, charts and links. Nothing is added
up and no amount is decided here.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.backtests import service
from altyn.admin_api.backtests.errors import StoresUnknown
from altyn.admin_api.backtests.report import cost_of
from altyn.admin_api.backtests.schemas import BacktestIn
from altyn.admin_api.backtests.workbook import write_csv, write_workbook
from altyn.admin_api.console import charts
from altyn.admin_api.console.drafts import slug
from altyn.admin_api.console.jobs import UNFINISHED, job_number
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Redrawn, Shell, Visit
from altyn.admin_api.edge.problems import NotFound
from altyn.admin_api.jobs import repository
from altyn.admin_api.jobs.errors import JobsTooMany
from altyn.admin_api.jobs.schemas import JobKind, JobState
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.repository import find_promotion

PERIODS = (7, 30, 90)
PERIOD = 30
EARLIER_MAX = 20
STORES_LISTED_MAX = 500
CHARTED_MAX = 12
BUDGETS_MAX = 6
FILES = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_workbook),
    "csv": ("text/csv; charset=utf-8", write_csv),
}
STORES = """
SELECT store_id FROM stores WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted ORDER BY store_id LIMIT $2
"""

pages = Pages()


@pages.get("/promotions/{promotion_id}/backtests", "backtests:read")
async def show_backtests(visit: Visit) -> Response:
    """Ask for one, and those that were asked for before."""
    return await _asking(visit, await _promotion(visit))


@pages.act("/promotions/{promotion_id}/backtests", "backtests:write")
async def begin(visit: Visit) -> Response:
    """Try the draft as it is saved now."""
    row = await _promotion(visit)
    try:
        job_id = await service.begin(visit.call, promotion=row, asked=_asked(visit))
    except ValidationError:
        raise Redrawn(await _asking(visit, row, {"period": visit.t("backtest.wrong.period")}, 422)) from None
    except StoresUnknown as refusal:
        says = {"stores": visit.t("backtest.wrong.stores", names=refusal.message)}
        raise Redrawn(await _asking(visit, row, says, refusal.status_code)) from None
    except JobsTooMany as refusal:
        says = {"": visit.t("refused.reason.JOBS_TOO_MANY")}
        raise Redrawn(await _asking(visit, row, says, refusal.status_code)) from None
    return visit.go(f"/console/backtests/{job_id}")


@pages.get("/backtests/{job_id}", "backtests:read")
async def show_backtest(visit: Visit) -> Response:
    """The report; before it is there, how far the work is."""
    job = await service.find(visit.call, job_number(visit))
    outline = Outline(job["given"]["document"], visit.t)
    told = None
    if job["state"] == JobState.DONE and job["result"] is not None:
        told = Told(visit.shell, job["given"], job["result"], await _titles(visit, job["result"]))
    given = job["given"]
    days = [charts.told_day(visit.t, given[name], with_year=True) for name in ("first_day", "last_day") if given[name]]
    return visit.show("backtest.html", job=job, given=given, days=days, outline=outline, told=told)


@pages.get("/backtests/{job_id}/progress", "backtests:read")
async def show_progress(visit: Visit) -> Response:
    """How far it is by now; the whole page again once it has ended."""
    job = await service.find(visit.call, job_number(visit))
    response = visit.show("backtest_progress.html", job=job)
    if job["state"] not in UNFINISHED:
        response.headers["hx-refresh"] = "true"
    return response


@pages.get("/backtests/{job_id}/report.{ending}", "backtests:read")
async def take_report(visit: Visit) -> Response:
    """The tables as a file, under heads in the visitor's language."""
    job = await service.find(visit.call, job_number(visit))
    found = FILES.get(visit.request.path_params["ending"])
    if found is None or job["result"] is None:
        raise NotFound("there is no such report", path="job_id")
    kind, write = found
    file = io.BytesIO()
    await asyncio.to_thread(write, job["result"], file, visit.shell.exponent, _sheet_words(visit))
    name = f"backtest-{job['job_id']}.{visit.request.path_params['ending']}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue(), headers=headers, media_type=kind)


@dataclass(frozen=True, slots=True)
class Told:
    """A report in words. ``titles``: of stores, categories and segments, by their ids."""

    shell: Shell
    given: Mapping[str, Any]
    report: Mapping[str, Any]
    titles: Mapping[str, Mapping[str, str]]

    @property
    def own(self) -> Mapping[str, Any] | None:
        """What the promotion itself gave and would give."""
        return next((row for row in self.report["promotions"] if row["promotion"] == self.given["promotion_id"]), None)

    @property
    def change_share(self) -> str:
        """Receipts that change, in percent of all, to a tenth."""
        receipts = self.report["receipts"]
        tenths = (self.report["changed"] * 1_000 + receipts - 1) // receipts if receipts else 0
        return self.shell.texts.decimal(tenths, 1)

    def change(self, row: Mapping[str, Any], name: str = "discount") -> str:
        """After less before, with its sign."""
        return self.signed(row[f"{name}_after_minor"] - row[f"{name}_before_minor"], self.shell.exponent)

    def signed(self, amount: int, digits: int) -> str:
        return ("+" if amount > 0 else "") + self.shell.texts.decimal(amount, digits)

    def points(self, row: Mapping[str, Any]) -> str:
        """Changes of points by asset."""
        told = []
        for asset in self.report["assets"]:
            points = row["points"][asset["asset"]]
            if points["after"] != points["before"]:
                told.append(f"{self.signed(points['after'] - points['before'], asset['scale'])} {asset['asset']}")
        return ", ".join(told)

    def moment(self, row: Mapping[str, Any]) -> str:
        return self.shell.moment(datetime.fromisoformat(row["business_time"]))

    def day(self, text: str) -> str:
        return charts.told_day(self.shell.texts, text, with_year=True)

    def title(self, kind: str, name: str) -> str:
        return self.titles.get(kind, {}).get(name) or name or self.shell.texts(f"backtest.nameless.{kind}")

    def days_chart(self) -> str:
        """Discounts of each day before and after."""
        t, rows = self.shell.texts, self.report["days"]
        lines = [
            charts.line(t(f"backtest.{side}"), [row[f"discount_{side}_minor"] for row in rows], side)
            for side in ("before", "after")
        ]
        days = [row["day"] for row in rows]
        return charts.over_time(t, days, lines, digits=self.shell.exponent, unit=self.shell.currency)

    def points_charts(self) -> list[tuple[str, str]]:
        """(asset, chart) of what was and would be given."""
        t, rows, made = self.shell.texts, self.report["days"], []
        for asset in self.report["assets"]:
            name = asset["asset"]
            lines = [
                charts.line(t(f"backtest.{side}"), [row["points"][name][side] for row in rows], side, "line")
                for side in ("before", "after")
            ]
            days = [row["day"] for row in rows]
            made.append((name, charts.over_time(t, days, lines, digits=asset["scale"], unit=name)))
        return made

    def change_chart(self, kind: str, key: str) -> str:
        """The largest changes of discounts by store, category or segment; empty when nothing changes."""
        rows = [row for row in self.report[kind] if cost_of(row)][:CHARTED_MAX]
        if not rows:
            return ""
        names = [self.title(kind, row[key]) for row in rows]
        values = charts.line(self.shell.texts("backtest.change"), [cost_of(row) for row in rows])
        return charts.by_name(self.shell.texts, names, values, digits=self.shell.exponent, unit=self.shell.currency)

    def budgets(self) -> list[tuple[Mapping[str, Any], int, str]]:
        """(limit, its digits, what is left of it day by day) of limits that are one for all, its own first."""
        t, made = self.shell.texts, []
        shared = [limit for limit in self.report["limits"] if limit["per"] == "promotion"]
        for limit in sorted(shared, key=lambda one: one["promotion"] != self.given["promotion_id"])[:BUDGETS_MAX]:
            digits = self.digits_of(limit)
            days = [row["day"] for row in limit["days"]]
            left = charts.line(t("backtest.left"), [max(0, limit["cap"] - row["counted"]) for row in limit["days"]])
            lines = [
                left | {"look": "left", "shape": "area"},
                charts.line(t("backtest.cap"), [limit["cap"]] * len(days), "cap", "line"),
            ]
            made.append((limit, digits, charts.over_time(t, days, lines, digits=digits)))
        return made

    def digits_of(self, limit: Mapping[str, Any]) -> int:
        return {"amount": self.shell.exponent, "quantity": 3}.get(limit["measure"], 0)


async def _promotion(visit: Visit) -> asyncpg.Record:
    promotion_id = visit.request.path_params["promotion_id"]
    row = await find_promotion(visit.call.connection, visit.call.tenant, promotion_id)
    if row is None:
        raise PromotionUnknown(promotion_id)
    return row


async def _asking(
    visit: Visit, row: asyncpg.Record, says: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """The form with what was typed, and the earlier ones."""
    call, period = visit.call, visit.field("period", str(PERIOD))
    typed = {name: visit.field(name) for name in ("first_day", "last_day", "stores")}
    earlier = await repository.list_jobs(
        call.connection,
        call.tenant,
        before=None,
        count_max=EARLIER_MAX,
        kind=JobKind.BACKTEST,
        subject=row["promotion_id"],
    )
    stores = await call.connection.fetch(STORES, call.tenant, STORES_LISTED_MAX)
    return visit.show(
        "backtests.html",
        status,
        row=row,
        outline=Outline(row["document"], visit.t),
        periods=PERIODS,
        period=period,
        typed=typed,
        says=says or {},
        earlier=earlier,
        stores=[one["store_id"] for one in stores],
    )


def _asked(visit: Visit) -> BacktestIn:
    """What the form asks for. Raises ValidationError."""
    stores = sorted({name for name in visit.field("stores").replace(",", " ").split() if name})
    period = visit.field("period")
    if period != "own":
        return BacktestIn(days=int(period) if period.isdecimal() and len(period) < 5 else 0, stores=stores)
    days = {name: _day(visit.field(name)) for name in ("first_day", "last_day")}
    return BacktestIn(first_day=days["first_day"], last_day=days["last_day"], stores=stores)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _titles(visit: Visit, report: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What people call stores, categories and segments of a report."""
    made = {}
    for kind, key, table, column in (
        ("stores", "store", "stores", "store_id"),
        ("categories", "category", "product_groups", "group_id"),
        ("segments", "segment", "segments", "segment"),
    ):
        names: Sequence[str] = sorted({row[key] for row in report[kind]})
        rows = await visit.call.connection.fetch(
            f"SELECT {column} AS name, title FROM {table}"
            f" WHERE tenant = $1 AND {column} = ANY($2) AND valid_to = 'infinity' AND NOT deleted",
            visit.call.tenant,
            names,
        )
        made[kind] = {row["name"]: row["title"] for row in rows}
    return made


def _sheet_words(visit: Visit) -> Callable[[str], str]:
    """Words of a workbook in the visitor's language; names of the retailer's own stay."""

    def say(text: str) -> str:
        key = f"sheet.{slug(text)}"
        return visit.t(key) if visit.t.has(key) else text

    return say
