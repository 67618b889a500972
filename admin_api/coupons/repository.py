"""All SQL about coupons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

CURRENT = "tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
SERIES = "series, series_no, kind, title, template, starts_at, ends_at, uses_max, state, version AS feed_version"
BATCH = "batch_id, series, title, origin, codes_count, state, created_by, created_at"
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
HASHES_A_QUERY = 20_000


async def list_series(
    connection: asyncpg.Connection[Any], tenant: str, after: str, state: str | None, count_max: int
) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND series > $2 AND ($3::text IS NULL OR state = $3)"
        " ORDER BY series LIMIT $4",
        tenant,
        after,
        state,
        count_max,
    )
    return found


async def find_series(connection: asyncpg.Connection[Any], tenant: str, series: str) -> asyncpg.Record | None:
    return await connection.fetchrow(
        f"SELECT {SERIES} FROM coupon_series WHERE {CURRENT} AND series = $2", tenant, series
    )


async def next_series_no(connection: asyncpg.Connection[Any], tenant: str) -> int:
    """A number no series has ever had. Asked under the feed clock's lock."""
    number: int = await connection.fetchval(
        "SELECT coalesce(max(series_no), 0) + 1 FROM coupon_series WHERE tenant = $1", tenant
    )
    return number


async def count_codes(connection: asyncpg.Connection[Any], tenant: str, series: str) -> dict[str, int]:
    """State → how many codes; batches of the series have them."""
    rows = await connection.fetch(
        f"SELECT state, count(*) AS codes_count FROM coupon_codes WHERE {CURRENT} AND batch_id = ANY("
        "SELECT batch_id FROM coupon_batches WHERE tenant = $1 AND series = $2) GROUP BY state",
        tenant,
        series,
    )
    return {row["state"]: row["codes_count"] for row in rows}


async def has_codes(connection: asyncpg.Connection[Any], tenant: str, series: str) -> bool:
    answer: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM coupon_batches WHERE tenant = $1 AND series = $2)", tenant, series
    )
    return answer


async def new_code_ids(connection: asyncpg.Connection[Any], count: int) -> list[int]:
    rows = await connection.fetch("SELECT nextval('coupon_code_ids') AS id FROM generate_series(1, $1)", count)
    return [row["id"] for row in rows]


async def taken_hashes(connection: asyncpg.Connection[Any], tenant: str, hashes: Sequence[bytes]) -> dict[bytes, int]:
    """Of these, the codes there are, with their series_no."""
    found: dict[bytes, int] = {}
    for first in range(0, len(hashes), HASHES_A_QUERY):
        rows = await connection.fetch(
            f"SELECT code_hash, series_no FROM coupon_codes WHERE {CURRENT} AND code_hash = ANY($2)",
            tenant,
            list(hashes[first : first + HASHES_A_QUERY]),
        )
        found.update((row["code_hash"], row["series_no"]) for row in rows)
    return found


async def insert_batch(
    connection: asyncpg.Connection[Any],
    tenant: str,
    series: str,
    title: str,
    origin: str,
    count: int,
    actor: str,
    now: datetime,
) -> int:
    """The new batch's id."""
    batch_id: int = await connection.fetchval(
        "INSERT INTO coupon_batches (tenant, batch_id, series, title, origin, codes_count, created_by, created_at)"
        " VALUES ($1, nextval('coupon_batch_ids'), $2, $3, $4, $5, $6, $7) RETURNING batch_id",
        tenant,
        series,
        title,
        origin,
        count,
        actor,
        now,
    )
    return batch_id


async def list_batches(
    connection: asyncpg.Connection[Any], tenant: str, series: str, before: int | None, count_max: int
) -> list[asyncpg.Record]:
    """Newest first."""
    found: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {BATCH} FROM coupon_batches WHERE tenant = $1 AND series = $2"
        " AND ($3::bigint IS NULL OR batch_id < $3) ORDER BY batch_id DESC LIMIT $4",
        tenant,
        series,
        before,
        count_max,
    )
    return found


async def find_batch(
    connection: asyncpg.Connection[Any], tenant: str, batch_id: int, *, to_change: bool = False
) -> asyncpg.Record | None:
    lock = " FOR UPDATE" if to_change else ""
    query = f"SELECT {BATCH} FROM coupon_batches WHERE tenant = $1 AND batch_id = $2{lock}"
    return await connection.fetchrow(query, tenant, batch_id)


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
