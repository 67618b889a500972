"""The fixtures every other test stands on."""

from __future__ import annotations

import asyncpg
from redis.asyncio import Redis


async def test_database_asked_for_by_a_test_is_empty(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    assert tables == 0
    await connection.execute("CREATE TABLE left_behind ()")
    await connection.close()


async def test_database_asked_for_by_the_next_test_is_empty_again(database_dsn: str) -> None:
    await test_database_asked_for_by_a_test_is_empty(database_dsn)


async def test_redis_of_the_run_answers(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()
