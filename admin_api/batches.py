"""What batches of cards, gift cards and coupon codes have in common: rows, ids, and which numbers are taken.

What a batch holds, who may have it made and what is told of it is its area's business. It must never see a number, only
keyed hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from altyn.admin_api.facts import FactTable

HASHES_A_QUERY = 20_000


@dataclass(frozen=True, slots=True)
class BatchTable:
    """``columns`` are told; ids are of the sequence ``ids``."""

    name: str
    ids: str
    columns: str

    async def insert(self, connection: asyncpg.Connection[Any], tenant: str, **values: object) -> int:
        """The new batch's id."""
        places = ", ".join(f"${place}" for place in range(2, 2 + len(values)))
        batch_id: int = await connection.fetchval(
            f"INSERT INTO {self.name} (tenant, batch_id, {', '.join(values)})"
            f" VALUES ($1, nextval('{self.ids}'), {places}) RETURNING batch_id",
            tenant,
            *values.values(),
        )
        return batch_id

    async def find(
        self, connection: asyncpg.Connection[Any], tenant: str, batch_id: int, *, to_change: bool = False
    ) -> asyncpg.Record | None:
        lock = " FOR UPDATE" if to_change else ""
        query = f"SELECT {self.columns} FROM {self.name} WHERE tenant = $1 AND batch_id = $2{lock}"
        return await connection.fetchrow(query, tenant, batch_id)

    async def list_of(
        self, connection: asyncpg.Connection[Any], tenant: str, series: str | None, before: int | None, count_max: int
    ) -> list[asyncpg.Record]:
        """Of a series or of all, newest first."""
        found: list[asyncpg.Record] = await connection.fetch(
            f"SELECT {self.columns} FROM {self.name} WHERE tenant = $1 AND ($2::text IS NULL OR series = $2)"
            " AND ($3::bigint IS NULL OR batch_id < $3) ORDER BY batch_id DESC LIMIT $4",
            tenant,
            series,
            before,
            count_max,
        )
        return found

    async def set_block(
        self, connection: asyncpg.Connection[Any], tenant: str, batch_id: int, block_reason: str
    ) -> None:
        """Of a table whose batches are blocked as a whole; empty: not any more."""
        await connection.execute(
            f"UPDATE {self.name} SET block_reason = $3 WHERE tenant = $1 AND batch_id = $2",
            tenant,
            batch_id,
            block_reason,
        )


async def new_ids(connection: asyncpg.Connection[Any], sequence: str, count: int) -> list[int]:
    """The next ids of a sequence."""
    rows = await connection.fetch("SELECT nextval($1::regclass) AS id FROM generate_series(1, $2)", sequence, count)
    return [row["id"] for row in rows]


def run_reason(batch_id: int, reason: str) -> str:
    """What stands on a card that was blocked with its print run, and tells it from one that was blocked by itself."""
    return f"run {batch_id}: {reason}"


async def next_series_no(connection: asyncpg.Connection[Any], tenant: str, series: FactTable) -> int:
    """A number no series has ever had. Asked under the feed clock's lock."""
    number: int = await connection.fetchval(
        f"SELECT coalesce(max(series_no), 0) + 1 FROM {series.name} WHERE tenant = $1", tenant
    )
    return number


async def rows_by_hash(
    connection: asyncpg.Connection[Any],
    tenant: str,
    table: FactTable,
    column: str,
    hashes: Sequence[bytes],
    columns: str | None = None,
) -> dict[bytes, asyncpg.Record]:
    """What there is of these, with ``columns``, by the keyed hash in ``column``."""
    told = column if columns is None else f"{columns}, {column}"
    found: dict[bytes, asyncpg.Record] = {}
    for first in range(0, len(hashes), HASHES_A_QUERY):
        rows = await connection.fetch(
            f"SELECT {told} FROM {table.name} WHERE tenant = $1 AND valid_to = 'infinity' AND NOT deleted"
            f" AND {column} = ANY($2)",
            tenant,
            list(hashes[first : first + HASHES_A_QUERY]),
        )
        found.update((row[column], row) for row in rows)
    return found
