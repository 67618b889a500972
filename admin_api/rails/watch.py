"""After a release: a promotion that gives too much is stopped by itself, budgets that run out are told once.

Looks every second at what the projector has written. The stop is the emergency stop people have, audited under an
actor of its own and told by an alert. Invariants: at most one promotion is stopped a look, and only by what the
release in force has given; what cannot be stopped is told once a release and tried again a few seconds
later.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.overview.service import Budget, latest_budgets
from altyn.admin_api.promotions.service import promotion_to_change
from altyn.admin_api.publishing.service import suspend
from altyn.admin_api.rails import repository
from altyn.admin_api.rails.schemas import WHOLE_PPM, AlertKind, Rails
from altyn.admin_api.rails.window import HOUR, TooMuch, Window
from altyn.admin_api.releases.repository import version_in_force
from altyn.admin_api.releases.service import documents_at

ACTOR = "rails"
TOLD_KEPT_MAX = 10_000

log = structlog.get_logger(__name__)


class RailJobs:
    """One tenant's watch."""

    kind = "PUBLISHING_RAILS"

    def __init__(self, office: Office) -> None:
        self._office = office
        self._window = Window()
        self._released: tuple[int, frozenset[str]] = (0, frozenset())
        self._told: set[tuple[str, str]] = set()

    async def turn(self) -> bool:
        """One look. Never True: the next one is a second later. Raises Refusal: what had to be stopped could not be."""
        office = self._office
        async with office.connected() as connection:
            now = office.clock()
            is_new = await self._window.follow(connection, now)
            version = await version_in_force(connection, office.tenant, now)
            if not version:
                return False
            rails = await repository.find_rails(connection, office.tenant)
            released = await self._ids_of(connection, version, now)
            row = await repository.find_baseline(connection, office.tenant, version)
            baseline = dict(row) if row is not None else None
            if is_new:
                await self._tell_budgets(connection, rails, now, released)
            found = self._window.too_much(rails, now, version, baseline, released)
            if found is not None:
                await self._stop(connection, version, found)
        return False

    async def _ids_of(self, connection: asyncpg.Connection[Any], version: int, now: datetime) -> frozenset[str]:
        if self._released[0] != version:
            call = Call(connection, self._office.tenant, ACTOR, frozenset(), ACTOR, now)
            self._released = version, frozenset(await documents_at(call, now))
        return self._released[1]

    async def _stop(self, connection: asyncpg.Connection[Any], version: int, found: TooMuch) -> None:
        office = self._office
        told = asdict(found) | {"release": version}
        try:
            async with connection.transaction():
                call = Call(connection, office.tenant, ACTOR, frozenset(), ACTOR, office.clock())
                before = await promotion_to_change(call, promotion_id=found.promotion_id)
                made = await suspend(call, office.compiler, before=before, reason=_reason(found), emergency=True)
                if made is not None:
                    await self._raise(connection, AlertKind.STOPPED, found.promotion_id, f"release {version}", told)
                await call.finish()
        except Refusal as refusal:
            log.error("promotion_not_stopped", promotion_id=found.promotion_id, reason=refusal.reason)
            told |= {"reason": refusal.reason}
            occasion = f"release {version}"
            await self._raise(connection, AlertKind.STOP_FAILED, found.promotion_id, occasion, told)
            raise
        if made is not None:
            await office.wake(call.feed.version)
            log.error("promotion_stopped", **told)

    async def _tell_budgets(
        self, connection: asyncpg.Connection[Any], rails: Rails, now: datetime, released: frozenset[str]
    ) -> None:
        """Each window of a budget once, when its share has come near."""
        near = list(await latest_budgets(connection))
        if rails.hour_budget_minor:
            hour = int(now.timestamp() // HOUR.total_seconds())
            given = self._window.given(now - HOUR).promotions
            near += [
                Budget(one, "amount", "hour", minor, rails.hour_budget_minor, hour) for one, minor in given.items()
            ]
        for one in near:
            if one.used_ppm >= rails.budget_alert_ppm and one.promotion_id in released:
                # A larger budget, or another share, is another occasion.
                parts = (one.measure, one.window, one.window_day, one.cap, rails.budget_alert_ppm)
                occasion = " ".join(map(str, parts))
                told = {"measure": one.measure, "window": one.window, "used": one.used, "cap": one.cap}
                told |= {"used_ppm": min(one.used_ppm, WHOLE_PPM)}
                await self._raise(connection, AlertKind.BUDGET_NEAR, one.promotion_id, occasion, told)

    async def _raise(
        self,
        connection: asyncpg.Connection[Any],
        kind: AlertKind,
        promotion_id: str,
        occasion: str,
        told: dict[str, Any],
    ) -> None:
        known = (promotion_id, f"{kind} {occasion}")
        if known in self._told:
            return
        is_new = await repository.raise_alert(
            connection,
            self._office.tenant,
            kind=kind,
            promotion_id=promotion_id,
            occasion=occasion,
            told=told,
            now=self._office.clock(),
        )
        if kind is AlertKind.BUDGET_NEAR:  # a stop may be undone with its transaction
            if len(self._told) >= TOLD_KEPT_MAX:
                self._told.clear()
            self._told.add(known)
            if is_new:
                log.warning("budget_near", promotion_id=promotion_id, **told)


def _reason(found: TooMuch) -> str:
    """For the audit log."""
    if found.why == "HOUR_BUDGET":
        return f"stopped by the guard rails: {found.found} minor units in an hour, {found.allowed} allowed"
    return (
        f"stopped by the guard rails: {found.found} millionths of sales given in the last minutes, {found.allowed}"
        f" allowed, over {found.receipts_count} receipts"
    )
