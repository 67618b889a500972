"""Stores that a test may kill, and a server on them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from altyn.cli.chaos.kills import Stores, own_stores
from tests.integration.system import System, prepare


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="altyn-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    path = Path(tempfile.mkdtemp(prefix="altyn-"))
    with own_stores(path) as started:
        asyncio.run(prepare(started.postgres.dsn()))
        yield started
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def system(stores: Stores, folder: Path) -> Iterator[System]:
    """A server process on what the tests before have left in the stores."""
    running = System(stores.postgres.dsn(), stores.valkey.url, folder)
    running.start()
    yield running
    running.stop()
