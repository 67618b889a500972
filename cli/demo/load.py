"""Puts the demonstration chain into a running system: stores, registers with keys, goods, members, coupon codes,
the programme as release 1.

The back office's own way of writing facts, in bulk; loading again changes nothing. Registers' keys are derived from
the installation's pepper, so that a second run knows them without having kept them. Demonstrations only: a real
register's key is random. It must never touch the journal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hmac import digest
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from redis.exceptions import RedisError

from altyn.admin_api.assets.service import put_asset
from altyn.admin_api.batches import new_ids
from altyn.admin_api.bootstrap import admin_key_path, prepare
from altyn.admin_api.customers.repository import cards_by_number
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.facts import (
    CARDS,
    CREDENTIALS,
    CUSTOMERS,
    MEMBERSHIPS,
    PRODUCT_GROUPS,
    PRODUCTS,
    REGISTERS,
    SEGMENTS,
    STORES,
)
from altyn.admin_api.promotions.repository import find_promotion
from altyn.admin_api.promotions.service import change_state, create_promotion, id_of, replace_promotion
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.repository import newest_version
from altyn.admin_api.releases.service import publish
from altyn.admin_api.stores.service import hash_key, key_row
from altyn.cli.demo import dataset
from altyn.cli.demo.coupons import load_coupons
from altyn.cli.demo.dataset import CURRENCY, EXPONENT, Dataset
from altyn.core.engine.identity import card_hash
from altyn.core.rules.definition import load_documents, read_documents
from altyn.infra.database import connect
from altyn.infra.redis_stream import open_client
from altyn.infra.redis_stream import publish as ring
from altyn.infra.settings import Settings, load_secrets

ACTOR = "demo"
FLAG_BITS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is there now. ``keys`` are the registers' by (store_id, register_id), ``coupons`` the codes by series."""

    keys: Mapping[tuple[str, str], str]
    coupons: Mapping[str, tuple[str, ...]]
    rules_version: int
    feed_version: int
    products_count: int
    customers_count: int

    def key(self, store_id: str, register_id: str) -> str:
        """The key a register sends. KeyError when there is no such register."""
        return self.keys[store_id, register_id]


def register_key(pepper: bytes, store_id: str, register_id: str) -> str:
    """The key of a demonstration's register: the same at every loading of one installation."""
    return digest(pepper, f"demo register\0{store_id}\0{register_id}".encode(), "sha256").hex()


async def load_chain(settings: Settings, dsn: str, redis_url: str, chain: Dataset) -> Loaded:
    """Load the chain and publish the programme. Raises OSError, asyncpg.PostgresError, Refusal."""
    pepper = load_secrets(settings).pepper
    connection = await connect(dsn, name="altyn demo")
    try:
        now = datetime.now(UTC)
        await prepare(connection, settings, now)
        async with connection.transaction():
            call = Call(connection, settings.tenant_id, ACTOR, frozenset(SCOPES), "demo", now)
            keys = await _load_places(call, pepper, chain)
            await _load_goods(call, chain)
            await _load_members(call, pepper, chain)
            coupons = await load_coupons(call, pepper)
            rules_version = await publish_programme(call, programme())
            if call.feed.version:
                counts = {"products": len(chain.products), "households": len(chain.households)}
                call.record("demo.load", "demo", "chain", after=counts)
            await call.finish()
    finally:
        await connection.close()
    if call.feed.version:
        await ring_feed(redis_url, settings.tenant_id, call.feed.version)
    return Loaded(keys, coupons, rules_version, call.feed.version, len(chain.products), len(chain.households))


def load(running: Any) -> str:
    """For ``altyn up --demo``: load the chain as of yesterday; what to tell the person who started it."""
    settings, endpoints = running.settings, running.endpoints
    chain = dataset.load(date.today() - timedelta(days=1))
    loaded = asyncio.run(load_chain(settings, endpoints.postgres_dsn, endpoints.redis_url, chain))
    basket = next(basket for basket in chain.baskets if 3 <= len(basket.lines) <= 8)
    receipt = settings.var / "demo-receipt.json"
    receipt.write_bytes(orjson.dumps(ready_receipt(basket), option=orjson.OPT_INDENT_2))
    key = loaded.key(basket.store_id, basket.register_id)
    door = running.ready["server"]["grpc"]
    codes = "  ".join(f"{series} {codes[0]}" for series, codes in loaded.coupons.items())
    # As it was called: without an activated environment `altyn` alone is not found.
    program = sys.argv[0] if Path(sys.argv[0]).name == "altyn" else "altyn"
    return "\n".join(
        [
            f"demo          {len(chain.stores)} stores, {loaded.products_count} products, "
            f"{loaded.customers_count} members, release {loaded.rules_version}",
            f"              key of the back office in {admin_key_path(settings)}",
            f"coupons       {codes}",
            f"a register    {basket.store_id}/{basket.register_id}  authorization: Bearer {key}",
            f"a receipt     {program} send --receipt {receipt} --target {door} --key {key} --explain",
        ]
    )


def ready_receipt(basket: dataset.Basket) -> dict[str, Any]:
    """One of the baskets as a receipt to send: field names of altyn.pos.v1.Receipt."""
    return {
        "store_id": basket.store_id,
        "register_id": basket.register_id,
        "shift_number": 1,
        "receipt_number": 1,
        "currency": CURRENCY,
        "exponent": EXPONENT,
        "identity": {"kind": "CARD", "value": basket.card_number},
        "lines": [
            {
                "line_no": number,
                "sku": line.sku,
                "qty_milli": line.quantity_milli,
                "unit": "L" if line.unit == dataset.LITRE else "PIECE",
                "price_minor": line.price_minor,
            }
            for number, line in enumerate(basket.lines, 1)
        ],
    }


def programme() -> list[dict[str, Any]]:
    """The demonstration's documents, assets, promotions and limits, in order of their files."""
    folder = files("altyn.cli.demo").joinpath("promotions")
    found: list[dict[str, Any]] = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found.extend(load_documents(file.read_text("utf-8")))
    return found


async def _load_places(call: Call, pepper: bytes, chain: Dataset) -> dict[tuple[str, str], str]:
    await call.feed.put(
        STORES,
        [
            (store.store_id, store.title, store.zone, store.region, store.format, store.cluster, CURRENCY, EXPONENT)
            for store in chain.stores
        ],
    )
    places = [(store.store_id, register_id) for store in chain.stores for register_id in store.registers]
    keys = {place: register_key(pepper, *place) for place in places}
    await call.feed.put(REGISTERS, [(*place, place[1]) for place in places])
    await call.feed.put(CREDENTIALS, [key_row(hash_key(key), *place) for place, key in keys.items()])
    return keys


async def _load_goods(call: Call, chain: Dataset) -> None:
    groups = sorted({product.category for product in chain.products})
    await call.feed.put(PRODUCT_GROUPS, [(group, group.capitalize()) for group in groups])
    await call.feed.put(
        PRODUCTS,
        [
            (
                *(product.sku, product.title, product.category, product.brand, product.supplier),
                sum(1 << bit for bit, name in enumerate(FLAG_BITS) if name in product.flags),
                *(0, 0, []),
            )
            for product in chain.products
        ],
    )


async def _load_members(call: Call, pepper: bytes, chain: Dataset) -> None:
    """Households whose card is known keep their ids; segments are made to be those of the chain."""
    await call.feed.lock()
    hashes = {household.household_id: card_hash(pepper, household.card_number) for household in chain.households}
    known = await cards_by_number(call.connection, call.tenant, list(hashes.values()))
    new = [household for household in chain.households if hashes[household.household_id] not in known]
    customer_ids = await new_ids(call.connection, "customer_ids", len(new))
    account_ids = await new_ids(call.connection, "account_ids", len(new))
    card_ids = await new_ids(call.connection, "card_ids", len(new))
    ids = {one.household_id: number for one, number in zip(new, customer_ids, strict=True)}
    accounts = dict(zip(customer_ids, account_ids, strict=True))
    await call.feed.put(CUSTOMERS, [(number, account, None, call.now, 0, []) for number, account in accounts.items()])
    await call.feed.put(
        CARDS,
        [
            (
                *(card_id, hashes[one.household_id], one.card_number[-4:], one.card_type, "ACTIVE", ""),
                *(ids[one.household_id], accounts[ids[one.household_id]], "", None, "PLASTIC"),
            )
            for one, card_id in zip(new, card_ids, strict=True)
        ],
    )
    for one in chain.households:
        if one.household_id not in ids:
            ids[one.household_id] = known[hashes[one.household_id]]["customer_id"]
    names = sorted({segment for one in chain.households for segment in one.segments})
    await call.feed.put(SEGMENTS, [(name, name.replace("-", " ").capitalize()) for name in names])
    await call.feed.put(
        MEMBERSHIPS, [(ids[one.household_id], segment) for one in chain.households for segment in one.segments]
    )


async def publish_programme(call: Call, documents: list[dict[str, Any]]) -> int:
    """Declare the assets, make promotions and limits ACTIVE, and publish unless nothing has changed since; the
    release's number.
    """
    for asset in read_documents(documents).assets:
        await put_asset(
            call, asset=asset.asset, title=dict(asset.title), scale=asset.scale, step_points=asset.step_points
        )
    changed = 0
    for document in documents:
        if "asset" not in document:
            changed += await _make_active(call, document)
    version = await newest_version(call.connection, call.tenant)
    if changed or not version:
        version = (await publish(call, Compiler())).version
    return version


async def _make_active(call: Call, document: dict[str, Any]) -> bool:
    """True when the promotion or limit was new or had to be changed."""
    before = await find_promotion(call.connection, call.tenant, id_of(document), to_change=True)
    if before is None:
        await create_promotion(call, document=document, state="ACTIVE")
        return True
    revision = before["revision"]
    if before["state"] == "ARCHIVED":
        return False  # somebody took it out on purpose
    await replace_promotion(call, before=before, document=document)
    before = await find_promotion(call.connection, call.tenant, id_of(document), to_change=True)
    assert before is not None
    return bool(await change_state(call, before=before, state="ACTIVE") != revision)


async def ring_feed(redis_url: str, tenant: str, feed_version: int) -> None:
    """Best effort, as always."""
    client = open_client(redis_url)
    try:
        await ring(client, f"altyn:{tenant}:feed", {"version": feed_version})
    except (RedisError, OSError):
        return  # the server looks for itself every few seconds
    finally:
        await client.aclose()
