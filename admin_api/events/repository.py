"""All SQL about events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg

EVENT = (
    "event, kind, title, asset, points, repeats, days_before, active_after_days, expires, state, refusal, since,"
    " next_day, after_version, after_id, updated_by, updated_at, approved_by"
)
OCCURRENCE = (
    "occurrence_id, event, customer_id, account_id, occurrence, happened_on, op_id, asset, points, active_from_us,"
    " expires_at_us, state, refusal, journal_seq, lot_id, told_by, told_at"
)
TOLD = (
    "event, customer_id, account_id, occurrence, happened_on, op_id, asset, points, active_from_us, expires_at_us,"
    " state, refusal, journal_seq, lot_id, told_by, told_at"
)
CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
PUT = """
INSERT INTO events AS kept (tenant, event, kind, title, asset, points, repeats, days_before, active_after_days, expires,
                            updated_by, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (tenant, event) DO UPDATE SET
    title = $4, asset = $5, points = $6, repeats = $7, days_before = $8, active_after_days = $9, expires = $10,
    updated_by = $11, updated_at = $12, state = 'PROPOSED', refusal = '', approved_by = NULL
"""
APPROVED = """
UPDATE events SET state = 'ACTIVE', approved_by = $3, updated_at = $4, since = coalesce(since, $4),
       next_day = CASE WHEN kind = 'BIRTHDAY' THEN coalesce(next_day, $5) END,
       after_version = CASE WHEN since IS NULL THEN coalesce((SELECT version FROM feed_clock WHERE tenant = $1), 0)
                            ELSE after_version END
 WHERE tenant = $1 AND event = $2
"""
STOPPED = """
UPDATE events SET state = 'STOPPED', refusal = $4, updated_at = $3, approved_by = NULL, since = NULL, next_day = NULL,
       after_version = 0, after_id = 0
 WHERE tenant = $1 AND event = $2
"""
# Of registrations each new version of a customer is looked at once.
DUE = f"""
SELECT {EVENT} FROM events AS due
 WHERE tenant = $1 AND state = 'ACTIVE'
   AND (kind = 'BIRTHDAY' AND next_day <= $2
        OR kind = 'REGISTRATION' AND EXISTS (
            SELECT FROM customers
             WHERE {CURRENT} AND version >= due.after_version
               AND (version, customer_id) > (due.after_version, due.after_id)))
 ORDER BY event LIMIT 1 FOR UPDATE SKIP LOCKED
"""


async def find_event(
    connection: asyncpg.Connection[Any], tenant: str, event: str, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(
        f"SELECT {EVENT} FROM events WHERE tenant = $1 AND event = $2{lock}", tenant, event
    )


async def list_events(connection: asyncpg.Connection[Any], tenant: str) -> list[asyncpg.Record]:
    """By name."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {EVENT} FROM events WHERE tenant = $1 ORDER BY event", tenant
    )
    return found


async def put_event(connection: asyncpg.Connection[Any], tenant: str, row: Sequence[Any]) -> None:
    """As PROPOSED, where it was."""
    await connection.execute(PUT, tenant, *row)


async def approve(
    connection: asyncpg.Connection[Any], tenant: str, event: str, actor: str, now: datetime, today: date
) -> None:
    await connection.execute(APPROVED, tenant, event, actor, now, today)


async def stop(
    connection: asyncpg.Connection[Any], tenant: str, event: str, now: datetime, *, refusal: str = ""
) -> None:
    """What happens from now on is not made up for when it is approved again."""
    await connection.execute(STOPPED, tenant, event, now, refusal)


# OCCURRENCES


async def find_occurrence(connection: asyncpg.Connection[Any], tenant: str, op_id: bytes) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {OCCURRENCE} FROM event_occurrences WHERE tenant = $1 AND op_id = $2", tenant, op_id
    )


async def known(connection: asyncpg.Connection[Any], tenant: str, op_ids: Sequence[bytes]) -> set[bytes]:
    """Those that have happened."""
    rows = await connection.fetch(
        "SELECT op_id FROM event_occurrences WHERE tenant = $1 AND op_id = ANY($2)", tenant, list(op_ids)
    )
    return {row["op_id"] for row in rows}


async def insert_occurrences(connection: asyncpg.Connection[Any], tenant: str, rows: Iterable[Sequence[Any]]) -> None:
    """Somebody else may have told of one at the same moment."""
    places = ", ".join(f"${place}" for place in range(2, 18))
    await connection.executemany(
        f"INSERT INTO event_occurrences (tenant, {TOLD}) VALUES ($1, {places}) ON CONFLICT (tenant, op_id) DO NOTHING",
        [(tenant, *row) for row in rows],
    )


async def list_occurrences(
    connection: asyncpg.Connection[Any],
    tenant: str,
    event: str,
    customer_id: int | None,
    before: int | None,
    count_max: int,
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {OCCURRENCE} FROM event_occurrences WHERE tenant = $1 AND event = $2"
        " AND ($3::bigint IS NULL OR customer_id = $3) AND ($4::bigint IS NULL OR occurrence_id < $4)"
        " ORDER BY occurrence_id DESC LIMIT $5",
        tenant,
        event,
        customer_id,
        before,
        count_max,
    )
    return found


# WHAT HAPPENS BY ITSELF


async def customers_of_account(connection: asyncpg.Connection[Any], tenant: str, account_id: int) -> list[int]:
    """At most two."""
    rows = await connection.fetch(
        f"SELECT customer_id FROM customers WHERE {CURRENT} AND account_id = $2 LIMIT 2", tenant, account_id
    )
    return [row["customer_id"] for row in rows]


async def take_due(connection: asyncpg.Connection[Any], tenant: str, today: date) -> asyncpg.Record | None:
    """An event that has something to give and nobody else works at, locked."""
    return await connection.fetchrow(DUE, tenant, today)


async def registered(
    connection: asyncpg.Connection[Any], tenant: str, after: tuple[int, int], count: int
) -> list[asyncpg.Record]:
    """Customers written after a place, in the order of writing."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT customer_id, account_id, registered_at, version FROM customers WHERE {CURRENT} AND version >= $2"
        " AND (version, customer_id) > ($2, $3) ORDER BY version, customer_id LIMIT $4",
        tenant,
        *after,
        count,
    )
    return found


async def born(
    connection: asyncpg.Connection[Any], tenant: str, birthdays: Sequence[int], after_id: int, count: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT customer_id, account_id FROM customers WHERE {CURRENT} AND birthday_mmdd > 0"
        " AND birthday_mmdd = ANY($2::smallint[]) AND customer_id > $3 ORDER BY customer_id LIMIT $4",
        tenant,
        list(birthdays),
        after_id,
        count,
    )
    return found


async def move(
    connection: asyncpg.Connection[Any],
    tenant: str,
    event: str,
    *,
    after_id: int,
    after_version: int = 0,
    next_day: date | None = None,
) -> None:
    """So far it is."""
    await connection.execute(
        "UPDATE events SET after_id = $3, after_version = $4, next_day = $5 WHERE tenant = $1 AND event = $2",
        tenant,
        event,
        after_id,
        after_version,
        next_day,
    )
