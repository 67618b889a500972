"""Connections to a real server: limits, JSON, durability."""

from __future__ import annotations

import asyncpg
import pytest

from altyn.infra.database import NotDurable, connect, create_pool, read_durability, require_durability


async def test_connection_has_the_name_and_limits_it_was_given(database_dsn: str) -> None:
    connection = await connect(database_dsn, name="journal", lock_timeout_ms=0, idle_in_transaction_ms=2000)
    shown = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in ("application_name", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone")
    }
    await connection.close()
    assert list(shown.values()) == ["journal", "0", "2s", "UTC"]


async def test_pool_gives_and_takes_json_as_values(database_dsn: str) -> None:
    value = {"text": "Ж", "list": [1, None, True]}
    pool = await create_pool(database_dsn, name="test")
    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::json", value) == value
    await pool.close()


async def test_connection_that_waits_for_a_lock_gives_up(database_dsn: str) -> None:
    holder = await connect(database_dsn, name="test")
    waiter = await connect(database_dsn, name="test", lock_timeout_ms=10)
    await holder.execute("CREATE TABLE t ()")
    async with holder.transaction():
        await holder.execute("LOCK TABLE t")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await waiter.execute("ALTER TABLE t ADD COLUMN i int")
    await holder.close()
    await waiter.close()


async def test_durability_of_the_embedded_server_is_whole(database_dsn: str) -> None:
    connection = await connect(database_dsn, name="test")
    found = await read_durability(connection)
    assert await require_durability(connection) == ()
    await connection.close()
    assert found.failures == found.warnings == ()


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_durability_when_commits_are_not_flushed_is_refused_unless_unsafe(database_dsn: str, value: str) -> None:
    connection = await connect(database_dsn, name="test")
    await connection.execute(f"SET synchronous_commit = {value}")
    with pytest.raises(NotDurable, match=f"synchronous_commit is {value}"):
        await require_durability(connection)
    assert len(await require_durability(connection, unsafe=True)) == 1
    await connection.execute("SET synchronous_commit = remote_apply")
    assert await require_durability(connection) == ()
    await connection.close()
