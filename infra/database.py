"""Connections to PostgreSQL: one way to open them, with time limits, JSON by orjson, and proof of durability.

Invariants: every connection has a name, a connect limit, a command limit, a lock limit and a limit of idling inside a
transaction; a server that may lose a commit is refused unless development asked for it. It holds no SQL of any
business area and never lowers a durability setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from altyn.infra.errors import Trouble

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_MS = 30_000
POOL_SIZE_MAX = 8

# What must hold before money is stored, and what should: (setting, values that are good).
REQUIRED_SETTINGS = (
    ("fsync", ("on",)),
    ("full_page_writes", ("on",)),
    ("synchronous_commit", ("on", "remote_apply")),
)
WISHED_SETTINGS = (("data_checksums", ("on",)),)
SERVER_VERSION_MIN = 150000


class NotDurable(Trouble):
    """The server may lose a commit it has confirmed; the text names the settings."""


@dataclass(frozen=True, slots=True)
class Durability:
    """Settings as the connection sees them, and what is wrong with them."""

    settings: dict[str, str]
    failures: tuple[str, ...]
    warnings: tuple[str, ...]


async def connect(
    dsn: str,
    *,
    name: str,
    command_timeout_s: float | None = COMMAND_TIMEOUT_S,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    idle_in_transaction_ms: int = IDLE_IN_TRANSACTION_MS,
    statement_cache_size: int = 100,
) -> asyncpg.Connection[Any]:
    """One connection. ``name`` is shown in pg_stat_activity; 0 ms means no limit.

    ``statement_cache_size=0`` suits a pooler in transaction mode. Raises OSError, TimeoutError, asyncpg.PostgresError.
    """
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=command_timeout_s,
        statement_cache_size=statement_cache_size,
        server_settings=_session(name, lock_timeout_ms, idle_in_transaction_ms),
    )
    await prepare_connection(connection)
    return connection


async def create_pool(
    dsn: str,
    *,
    name: str,
    size_min: int = 1,
    size_max: int = POOL_SIZE_MAX,
    command_timeout_s: float | None = COMMAND_TIMEOUT_S,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    idle_in_transaction_ms: int = IDLE_IN_TRANSACTION_MS,
    statement_cache_size: int = 100,
) -> asyncpg.Pool[Any]:
    """A pool of such connections, at least one of them open when it returns."""
    return await asyncpg.create_pool(
        dsn,
        min_size=size_min,
        max_size=size_max,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=command_timeout_s,
        statement_cache_size=statement_cache_size,
        init=prepare_connection,
        server_settings=_session(name, lock_timeout_ms, idle_in_transaction_ms),
    )


async def prepare_connection(connection: asyncpg.Connection[Any]) -> None:
    """Make json and jsonb columns Python values, both ways."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_dump, decoder=orjson.loads, schema="pg_catalog")


async def read_durability(connection: asyncpg.Connection[Any]) -> Durability:
    """What this connection would lose in a crash."""
    found: dict[str, str] = {}
    complaints: dict[bool, list[str]] = {True: [], False: []}
    for is_required, wanted in ((True, REQUIRED_SETTINGS), (False, WISHED_SETTINGS)):
        for setting, good in wanted:
            found[setting] = value = await connection.fetchval("SELECT current_setting($1)", setting)
            if value not in good:
                complaints[is_required].append(f"{setting} is {value}, must be {' or '.join(good)}")
    number = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    if number < SERVER_VERSION_MIN:
        complaints[True].append(f"server version is {number}, must be {SERVER_VERSION_MIN} or later")
    return Durability(found, tuple(complaints[True]), tuple(complaints[False]))


async def require_durability(connection: asyncpg.Connection[Any], *, unsafe: bool = False) -> tuple[str, ...]:
    """Refuse a server that may lose commits; returns warnings. ``unsafe`` turns the refusal into a warning."""
    found = await read_durability(connection)
    if found.failures and not unsafe:
        raise NotDurable(f"PostgreSQL may lose commits: {'; '.join(found.failures)}")
    return found.failures + found.warnings


def _session(name: str, lock_timeout_ms: int, idle_in_transaction_ms: int) -> dict[str, str]:
    return {
        "application_name": name,
        "timezone": "UTC",
        "lock_timeout": str(lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(idle_in_transaction_ms),
    }


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()
