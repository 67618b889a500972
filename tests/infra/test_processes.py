"""Real children: readiness, death, stopping, and their parent's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altyn.infra import processes
from altyn.infra.processes import Child, ChildFailed, start_children, stop_children, stop_process

WAIT_S = 20.0
Spawn = Callable[..., Child]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    children: list[Child] = []

    def start(code: str, name: str = "child", **environment: str) -> Child:
        child = Child(name, [sys.executable, "-c", code], log=tmp_path / f"{name}.log", environment=environment)
        children.append(child)
        return child

    yield start
    stop_children(children, patience_s=0)


READY = "import time; print('starting'); print('ready {\"port\": 7}'); time.sleep(600)"
# SIGINT is set as well: a child of a job in the background inherits that it is ignored.
STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); signal.signal(2, signal.default_int_handler);"
    " print('ready {}'); time.sleep(600)"
)


def test_children_that_tell_readiness_are_awaited_and_stopped(spawn: Spawn) -> None:
    children = [spawn(READY, "one"), spawn(READY, "two")]
    assert start_children(children, WAIT_S) == {"one": {"port": 7}, "two": {"port": 7}}
    assert stop_children(children) == {"one": -signal.SIGTERM, "two": -signal.SIGTERM}


def test_child_that_dies_before_ready_is_told_with_its_log(spawn: Spawn) -> None:
    child = spawn("import sys; print('no such table', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ChildFailed, match=r"(?s)status 3.*no such table"):
        start_children([child], WAIT_S)


def test_child_that_is_never_ready_is_given_up(spawn: Spawn) -> None:
    with pytest.raises(ChildFailed, match="not ready after 0 s"):
        start_children([spawn("import time; time.sleep(600)")], 0.05)


def test_start_is_ended_early_by_what_else_is_watched(spawn: Spawn) -> None:
    def broken() -> None:
        raise ChildFailed("the store died")

    with pytest.raises(ChildFailed, match="the store died"):
        start_children([spawn("import time; time.sleep(600)")], WAIT_S, broken)


def test_child_that_ignores_sigterm_is_killed(spawn: Spawn) -> None:
    child = spawn(STUBBORN)
    start_children([child], WAIT_S)
    assert stop_children([child], patience_s=0.05) == {"child": -signal.SIGKILL}


def test_stop_process_takes_one_step_after_another(spawn: Spawn) -> None:
    child = spawn(STUBBORN)
    start_children([child], WAIT_S)
    assert stop_process(child.process, ((signal.SIGTERM, 0.05), (signal.SIGINT, WAIT_S))) in (1, -signal.SIGINT)


def test_readiness_of_an_earlier_run_in_the_same_log_does_not_count(spawn: Spawn) -> None:
    first = spawn(READY)
    start_children([first], WAIT_S)
    stop_children([first])
    with pytest.raises(ChildFailed, match="not ready"):
        start_children([spawn("import time; time.sleep(600)")], 0.1)


def test_child_reads_the_environment_it_is_given(spawn: Spawn) -> None:
    child = spawn("import os; print('ready {\"x\": \"' + os.environ['ALTYN_X'] + '\"}'); input()", ALTYN_X="7")
    assert start_children([child], WAIT_S) == {"child": {"x": "7"}}


def test_child_without_a_program_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="ghost could not be started"):
        Child("ghost", [str(tmp_path / "nothing")], log=tmp_path / "ghost.log", environment={})


def test_log_that_grew_large_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_ROTATE_BYTES", 10)
    log = tmp_path / "x.log"
    log.write_text("x" * 11)
    os.close(processes.open_log(log))
    assert log.read_text() == "" and (tmp_path / "x.log.1").read_text() == "x" * 11


PARENT = """
import sys, time
from pathlib import Path
from altyn.infra.processes import Child, start_children
code = "import signal, time; signal.signal(2, signal.SIG_IGN); print('ready {}'); time.sleep(600)"
child = Child("child", [sys.executable, "-c", code], log=Path(sys.argv[1]), environment={})
start_children([child], 20)
print(child.process.pid, flush=True)
time.sleep(600)
"""


def test_child_when_its_parent_is_killed_ends_too(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "child.log")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + WAIT_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
