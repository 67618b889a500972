"""Real stores for every test: one embedded PostgreSQL and Valkey per run, a database of its own per test."""

from __future__ import annotations

import asyncio
import faulthandler
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.embedded.valkey import EmbeddedValkey

# As in altyn.cli.chaos: processes are started while gRPC runs, and its fork handlers would be in their way.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# As altyn.server.transport.grpc_aio sets it, before a test imports gRPC first.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-AES128-CBC-SHA")

_numbers = itertools.count(1)

TEST_SECONDS_MAX = 300

# Deleting a cluster's tens of thousands of files takes minutes on disks that discard blocks at once; what tests crash
# and recover has folders of its own on disk.
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 12 << 30


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that hangs fails by name instead of holding up the run."""

    def give_up(_number: int, _frame: object) -> None:
        faulthandler.dump_traceback()
        raise TimeoutError(f"{item.nodeid} took more than {TEST_SECONDS_MAX} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_SECONDS_MAX)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def stores_folder() -> Iterator[Path]:
    """A var directory with a short name, in memory where there is room; removed after the stores have stopped."""
    free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) if MEMORY.is_dir() else 0
    roomy = free >= MEMORY_BYTES_MIN
    folder = Path(tempfile.mkdtemp(prefix="altyn-", dir=MEMORY if roomy else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_postgres(stores_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(
        stores_folder, server_settings={"shared_buffers": "64MB", "min_wal_size": "80MB", "max_wal_size": "256MB"}
    )
    server.start()
    yield server
    server.stop(immediately=True)  # the folder goes anyway


@pytest.fixture(scope="session")
def postgres_dsn(embedded_postgres: EmbeddedPostgres) -> str:
    """The maintenance database: for creating databases, not for tables."""
    return embedded_postgres.dsn("postgres")


@pytest.fixture(scope="session")
def redis_url(stores_folder: Path) -> Iterator[str]:
    """A Valkey shared by the run: a test uses keys and streams of its own."""
    server = EmbeddedValkey(stores_folder)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def database_dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    """A fresh, empty database."""
    name = f"test_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name))
    return embedded_postgres.dsn(name)
