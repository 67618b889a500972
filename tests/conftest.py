"""Real stores for every test: one embedded PostgreSQL and Valkey per run, a database of its own per test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.embedded.valkey import EmbeddedValkey

# As in altyn.cli.chaos: processes are started while gRPC runs, and its fork handlers would be in their way.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stores_folder() -> Iterator[Path]:
    """A var directory with a short name; removed after the stores have stopped."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_postgres(stores_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(stores_folder, server_settings={"shared_buffers": "64MB"})
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
