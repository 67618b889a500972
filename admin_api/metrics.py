"""What the back office tells about itself: its calls, the projector, and what the database says of the journal.

Asked of PostgreSQL only when somebody scrapes, with a time limit; when it does not answer, what was known stays and
`altyn_postgres_up` says 0. docs/operations/metrics.md says what each metric means.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from altyn.admin_api.edge.office import Office
from altyn.infra.partitions import read_partitions

ELSEWHERE = "(none)"
SERVERS = """
SELECT count(*) FILTER (WHERE seen_at > now() - interval '30 seconds') AS live,
       min(rules_version) FILTER (WHERE seen_at > now() - interval '30 seconds') AS oldest_rules
  FROM server_status WHERE tenant = $1
"""
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

    async def refresh(self) -> None:
        """Ask PostgreSQL. Its troubles are the caller's to log."""
        self.is_up = False
        async with self.office.connected() as connection:
            lag = await self.office.projector.lag(connection)
            partitions = await read_partitions(connection)
            servers = await connection.fetchrow(SERVERS, self.office.tenant)
            self.rules_newest = await connection.fetchval(NEWEST, self.office.tenant)
        assert servers is not None
        self.lag_rows, self.lag_s = lag.rows_count, lag.seconds
        self.partitions_ahead, self.partitions_archived = partitions.ahead_count, partitions.archived_count
        self.servers_live, self.rules_oldest = servers["live"], servers["oldest_rules"] or 0
        self.is_up = True

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


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
