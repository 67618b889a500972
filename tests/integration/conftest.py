"""One server per module and kind of door, on a database of its own."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from tests.integration.system import DOORS, System, prepare

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=DOORS)
def system(
    request: pytest.FixtureRequest, embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str
) -> Iterator[System]:
    name = f"system_{next(_numbers)}"
    asyncio.run(create_database(postgres_dsn, name))
    dsn = embedded_postgres.dsn(name)
    asyncio.run(prepare(dsn))
    with tempfile.TemporaryDirectory(prefix="altyn-system-") as folder:
        running = System(dsn, redis_url, Path(folder), {"ALTYN_DOOR": request.param})
        running.start()
        yield running
        running.stop()
