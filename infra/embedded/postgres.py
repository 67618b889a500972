"""Embedded PostgreSQL: one cluster under ``var/postgres``, reached by a unix socket, durable as any other.

Invariants: a half-made cluster is never used (made aside, then renamed); two postmasters never share a cluster, nor a
new one its predecessor's orphans; a live postmaster is adopted, not doubled; the server ends with its parent even when
that is killed; crash recovery may take as long as it needs, with progress told. It must never listen on TCP and never
turn a durability setting off by itself.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from altyn.infra.embedded.identity import Identity, can_run, candidates
from altyn.infra.embedded.places import exclusive, socket_folder
from altyn.infra.embedded.providers import PostgresPrograms, find_postgres
from altyn.infra.processes import (
    POLL_S,
    ChildFailed,
    log_tail,
    open_log,
    require_main_thread,
    stop_process,
    wait_exit,
)
from altyn.infra.settings import secret_file

USER = "altyn"
DATABASE = "altyn"
PORT = 5432  # only part of the socket's name: nothing listens on TCP
DEATH_SIGNAL = signal.SIGINT  # PostgreSQL's fast shutdown: checkpoint, then exit
STOP_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
START_PATIENCE_S = 1800.0
INITDB_PATIENCE_S = 120.0
LOCK_PATIENCE_S = 120.0
ORPHAN_PATIENCE_S = 10.0
ADOPT_SETTLE_S = 0.2  # a server whose parent has just been killed learns of it within milliseconds
PROGRESS_EVERY_S = 1.0

Progress = Callable[[str], None]

# For many small commits by few connections. Durability settings stay at their defaults (on) on purpose.
SERVER_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "idle_in_transaction_session_timeout": "5min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_startup_progress_interval": "1s",
    # DETAIL lines quote key values, which may be personal data.
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says of a live server."""

    pid: int
    socket_folder: Path
    state: str

    def poll(self) -> int | None:
        return None if _is_alive(self.pid) else 0

    def send_signal(self, sig: int) -> None:
        os.kill(self.pid, sig)


class EmbeddedPostgres:
    """Supervisor of one cluster. ``start`` and ``stop`` may be called again and again."""

    def __init__(
        self,
        var: Path,
        *,
        server_settings: Mapping[str, str] | None = None,
        start_patience_s: float = START_PATIENCE_S,
        identity: Identity | None = None,
    ) -> None:
        self.root = var / "postgres"
        self.data = self.root / "data"
        self.log = var / "logs" / "postgres.log"
        self.password_file = var / "secrets" / "postgres_password"
        self.adopted = False
        self.origin = ""
        self._var = var
        self._identity = identity
        self._settings = {**SERVER_SETTINGS, **(server_settings or {})}
        self._start_patience_s = start_patience_s
        self._process: subprocess.Popen[bytes] | Postmaster | None = None
        self._sockets: Path | None = None

    @property
    def pid(self) -> int:
        """The postmaster's process id; RuntimeError when not started."""
        if self._process is None:
            raise RuntimeError("embedded PostgreSQL is not started")
        return self._process.pid

    def dsn(self, database: str = DATABASE) -> str:
        """The address of a database of this cluster, password included."""
        if self._sockets is None:
            raise RuntimeError("embedded PostgreSQL is not started")
        password = secret_file(self.password_file)
        place = f"host={quote(str(self._sockets), safe='')}&port={PORT}"
        return f"postgresql://{USER}:{password}@/{quote(database)}?{place}"

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, progress: Progress = lambda _: None) -> None:
        """Adopt the live server of this cluster, or start one and wait until it answers.

        Raises NoProvider, ChildFailed (with the end of the log) or PlaceTaken.
        """
        require_main_thread()
        self.root.mkdir(parents=True, exist_ok=True)
        with exclusive(self.root / "lock", min(LOCK_PATIENCE_S, self._start_patience_s)):
            live = self._await_settled(progress)
            if live is not None:
                progress(f"adopting the PostgreSQL that already runs here (pid {live.pid})")
                self.adopted, self._process, self._sockets = True, live, live.socket_folder
                self._await_ready(progress)
                return
            self.adopted = False
            programs, identity = self._choose()
            if not (self.data / "PG_VERSION").exists():
                progress(f"making a PostgreSQL {programs.major} cluster ({programs.origin}, {identity.name})")
                self._make_cluster(programs, identity)
            self._clear_orphans(progress)
            self._spawn(programs, identity)
            self._await_ready(progress)

    def stop(self, *, immediately: bool = False) -> None:
        """Fast shutdown, then harder; ``immediately`` leaves the work to the next start's recovery.

        An adopted server belongs to somebody else and is left alone.
        """
        process, self._process = self._process, None
        if process is not None and not self.adopted:
            stop_process(process, STOP_STEPS[1:] if immediately else STOP_STEPS)

    def kill(self) -> None:
        """``kill -9`` of the postmaster, as a crash would; for tests of recovery."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        if not wait_exit(self._process, ORPHAN_PATIENCE_S):
            raise ChildFailed("the postmaster survived SIGKILL")

    def _choose(self) -> tuple[PostgresPrograms, Identity]:
        """Programs that fit the stored cluster, and an identity that can run them."""
        version_file = self.data / "PG_VERSION"
        programs = find_postgres(int(version_file.read_text("ascii")) if version_file.exists() else None)
        self.origin = f"{programs.origin} {'.'.join(map(str, programs.version))}"
        tried = []
        for identity in [self._identity] if self._identity else candidates(self.root):
            if identity.is_dropped:
                os.chown(self.root, identity.uid, identity.gid)
            if can_run(identity, programs.folder / "postgres", self.root):
                return programs, identity
            copied = self._copied(programs) if identity.is_dropped and programs.tree else None
            if copied and can_run(identity, copied.folder / "postgres", self.root):
                return copied, identity
            tried.append(identity.name)
        raise ChildFailed(
            f"PostgreSQL refuses to run as root, and could not run {' or '.join(tried)}: "
            f"{self.root} or {programs.folder} cannot be reached; choose --var in a folder others may enter"
        )

    def _copied(self, programs: PostgresPrograms) -> PostgresPrograms:
        """The same programs beside the data, where a dropped user can reach them."""
        assert programs.tree is not None
        target = self.root / f"programs-{'.'.join(map(str, programs.version))}"
        if not target.exists():
            draft = target.with_name(target.name + ".partial")
            shutil.rmtree(draft, ignore_errors=True)
            for part in programs.parts:
                shutil.copytree(programs.tree / part, draft / part, symlinks=True)
            draft.rename(target)
        folder = target / programs.folder.relative_to(programs.tree)
        return PostgresPrograms(programs.origin, folder, programs.version, target, programs.parts)

    def _make_cluster(self, programs: PostgresPrograms, identity: Identity) -> None:
        draft = self.root / "data.partial"
        shutil.rmtree(draft, ignore_errors=True)
        if programs.major >= 17:
            locales = [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
        else:
            locales = [["--locale=C.UTF-8"], ["--locale=C"]]
        password = self.root / "password"
        try:
            handle = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(handle, secret_file(self.password_file).encode())
            os.fchown(handle, identity.uid, identity.gid)
            os.close(handle)
            for locale in locales:
                argv = [
                    str(programs.folder / "initdb"),
                    "-D",
                    str(draft),
                    "-U",
                    USER,
                    "-E",
                    "UTF8",
                    "--auth=scram-sha-256",
                ]
                argv += [f"--pwfile={password}", "--data-checksums", *locale]
                made = subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    cwd="/",
                    env=_environment(),
                    timeout=INITDB_PATIENCE_S,
                    **identity.popen_options(signal.SIGKILL),
                )
                if made.returncode == 0:
                    draft.rename(self.data)
                    return
            raise ChildFailed(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        except subprocess.SubprocessError as error:
            raise ChildFailed(f"initdb could not be run: {error}") from error
        finally:
            password.unlink(missing_ok=True)

    def _spawn(self, programs: PostgresPrograms, identity: Identity) -> None:
        self._sockets = socket_folder(self._var, "postgres")
        for stale in self._sockets.glob(".s.PGSQL.*"):
            stale.unlink()
        if identity.is_dropped:
            os.chown(self._sockets, identity.uid, identity.gid)
        argv = [str(programs.folder / "postgres"), "-D", str(self.data), "-k", str(self._sockets), "-p", str(PORT)]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        handle = open_log(self.log)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                **identity.popen_options(DEATH_SIGNAL),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildFailed(f"PostgreSQL could not be started {identity.name}: {error}") from error
        finally:
            os.close(handle)

    def _await_ready(self, progress: Progress) -> None:
        process = self._process
        assert process is not None
        start = told = time.monotonic()
        while True:
            status = process.poll()
            if status is not None:
                self._process = None
                raise ChildFailed(f"PostgreSQL ended with status {status} at start:\n{log_tail(self.log)}")
            found = self._read_pid_file()
            if found is not None and found.pid == process.pid and found.state == "ready":
                return
            now = time.monotonic()
            if now - start > self._start_patience_s:
                self.stop(immediately=True)
                raise ChildFailed(f"PostgreSQL is not ready after {now - start:.0f} s:\n{log_tail(self.log)}")
            if now - told >= PROGRESS_EVERY_S:
                told = now
                last = log_tail(self.log, 400).rpartition("\n")[2]
                progress(f"PostgreSQL is starting, {now - start:.0f} s: {last}")
            time.sleep(POLL_S)

    def _await_settled(self, progress: Progress) -> Postmaster | None:
        """The live postmaster of this cluster, once it is not on its way out."""
        deadline = time.monotonic() + min(self._start_patience_s, sum(patience for _, patience in STOP_STEPS))
        waited = False
        if self._read_pid_file() is not None:
            time.sleep(ADOPT_SETTLE_S)
        while (found := self._read_pid_file()) is not None and found.state == "stopping":
            if not waited:
                progress(f"waiting for the previous PostgreSQL to stop (pid {found.pid})")
                waited = True
            if time.monotonic() > deadline:
                raise ChildFailed(f"the previous PostgreSQL (pid {found.pid}) does not stop; see {self.log}")
            time.sleep(POLL_S)
        return found

    def _read_pid_file(self) -> Postmaster | None:
        """What the pid file says, if its process lives and works in this cluster; else None."""
        try:
            lines = (self.data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        if not _is_alive(pid) or not _works_in(pid, self.data):
            return None
        complete = len(lines) >= 8
        sockets = Path(lines[4]) if complete else Path()
        return Postmaster(pid, sockets, lines[7].strip() if complete else "starting")

    def _clear_orphans(self, progress: Progress) -> None:
        """Wait for the processes a killed postmaster left in this cluster; kill what does not leave by itself."""
        deadline = time.monotonic() + ORPHAN_PATIENCE_S
        told = False
        while orphans := _postgres_in(self.data):
            if not told:
                progress(f"waiting for {len(orphans)} processes of the previous PostgreSQL")
                told = True
            if time.monotonic() > deadline:
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)
                deadline += ORPHAN_PATIENCE_S
            time.sleep(POLL_S)
        # A pid file left by a crash may name a pid that is now somebody else's: PostgreSQL would refuse to start.
        try:
            pid = int((self.data / "postmaster.pid").read_text("utf-8", "replace").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if _is_alive(pid):
            (self.data / "postmaster.pid").unlink()


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _is_alive(pid: int) -> bool:
    """True when the process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return re.match(r" [ZX] ", stat[stat.rfind(")") + 1 :]) is None


def _works_in(pid: int, folder: Path) -> bool:
    """True when the working directory of the process is this folder, as it is for all of PostgreSQL's."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def _postgres_in(folder: Path) -> list[int]:
    """Processes called postgres that work in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _works_in(int(entry.name), folder) and _is_alive(int(entry.name)):
            try:
                name = (entry / "comm").read_text("utf-8", "replace")
            except OSError:
                continue
            if name.startswith("postgres"):
                found.append(int(entry.name))
    return found
