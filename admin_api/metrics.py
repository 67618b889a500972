"""What the back office tells about itself: its calls, the projector, and what the database says of the journal.

Asked of PostgreSQL only when somebody scrapes, with a time limit; when it does not answer, what was known stays and
`altyn_postgres_up` says 0. docs/operations/metrics.md says what each metric means.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from altyn.admin_api.edge.office import Office
from altyn.admin_api.exceptions.names import name_of
from altyn.admin_api.rails.schemas import AlertKind
from altyn.infra.partitions import read_partitions
from altyn.pos.v1 import outcome_pb2, reasons_pb2

ELSEWHERE = "(none)"
SERVERS = """
SELECT count(*) FILTER (WHERE seen_at > now() - interval '30 seconds') AS live,
       min(rules_version) FILTER (WHERE seen_at > now() - interval '30 seconds') AS oldest_rules
  FROM server_status WHERE tenant = $1
"""
# A return that waits for its sale: not decided since, and no person has dealt with it.
PARKED = """
SELECT count(*) AS count, extract(epoch FROM min(parked.recorded_at))::float8 AS oldest_s
  FROM exceptions AS parked
 WHERE reason = $1 AND status = $2
   AND NOT EXISTS (SELECT FROM exception_outcomes AS done
                    WHERE done.seq = parked.seq AND done.exception_no = parked.exception_no)
   AND NOT EXISTS (SELECT FROM receipt_returns AS decided
                    WHERE decided.store_id = parked.store_id AND decided.register_id = parked.register_id
                      AND decided.shift_number = parked.shift_number
                      AND decided.receipt_number = parked.receipt_number
                      AND decided.has_waited AND decided.seq > parked.seq)
"""
OPEN = """
SELECT status, count(*) AS count, extract(epoch FROM min(recorded_at))::float8 AS oldest_s
  FROM exceptions AS open
 WHERE status <> $1
   AND NOT EXISTS (SELECT FROM exception_outcomes AS done
                    WHERE done.seq = open.seq AND done.exception_no = open.exception_no)
 GROUP BY status
"""
# What publishing has told people within a day and nobody has acknowledged.
ALERTS = """
SELECT kind, count(*) AS count FROM publishing_alerts
 WHERE tenant = $1 AND acknowledged_at IS NULL AND raised_at > now() - interval '1 day' GROUP BY kind
"""
# They read more the longer a chain lives, and nobody acts on them within a minute.
WAITING_EVERY_S = 60.0
NEWEST = "SELECT coalesce(max(version), 0) FROM rules_release WHERE tenant = $1 AND effective_at <= now()"


class CountedCalls:
    """ASGI around the application: counts calls and measures them, by the route's pattern and never by its path."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._count = Counter("altyn_http_requests", "Calls answered.", ["method", "route", "code"], registry=registry)
        self._seconds = Histogram(
            "altyn_http_request_seconds", "Time of a call.", ["method", "route"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        code = 500

        async def watched(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # A path that is no route may hold anything, a card number too.
            route = getattr(scope.get("route"), "path", ELSEWHERE)
            self._count.labels(scope["method"], route, str(code)).inc()
            self._seconds.labels(scope["method"], route).observe(time.perf_counter() - begun_s)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows that wait for something, and the moment of the oldest in seconds of Unix time."""

    count: int = 0
    oldest_s: float | None = None

    @property
    def age_s(self) -> float:
        return max(0.0, time.time() - self.oldest_s) if self.oldest_s is not None else 0.0


@dataclass(slots=True)
class OfficeState:
    """What the office knew at the last scrape."""

    office: Office
    is_up: bool = False
    lag_rows: int = 0
    lag_s: float = 0.0
    partitions_ahead: int = 0
    partitions_archived: int = 0
    servers_live: int = 0
    rules_oldest: int = 0
    rules_newest: int = 0
    parked: Waiting = Waiting()
    open: dict[str, Waiting] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    waiting_seen_s: float = -WAITING_EVERY_S

    async def refresh(self) -> None:
        """Ask PostgreSQL. Its troubles are the caller's to log."""
        self.is_up = False
        async with self.office.connected() as connection:
            lag = await self.office.projector.lag(connection)
            partitions = await read_partitions(connection)
            servers = await connection.fetchrow(SERVERS, self.office.tenant)
            self.rules_newest = await connection.fetchval(NEWEST, self.office.tenant)
            found = {row["kind"]: row["count"] for row in await connection.fetch(ALERTS, self.office.tenant)}
            self.alerts = {kind.value: found.get(kind, 0) for kind in AlertKind}
            if time.monotonic() - self.waiting_seen_s >= WAITING_EVERY_S:
                await self._count_waiting(connection)
        assert servers is not None
        self.lag_rows, self.lag_s = lag.rows_count, lag.seconds
        self.partitions_ahead, self.partitions_archived = partitions.ahead_count, partitions.archived_count
        self.servers_live, self.rules_oldest = servers["live"], servers["oldest_rules"] or 0
        self.is_up = True

    async def _count_waiting(self, connection: asyncpg.Connection[Any]) -> None:
        parked = await connection.fetchrow(PARKED, reasons_pb2.REASON_ORIGINAL_UNKNOWN, outcome_pb2.STATUS_PARKED)
        assert parked is not None
        self.parked = Waiting(parked["count"], parked["oldest_s"])
        self.open = {
            name_of("status", row["status"]): Waiting(row["count"], row["oldest_s"])
            for row in await connection.fetch(OPEN, outcome_pb2.STATUS_PARKED)
        }
        self.waiting_seen_s = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        projector = self.office.projector
        yield _gauge("altyn_postgres_up", "1 when PostgreSQL answered at this scrape.", self.is_up)
        yield _gauge("altyn_projector_seq", "Journal seq up to which tables for people are made.", projector.seq)
        yield _gauge("altyn_projector_stopped", "1 while the projector cannot go on.", bool(projector.trouble))
        yield _gauge("altyn_projector_lag_records", "Records not yet in the tables for people.", self.lag_rows)
        yield _gauge("altyn_projector_lag_seconds", "Since the projector was level with the journal.", self.lag_s)
        yield _gauge("altyn_journal_partitions_ahead", "Partitions made beyond the one in use.", self.partitions_ahead)
        yield _gauge("altyn_journal_partitions_archived", "Partitions moved to files.", self.partitions_archived)
        yield _gauge("altyn_servers_live", "Servers that reported within 30 s.", self.servers_live)
        yield _gauge("altyn_rules_newest_version", "Newest release whose time has come.", self.rules_newest)
        yield _gauge("altyn_rules_oldest_version", "Oldest release a live server still runs.", self.rules_oldest)
        yield _gauge("altyn_returns_parked", "Returns that wait for their sale.", self.parked.count)
        yield _gauge("altyn_returns_parked_oldest_seconds", "Since the oldest of them came.", self.parked.age_s)
        count = GaugeMetricFamily(
            "altyn_exceptions_open", "Exceptions nobody has decided, by status.", labels=["status"]
        )
        age = GaugeMetricFamily(
            "altyn_exceptions_oldest_seconds", "Since the oldest of them was recorded.", labels=["status"]
        )
        for status, waiting in self.open.items():
            count.add_metric([status], waiting.count)
            age.add_metric([status], waiting.age_s)
        alerts = GaugeMetricFamily(
            "altyn_publishing_alerts", "Alerts of a day that nobody has acknowledged, by kind.", labels=["kind"]
        )
        for kind, number in self.alerts.items():
            alerts.add_metric([kind], number)
        yield from (count, age, alerts)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
