"""All SQL about the program."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson


async def find_program(connection: asyncpg.Connection[Any], tenant: str, *, to_change: bool = False) -> asyncpg.Record:
    """The tenant's row; made at the start, so always there."""
    lock = " FOR UPDATE" if to_change else ""
    row: asyncpg.Record | None = await connection.fetchrow(
        f"SELECT tenant AS program, title, zone, currency, exponent FROM tenants WHERE tenant = $1{lock}", tenant
    )
    assert row is not None
    return row


async def store_program(
    connection: asyncpg.Connection[Any], tenant: str, title: str, currency: str, exponent: int
) -> None:
    await connection.execute(
        "UPDATE tenants SET title = $2, currency = $3, exponent = $4 WHERE tenant = $1",
        tenant,
        title,
        currency,
        exponent,
    )


async def find_limits(connection: asyncpg.Connection[Any], tenant: str) -> dict[str, dict[str, Any]]:
    """Limits by subject; a subject that allows nothing is absent."""
    rows = await connection.fetch(
        "SELECT subject, limits::text FROM program_limits WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted",
        tenant,
    )
    return {row["subject"]: orjson.loads(row["limits"]) for row in rows}
