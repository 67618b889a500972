"""``altyn up`` over real stores, with small processes in place of the server and the back office."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from altyn.cli.up import with_free_ports
from altyn.infra.settings import Settings

WAIT_S = 60.0

SYSTEM = """
import sys, types
import altyn.cli.up as up
up.PROCESSES = [tuple(word.split("=")) for word in sys.argv[1:]]
async def nothing_to_apply(dsn, settings): return []
up.apply_migrations = nothing_to_apply
demo = types.ModuleType("altyn.cli.demo.load")
demo.load = lambda running: f"demo for {running.ready['one']['grpc']}"
sys.modules["altyn.cli.demo.load"] = demo
up.app(["--demo"], prog_name="altyn up")
"""
ONE = """
import json, os, time
print("ready " + json.dumps({"grpc": "127.0.0.1:7", "ops": "127.0.0.1:8", "metrics": "127.0.0.1:9",
                             "pid": os.getpid()}))
time.sleep(600)
"""
TWO = """
import json, os, time
print("ready " + json.dumps({"seen": os.environ["ALTYN_OPS_LISTEN"], "dsn": os.environ["ALTYN_POSTGRES_DSN"]}))
time.sleep(600)
"""
DYING = """
import time
print("ready {}")
time.sleep(0.3)
raise SystemExit("out of memory")
"""

Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up(tmp_path: Path, stores_folder: Path) -> Iterator[Up]:
    for name, code in (("one", ONE), ("two", TWO), ("dying", DYING)):
        (tmp_path / f"process_{name}.py").write_text(code)
    started: list[subprocess.Popen[str]] = []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALTYN_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment["ALTYN_VAR"] = str(stores_folder / "up")

    def start(*processes: str) -> subprocess.Popen[str]:
        words = [f"{name}=process_{name}" for name in processes]
        child = subprocess.Popen(
            [sys.executable, "-c", SYSTEM, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def read_ready(child: subprocess.Popen[str]) -> tuple[list[str], dict[str, Any]]:
    assert child.stdout is not None
    shown: list[str] = []
    for line in child.stdout:
        if line.startswith("ready {"):
            return shown, orjson.loads(line.removeprefix("ready "))
        shown.append(line.rstrip())
    raise AssertionError(f"ended before ready: {child.communicate()[1]}")


def family_of(pid: int) -> set[int]:
    """Every living descendant of a process."""
    found = {pid}
    while True:
        more = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[1]) in found and fields[0] != "Z":
                    more.add(int(entry.name))
        if more <= found:
            return found - {pid}
        found |= more


def wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + WAIT_S
    while left := {pid for pid in pids if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() < deadline, f"left running: {left}"
        time.sleep(0.05)


def test_up_starts_in_order_tells_addresses_and_loads_the_demo(up: Up) -> None:
    child = up("one", "two")
    shown, ready = read_ready(child)
    assert ready["one"]["grpc"] == "127.0.0.1:7"
    assert ready["two"]["seen"] == "127.0.0.1:8"
    assert ready["two"]["dsn"].startswith("postgresql://altyn:")
    assert "demo for 127.0.0.1:7" in shown
    assert "metrics       http://127.0.0.1:9/metrics (one)" in shown
    assert any("127.0.0.1:7 (gRPC" in line for line in shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_asked_to_stop_ends_well_and_leaves_no_process(up: Up, number: int) -> None:
    child = up("one", "two")
    read_ready(child)
    family = family_of(child.pid)
    assert len(family) >= 4
    child.send_signal(number)
    assert child.wait(WAIT_S) == 0
    wait_until_gone(family)


def test_up_killed_by_force_leaves_no_process(up: Up) -> None:
    child = up("one", "two")
    read_ready(child)
    family = family_of(child.pid)
    child.kill()
    child.wait(WAIT_S)
    wait_until_gone(family)


def test_up_when_a_process_dies_stops_everything_and_fails_with_its_log(up: Up) -> None:
    child = up("one", "dying")
    _, ready = read_ready(child)
    assert child.wait(WAIT_S) != 0
    assert "out of memory" in child.communicate()[1]
    wait_until_gone({ready["one"]["pid"]})


def test_up_when_a_process_does_not_exist_fails_by_name(up: Up) -> None:
    child = up("one", "absent")
    assert child.wait(WAIT_S) != 0
    assert "No module named process_absent" in child.communicate()[1]


def test_default_port_that_is_taken_gives_way_and_a_given_one_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = Settings(grpc_listen=address, ops_listen="127.0.0.1:0", admin_listen="127.0.0.1:0")
        assert with_free_ports(given).grpc_listen == address
        by_default = Settings.model_construct(
            _fields_set={"ops_listen", "admin_listen"},
            **{**given.model_dump(), "grpc_listen": address},
        )
        assert with_free_ports(by_default).grpc_listen == "127.0.0.1:0"
