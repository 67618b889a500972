"""Facts from PostgreSQL into the core: everything at first, afterwards what is newer than the version held.

One pull reads the feed clock and all changes up to it in one snapshot, so a change is never lost, however
transactions interleave; a pull that breaks off has done no harm and is done again. Large tables come by COPY and are
applied in slices, with the loop's other work in between. It must never apply half a row, and never go back in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import orjson
import structlog

from altyn.core.engine.types import Scope
from altyn.core.facts import AssetFact, CopyRows, Facts, OfflineLimits, RateFact, ReturnLimits
from altyn.core.facts.fraud import FraudRuleFact
from altyn.core.facts.stores import StoreFact
from altyn.infra.zones import ensure_zone
from altyn.server.feeds.credentials import Credentials

SLICE_ROWS = 1_000  # a millisecond of the loop, at most
PREFETCH_ROWS = 500
COPY_TIMEOUT_S = 3_600.0

Load = Callable[[CopyRows, int], int]

# What changed after version $2, and at first ($2 = 0) what there is. Column order is that of the core's `load…`.
CHANGED = "tenant = $1 AND version > $2 AND valid_to = 'infinity' AND (NOT deleted OR $2 > 0)"
STORES = f"SELECT store_id, zone, region, format, cluster, currency, exponent, deleted FROM stores WHERE {CHANGED}"
ASSETS = f"SELECT asset, asset_no, scale, step_points, title::text, kind FROM assets WHERE {CHANGED}"
RATES = f"SELECT asset, to_asset, from_points, to_points, deleted FROM asset_rates WHERE {CHANGED}"
LIMITS = f"SELECT subject, limits::text, deleted FROM program_limits WHERE {CHANGED}"
TIERS = f"SELECT terms::text AS terms, deleted FROM tier_terms WHERE {CHANGED}"
CREDENTIALS = (
    "SELECT key_hash, store_id, register_id, kind <> 'KEY' AS of_certificate, revoked, revoked OR deleted AS is_void, "
    f"(extract(epoch FROM expires_at) * 1000000)::bigint AS end_us FROM register_credentials WHERE {CHANGED}"
)
PRODUCTS = (
    "SELECT sku, group_id, brand_id, supplier_id, flags, min_price_minor, vat_code, deleted, "
    f"array_to_string(attributes, E'\\n') FROM products WHERE {CHANGED}"
)
CARDS = (
    "SELECT number_hash, card_id, account_id, customer_id, card_type, "
    "array_position('{NEW,ACTIVE,BLOCKED,CLOSED,FINISHED}'::text[], state)::int2, last4, deleted, kind = 'VIRTUAL' "
    f"FROM cards WHERE {CHANGED}"
)
CUSTOMERS = (
    "SELECT customer_id, account_id, phone_hash, deleted, birthday_mmdd, array_to_string(favourites, E'\\n') "
    f"FROM customers WHERE {CHANGED}"
)
GRANTS = (
    "SELECT customer_id, promotion_id, (extract(epoch FROM starts_at) * 1000000)::bigint, "
    "(extract(epoch FROM ends_at) * 1000000)::bigint, array_to_string(skus, E'\\n'), "
    f"array_to_string(categories, E'\\n'), deleted FROM customer_grants WHERE {CHANGED}"
)
SEGMENTS = f"SELECT customer_id, segment, deleted FROM customer_segments WHERE {CHANGED}"

COUPON_SERIES = (
    "SELECT series_no, series, array_position('{SHARED,UNIQUE}'::text[], kind)::int2, state = 'BLOCKED', "
    "(extract(epoch FROM starts_at) * 1000000)::bigint, (extract(epoch FROM ends_at) * 1000000)::bigint, "
    "uses_max, template, origin = 'SERIAL', on_return = 'KEEP_USED', grace_days, deleted "
    f"FROM coupon_series WHERE {CHANGED}"
)
COUPON_CODES = f"SELECT code_hash, code_id, series_no, state = 'BLOCKED', deleted FROM coupon_codes WHERE {CHANGED}"
COUPON_RANGES = (
    f"SELECT series_no, first_serial, last_serial, state = 'BLOCKED', deleted FROM coupon_ranges WHERE {CHANGED}"
)

GIFT_SERIES = (
    "SELECT series_no, series, asset, currency, valid_days, state = 'BLOCKED', deleted "
    f"FROM gift_card_series WHERE {CHANGED}"
)
GIFT_CARDS = (
    "SELECT number_hash, gift_card_id, account_id, series_no, last4, pin_hash, state = 'BLOCKED', deleted "
    f"FROM gift_cards WHERE {CHANGED}"
)

FRAUD_RULES = (
    "SELECT rule, kind, count_window, threshold, seconds, actions, holdback_days, share_percent,"
    " deleted OR state = 'OFF' AS is_off "
    f"FROM fraud_rules WHERE {CHANGED}"
)

log = structlog.get_logger(__name__)


class FeedClockWentBack(RuntimeError):
    """PostgreSQL is older than this server's memory, restored from a copy. Facts stay; a restart takes what it has."""


class FactsFeed:
    """Keeps `facts` and `credentials` at the newest version of one tenant."""

    def __init__(self, tenant: str, facts: Facts, credentials: Credentials) -> None:
        self.version = 0
        self.facts = facts
        self.credentials = credentials
        self._tenant = tenant

    async def pull(self, connection: asyncpg.Connection[Any]) -> bool:
        """Take what is newer; True when there was something.

        Raises FeedClockWentBack, ValueError for rows no back office writes, and what the connection raises. After any
        of them the connection is still inside the snapshot: end it.
        """
        snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
        await snapshot.start()
        clock = await connection.fetchval("SELECT version FROM feed_clock WHERE tenant = $1", self._tenant) or 0
        if clock < self.version:
            raise FeedClockWentBack(f"the feed clock says {clock}, this server has {self.version}")
        has_changed: bool = clock > self.version
        if has_changed:
            await self._pull_changes(connection)
        await snapshot.commit()
        self.version = clock
        return has_changed

    async def _pull_changes(self, connection: asyncpg.Connection[Any]) -> None:
        directory = self.facts.directory
        await self._pull_stores(connection)
        await self._pull_assets(connection)
        await self._pull_limits(connection)
        await self._pull_tiers(connection)
        await self._pull_credentials(connection)
        await self._copy(connection, PRODUCTS, self.facts.catalogue.load)
        await self._copy(connection, CARDS, directory.load_cards)
        await self._copy(connection, CUSTOMERS, directory.load_customers)
        await self._copy(connection, SEGMENTS, directory.load_segments)
        await self._copy(connection, GRANTS, self.facts.grants.load)
        await self._copy(connection, COUPON_SERIES, self.facts.coupons.load_series)
        await self._copy(connection, COUPON_CODES, self.facts.coupons.load_codes)
        await self._copy(connection, COUPON_RANGES, self.facts.coupons.load_ranges)
        await self._copy(connection, GIFT_SERIES, self.facts.gift_cards.load_series)
        await self._copy(connection, GIFT_CARDS, self.facts.gift_cards.load)
        await self._pull_fraud_rules(connection)
        if directory.memberships_left_out:
            log.warning("memberships_left_out", count=directory.memberships_left_out)
        if directory.favourites_left_out or self.facts.grants.left_out:
            log.warning(
                "personal_facts_left_out",
                favourites_count=directory.favourites_left_out,
                grants_count=self.facts.grants.left_out,
            )

    async def _pull_stores(self, connection: asyncpg.Connection[Any]) -> None:
        stores = self.facts.stores
        async for row in self._rows(connection, STORES):
            if row["deleted"]:
                stores.remove(row["store_id"])
                continue
            try:
                ensure_zone(stores.zones, row["zone"])
            except KeyError:
                # Receipts by a wrong clock are worse than the store as it was; one never known stays unknown.
                log.error("store_zone_unknown", store_id=row["store_id"], zone=row["zone"])
                continue
            stores.upsert(StoreFact(*(row[name] for name in StoreFact._fields)))

    async def _pull_assets(self, connection: asyncpg.Connection[Any]) -> None:
        async for row in self._rows(connection, ASSETS):
            self.facts.assets[row["asset"]] = AssetFact(*row.values())
        async for row in self._rows(connection, RATES):
            pair = (row["asset"], row["to_asset"])
            if row["deleted"]:
                self.facts.rates.pop(pair, None)
            else:
                self.facts.rates[pair] = RateFact(row["from_points"], row["to_points"])

    async def _pull_fraud_rules(self, connection: asyncpg.Connection[Any]) -> None:
        async for row in self._rows(connection, FRAUD_RULES):
            *fact, is_off = row.values()
            if is_off:
                self.facts.fraud.remove(row["rule"])
            else:
                self.facts.fraud.upsert(FraudRuleFact(*fact)._replace(actions=tuple(row["actions"])))
        if self.facts.fraud.is_overfull:
            log.error("fraud_rules_left_out", rules_count=len(self.facts.fraud), acting_count=self.facts.fraud.count)

    async def _pull_limits(self, connection: asyncpg.Connection[Any]) -> None:
        async for row in self._rows(connection, LIMITS):
            limits = {} if row["deleted"] else orjson.loads(row["limits"])
            if row["subject"] == "OFFLINE":
                self.facts.offline = OfflineLimits(**limits | {"assets": tuple(limits.get("assets", ()))})
            elif row["subject"] == "RETURNS":
                self.facts.returns = ReturnLimits(**limits)

    async def _pull_tiers(self, connection: asyncpg.Connection[Any]) -> None:
        async for row in self._rows(connection, TIERS):
            if row["deleted"]:
                self.facts.tiers.clear()
            else:
                self.facts.tiers.put(orjson.loads(row["terms"]))

    async def _pull_credentials(self, connection: asyncpg.Connection[Any]) -> None:
        async for row in self._rows(connection, CREDENTIALS):
            if row["of_certificate"] and row["revoked"]:
                self.credentials.revoke_certificate(row["key_hash"])
            elif row["is_void"]:
                self.credentials.drop(row["key_hash"])
            else:
                scope = Scope(self._tenant, row["store_id"], row["register_id"])
                self.credentials.put(row["key_hash"], scope, row["end_us"], of_certificate=row["of_certificate"])

    def _rows(self, connection: asyncpg.Connection[Any], query: str) -> Any:
        return connection.cursor(query, self._tenant, self.version, prefetch=PREFETCH_ROWS)

    async def _copy(self, connection: asyncpg.Connection[Any], query: str, load: Load) -> None:
        rows = CopyRows()
        failures: list[ValueError] = []

        async def take(chunk: bytes) -> None:
            # A COPY cannot be left half way: after a failure the rest is read and dropped.
            if failures:
                return
            try:
                rows.append(chunk)
                while load(rows, SLICE_ROWS) == SLICE_ROWS:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            except ValueError as error:
                failures.append(error)

        await connection.copy_from_query(
            query, self._tenant, self.version, output=take, format="binary", timeout=COPY_TIMEOUT_S
        )
        if failures:
            raise failures[0]
        if not rows.finished:
            raise ValueError("a COPY stream ended without its trailer")
