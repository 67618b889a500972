"""A real Prometheus reads a real server and back office, and answers every query of the dashboard and of the alerts.

Without Prometheus this is skipped, except in CI.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
import yaml

from altyn.cli.chaos.server_process import ANY_PORT, address_to_keep
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.processes import Child, start_children, stop_process
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.integration.system import System, basket, prepare
from tests.packaging.test_deploy import DEPLOY, METRIC, queries

PLACES = os.pathsep.join([os.environ.get("PATH", ""), str(DEPLOY.parent / "build" / "prometheus" / "usr" / "bin")])
TOOL, PROMETHEUS = shutil.which("promtool", path=PLACES), shutil.which("prometheus", path=PLACES)
PATIENCE_S = 90.0
EVERY_S = 0.5
# Told only once something rare has happened, or of what this installation does not have.
RARE = {
    "altyn_certificate_left_seconds",
    "altyn_connections_sent_away_total",
    "altyn_exceptions_oldest_seconds",
    "altyn_exceptions_open",
}
NEVER_HERE = re.compile(r'reason="OVERLOADED"')

pytestmark = pytest.mark.skipif(
    (TOOL is None or PROMETHEUS is None) and not os.environ.get("CI"),
    reason="no Prometheus: apt-get install prometheus",
)


@pytest.mark.parametrize("words", [("config", "prometheus.yml"), ("rules", "alerts.yml")], ids=" ".join)
def test_files_pass_promtool(words: tuple[str, str]) -> None:
    assert TOOL is not None
    what, name = words
    command = [TOOL, "check", what, str(DEPLOY / "prometheus" / name)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 rules found" not in told.stdout


@dataclass
class Scraped:
    """What there is to be read: a server that is called, and its back office."""

    system: System
    targets: dict[str, str]
    numbers: int = 0

    async def sell(self) -> None:
        """Forecasts, a sale, one in conflict and one refused."""
        self.numbers += 1
        receipt = basket(self.numbers)
        forecast = pos.CalculateReceiptRequest(receipt=receipt)
        first = pos.CommitReceiptRequest(op_id=self.numbers.to_bytes(16, "big"), receipt=receipt)
        other = pos.CommitReceiptRequest(op_id=first.op_id, receipt=basket(self.numbers + 1_000_000))
        async with grpc.aio.insecure_channel(self.system.grpc_address) as channel:
            # Of so many one is decoded to be timed.
            await asyncio.gather(*(self.system.call(channel, "CalculateReceipt", forecast) for _ in range(64)))
            await self.system.call(channel, "CommitReceipt", first)
            told: Any = await self.system.call(channel, "CommitReceipt", other)
            assert told.status == outcome_pb2.STATUS_CONFLICT
            with pytest.raises(grpc.aio.AioRpcError):
                await self.system.call(channel, "CommitReceipt", first, key="wrong")


@pytest.fixture(scope="module")
def scraped(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str) -> Iterator[Scraped]:
    asyncio.run(create_database(postgres_dsn, "prometheus"))
    dsn = embedded_postgres.dsn("prometheus")
    asyncio.run(prepare(dsn))
    with tempfile.TemporaryDirectory(prefix="altyn-prometheus-") as folder:
        system = System(dsn, redis_url, Path(folder))
        system.start()
        listens = {"ALTYN_ADMIN_LISTEN": ANY_PORT, "ALTYN_ADMIN_METRICS_LISTEN": ANY_PORT}
        office = Child(
            "admin",
            [sys.executable, "-m", "altyn.admin_api"],
            log=Path(folder) / "admin.log",
            environment=system.settings().environment() | listens,
        )
        ready = start_children([office], PATIENCE_S)["admin"]
        # Its metrics name a route only once it was called.
        httpx.get(f"{ready['url']}/v1/stores", timeout=30)
        yield Scraped(system, {"altyn-server": system.metrics_address, "altyn-admin": str(ready["metrics"])})
        stop_process(office.process, [(signal.SIGTERM, 20.0)])
        system.stop()


@dataclass
class Prometheus:
    address: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The samples; a query that it does not understand fails by its own words."""
        answer = httpx.get(f"http://{self.address}/api/v1/query", params={"query": query}, timeout=30)
        told = answer.json()
        assert told["status"] == "success", (query, told)
        found: list[dict[str, Any]] = told["data"]["result"]
        return found

    def has(self, query: str) -> bool:
        """A sample came, and it is a number."""
        return any("histogram" in one or not math.isnan(float(one["value"][1])) for one in self.ask(query))

    def rules(self) -> list[dict[str, Any]]:
        groups = httpx.get(f"http://{self.address}/api/v1/rules", timeout=30).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def prometheus(scraped: Scraped, folder: Path, *, native: bool = False) -> Iterator[Prometheus]:
    """The configuration that is delivered, but often and here."""
    assert PROMETHEUS is not None
    config: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [scraped.targets[job["job_name"]]]}]
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", folder)
    extra = []
    if native:
        said = subprocess.run([PROMETHEUS, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
        version = tuple(int(part) for part in re.findall(r"version (\d+)\.(\d+)", said)[0])
        if version >= (3, 8):
            config["global"]["scrape_native_histograms"] = True
        else:
            extra = ["--enable-feature=native-histograms"]
    (folder / "prometheus.yml").write_text(json.dumps(config))
    address = address_to_keep()
    places = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [PROMETHEUS, *places, f"--web.listen-address={address}", *extra], stdout=log, stderr=log
        )
    try:
        ends_s = time.monotonic() + PATIENCE_S
        while not is_ready(address):
            assert process.poll() is None and time.monotonic() < ends_s, (folder / "prometheus.log").read_text()
            time.sleep(EVERY_S)
        yield Prometheus(address)
    finally:
        stop_process(process, [(signal.SIGTERM, 20.0)])


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


async def left_after_selling(scraped: Scraped, asked: Prometheus, wanted: set[str]) -> set[str]:
    """Sell and ask until every query has a number, or too long: those that have none."""
    ends_s = time.monotonic() + PATIENCE_S
    while wanted and time.monotonic() < ends_s:
        await scraped.sell()
        await asyncio.sleep(EVERY_S)
        wanted = {query for query in wanted if not asked.has(query)}
    return wanted


def filled(query: str) -> str:
    """As Grafana asks it."""
    return query.replace("$__rate_interval", "1m").replace("$instance", ".*")


def plain(query: str) -> set[str]:
    """The metrics a query names, each by itself."""
    return set(METRIC.findall(re.sub(r'"[^"]*"', "", query))) - RARE


async def test_every_query_is_understood_and_answered(scraped: Scraped, tmp_path: Path) -> None:
    asked = [(where, filled(query)) for where, query in queries()]
    alerts = {where for where, _ in asked if where.startswith("Altyn")}
    with prometheus(scraped, tmp_path) as server:
        for _, query in asked:
            server.ask(query)
        always = {
            query
            for where, query in asked
            if where not in alerts and not NEVER_HERE.search(query) and not set(METRIC.findall(query)) & RARE
        }
        names = {name for _, query in asked for name in plain(query)}
        assert len(always) > 30 and len(names) > 35
        assert await left_after_selling(scraped, server, always | names) == set()
        told = server.rules()
        assert {rule["name"] for rule in told} == alerts
        assert {(rule["health"], rule.get("lastError", "")) for rule in told} == {("ok", "")}
        firing = {rule["name"] for rule in told if rule["state"] == "firing"}
        assert not firing & {"AltynServerDown", "AltynBackOfficeDown", "AltynRulesBehind"}


async def test_times_arrive_as_native_histograms(scraped: Scraped, tmp_path: Path) -> None:
    """And the query of docs/operations/metrics.md says of them what the server measured."""
    query = "histogram_quantile(0.99, sum by (grpc_method) (rate(grpc_server_handling_seconds[5m])))"
    assert query in (DEPLOY.parent / "docs" / "operations" / "metrics.md").read_text()
    families = {"grpc_server_handling_seconds", "altyn_journal_wait_seconds"}
    with prometheus(scraped, tmp_path, native=True) as server:
        assert await left_after_selling(scraped, server, families | {query}) == set()
        for name in families:
            assert all(one["histogram"][1]["buckets"] for one in server.ask(f"{name} and histogram_count({name}) > 0"))
        found = {one["metric"]["grpc_method"]: float(one["value"][1]) for one in server.ask(query)}
        assert 0 < found["CommitReceipt"] < 16 and 0 < found["CalculateReceipt"] < 16
