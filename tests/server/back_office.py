"""What the back office does to the fact tables, as short as a test needs it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import asyncpg

from altyn.core.rules.definition import canonical_json
from altyn.infra.database import connect
from altyn.infra.migrate import load_migrations, migrate
from altyn.infra.redis_stream import open_client, publish

TENANT = "demo"
KEYS = {
    "stores": ("store_id",),
    "products": ("sku",),
    "cards": ("card_id",),
    "customers": ("customer_id",),
    "customer_segments": ("customer_id", "segment"),
    "assets": ("asset",),
    "register_credentials": ("key_hash",),
    "program_limits": ("subject",),
    "tier_terms": ("scheme",),
}
TEN_PERCENT: dict[str, Any] = {
    "promotion": "ten",
    "stage": "item",
    "reward": [{"percent": {"rate": "10"}}],
}


def keyed(text: str) -> bytes:
    """Stands for the keyed hash of a number or a phone."""
    return hashlib.sha256(text.encode()).digest()


class BackOffice:
    """One connection that writes facts as the header of 0001_facts.sql says."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self.connection = connection

    @asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """One transaction, one version. The clock comes first, so writers queue."""
        async with self.connection.transaction():
            row = await self.connection.fetchrow("SELECT * FROM next_feed_version($1)", TENANT)
            self.version, self.at = row["version"], row["changed_at"]
            yield

    async def put(self, table: str, deleted: bool = False, **columns: object) -> None:
        """Inside `change`: close the current row of the key and insert the new one."""
        keys = " AND ".join(f"{name} = ${place}" for place, name in enumerate(KEYS[table], start=3))
        await self.connection.execute(
            f"UPDATE {table} SET valid_to = $2 WHERE tenant = $1 AND {keys} AND valid_to = 'infinity'",
            TENANT,
            self.at,
            *(columns[name] for name in KEYS[table]),
        )
        row = {**columns, "tenant": TENANT, "version": self.version, "valid_from": self.at, "deleted": deleted}
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        await self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    async def put_one(self, table: str, deleted: bool = False, **columns: object) -> None:
        async with self.change():
            await self.put(table, deleted, **columns)

    async def release(
        self,
        documents: list[dict[str, Any]] | bytes,
        *,
        after: timedelta = timedelta(),
        emergency: bool = False,
        sha256: bytes | None = None,
    ) -> int:
        """Publish; returns the version."""
        body = documents if isinstance(documents, bytes) else canonical_json(documents)
        async with self.change():
            version: int = await self.connection.fetchval(
                "INSERT INTO rules_release SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, 'test' "
                "FROM rules_release WHERE tenant = $1 RETURNING version",
                TENANT,
                sha256 or hashlib.sha256(body).digest(),
                body,
                datetime.now(UTC) + after,
                emergency,
            )
        return version


@asynccontextmanager
async def back_office(dsn: str) -> AsyncIterator[BackOffice]:
    connection = await connect(dsn, name="test back office")
    try:
        yield BackOffice(connection)
    finally:
        await connection.close()


async def lay_tables(dsn: str) -> None:
    """All migrations, and the tenant."""
    connection = await connect(dsn, name="test migrations")
    try:
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        await connection.execute("INSERT INTO tenants VALUES ($1, 'Demo', 'Europe/Moscow')", TENANT)
    finally:
        await connection.close()


async def ring(redis_url: str) -> None:
    """The hint that follows a publication."""
    async with open_client(redis_url) as client:
        await publish(client, f"altyn:{TENANT}:feed", {"version": 0})
