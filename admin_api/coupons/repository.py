"""All SQL about coupons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.batches import BatchTable

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
SERIES = (
    "series, series_no, kind, title, template, starts_at, ends_at, uses_max, state, origin, on_return, grace_days,"
    " version AS feed_version"
)
BATCHES = BatchTable(
    "coupon_batches",
    "coupon_batch_ids",
    "batch_id, series, title, origin, codes_count, first_serial, state, created_by, created_at",
)
EXPORT = """
SELECT export.*, batch.series, batch.codes_count, batch.first_serial, series.series_no, series.template,
       batch.codes_count::bigint * (octet_length(series.template) + 1) AS bytes_count
  FROM coupon_exports AS export
  JOIN coupon_batches AS batch USING (tenant, batch_id)
  JOIN coupon_series AS series ON series.tenant = batch.tenant AND series.series = batch.series
                              AND series.valid_to = 'infinity'
 WHERE export.tenant = $1
"""
CODE = """
SELECT code.code_id, code.code_hash, code.series_no, code.batch_id, code.state, code.version AS feed_version,
       series.series, series.state AS series_state, series.starts_at, series.ends_at
  FROM coupon_codes AS code
  JOIN coupon_series AS series ON series.tenant = code.tenant AND series.series_no = code.series_no
                              AND series.valid_to = 'infinity'
 WHERE code.tenant = $1 AND code.valid_to = 'infinity' AND NOT code.deleted
"""
# Ties: the codes of one receipt stay on one page.
ISSUED = """
SELECT change.seq, change.code_hash, change.promotion_id, change.expires_at, change.recorded_at AS issued_at,
       series.series, receipt.store_id, receipt.register_id, receipt.shift_number, receipt.receipt_number,
       receipt.customer_id, series.ends_at
  FROM coupon_changes AS change
  JOIN receipts AS receipt USING (seq)
  JOIN coupon_series AS series ON series.tenant = $1 AND series.series_no = change.series_no
                              AND series.valid_to = 'infinity'
 WHERE change.issued AND {condition}
 ORDER BY change.seq DESC FETCH FIRST $3 ROWS WITH TIES
"""


async def list_series(
    connection: asyncpg.Connection[Any],
    tenant: str,
    after: str,
    state: str | None,
    count_max: int,
    text: str | None = None,
) -> list[asyncpg.Record]:
    """By name; with ``text``, those whose name or title has it."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND series > $2 AND ($3::text IS NULL OR state = $3)"
        " AND ($5::text IS NULL OR strpos(lower(series), lower($5)) > 0 OR strpos(lower(title), lower($5)) > 0)"
        " ORDER BY series LIMIT $4",
        tenant,
        after,
        state,
        count_max,
        text,
    )
    return found


async def find_series(connection: asyncpg.Connection[Any], tenant: str, series: str) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND series = $2", tenant, series
    )


async def count_codes(connection: asyncpg.Connection[Any], tenant: str, series: str) -> dict[str, int]:
    """State → how many codes of the series: those kept one by one, and those of serials."""
    rows = await connection.fetch(
        "SELECT state, rows_count AS codes_count FROM fact_counts WHERE tenant = $1 AND subject = 'coupon_codes'"
        f" AND name = (SELECT series_no::text FROM coupon_series WHERE {CURRENT} AND series = $2) AND rows_count > 0"
        " UNION ALL "
        "SELECT state, sum(codes_count) FROM coupon_batches WHERE tenant = $1 AND series = $2 AND origin = 'SERIAL'"
        " GROUP BY state",
        tenant,
        series,
    )
    return {row["state"]: row["codes_count"] for row in rows}


async def has_codes(connection: asyncpg.Connection[Any], tenant: str, series: str) -> bool:
    answer: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM coupon_batches WHERE tenant = $1 AND series = $2)", tenant, series
    )
    return answer


async def set_batch_state(connection: asyncpg.Connection[Any], tenant: str, batch_id: int, state: str) -> None:
    await connection.execute(
        "UPDATE coupon_batches SET state = $3 WHERE tenant = $1 AND batch_id = $2", tenant, batch_id, state
    )


async def codes_of_batch(connection: asyncpg.Connection[Any], tenant: str, batch_id: int) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT code_id, code_hash, series_no, batch_id FROM coupon_codes WHERE {CURRENT} AND batch_id = $2",
        tenant,
        batch_id,
    )
    return found


async def find_code(connection: asyncpg.Connection[Any], tenant: str, code_hash: bytes) -> asyncpg.Record | None:
    """A code with its series, by its keyed hash."""
    return await connection.fetchrow(f"{CODE} AND code.code_hash = $2", tenant, code_hash)


async def find_code_by_id(connection: asyncpg.Connection[Any], tenant: str, code_id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(f"{CODE} AND code.code_id = $2", tenant, code_id)


async def list_codes(
    connection: asyncpg.Connection[Any], tenant: str, series_no: int, after: int, count_max: int
) -> list[asyncpg.Record]:
    """Codes of a series that the back office made, by id."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{CODE} AND code.series_no = $2 AND code.code_id > $3 ORDER BY code.code_id LIMIT $4",
        tenant,
        series_no,
        after,
        count_max,
    )
    return found


async def list_issued(
    connection: asyncpg.Connection[Any], tenant: str, series_no: int, before_seq: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Codes of a series that receipts issued, newest first."""
    condition = "change.series_no = $2 AND ($4::bigint IS NULL OR change.seq < $4)"
    found: list[asyncpg.Record] = await connection.fetch(
        ISSUED.format(condition=condition), tenant, series_no, count_max, before_seq
    )
    return found


async def find_issued(connection: asyncpg.Connection[Any], tenant: str, code_hash: bytes) -> asyncpg.Record | None:
    return await connection.fetchrow(ISSUED.format(condition="change.code_hash = $2"), tenant, code_hash, 1)


async def find_series_by_no(connection: asyncpg.Connection[Any], tenant: str, series_no: int) -> asyncpg.Record | None:
    query = f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND series_no = $2"
    return await connection.fetchrow(query, tenant, series_no)


async def other_templates(connection: asyncpg.Connection[Any], tenant: str, series: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT series, template, origin FROM coupon_series WHERE {CURRENT} AND series <> $2 AND template <> ''",
        tenant,
        series,
    )
    return found


async def serial_series(
    connection: asyncpg.Connection[Any], tenant: str, size: int | None = None
) -> list[asyncpg.Record]:
    """SERIAL series, or those whose codes have so many characters."""
    query = (
        f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND origin = 'SERIAL'"
        " AND ($2::integer IS NULL OR length(template) = $2) ORDER BY series_no"
    )
    found: list[asyncpg.Record] = await connection.fetch(query, tenant, size)
    return found


async def last_serial(connection: asyncpg.Connection[Any], tenant: str, series_no: int) -> int:
    """The highest that was ever given out; 0: none. Asked under the feed clock's lock."""
    last: int = await connection.fetchval(
        "SELECT coalesce(max(last_serial), 0) FROM coupon_ranges WHERE tenant = $1 AND series_no = $2",
        tenant,
        series_no,
    )
    return last


async def serial_batches(
    connection: asyncpg.Connection[Any], tenant: str, series_no: int, after: int, count_max: int
) -> list[asyncpg.Record]:
    """Batches of a series with serials above ``after``, by serial, each with its series."""
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT batch.batch_id, batch.series, batch.state, batch.first_serial, series.series_no,"
        " batch.first_serial + batch.codes_count - 1 AS last_serial,"
        " series.state AS series_state, series.starts_at, series.ends_at"
        "  FROM coupon_batches AS batch"
        "  JOIN coupon_series AS series ON series.tenant = batch.tenant AND series.series = batch.series"
        "                              AND series.valid_to = 'infinity'"
        " WHERE batch.tenant = $1 AND series.series_no = $2 AND batch.origin = 'SERIAL'"
        "   AND batch.first_serial + batch.codes_count - 1 > $3 ORDER BY batch.first_serial LIMIT $4",
        tenant,
        series_no,
        after,
        count_max,
    )
    return found


async def insert_export(
    connection: asyncpg.Connection[Any],
    tenant: str,
    batch_id: int,
    *,
    state: str,
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    """The new export's id."""
    export_id: int = await connection.fetchval(
        "INSERT INTO coupon_exports (tenant, batch_id, state, reason, asked_by, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING export_id",
        tenant,
        batch_id,
        state,
        reason,
        actor,
        now,
    )
    return export_id


async def list_exports(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, count_max: int
) -> list[asyncpg.Record]:
    """Of a batch, newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"{EXPORT} AND export.batch_id = $2 ORDER BY export.export_id DESC LIMIT $3", tenant, batch_id, count_max
    )
    return found


async def find_export(
    connection: asyncpg.Connection[Any], tenant: str, export_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE OF export" if to_change else ""
    return await connection.fetchrow(f"{EXPORT} AND export.export_id = $2{lock}", tenant, export_id)


async def decide_export(
    connection: asyncpg.Connection[Any], tenant: str, export_id: int, *, state: str, actor: str, now: datetime
) -> None:
    await connection.execute(
        "UPDATE coupon_exports SET state = $3, decided_by = $4, decided_at = $5 WHERE tenant = $1 AND export_id = $2",
        tenant,
        export_id,
        state,
        actor,
        now,
    )


async def take_export(connection: asyncpg.Connection[Any], tenant: str, export_id: int, now: datetime) -> None:
    await connection.execute(
        "UPDATE coupon_exports SET state = 'TAKEN', taken_at = $3 WHERE tenant = $1 AND export_id = $2",
        tenant,
        export_id,
        now,
    )
