"""Child processes that cannot outlive their parent: spawn, wait for readiness, stop within a bound.

A child writes its output straight into a log file, so it never depends on its parent reading anything; it announces
itself by one line ``ready {json}`` there. The kernel signals it when its parent dies, however that happens.
Invariants: spawning is done by the main thread only, since the death signal follows the *thread* that forked;
every wait has an end; a child stands in its own session, so a terminal's Ctrl-C reaches the parent alone.
It must never restart anything: who supervises decides.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson

from altyn.infra.errors import Trouble

POLL_S = 0.02
STOP_PATIENCE_S = 15.0
LOG_ROTATE_BYTES = 32 << 20
LOG_TAIL_BYTES = 4096
READY_PREFIX = b"ready {"
READY_LINE_MAX = 64 << 10

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ChildFailed(Trouble):
    """A child did not start, was not ready in time, or died. The text carries the end of its log."""


class Stoppable(Protocol):
    """What ``stop_process`` needs of a child; ``subprocess.Popen`` is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def send_signal(self, sig: int, /) -> None: ...


def require_main_thread() -> None:
    """The death signal fires when the spawning thread ends, so no other thread may spawn."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("child processes are spawned from the main thread: their death signal follows the thread")


def die_with_parent(death_signal: int, then: Callable[[], None] | None = None) -> Callable[[], None]:
    """A ``preexec_fn``: runs ``then``, asks the kernel for the death signal, and quits if the parent is already gone.

    The signal is asked for last, because a change of credentials clears it.
    """
    parent = os.getpid()

    def prepare() -> None:
        if then is not None:
            then()
        follow_parent(death_signal, parent)

    return prepare


def follow_parent(death_signal: int, parent: int) -> None:
    """In a child that others spawned: end when the parent does, at once if it is already gone."""
    if _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def open_log(path: Path) -> int:
    """A descriptor that appends to the log; one older generation is kept once the file is large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_ROTATE_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def log_tail(path: Path, limit_bytes: int = LOG_TAIL_BYTES) -> str:
    """The last whole lines of a log, for an error message."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit_bytes))
            return file.read().decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return ""


def wait_exit(process: Stoppable, patience_s: float) -> bool:
    """True when the process ended within the patience."""
    deadline = time.monotonic() + patience_s
    while process.poll() is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def stop_process(process: Stoppable, steps: Sequence[tuple[int, float]]) -> int:
    """Send each signal and wait its seconds until the process ends; SIGKILL last. Returns the exit status."""
    for step, patience_s in (*steps, (signal.SIGKILL, STOP_PATIENCE_S)):
        if process.poll() is not None:
            break
        process.send_signal(step)
        if wait_exit(process, patience_s):
            break
    status = process.poll()
    if status is None:
        raise ChildFailed(f"process {process.pid} survived SIGKILL for {STOP_PATIENCE_S:.0f} s")
    return status


class Child:
    """One spawned process, its log and its readiness."""

    def __init__(self, name: str, argv: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
        require_main_thread()
        self.name = name
        self.log = log
        self.ready: dict[str, Any] | None = None
        handle = open_log(log)
        self._offset = os.fstat(handle).st_size
        try:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildFailed(f"{name} could not be started: {error}") from error
        finally:
            os.close(handle)

    def check(self) -> None:
        """Raise ``ChildFailed`` when the process has ended."""
        status = self.process.poll()
        if status is not None:
            raise ChildFailed(f"{self.name} ended with status {status}; the end of {self.log}:\n{log_tail(self.log)}")

    def poll_ready(self) -> bool:
        """Look for the readiness line in what the child has written since; True once it was seen."""
        if self.ready is not None:
            return True
        with self.log.open("rb") as file:
            file.seek(self._offset)
            written = file.read(READY_LINE_MAX)
        whole = written[: written.rfind(b"\n") + 1]
        for line in whole.splitlines():
            if line.startswith(READY_PREFIX):
                self.ready = orjson.loads(line[len(READY_PREFIX) - 1 :])
                return True
        if not whole and len(written) == READY_LINE_MAX:
            raise ChildFailed(f"{self.name} wrote a line longer than {READY_LINE_MAX} bytes before it was ready")
        self._offset += len(whole)
        return False


def start_children(
    children: Sequence[Child], patience_s: float, also: Callable[[], None] | None = None
) -> dict[str, dict[str, Any]]:
    """Wait until every child is ready; their readiness by name. ``also`` may raise to end the wait early."""
    deadline = time.monotonic() + patience_s
    while waiting := [child for child in children if not child.poll_ready()]:
        for child in children:
            child.check()
        if also is not None:
            also()
        if time.monotonic() >= deadline:
            late = waiting[0]
            raise ChildFailed(f"{late.name} is not ready after {patience_s:.0f} s; its log:\n{log_tail(late.log)}")
        time.sleep(POLL_S)
    return {child.name: child.ready or {} for child in children}


def stop_children(children: Sequence[Child], patience_s: float = STOP_PATIENCE_S) -> dict[str, int]:
    """Ask all to end at once, share one patience, then SIGKILL; their exit statuses by name."""
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    for child in children:
        wait_exit(child.process, max(0.0, deadline - time.monotonic()))
    return {child.name: stop_process(child.process, ()) for child in children}
