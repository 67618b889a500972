"""A real cluster: made, killed, recovered, adopted, dropped to another user, gone with its parent."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from altyn.infra.embedded import postgres as postgres_module
from altyn.infra.embedded.identity import NOBODY, Identity, enter_user_namespace
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.providers import NoProvider, find_postgres
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.processes import ChildFailed

WAIT_S = 20.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty var directory."""
    folder = new_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedPostgres]:
    folder = new_folder()
    server = EmbeddedPostgres(folder)
    yield server
    server.stop(immediately=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(shared: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server, shared by the tests of this module, however the test before left it."""
    if not shared.is_running():
        shared.start()
    return shared


@pytest.fixture
def var_with_cluster(shared: EmbeddedPostgres, var: Path) -> Path:
    """A var directory with a stopped cluster: a copy, since making one takes its time."""
    if not shared.data.exists():
        shared.start()
    shared.stop()
    shutil.copytree(shared.data, var / "postgres" / "data")
    shutil.copytree(shared.password_file.parent, var / "secrets")
    return var


async def fetch(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def process_uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def process_program(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").resolve()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} outlived its parent"
        time.sleep(0.02)


async def test_cluster_when_made_is_durable_utf8_and_reachable_by_socket_only(server: EmbeddedPostgres) -> None:
    shown = {}
    for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses"):
        shown[name] = await fetch(server, f"SELECT current_setting('{name}')")
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
    }
    assert await fetch(server, "SELECT pg_encoding_to_char(encoding) FROM pg_database LIMIT 1") == "UTF8"
    assert await fetch(server, "SELECT lower('ЖЁ')") == "жё"
    assert await fetch(server, "SELECT string_agg(c, '' ORDER BY c) FROM unnest('{b,A,a,B}'::text[]) c") == "ABab"


async def test_cluster_when_password_is_wrong_refuses(server: EmbeddedPostgres) -> None:
    user, _, place = server.dsn("postgres").partition("@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"{user}0@{place}")


async def test_postmaster_killed_and_started_again_keeps_what_was_committed(server: EmbeddedPostgres) -> None:
    await fetch(server, "CREATE TABLE kept (number int)")
    connection = await asyncpg.connect(server.dsn("postgres"))
    for number in range(50):
        await connection.execute("INSERT INTO kept VALUES ($1)", number)
    server.kill()
    connection.terminate()
    assert not server.is_running()
    server.start()
    assert not server.adopted
    assert await fetch(server, "SELECT count(*) FROM kept") == 50


async def test_start_when_a_killed_postmaster_left_a_busy_backend_gets_rid_of_it(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "ORPHAN_PATIENCE_S", 0.3)
    connection = await asyncpg.connect(server.dsn("postgres"))
    backend = connection.get_server_pid()
    sql = "DO $$ BEGIN FOR i IN 1..2000000000 LOOP END LOOP; END $$"  # never looks whether its postmaster lives
    await asyncio.create_subprocess_exec(sys.executable, "-c", BUSY, server.dsn("postgres"), sql)
    deadline = time.monotonic() + WAIT_S
    while not await connection.fetchval("SELECT true FROM pg_stat_activity WHERE query = $1", sql):
        assert time.monotonic() < deadline
    assert backend != await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE query = $1", sql)
    server.kill()
    connection.terminate()
    told: list[str] = []
    server.start(told.append)
    assert any("processes of the previous PostgreSQL" in line for line in told)
    assert await fetch(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'") == 0


BUSY = """
import asyncio, asyncpg, contextlib, sys
async def main():
    with contextlib.suppress(Exception):
        await (await asyncpg.connect(sys.argv[1])).execute(sys.argv[2])
asyncio.run(main())
"""


async def test_start_when_the_stale_pid_file_names_a_foreign_process_works(server: EmbeddedPostgres) -> None:
    server.kill()
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert not server.adopted
    assert await fetch(server, "SELECT 1") == 1


async def test_second_start_on_a_live_cluster_adopts_it_and_leaves_it_running(server: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(server.root.parent)
    told: list[str] = []
    second.start(told.append)
    assert second.adopted and second.pid == server.pid
    assert told == [f"adopting the PostgreSQL that already runs here (pid {server.pid})"]
    assert await fetch(second, "SELECT 1") == 1
    second.stop()
    assert await fetch(server, "SELECT 1") == 1


def test_stop_twice_and_start_again_is_allowed(server: EmbeddedPostgres) -> None:
    first = server.pid
    server.stop()
    server.stop()
    wait_until_gone(first)
    server.start()
    assert server.is_running()


def test_start_after_a_half_made_cluster_makes_a_whole_one(var: Path) -> None:
    draft = var / "postgres" / "data.partial"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(var)
    server.start()
    server.stop()
    assert not draft.exists() and (server.data / "base").is_dir()


def test_start_with_a_setting_the_server_refuses_fails_with_its_log(var_with_cluster: Path) -> None:
    server = EmbeddedPostgres(var_with_cluster, server_settings={"shared_buffers": "nonsense"})
    with pytest.raises(ChildFailed, match="shared_buffers"):
        server.start()
    assert not server.is_running()


def test_start_outside_the_main_thread_is_refused(var: Path) -> None:
    caught: list[BaseException] = []

    def attempt() -> None:
        try:
            EmbeddedPostgres(var).start()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_stored_cluster_of_an_absent_major_version_is_refused_by_name(var: Path) -> None:
    data = var / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(NoProvider, match="needs PostgreSQL 9"):
        EmbeddedPostgres(var).start()


async def test_cluster_under_a_deep_var_still_has_a_short_socket(
    var_with_cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(var_with_cluster))
    deep = var_with_cluster / ("deep" * 20) / "with space"
    deep.parent.mkdir()
    shutil.copytree(var_with_cluster / "postgres", deep / "postgres")
    shutil.copytree(var_with_cluster / "secrets", deep / "secrets")
    server = EmbeddedPostgres(deep)
    server.start()
    try:
        assert await fetch(server, "SELECT 1") == 1
    finally:
        server.stop()


PARENT = """
import sys, time
from pathlib import Path
from altyn.infra.embedded.identity import Identity
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.valkey import EmbeddedValkey
identity = Identity("as nobody", 65534, 65534) if sys.argv[2] == "dropped" else None
postgres = EmbeddedPostgres(Path(sys.argv[1]), identity=identity)
postgres.start()
valkey = EmbeddedValkey(Path(sys.argv[1]))
valkey.start()
print(postgres.pid, valkey.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("how", "ordinary"),
    [
        pytest.param("plain", False, id="as we are"),
        pytest.param("dropped", False, marks=as_root, id="dropped to nobody"),
        pytest.param("plain", True, marks=as_root, id="by an ordinary user"),
    ],
)
def test_servers_when_their_parent_is_killed_end_too(var_with_cluster: Path, how: str, ordinary: bool) -> None:
    var = var_with_cluster
    if how == "dropped":
        for path in (var / "postgres" / "data", *(var / "postgres" / "data").rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    command = [sys.executable, "-c", PARENT, str(var), how]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": os.environ["PATH"]}
    enter = enter_user_namespace if ordinary else None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=enter) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.send_signal(signal.SIGKILL)
    for pid in pids:
        wait_until_gone(pid)


def test_start_right_after_the_parent_was_killed_gets_servers_that_stay(var_with_cluster: Path) -> None:
    var = var_with_cluster
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(var), "plain"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.kill()
    servers = EmbeddedPostgres(var), EmbeddedValkey(var)
    try:
        for server in servers:
            server.start()
        assert [server.adopted for server in servers] == [False, False]
        assert asyncio.run(fetch(servers[0], "SELECT 1")) == 1
    finally:
        for server in servers:
            server.stop()
        parent.communicate()


@as_root
async def test_cluster_dropped_to_another_user_is_owned_by_it_and_keeps_that_owner(var: Path) -> None:
    server = EmbeddedPostgres(var, identity=Identity("as nobody", NOBODY, NOBODY))
    server.start()
    assert await fetch(server, "SELECT 1") == 1
    assert process_uid(server.pid) == NOBODY == server.data.stat().st_uid
    server.stop()
    again = EmbeddedPostgres(var)
    again.start()
    try:
        assert process_uid(again.pid) == NOBODY
    finally:
        again.stop()


@as_root
async def test_programs_a_dropped_user_cannot_reach_are_copied_beside_the_data(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = find_postgres()
    if programs.tree is None:
        pytest.skip("a system PostgreSQL is reachable by everybody")
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    for part in programs.parts:
        shutil.copytree(programs.tree / part, closed / part, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    server = EmbeddedPostgres(var, identity=Identity("as nobody", NOBODY, NOBODY))
    server.start()
    try:
        assert process_program(server.pid).is_relative_to(server.root)
        assert await fetch(server, "SELECT 1") == 1
    finally:
        server.stop()
