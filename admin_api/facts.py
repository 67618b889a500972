"""Writing facts: the temporal pattern of migrations/0001_facts.sql for one row or a million, in one place.

A value that is equal to the current one writes nothing, so every write may be repeated. Invariants: all rows of a
call carry one feed version; the feed clock is locked before anything is compared, so writers of a tenant follow one
another; rows are closed and inserted, never changed. It decides nothing about what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True)
class FactTable:
    """A fact table: the columns of its key after ``tenant``, those of its value before ``version``, and which are
    jsonb.

    A jsonb value is given to ``FeedWriter.put`` as JSON text.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    json: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Order of a row given to ``FeedWriter.put``."""
        return self.keys + self.values


STORES = FactTable("stores", ("store_id",), ("title", "zone", "region", "format", "cluster", "currency", "exponent"))
REGISTERS = FactTable("registers", ("store_id", "register_id"), ("title",))
CREDENTIALS = FactTable(
    "register_credentials", ("key_hash",), ("store_id", "register_id", "revoked", "expires_at", "kind", "name")
)
PRODUCT_GROUPS = FactTable("product_groups", ("group_id",), ("title",))
PRODUCTS = FactTable(
    "products",
    ("sku",),
    ("title", "group_id", "brand_id", "supplier_id", "flags", "min_price_minor", "vat_code", "attributes"),
)
CARDS = FactTable(
    "cards",
    ("card_id",),
    (
        *("number_hash", "last4", "card_type", "state", "block_reason", "customer_id", "account_id"),
        *("series", "batch_id", "kind"),
    ),
)
CUSTOMERS = FactTable(
    "customers", ("customer_id",), ("account_id", "phone_hash", "registered_at", "birthday_mmdd", "favourites")
)
GRANTS = FactTable("customer_grants", ("customer_id", "promotion_id"), ("starts_at", "ends_at", "skus", "categories"))
SEGMENTS = FactTable("segments", ("segment",), ("title",))
MEMBERSHIPS = FactTable("customer_segments", ("customer_id", "segment"), ())
ASSETS = FactTable(
    "assets",
    ("asset",),
    (
        "asset_no",
        "scale",
        "step_points",
        "title",
        "expire_after_days",
        "kind",
        "adjust_points_max",
        "adjust_day_points_max",
    ),
    json=frozenset({"title"}),
)
ASSET_RATES = FactTable("asset_rates", ("asset", "to_asset"), ("from_points", "to_points"))
PROGRAM_LIMITS = FactTable("program_limits", ("subject",), ("limits",), json=frozenset({"limits"}))
TIER_TERMS = FactTable("tier_terms", ("scheme",), ("terms",), json=frozenset({"terms"}))
COUPON_SERIES = FactTable(
    "coupon_series",
    ("series",),
    (
        "series_no",
        "kind",
        "title",
        "template",
        "starts_at",
        "ends_at",
        "uses_max",
        "state",
        "origin",
        "on_return",
        "grace_days",
    ),
)
COUPON_CODES = FactTable("coupon_codes", ("code_id",), ("code_hash", "series_no", "batch_id", "state"))
COUPON_RANGES = FactTable("coupon_ranges", ("series_no", "first_serial"), ("last_serial", "state"))
GIFT_SERIES = FactTable(
    "gift_card_series",
    ("series",),
    ("series_no", "title", "template", "asset", "currency", "pin_digits", "valid_days", "state"),
)
GIFT_CARDS = FactTable(
    "gift_cards",
    ("gift_card_id",),
    ("number_hash", "last4", "pin_hash", "series_no", "batch_id", "account_id", "state", "block_reason"),
)
FRAUD_RULES = FactTable(
    "fraud_rules",
    ("rule",),
    ("kind", "count_window", "threshold", "seconds", "actions", "holdback_days", "share_percent", "state", "title"),
)


class FeedWriter:
    """The facts one transaction writes. ``version`` is 0 until something really changes."""

    def __init__(self, connection: asyncpg.Connection[Any], tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant
        self._is_locked = False
        self._tables: set[str] = set()
        self.version = 0
        self.changed_at: datetime | None = None

    async def lock(self) -> None:
        """Wait for other writers of the tenant; what is read from here on stays true to the end of the transaction."""
        if not self._is_locked:
            await self._connection.execute(
                "INSERT INTO feed_clock VALUES ($1, 1, clock_timestamp()) ON CONFLICT (tenant) DO NOTHING", self._tenant
            )
            await self._connection.execute("SELECT 1 FROM feed_clock WHERE tenant = $1 FOR UPDATE", self._tenant)
            self._is_locked = True

    async def advance(self) -> int:
        """The version of this transaction's changes, taken on first use."""
        if not self.version:
            await self.lock()
            row = await self._connection.fetchrow("SELECT * FROM next_feed_version($1)", self._tenant)
            assert row is not None
            self.version, self.changed_at = row["version"], row["changed_at"]
        return self.version

    async def put(self, table: FactTable, rows: Iterable[Sequence[object]], *, deleted: bool = False) -> int:
        """Make these the current values; how many were not already. Keys of ``rows`` are distinct.

        ``deleted`` writes tombstones: rows that do not exist, or are deleted already, are left alone. A table is
        written at most once in a transaction for one and the same key.
        """
        await self.lock()
        incoming = await self._copy_in(table, rows)
        same = " AND ".join(f"now.{key} = incoming.{key}" for key in table.keys)
        current = f"now.tenant = $1 AND now.valid_to = 'infinity' AND {same}"
        if deleted:
            unchanged = f"NOT EXISTS (SELECT FROM {table.name} AS now WHERE {current} AND NOT now.deleted)"
        else:
            values = f"({', '.join(f'now.{name}' for name in table.columns)})"
            offered = f"({', '.join(_offered(table))})"
            unchanged = (
                f"EXISTS (SELECT FROM {table.name} AS now WHERE {current} AND NOT now.deleted"
                f" AND {values} IS NOT DISTINCT FROM {offered})"
            )
        await self._connection.execute(f"DELETE FROM {incoming} AS incoming WHERE {unchanged}", self._tenant)
        changed_count: int = await self._connection.fetchval(f"SELECT count(*) FROM {incoming}")
        if changed_count:
            await self.advance()
            await self._replace(table, incoming, same, deleted)
        await self._connection.execute(f"DROP TABLE {incoming}")
        return changed_count

    async def _copy_in(self, table: FactTable, rows: Iterable[Sequence[object]]) -> str:
        incoming = f"incoming_{table.name}"
        columns = ", ".join(f"{name}::text AS {name}" if name in table.json else name for name in table.columns)
        await self._connection.execute(
            f"CREATE TEMPORARY TABLE {incoming} AS SELECT {columns} FROM {table.name} LIMIT 0"
        )
        await self._connection.copy_records_to_table(incoming, records=rows, columns=table.columns)
        await self._connection.execute(f"ANALYZE {incoming}")
        return incoming

    async def _replace(self, table: FactTable, incoming: str, same: str, deleted: bool) -> None:
        """Close the current rows and insert the new ones."""
        await self._connection.execute(
            f"UPDATE {table.name} AS now SET valid_to = $2 FROM {incoming} AS incoming"
            f" WHERE now.tenant = $1 AND now.valid_to = 'infinity' AND {same}",
            self._tenant,
            self.changed_at,
        )
        columns = ", ".join(table.columns)
        await self._connection.execute(
            f"INSERT INTO {table.name} (tenant, {columns}, version, valid_from, deleted)"
            f" SELECT $1, {', '.join(_offered(table))}, $2, $3, $4 FROM {incoming} AS incoming",
            self._tenant,
            self.version,
            self.changed_at,
            deleted,
        )


def _offered(table: FactTable) -> list[str]:
    """The columns of the rows that came in, as the table has them."""
    return [f"incoming.{name}::jsonb" if name in table.json else f"incoming.{name}" for name in table.columns]
