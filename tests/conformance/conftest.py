"""One real server for the kit's own tests."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from tests.integration.system import System, prepare


@pytest.fixture(scope="package")
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str) -> Iterator[System]:
    asyncio.run(create_database(postgres_dsn, "conformance"))
    dsn = embedded_postgres.dsn("conformance")
    asyncio.run(prepare(dsn, registers_count=64))
    with tempfile.TemporaryDirectory(prefix="altyn-conformance-") as folder:
        running = System(dsn, redis_url, Path(folder))
        running.start()
        yield running
        running.stop()
