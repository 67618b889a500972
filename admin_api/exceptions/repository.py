"""All SQL about exceptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

FIELDS = """
exception.*, resolution.note, resolution.resolved_by, resolution.resolved_at
  FROM exceptions AS exception LEFT JOIN exception_resolutions AS resolution USING (seq, exception_no)
"""
LISTED = f"""
SELECT {FIELDS}
 WHERE ($1::bool IS NULL OR (resolution.seq IS NULL) = $1) AND ($2::smallint IS NULL OR kind = $2)
   AND ($3::smallint IS NULL OR status = $3) AND ($4::smallint IS NULL OR reason = $4)
   AND ($5::text IS NULL OR store_id = $5) AND ($6::text IS NULL OR register_id = $6)
   AND ($7::timestamptz IS NULL OR recorded_at >= $7) AND ($8::timestamptz IS NULL OR recorded_at < $8)
   AND ($9::bigint IS NULL OR (exception.seq, exception.exception_no) < ($9, $10::smallint))
 ORDER BY exception.seq DESC, exception.exception_no DESC LIMIT $11
"""
COUNTED = """
SELECT reason, count(*) AS open_count FROM exceptions
 WHERE NOT EXISTS (SELECT FROM exception_resolutions AS resolution
                    WHERE resolution.seq = exceptions.seq AND resolution.exception_no = exceptions.exception_no)
 GROUP BY reason ORDER BY open_count DESC, reason
"""


async def list_exceptions(
    connection: asyncpg.Connection[Any],
    *,
    is_open: bool | None,
    kind: int | None,
    status: int | None,
    reason: int | None,
    place: tuple[str | None, str | None],
    between: tuple[datetime | None, datetime | None],
    before: tuple[int | None, int],
    count_max: int,
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        LISTED, is_open, kind, status, reason, *place, *between, *before, count_max
    )
    return found


async def find_exception(connection: asyncpg.Connection[Any], seq: int, number: int) -> asyncpg.Record | None:
    query = f"SELECT {FIELDS} WHERE exception.seq = $1 AND exception.exception_no = $2"
    return await connection.fetchrow(query, seq, number)


async def count_open(connection: asyncpg.Connection[Any]) -> list[asyncpg.Record]:
    """(reason, open_count)."""
    found: list[asyncpg.Record] = await connection.fetch(COUNTED)
    return found


async def insert_resolution(
    connection: asyncpg.Connection[Any], seq: int, number: int, note: str, actor: str, now: datetime
) -> bool:
    """False when there is one already."""
    done: str = await connection.execute(
        "INSERT INTO exception_resolutions (seq, exception_no, note, resolved_by, resolved_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        seq,
        number,
        note,
        actor,
        now,
    )
    return done == "INSERT 0 1"


async def delete_resolution(connection: asyncpg.Connection[Any], seq: int, number: int) -> None:
    await connection.execute("DELETE FROM exception_resolutions WHERE seq = $1 AND exception_no = $2", seq, number)
