"""One run of Locust: against all of Altyn started for it, or against a server that runs somewhere.

The outage shape is honest: the server started for the run is killed outright when the stage ``outage`` begins and
started again, at its address, when ``recovery`` does. A server somewhere else is never touched.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import altyn.loadtests
from altyn.cli.load.registers import write_registers
from altyn.cli.load.told import Compared, compare
from altyn.cli.options import say, settings_with
from altyn.cli.up import (
    PROCESSES,
    READY_PATIENCE_S,
    STOP_PATIENCE_S,
    StopAsked,
    ignore_stop_signals,
    start_processes,
    stop_signals_raise,
    watch,
)
from altyn.infra.embedded import Endpoints, embedded_services
from altyn.infra.errors import Trouble
from altyn.infra.processes import Child, log_tail, start_children, stop_children
from altyn.infra.settings import Settings, load_secrets
from altyn.loadtests.ledger import ledgers_of
from altyn.loadtests.settings import BEGAN
from altyn.loadtests.stages import STAGES, marks

SHAPES = ("steady", *STAGES)
ANY_PORT = "127.0.0.1:0"
POLL_S = 0.1
SETTLE_PATIENCE_S = 120.0
ASKED_TO_STOP_STATUS = 1
LOG = "locust.log"
#: Doors of the server's readiness line: it comes back at the addresses it had.
SETTINGS = {"grpc": "GRPC_LISTEN", "ops": "OPS_LISTEN", "metrics": "METRICS_LISTEN"}


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What is wanted of Locust. ``options`` are those of ``loadtests/settings.py``; empty ones are left out."""

    shape: str
    seconds: int
    users: int
    out: Path
    options: Mapping[str, Any]
    thresholds: tuple[str, ...] = ()

    def require_new(self) -> None:
        """Trouble when the run cannot be told from another one, or Locust is not there."""
        if self.shape not in SHAPES:
            raise Trouble(f"--shape {self.shape}: no such shape; there are {', '.join(SHAPES)}")
        if (self.out / "told").exists():
            raise Trouble(f"{self.out} holds another run; name a fresh directory with --out")
        if find_spec("locust") is None:
            raise Trouble("locust is not installed; it is in the dev extra")

    def start(self, target: str, registers: Path, metrics: str = "") -> subprocess.Popen[bytes]:
        """Locust without its web page, in this terminal."""
        self.out.mkdir(parents=True, exist_ok=True)
        options = {name: value for name, value in self.options.items() if str(value) != ""}
        options |= {"target": target, "registers": registers, "out": self.out}
        if metrics:
            options.setdefault("metrics-url", f"http://{metrics}/metrics")
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        words += [word for one in self.thresholds for word in ("--threshold", one)]
        locustfile = Path(altyn.loadtests.__file__).with_name("locustfile.py")
        shape = {} if self.shape == "steady" else {"ALTYN_LOAD_SHAPE": self.shape}
        # Locust's own tables and remarks; the report says the same and more.
        with (self.out / LOG).open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--loglevel", "WARNING"),
                    *("--only-summary", "--html", str(self.out / "locust.html")),
                    *("--users", str(self.users), "--spawn-rate", str(max(10, self.users))),
                    *("--run-time", f"{self.seconds}s", *words),
                ],
                env=os.environ | shape,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def ended(self, status: int) -> int:
        """Locust's exit status; Trouble when it means that there was no run."""
        if status not in (0, 1):
            raise Trouble(f"locust ended with status {status}\n{log_tail(self.out / LOG)}")
        return status


def run_remote(wanted: LoadRun, target: str, registers: Path) -> int:
    """Locust's exit status."""
    locust = wanted.start(target, registers)
    try:
        return wanted.ended(locust.wait())
    finally:
        _end(locust)


def run_local(wanted: LoadRun, var: Path | None) -> tuple[int, Compared | None]:
    """Start all of Altyn with the demonstration's chain, load it, stop, compare with the journal."""
    from altyn.cli.demo import dataset
    from altyn.cli.demo.command import wait_for_projector
    from altyn.cli.demo.load import load_chain
    from altyn.cli.migrate import apply_migrations
    from altyn.cli.verify.checker import verify

    settings = settings_with(var or wanted.out / "var", **dict.fromkeys(_doors(), ANY_PORT))
    wanted.out.mkdir(parents=True, exist_ok=True)
    with suppress(StopAsked), stop_signals_raise(), embedded_services(settings, say) as endpoints:
        asyncio.run(apply_migrations(endpoints.postgres_dsn, settings))
        chain = dataset.load(date.today() - timedelta(days=1))
        loaded = asyncio.run(load_chain(settings, endpoints.postgres_dsn, endpoints.redis_url, chain))
        registers = wanted.out / "registers.json"
        write_registers(registers, [{"store_id": s, "register_id": r, "key": k} for (s, r), k in loaded.keys.items()])
        if len(loaded.keys) < wanted.users:
            raise Trouble(f"--users {wanted.users}: the demonstration has {len(loaded.keys)} registers")
        children: list[Child] = []
        try:
            ready = start_processes(settings, endpoints, PROCESSES, children)
            say(f"loading {ready['server']['grpc']}: {wanted.shape}, {wanted.users} users, {wanted.seconds} s")
            status = _load(wanted, registers, settings, endpoints, ready, children)
            asyncio.run(wait_for_projector(endpoints))
            pepper, ledgers = load_secrets(settings).pepper, ledgers_of(wanted.out / "told")
            compared = asyncio.run(compare(endpoints.postgres_dsn, ledgers, pepper=pepper))
            report = verify(endpoints.postgres_dsn, histories=ledgers, pepper=pepper)
            say(f"verified: {report.checks} checks, {report.violations} violations")
            for name, tally in report.per_invariant.items():
                for example in tally.examples:
                    say(f"  {name}: {example}")
            return status or (1 if report.violations else 0), compared
        finally:
            ignore_stop_signals()
            stop_children(children[::-1], STOP_PATIENCE_S)
    return ASKED_TO_STOP_STATUS, None


def _doors() -> list[str]:
    """Settings that are addresses to listen at."""
    return [name for name in Settings.model_fields if name.endswith("_listen")]


def _load(
    wanted: LoadRun,
    registers: Path,
    settings: Settings,
    endpoints: Endpoints,
    ready: Mapping[str, Mapping[str, Any]],
    children: list[Child],
) -> int:
    """Run Locust to its end, and be the outage when that is the shape. ChildFailed when something else dies."""
    locust = wanted.start(ready["server"]["grpc"], registers, ready["server"].get("metrics") or "")
    # Gone when the stage of that name begins, back when it ends.
    faults = [at_s for name, at_s in marks(wanted.shape, wanted.seconds) if name in ("outage", "recovery")]
    begun_at: float | None = None
    give_up_at = time.monotonic() + wanted.seconds + SETTLE_PATIENCE_S
    away = False
    try:
        while locust.poll() is None:
            now = time.monotonic()
            if begun_at is None and (wanted.out / BEGAN).exists():
                begun_at = now
            if faults and begun_at is not None and now - begun_at >= faults[0]:
                faults.pop(0)
                away = not away
                _kill(children) if away else _restart(settings, endpoints, ready, children)
            if not away:
                watch(children, endpoints)
            if now > give_up_at:
                raise Trouble(f"locust has not ended {SETTLE_PATIENCE_S:.0f} s after the run")
            time.sleep(POLL_S)
        if away:
            _restart(settings, endpoints, ready, children)
        return wanted.ended(locust.returncode)
    finally:
        _end(locust)


def _kill(children: list[Child]) -> None:
    say("outage: the server is killed")
    children[0].process.send_signal(signal.SIGKILL)
    children[0].process.wait()


def _restart(
    settings: Settings, endpoints: Endpoints, ready: Mapping[str, Mapping[str, Any]], children: list[Child]
) -> None:
    say("recovery: the server is started again")
    told = ready["server"]
    children[0] = Child(
        "server",
        [sys.executable, "-m", "altyn.server"],
        log=settings.var / "logs" / "server.log",
        environment=settings.environment()
        | endpoints.environment()
        | {"ALTYN_" + SETTINGS[door]: told[door] for door in SETTINGS if told.get(door)},
    )
    start_children([children[0]], READY_PATIENCE_S)


def _end(locust: subprocess.Popen[bytes]) -> None:
    if locust.poll() is None:
        locust.terminate()
        try:
            locust.wait(10)
        except subprocess.TimeoutExpired:
            locust.kill()
            locust.wait()
