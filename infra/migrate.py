"""Numbered, forward-only SQL files: ``0001_init.sql``, ``0002_….sql``, each applied once, in a transaction of its own.

Invariants: numbers run from 1 without gaps; a file that was applied never changes (its SHA-256 is kept beside its
number); two runners never work at once; a failing file leaves nothing behind. A database that is ahead of these files
is accepted, since the previous version keeps serving during a rollout. It never runs anything backwards.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import asyncpg

from altyn.infra.errors import Trouble

LOCK_KEY = 0x616C74796E  # "altyn"
RUNNER_PATIENCE_MS = 300_000
LOCK_TIMEOUT_MS = 10_000
FILE_TIMEOUT_S = 86_400.0  # a long migration is no fault; waiting for a lock is

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_CONTROL = re.compile(r"(?:^|;)\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT)\b", re.IGNORECASE)

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


class MigrationError(Trouble):
    """The files and the database disagree, or a file failed. The text names the file."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Traversable) -> list[Migration]:
    """The ``.sql`` files of a folder in order. MigrationError when a name, a number or a statement is not allowed."""
    found: dict[int, Migration] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        parts = _NAME.fullmatch(entry.name)
        if parts is None:
            raise MigrationError(f"{entry.name}: expected a name like 0001_init.sql")
        number = int(parts[1])
        if number in found:
            raise MigrationError(f"{entry.name}: number {number} is taken by {found[number].name}")
        sql = entry.read_text("utf-8")
        control = _CONTROL.search(_QUOTED.sub(" ", sql))
        if control is not None:
            raise MigrationError(f"{entry.name}: {control[1].upper()} is the runner's: a file is one transaction")
        found[number] = Migration(number, entry.name, sql)
    for expected, number in enumerate(sorted(found), start=1):
        if number != expected:
            raise MigrationError(f"{found[number].name}: number {expected} is missing before it")
    return [found[number] for number in sorted(found)]


async def pending_migrations(connection: asyncpg.Connection[Any], migrations: Sequence[Migration]) -> list[Migration]:
    """Those not yet applied; reads only. MigrationError when an applied one was changed or is missing in between."""
    if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return list(migrations)
    rows = await connection.fetch("SELECT number, name, sha256 FROM schema_migration ORDER BY number")
    applied = {row["number"]: row for row in rows}
    for expected, number in enumerate(applied, start=1):
        if number != expected:
            raise MigrationError(f"schema_migration lacks number {expected}: the table was edited by hand")
    for migration in migrations[: len(applied)]:
        row = applied[migration.number]
        if row["sha256"] != migration.sha256:
            raise MigrationError(
                f"{migration.name} was changed after it was applied (as {row['name']}); add a new file"
            )
    return list(migrations[len(applied) :])


async def migrate(
    connection: asyncpg.Connection[Any],
    migrations: Sequence[Migration],
    *,
    on_apply: Callable[[Migration], None] = lambda _: None,
) -> list[Migration]:
    """Apply what is pending, one runner at a time; ``on_apply`` is told before each. Returns what was applied."""
    await _set_lock_timeout(connection, RUNNER_PATIENCE_MS)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY, timeout=RUNNER_PATIENCE_MS / 1000 + 5)
    except asyncpg.LockNotAvailableError as error:
        raise MigrationError("another migration has been running for too long") from error
    try:
        await _set_lock_timeout(connection, LOCK_TIMEOUT_MS)
        await connection.execute(_TABLE)
        pending = await pending_migrations(connection, migrations)
        for migration in pending:
            on_apply(migration)
            await _apply(connection, migration)
        return pending
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
            await connection.execute("RESET lock_timeout")


async def _apply(connection: asyncpg.Connection[Any], migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=FILE_TIMEOUT_S)
            await connection.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
    except asyncpg.PostgresError as error:
        line = _line_of(migration.sql, getattr(error, "position", None))
        raise MigrationError(f"{migration.name}{line}: {error}") from error


async def _set_lock_timeout(connection: asyncpg.Connection[Any], limit_ms: int) -> None:
    await connection.execute("SELECT set_config('lock_timeout', $1, false)", str(limit_ms))


def _line_of(sql: str, position: str | None) -> str:
    """``:12`` for an error at a character position (1-based, as PostgreSQL tells it)."""
    if position is None or not position.isdecimal():
        return ""
    return f":{sql.count(chr(10), 0, int(position)) + 1}"
