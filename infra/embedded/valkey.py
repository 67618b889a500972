"""Embedded Valkey (or Redis): one append-only store under ``var/valkey``, reached by a unix socket.

Invariants: one server per folder (a lock the server itself holds, freed by the kernel with it); a live one is adopted;
it ends with its parent; stopping has a bound even when the disk refuses writes, so no snapshot is ever saved on the
way out. Losing this store costs seconds, never correctness. It must never listen on TCP.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from altyn.infra.embedded.places import PlaceTaken, exclusive, socket_folder
from altyn.infra.embedded.postgres import ADOPT_SETTLE_S, Postmaster, Progress
from altyn.infra.embedded.providers import ValkeyProgram, find_valkey
from altyn.infra.processes import (
    POLL_S,
    ChildFailed,
    die_with_parent,
    log_tail,
    open_log,
    require_main_thread,
    stop_process,
    wait_exit,
)

STOP_STEPS = ((signal.SIGTERM, 10.0),)
START_PATIENCE_S = 120.0
PING_PATIENCE_S = 2.0
SHUTDOWN_OPTION_SINCE = (7,)  # Redis 6 does not know shutdown-on-sigterm

SERVER_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "daemonize": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
}


class EmbeddedValkey:
    """Supervisor of one store. ``start`` and ``stop`` may be called again and again."""

    def __init__(self, var: Path, *, start_patience_s: float = START_PATIENCE_S) -> None:
        self.root = var / "valkey"
        self.log = var / "logs" / "valkey.log"
        self.adopted = False
        self.origin = ""
        self._var = var
        self._start_patience_s = start_patience_s
        self._process: subprocess.Popen[bytes] | Postmaster | None = None
        self._socket: Path | None = None

    @property
    def pid(self) -> int:
        """The server's process id; RuntimeError when not started."""
        if self._process is None:
            raise RuntimeError("embedded Valkey is not started")
        return self._process.pid

    @property
    def url(self) -> str:
        """The address for a Redis client."""
        if self._socket is None:
            raise RuntimeError("embedded Valkey is not started")
        return f"unix://{quote(str(self._socket))}"

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, progress: Progress = lambda _: None) -> None:
        """Adopt the live server of this folder, or start one and wait until it answers.

        Raises NoProvider, ChildFailed (with the end of the log) or PlaceTaken.
        """
        require_main_thread()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket = socket_folder(self._var, "valkey") / "valkey.sock"
        deadline = time.monotonic() + self._start_patience_s
        while True:
            try:
                with exclusive(self.root / "lock", 0) as lock:
                    self.adopted = False
                    self._spawn(find_valkey(), lock)
                break
            except PlaceTaken:
                owner = self._live_owner()
                if owner is not None and self._answers_twice():
                    progress(f"adopting the Valkey that already runs here (pid {owner.pid})")
                    self.adopted, self._process = True, owner
                    return
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)
        self._await_ready(progress, deadline)

    def stop(self) -> None:
        """Ask it to end, then kill it. An adopted server belongs to somebody else and is left alone."""
        process, self._process = self._process, None
        if process is not None and not self.adopted:
            stop_process(process, STOP_STEPS)

    def kill(self) -> None:
        """``kill -9``, as a crash would; for tests of recovery."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        if not wait_exit(self._process, PING_PATIENCE_S):
            raise ChildFailed("Valkey survived SIGKILL")

    def _spawn(self, program: ValkeyProgram, lock: int) -> None:
        assert self._socket is not None
        self.origin = f"{program.origin} {'.'.join(map(str, program.version))}"
        self._socket.unlink(missing_ok=True)
        settings = {**SERVER_SETTINGS, "unixsocket": str(self._socket), "dir": str(self.root)}
        if program.is_valkey or program.version >= SHUTDOWN_OPTION_SINCE:
            settings["shutdown-on-sigterm"] = "nosave force"
        argv = [str(program.path)]
        for name, value in settings.items():
            argv += ["--" + name, value]
        handle = open_log(self.log)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd=self.root,
                start_new_session=True,
                pass_fds=(lock,),
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
            os.pwrite(lock, f"{self._process.pid:<10}\n".encode(), 0)
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildFailed(f"Valkey could not be started: {error}") from error
        finally:
            os.close(handle)

    def _await_ready(self, progress: Progress, deadline: float) -> None:
        process = self._process
        assert process is not None
        start = told = time.monotonic()
        while (answer := self._ping()) != "+PONG":
            status = process.poll()
            if status is not None:
                self._process = None
                raise ChildFailed(f"Valkey ended with status {status} at start:\n{log_tail(self.log)}")
            now = time.monotonic()
            if now > deadline:
                self.stop()
                raise ChildFailed(f"Valkey is not ready after {now - start:.0f} s ({answer}):\n{log_tail(self.log)}")
            if now - told >= 1.0:
                told = now
                progress(f"Valkey is starting, {now - start:.0f} s: {answer or 'not listening yet'}")
            time.sleep(POLL_S)

    def _answers_twice(self) -> bool:
        """True for a server that is there to stay, not one whose parent has just been killed."""
        if self._ping() != "+PONG":
            return False
        time.sleep(ADOPT_SETTLE_S)
        return self._ping() == "+PONG"

    def _ping(self) -> str:
        """The server's answer to PING in one line; empty when nobody listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PING_PATIENCE_S)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(256).decode("utf-8", "replace").strip()
            except OSError:
                return ""

    def _live_owner(self) -> Postmaster | None:
        """The process that holds the lock, as the lock file names it."""
        try:
            owner = Postmaster(int((self.root / "lock").read_text("ascii")), self.root, "ready")
        except ValueError:
            return None
        return owner if owner.poll() is None else None
