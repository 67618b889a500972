"""What tests of the server share."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.server.journal_world import SCHEMA


@pytest.fixture
def journal_dsn(database_dsn: str) -> str:
    async def make() -> None:
        connection = await asyncpg.connect(database_dsn)
        await connection.execute(SCHEMA)
        await connection.close()

    asyncio.run(make())
    return database_dsn
