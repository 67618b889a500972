"""Locust's way in: options, users, the shape, and what happens before and after a run. How to run it: README.md.

Before: stock, registers, a look at the server's histograms. After: every register sends what it owes, the meters of all
processes are added up, the report is written, and a broken threshold makes the exit status 1.
"""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

# Processes are started beside gRPC, without its fork handlers.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import gevent  # type: ignore[import-untyped]
import grpc.experimental.gevent as grpc_gevent

grpc_gevent.init_gevent()

from locust import events  # noqa: E402
from locust.argument_parser import LocustArgumentParser  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.runners import MasterRunner, WorkerRunner  # noqa: E402

from altyn.loadtests import server_metrics, shapes, stages  # noqa: E402
from altyn.loadtests.load import Load, load_of  # noqa: E402
from altyn.loadtests.meter import Meter  # noqa: E402
from altyn.loadtests.register_user import RegisterUser  # noqa: E402
from altyn.loadtests.report import Report  # noqa: E402
from altyn.loadtests.settings import BEGAN, LoadSettings, add_options  # noqa: E402
from altyn.loadtests.store_forward_user import StoreForwardUser, TillProcess, TillsLost, settle_all  # noqa: E402
from altyn.loadtests.thresholds import judge, read_thresholds  # noqa: E402

SHAPE = os.environ.get("ALTYN_LOAD_SHAPE", "")
WEIGHTS_TOTAL = 1000
WRONG_SETTING_STATUS = 2

if SHAPE:
    if SHAPE not in stages.STAGES:
        sys.exit(f"ALTYN_LOAD_SHAPE={SHAPE}: no such shape; there are {', '.join(stages.STAGES)}")
    Shape = type("Shape", (shapes.StagedShape,), {"abstract": False, "shape_name": SHAPE})


def options_of(environment: Environment) -> Namespace:
    """The command line's."""
    found: Namespace | None = environment.parsed_options
    assert found is not None
    return found


class Around:
    """What is kept from before a run until after it."""

    def __init__(self) -> None:
        self.before: server_metrics.Page | None = None
        self.remarks: list[str] = []
        #: Meters of workers, added up by the master.
        self.told = Meter()
        self.last: Load
        self.environment: Environment


around = Around()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def on_parser(parser: LocustArgumentParser, **_: object) -> None:
    add_options(parser)


@events.init.add_listener  # type: ignore[untyped-decorator]
def on_init(environment: Environment, **_: object) -> None:
    """Check all options before the clock of the run starts; a wrong one ends it with status 2."""
    options = options_of(environment)
    try:
        settings = LoadSettings.of(options)
        read_thresholds(Path(options.thresholds) if options.thresholds else None, options.threshold or ())
        settings.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as wrong:
        logging.getLogger(__name__).error("%s", wrong)
        sys.exit(WRONG_SETTING_STATUS)
    StoreForwardUser.weight = round(WEIGHTS_TOTAL * options.store_forward_ppm / 1_000_000)
    RegisterUser.weight = WEIGHTS_TOTAL - StoreForwardUser.weight
    environment.user_classes = [
        kind for kind in environment.user_classes if kind.weight or kind not in (RegisterUser, StoreForwardUser)
    ]
    around.environment = environment
    if options.headless and not isinstance(environment.runner, WorkerRunner | MasterRunner):
        prepare(environment)  # before Locust starts the clock of the run


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def on_start(environment: Environment, **_: object) -> None:
    """The master sells nothing."""
    if not isinstance(environment.runner, WorkerRunner):
        around.remarks, around.told = [], Meter()
        settings = LoadSettings.of(options_of(environment))
        around.before = look(settings.metrics_url)
        (settings.out / BEGAN).touch()
    if not isinstance(environment.runner, MasterRunner) and load_of(environment) is None:
        prepare(environment)


def prepare(environment: Environment) -> None:
    """A fresh load for each run of this process. Takes seconds."""
    try:
        load = Load(LoadSettings.of(options_of(environment)), environment)
        if StoreForwardUser in environment.user_classes:
            load.tills = TillProcess(load)
    except (ValueError, OSError, TillsLost) as wrong:
        # Locust swallows what a listener raises, and would go on without a load.
        logging.getLogger(__name__).error("%s", wrong)
        os._exit(WRONG_SETTING_STATUS)
    environment.altyn_load = load  # type: ignore[attr-defined]
    # Loading blocks; the loop's idea of now is older than that, and --run-time would count it.
    gevent.get_hub().loop.update_now()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def on_stop(environment: Environment, **_: object) -> None:
    """All users have stopped."""
    if not isinstance(environment.runner, MasterRunner):
        load = load_of(environment)
        assert load is not None
        settle_all(load)
        load.ledger.close()
        environment.altyn_load = None  # type: ignore[attr-defined]
        around.last = load
    if not isinstance(environment.runner, WorkerRunner | MasterRunner):
        finish(environment, around.last.meter)


@events.report_to_master.add_listener  # type: ignore[untyped-decorator]
def on_tell(client_id: str, data: dict[str, Any], **_: object) -> None:
    """Of a worker: what was measured since the last time."""
    load = load_of(around.environment) or getattr(around, "last", None)
    if load is not None:
        data["altyn"] = load.meter.as_json()
        load.meter.clear()


@events.worker_report.add_listener  # type: ignore[untyped-decorator]
def on_told(client_id: str, data: dict[str, Any], **_: object) -> None:
    if "altyn" in data:
        around.told.add(data["altyn"])


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def on_quitting(environment: Environment, **_: object) -> None:
    """The master has heard from all workers by now."""
    if isinstance(environment.runner, MasterRunner):
        finish(environment, around.told)


def look(url: str) -> server_metrics.Page | None:
    """The server's histograms; a page that cannot be read is a remark, not the end of a run."""
    if not url:
        return None
    try:
        return server_metrics.fetch(url)
    except (OSError, ValueError) as error:
        around.remarks.append(f"the server's histograms were not read: {url}: {error}")
        return None


def finish(environment: Environment, meter: Meter) -> None:
    """Judge, tell, write; the exit status says it too."""
    options = options_of(environment)
    settings = LoadSettings.of(options)
    limits = read_thresholds(Path(options.thresholds) if options.thresholds else None, options.threshold or ())
    after = look(settings.metrics_url) if around.before is not None else None
    rows = server_metrics.subtract(around.before, after) if around.before is not None and after is not None else []
    shape = environment.shape_class
    length_s = shape.length_s if isinstance(shape, shapes.StagedShape) else 0.0
    report = Report(
        meter,
        judge(limits, meter),
        rows,
        target=settings.target,
        pacing=settings.pacing,
        shape=SHAPE or "steady",
        marks=stages.marks(SHAPE, length_s),
        remarks=around.remarks,
    )
    as_json, as_html = report.write(settings.out)
    print(report.as_text())
    print(f"report  {as_html}\n        {as_json}", flush=True)
    environment.process_exit_code = 0 if report.passed else 1
