"""Sums of the last days, and how the budgets stand. Adds up nothing that another place decides.

Budgets are the counters the newest sales read and wrote, from their evidence: what the tills themselves went by. One
that no recent sale looked at is not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.rights import Reach
from altyn.admin_api.overview import repository
from altyn.journal.v1 import record_pb2 as journal

DAYS = 30
SALES_LOOKED_AT = 300
SUMS = ("receipts", "members", "gross_minor", "discount_minor", "points_paid_minor", "to_pay_minor")
MEASURES = {
    journal.LIMIT_MEASURE_TIMES: "times",
    journal.LIMIT_MEASURE_AMOUNT: "amount",
    journal.LIMIT_MEASURE_QUANTITY: "quantity",
    journal.LIMIT_MEASURE_POINTS: "points",
}
WINDOWS = {
    journal.LIMIT_WINDOW_DAY: "day",
    journal.LIMIT_WINDOW_WEEK: "week",
    journal.LIMIT_WINDOW_MONTH: "month",
    journal.LIMIT_WINDOW_YEAR: "year",
    journal.LIMIT_WINDOW_ALWAYS: "always",
}


@dataclass(frozen=True, slots=True)
class Lately:
    """``days``: one row of SUMS a day, days without sales too; ``points``: by asset, with its scale, one a day."""

    days: list[dict[str, Any]]
    points: dict[str, tuple[int, list[int]]]

    @property
    def is_empty(self) -> bool:
        return not any(day["receipts"] for day in self.days)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of a promotion that is one for all: ``used`` of ``cap``, in the measure's smallest unit. ``window_day``
    tells this window from others of the kind.
    """

    promotion_id: str
    measure: str
    window: str
    used: int
    cap: int
    window_day: int = 0

    @property
    def used_ppm(self) -> int:
        return 1_000_000 if self.used >= self.cap else self.used * 1_000_000 // max(self.cap, 1)


async def lately(call: Call, reach: Reach, today: date) -> Lately:
    """The last DAYS days up to today, of the stores in reach."""
    first = today - timedelta(days=DAYS - 1)
    rows = await repository.days(call.connection, call.tenant, reach, first, today)
    return _lately(first, rows, await repository.points(call.connection, call.tenant, reach, first, today))


def _lately(first: date, rows: Sequence[asyncpg.Record], given: Sequence[asyncpg.Record]) -> Lately:
    dates = [first + timedelta(days=number) for number in range(DAYS)]
    sold = {row["day"]: row for row in rows}
    made = [{"day": day, **{name: sold[day][name] if day in sold else 0 for name in SUMS}} for day in dates]
    points: dict[str, tuple[int, list[int]]] = {}
    for row in given:
        _, values = points.setdefault(row["asset"], (row["scale"], [0] * DAYS))
        values[(row["day"] - first).days] += row["points"]
    return Lately(made, points)


async def budgets(call: Call) -> list[Budget]:
    """The fullest first."""
    return await latest_budgets(call.connection)


async def latest_budgets(connection: asyncpg.Connection[Any]) -> list[Budget]:
    """As the newest sales left them, the fullest first."""
    bodies = await repository.recent_sales(connection, SALES_LOOKED_AT)
    found = await asyncio.to_thread(lambda: list(_budgets(bodies)))
    return sorted(found, key=lambda one: (-one.used_ppm, one.promotion_id))


def _budgets(bodies: Sequence[bytes]) -> Iterator[Budget]:
    """Each counter as the newest sale left it. ``bodies`` newest first."""
    seen = set()
    for body in bodies:
        record = journal.Record.FromString(body)
        for fact in record.evidence.counters:
            key = (fact.key.limit, fact.key.measure, fact.key.window)
            if fact.key.per != journal.LIMIT_PER_PROMOTION or key in seen or fact.cap <= 0:
                continue
            seen.add(key)
            own = sum(one.used for one in record.effects.counters if one.key == fact.key)
            measure, window = MEASURES.get(fact.key.measure, ""), WINDOWS.get(fact.key.window, "")
            used = fact.used + fact.held + own
            yield Budget(fact.key.limit, measure, window, used, fact.cap, fact.key.window_day)
