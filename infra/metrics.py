"""Metrics by Prometheus's formats, over HTTP, on a management address of their own.

What is measured is kept by whoever measures, in plain integers; a collector turns it into metrics when it is scraped.
Invariants: nothing here is on the way of a call; a scrape never waits for a store longer than its time limit; the
listener answers `GET /metrics`, `/healthz` and `/readyz` and nothing else, within bounds of size, time and connections;
an address that is taken costs the metrics, never the service. No business word is known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from altyn.infra import exposition
from altyn.infra.settings import split_address

REQUEST_BYTES_MAX = 8 << 10
REQUEST_PATIENCE_S = 5.0
REFRESH_PATIENCE_S = 2.0
CONNECTIONS_MAX = 16
LAG_EVERY_S = 0.25
LAG_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Collect = Callable[[], Iterable[Metric]]
Refresh = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


class FromCall(Collector):
    """A collector made of one function."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def new_registry(*collects: Collect) -> CollectorRegistry:
    """A registry with the process's own metrics (memory, processor time, files, start) and what `collects` give."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    for collect in collects:
        registry.register(FromCall(collect))
    return registry


def histogram_of(
    family: HistogramMetricFamily, labels: Sequence[str], bounds: Sequence[float], counts: Sequence[int], sum_s: float
) -> None:
    """Add one histogram; `counts` are per bucket, one more than `bounds`."""
    total, buckets = 0, []
    for bound, count in zip(bounds, counts, strict=False):
        total += count
        buckets.append((repr(float(bound)), float(total)))
    buckets.append(("+Inf", float(sum(counts))))
    family.add_metric(labels, buckets, sum_value=sum_s)


class LoopLag:
    """How late the event loop is: a timer that should fire every quarter of a second tells by how much it did not."""

    def __init__(self) -> None:
        self._counts = [0] * (len(LAG_BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._max_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due_s = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.saw(max(0.0, time.monotonic() - due_s))

    def saw(self, late_s: float) -> None:
        """One firing."""
        place = next((i for i, bound in enumerate(LAG_BOUNDS_S) if late_s <= bound), len(LAG_BOUNDS_S))
        self._counts[place] += 1
        self._sum_s += late_s
        self._max_s = max(self._max_s, late_s)

    def collect(self) -> Iterator[Metric]:
        """The histogram, and the worst since the last scrape."""
        family = HistogramMetricFamily("altyn_loop_lag_seconds", "How late the event loop served a timer.")
        histogram_of(family, [], LAG_BOUNDS_S, self._counts, self._sum_s)
        yield family
        worst, self._max_s = self._max_s, 0.0
        yield GaugeMetricFamily(
            "altyn_loop_lag_max_seconds", "The longest the event loop was late since the last scrape.", value=worst
        )


async def no_refresh() -> None:
    """For collectors that need to ask nobody."""


class MetricsDoor:
    """The management listener. `port` is known after `start`; 0 when the address was taken."""

    def __init__(
        self,
        registry: CollectorRegistry,
        address: str,
        refresh: Refresh = no_refresh,
        is_ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """`refresh` is awaited before each scrape, for a collector that has to ask a store; its trouble is not ours.
        `is_ready`: whether others should send their calls here; `/readyz` says 503 when not.
        """
        self.port = 0
        self._registry = registry
        self._refresh = refresh
        self._is_ready = is_ready
        self._host, self._wanted_port = split_address(address)
        self._server: asyncio.Server | None = None
        self._open_count = 0

    @property
    def address(self) -> str:
        """Where it listens; empty when it does not."""
        if not self.port:
            return ""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen. An address that cannot be had is logged: metrics must never keep a till from being served."""
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._wanted_port, limit=REQUEST_BYTES_MAX
            )
        except OSError as error:
            log.warning("metrics_not_served", error=str(error))
            return
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open_count += 1
        try:
            if self._open_count <= CONNECTIONS_MAX:
                async with asyncio.timeout(REQUEST_PATIENCE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(head))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open_count -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response(405, "text/plain", b"only GET\n")
        if path == b"/healthz":
            return _response(200, "text/plain", b"ok\n", with_body=method == b"GET")
        if path == b"/readyz":
            status, said = (200, b"ok\n") if self._is_ready() else (503, b"stopping\n")
            return _response(status, "text/plain", said, with_body=method == b"GET")
        if path != b"/metrics":
            return _response(404, "text/plain", b"see /metrics\n", with_body=method == b"GET")
        try:
            await asyncio.wait_for(self._refresh(), REFRESH_PATIENCE_S)
        except Exception as error:
            # What is known without the store is told all the same.
            log.warning("metrics_not_fresh", error=f"{type(error).__name__}: {error}")
        is_binary = exposition.asked_for(head)
        kind = exposition.CONTENT_TYPE if is_binary else CONTENT_TYPE_LATEST
        body = await self._render(exposition.encode if is_binary else _as_text)
        return _response(200, kind, body, with_body=method == b"GET")

    async def _render(self, written: Callable[[Metric], bytes]) -> bytes:
        """Family by family, with a turn of the loop after each: a scrape takes milliseconds."""
        parts = []
        for metric in self._registry.collect():
            parts.append(written(metric))
            await asyncio.sleep(0)
        return b"".join(parts)


def _as_text(metric: Metric) -> bytes:
    return generate_latest(FromCall(partial(iter, (metric,))))


def _response(status: int, kind: str, body: bytes, *, with_body: bool = True) -> bytes:
    reason = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + (body if with_body else b"")
