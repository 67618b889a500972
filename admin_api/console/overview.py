"""The first page: how it goes today, what the servers run and how fast, what waits for somebody, which budgets run out.

Everybody who comes in sees it; each part only with the right to what it tells, and sums only of stores in reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from altyn.admin_api.console import charts
from altyn.admin_api.console.listing import today
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import OWN_PAGE, Pages, Shell, Visit
from altyn.admin_api.console.rails import open_alerts
from altyn.admin_api.edge.rights import Owes, Place
from altyn.admin_api.overview import repository, service
from altyn.admin_api.overview.service import Budget, Lately
from altyn.admin_api.promotions.repository import documents_of
from altyn.admin_api.servers.handlers import get_servers
from altyn.admin_api.servers.schemas import IntervalOut, MethodCallsOut

WAITING_MAX = 6
BUDGETS_MAX = 6
ALERTS_MAX = 6
NEAR_PPM = 800_000
CHARTED = {"CalculateReceipt": "left", "CommitReceipt": "after"}

pages = Pages()


@pages.get("/overview", "own:read", place=Place.OWN)
async def show_overview(visit: Visit) -> Response:
    call = visit.call
    if call.person is not None and call.person.owes is not Owes.NOTHING:
        return visit.go(OWN_PAGE)
    assert visit.shell.visitor is not None
    reach = visit.shell.visitor.caller.rights.get("receipts:read")
    lately = await service.lately(call, reach, today(visit)) if reach is not None else None
    is_ours = "promotions:read" in call.scopes
    waiting = await repository.waiting(call.connection, call.tenant, WAITING_MAX) if is_ours else []
    budgets = (await service.budgets(call))[:BUDGETS_MAX] if is_ours else []
    alerts = await open_alerts(visit, count_max=ALERTS_MAX) if is_ours else []
    names = [one.promotion_id for one in budgets] + [one.promotion_id for one in alerts]
    named = await documents_of(call.connection, call.tenant, names) if names else {}
    return visit.show(
        "overview.html",
        told=Told(visit.shell, lately) if lately is not None else None,
        servers=await _servers(visit),
        speed=partial(Speed, visit.shell),
        shows_rules=is_ours,
        waiting=[(row, Outline(row["document"], visit.t)) for row in waiting],
        alerts=alerts,
        budgets=budgets,
        titles={name: visit.t.of(document.get("title"), name) for name, document in named.items()},
        near_ppm=NEAR_PPM,
        amounts=lambda budget: budget_amounts(visit.shell, budget),
    )


@pages.get("/overview/servers", "servers:read")
async def show_servers(visit: Visit) -> Response:
    """What the servers run by now; asked again and again while the page is open."""
    return visit.show("overview_servers.html", servers=await _servers(visit), speed=partial(Speed, visit.shell))


async def _servers(visit: Visit) -> Any:
    return await get_servers(visit.call, visit.office) if "servers:read" in visit.call.scopes else None


@dataclass(frozen=True, slots=True)
class Speed:
    """How many calls a server answers now, and how fast."""

    shell: Shell
    pulse: Sequence[IntervalOut]

    @property
    def calls(self) -> Sequence[MethodCallsOut]:
        """Of the newest interval."""
        return self.pulse[-1].calls if self.pulse else ()

    def per_second(self, count: int) -> str:
        """To a tenth."""
        return self.shell.texts.decimal(count * 10_000 // max(self.pulse[-1].elapsed_ms, 1), 1)

    def milliseconds(self, time_us: int) -> str:
        """To a hundredth."""
        return self.shell.texts.decimal(time_us // 10, 2)

    def chart(self) -> str:
        """What nearly all of the charted calls took; empty when there were none."""
        t = self.shell.texts
        rows = []
        for method, look in CHARTED.items():
            told = [next((one.p99_us for one in part.calls if one.method == method), None) for part in self.pulse]
            if any(told):
                rows.append(charts.line(t.word("overview.method", method), told, look, "line"))
        zone = ZoneInfo(self.shell.zone)
        times = [f"{part.at.astimezone(zone):%H:%M:%S}" for part in self.pulse]
        return charts.over_seconds(t, times, rows, digits=3, unit=t("overview.ms")) if rows else ""


@dataclass(frozen=True, slots=True)
class Told:
    """Sums in words and charts."""

    shell: Shell
    lately: Lately

    @property
    def today(self) -> Mapping[str, Any]:
        return self.lately.days[-1]

    @property
    def yesterday(self) -> Mapping[str, Any]:
        return self.lately.days[-2]

    def day(self, day: date) -> str:
        return charts.told_day(self.shell.texts, day.isoformat(), with_year=True)

    def share(self, part: int, whole: int) -> str:
        """In percent, to a tenth."""
        return self.shell.texts.decimal(part * 1_000 // whole if whole else 0, 1)

    def points(self) -> list[tuple[str, str, str, str]]:
        """(asset, given today, given yesterday, chart) of each points currency."""
        t, made = self.shell.texts, []
        for asset, (scale, values) in self.lately.points.items():
            rows = [charts.line(t("overview.points_given"), values, "after", "area")]
            chart = charts.over_time(t, self._days, rows, digits=scale, unit=asset)
            made.append((asset, t.decimal(values[-1], scale), t.decimal(values[-2], scale), chart))
        return made

    def sales(self) -> str:
        return self._money("overview.turnover", "to_pay_minor", "left", "area")

    def discounts(self) -> str:
        return self._money("overview.discounts", "discount_minor", "after", "bar")

    def receipts(self) -> str:
        t, days = self.shell.texts, self.lately.days
        rows = [
            charts.line(t("overview.strangers"), [day["receipts"] - day["members"] for day in days], "before"),
            charts.line(t("overview.members"), [day["members"] for day in days], "left"),
        ]
        return charts.over_time(t, self._days, [row | {"stack": "receipts"} for row in rows], digits=0)

    @property
    def _days(self) -> list[str]:
        return [day["day"].isoformat() for day in self.lately.days]

    def _money(self, key: str, name: str, look: str, shape: str) -> str:
        t = self.shell.texts
        row = charts.line(t(key), [day[name] for day in self.lately.days], look, shape)
        return charts.over_time(t, self._days, [row], digits=self.shell.exponent, unit=self.shell.currency)


def budget_amounts(shell: Shell, budget: Budget) -> tuple[str, str]:
    """(used, cap) as people write them."""
    digits = {"amount": shell.exponent, "quantity": 3}.get(budget.measure, 0)
    return shell.texts.decimal(budget.used, digits), shell.texts.decimal(budget.cap, digits)
