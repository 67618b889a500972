"""All SQL about guard rails, their changes, baselines and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.rails.schemas import Rails

CHANGES = """
SELECT change_id, value, reason, state, proposed_by, proposed_at, decided_by, decided_at FROM rails_changes
"""
ALERTS = """
SELECT alert_id, kind, promotion_id, told, raised_at, acknowledged_by, acknowledged_at FROM publishing_alerts
"""
# Of the release itself, or of the newest before it that has one.
BASELINE = """
SELECT receipts_count, gross_minor, discount_minor, promotions FROM release_baselines
 WHERE tenant = $1 AND version <= $2 ORDER BY version DESC LIMIT 1
"""
COLUMNS = tuple(Rails.model_fields)


async def find_rails(connection: asyncpg.Connection[Any], tenant: str) -> Rails:
    """The defaults when nobody has changed them."""
    row = await connection.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM publishing_rails WHERE tenant = $1", tenant)
    return Rails(**row) if row is not None else Rails()


async def put_rails(connection: asyncpg.Connection[Any], tenant: str, rails: Rails) -> None:
    values = ", ".join(f"${number}" for number in range(2, len(COLUMNS) + 2))
    changed = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    await connection.execute(
        f"INSERT INTO publishing_rails (tenant, {', '.join(COLUMNS)}) VALUES ($1, {values})"
        f" ON CONFLICT (tenant) DO UPDATE SET {changed}",
        tenant,
        *rails.model_dump().values(),
    )


async def insert_change(
    connection: asyncpg.Connection[Any], tenant: str, value: dict[str, Any], reason: str, actor: str, now: datetime
) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO rails_changes (tenant, value, reason, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5)"
        " RETURNING change_id",
        tenant,
        value,
        reason,
        actor,
        now,
    )
    return number


async def find_change(
    connection: asyncpg.Connection[Any], tenant: str, change_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    return await connection.fetchrow(f"{CHANGES} WHERE tenant = $1 AND change_id = $2{lock}", tenant, change_id)


async def list_changes(connection: asyncpg.Connection[Any], tenant: str, count_max: int) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{CHANGES} WHERE tenant = $1 ORDER BY change_id DESC LIMIT $2", tenant, count_max
    )
    return found


async def decide_change(
    connection: asyncpg.Connection[Any], tenant: str, change_id: int, state: str, actor: str, now: datetime
) -> None:
    await connection.execute(
        "UPDATE rails_changes SET state = $3, decided_by = $4, decided_at = $5 WHERE tenant = $1 AND change_id = $2",
        tenant,
        change_id,
        state,
        actor,
        now,
    )


async def find_baseline(connection: asyncpg.Connection[Any], tenant: str, version: int) -> asyncpg.Record | None:
    """What the last receipts before the release were given; None: there were none."""
    return await connection.fetchrow(BASELINE, tenant, version)


async def insert_baseline(
    connection: asyncpg.Connection[Any],
    tenant: str,
    version: int,
    receipts_count: int,
    gross_minor: int,
    discount_minor: int,
    promotions: dict[str, int],
) -> None:
    await connection.execute(
        "INSERT INTO release_baselines (tenant, version, receipts_count, gross_minor, discount_minor, promotions)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        tenant,
        version,
        receipts_count,
        gross_minor,
        discount_minor,
        promotions,
    )


async def raise_alert(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    kind: str,
    promotion_id: str,
    occasion: str,
    told: dict[str, Any],
    now: datetime,
) -> bool:
    """False: it was told before."""
    done: str = await connection.execute(
        "INSERT INTO publishing_alerts (tenant, kind, promotion_id, occasion, told, raised_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, kind, promotion_id, occasion) DO NOTHING",
        tenant,
        kind,
        promotion_id,
        occasion,
        told,
        now,
    )
    return done == "INSERT 0 1"


async def list_alerts(
    connection: asyncpg.Connection[Any],
    tenant: str,
    *,
    count_max: int,
    is_open: bool | None = None,
    promotion_id: str | None = None,
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{ALERTS} WHERE tenant = $1 AND ($2::bool IS NULL OR (acknowledged_at IS NULL) = $2)"
        " AND ($3::text IS NULL OR promotion_id = $3) ORDER BY alert_id DESC LIMIT $4",
        tenant,
        is_open,
        promotion_id,
        count_max,
    )
    return found


async def acknowledge(
    connection: asyncpg.Connection[Any], tenant: str, alert_id: int, actor: str, now: datetime
) -> asyncpg.Record | None:
    """Who did it first stays; None: there is no such alert."""
    return await connection.fetchrow(
        "UPDATE publishing_alerts SET acknowledged_by = coalesce(acknowledged_by, $3),"
        " acknowledged_at = coalesce(acknowledged_at, $4) WHERE tenant = $1 AND alert_id = $2"
        " RETURNING alert_id, kind, promotion_id, told, raised_at, acknowledged_by, acknowledged_at",
        tenant,
        alert_id,
        actor,
        now,
    )
