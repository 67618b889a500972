"""Small folders of SQL against a real, empty database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from altyn.infra.database import connect
from altyn.infra.migrate import LOCK_KEY, MigrationError, load_migrations, migrate, pending_migrations


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await connect(database_dsn, name="test")
    yield connection
    await connection.close()


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('n')}.sql").write_text(sql)
    return folder


FIRST = "CREATE TABLE a (i int);\nINSERT INTO a VALUES (1);"
SECOND = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 2; END $$;"


async def test_migrate_an_empty_database_applies_every_file_in_order_once(
    database: asyncpg.Connection[Any], tmp_path: Path
) -> None:
    migrations = load_migrations(write(tmp_path, n0001_init=FIRST, n0002_more=SECOND))
    told: list[str] = []
    applied = await migrate(database, migrations, on_apply=lambda migration: told.append(migration.name))
    assert told == [migration.name for migration in applied] == ["0001_init.sql", "0002_more.sql"]
    assert await database.fetchval("SELECT f() + i FROM a") == 3
    assert await migrate(database, migrations) == []
    assert await database.fetchval("SELECT count(*) FROM a") == 1


async def test_migrate_later_applies_only_the_new_file(database: asyncpg.Connection[Any], tmp_path: Path) -> None:
    await migrate(database, load_migrations(write(tmp_path, n0001_init=FIRST)))
    migrations = load_migrations(write(tmp_path, n0002_more=SECOND))
    assert [migration.number for migration in await pending_migrations(database, migrations)] == [2]
    assert [migration.number for migration in await migrate(database, migrations)] == [2]


async def test_migrate_when_an_applied_file_was_changed_refuses(
    database: asyncpg.Connection[Any], tmp_path: Path
) -> None:
    await migrate(database, load_migrations(write(tmp_path, n0001_init=FIRST)))
    changed = load_migrations(write(tmp_path, n0001_init=FIRST + "\n", n0002_more=SECOND))
    with pytest.raises(MigrationError, match=r"0001_init\.sql was changed"):
        await migrate(database, changed)
    assert await database.fetchval("SELECT to_regproc('f') IS NULL")


async def test_migrate_when_a_file_fails_leaves_nothing_of_it_and_tells_its_line(
    database: asyncpg.Connection[Any], tmp_path: Path
) -> None:
    folder = write(tmp_path, n0001_init=FIRST, n0002_bad="CREATE TABLE b ();\n\nSELECT nothing_here;\n")
    with pytest.raises(MigrationError, match=r"0002_bad\.sql:3: .*nothing_here"):
        await migrate(database, load_migrations(folder))
    assert await database.fetchval("SELECT to_regclass('b') IS NULL AND to_regclass('a') IS NOT NULL")
    applied = await migrate(database, load_migrations(write(tmp_path, n0002_bad="CREATE TABLE b ();")))
    assert [migration.number for migration in applied] == [2]


async def test_migrate_a_database_that_is_ahead_is_accepted(database: asyncpg.Connection[Any], tmp_path: Path) -> None:
    await migrate(database, load_migrations(write(tmp_path, n0001_init=FIRST, n0002_more=SECOND)))
    (tmp_path / "0002_more.sql").unlink()
    assert await migrate(database, load_migrations(tmp_path)) == []


async def test_migrate_by_several_runners_at_once_applies_each_file_once(database_dsn: str, tmp_path: Path) -> None:
    migrations = load_migrations(write(tmp_path, n0001_init=FIRST, n0002_more=SECOND))

    async def run() -> int:
        connection = await connect(database_dsn, name="test")
        try:
            return len(await migrate(connection, migrations))
        finally:
            await connection.close()

    assert sorted(await asyncio.gather(*(run() for _ in range(4)))) == [0, 0, 0, 2]


async def test_migrate_leaves_no_lock_and_no_limit_behind(database: asyncpg.Connection[Any], tmp_path: Path) -> None:
    before = await database.fetchval("SHOW lock_timeout")
    await migrate(database, load_migrations(write(tmp_path, n0001_init=FIRST)))
    assert await database.fetchval("SHOW lock_timeout") == before
    key = (LOCK_KEY >> 32, LOCK_KEY & 0xFFFFFFFF)
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid"
    assert await database.fetchval(held, *key) == 0


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"n0001_init": "", "n0003_gap": ""}, "number 2 is missing"),
        ({"n0002_late": ""}, "number 1 is missing"),
        ({"n0001_init": "", "n0001_twice": ""}, "number 1 is taken"),
        ({"n1_short": ""}, "expected a name"),
        ({"n0001_init": "CREATE TABLE a ();\nCOMMIT;"}, "COMMIT is the runner's"),
        ({"n0001_init": "-- why\nbegin;\nSELECT 1;"}, "BEGIN is the runner's"),
    ],
)
def test_load_migrations_of_a_wrong_folder_is_refused(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(MigrationError, match=complaint):
        load_migrations(write(tmp_path, **files))


def test_load_migrations_lets_function_bodies_and_texts_say_begin(tmp_path: Path) -> None:
    sql = SECOND + "\n/* ; COMMIT; */ SELECT '; BEGIN';"
    assert len(load_migrations(write(tmp_path, n0001_init=sql))) == 1
