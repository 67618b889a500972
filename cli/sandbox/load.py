"""Puts the sandbox into a running system: facts as the back office writes them, points through the server's own door.

Loading again changes nothing: keys are derived from the installation's pepper, points are given under fixed op_ids.
For tests and demonstrations only: a real register's key is random. It must never touch the journal.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from altyn.admin_api.batches import new_ids
from altyn.admin_api.bootstrap import prepare
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
from altyn.admin_api.stores.service import hash_key, key_row
from altyn.cli.demo.load import FLAG_BITS, publish_programme, register_key, ring_feed
from altyn.cli.sandbox import world
from altyn.core.engine.identity import card_hash, phone_hash
from altyn.core.rules.definition import load_documents
from altyn.infra.channels import PeerFiles, open_channel, ops_files
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, load_secrets
from altyn.ops.v1 import ops_service_pb2 as ops

ACTOR = "sandbox"
SERVER_PATIENCE_S = 60.0
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is there now. ``keys`` by register_id, ``accounts`` and ``card_ids`` by card number."""

    keys: Mapping[str, str]
    accounts: Mapping[str, int]
    card_ids: Mapping[str, int]
    rules_version: int
    feed_version: int


async def load_facts(settings: Settings, dsn: str, redis_url: str) -> Loaded:
    """Store, registers, goods, cards, promotions. Raises OSError, asyncpg.PostgresError, Refusal."""
    pepper = load_secrets(settings).pepper
    connection = await connect(dsn, name="altyn sandbox")
    try:
        now = datetime.now(UTC)
        await prepare(connection, settings, now)
        async with connection.transaction():
            call = Call(connection, settings.tenant_id, ACTOR, frozenset(SCOPES), "sandbox", now)
            keys = await _load_places(call, pepper)
            await _load_goods(call)
            ids = await _load_members(call, pepper)
            rules_version = await publish_programme(call, programme())
            if call.feed.version:
                call.record("sandbox.load", "sandbox", world.STORE, after={"cards": len(world.CARDS)})
            await call.finish()
    finally:
        await connection.close()
    if call.feed.version:
        await ring_feed(redis_url, settings.tenant_id, call.feed.version)
    accounts = {number: account_id for number, (_, _, account_id) in ids.items()}
    card_ids = {number: card_id for number, (card_id, _, _) in ids.items()}
    return Loaded(keys, accounts, card_ids, rules_version, call.feed.version)


async def give_points(ops_address: str, ops_key: bytes, loaded: Loaded, files: PeerFiles | None = None) -> None:
    """Wait until the server has the facts, then give each card its points, once. Trouble when it takes too long."""
    metadata = (("authorization", f"Bearer {ops_key.hex()}"),)
    async with open_channel(ops_address, files) as channel:

        async def ask(name: str, request: Any) -> Any:
            method: Any = channel.unary_unary(
                f"/altyn.ops.v1.OpsService/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=getattr(ops, f"{name}Response").FromString,
            )
            return await method(request, timeout=10.0, metadata=metadata)

        deadline = time.monotonic() + SERVER_PATIENCE_S
        while True:
            force = await ask("GetRulesInForce", ops.GetRulesInForceRequest())
            if force.rules_version >= loaded.rules_version and force.feed_version >= loaded.feed_version:
                break
            if time.monotonic() > deadline:
                raise Trouble(f"the server has not taken the sandbox in {SERVER_PATIENCE_S:.0f} s")
            await asyncio.sleep(0.1)
        for card in world.CARDS:
            for number, lot in enumerate(card.lots):
                asked = _adjustment(loaded.accounts[card.number], card.number, number, lot)
                answer = await ask("AdjustPoints", asked)
                # At a second loading the date of expiry differs: the points are there already.
                if not answer.applied and answer.reason != "CONTENT_DIFFERS":
                    raise Trouble(f"points of card {card.number}: {answer.reason}")


def load(running: Any) -> str:
    """For ``altyn up --sandbox``: what to tell the person who started it."""
    settings, endpoints, server = running.settings, running.endpoints, running.ready["server"]
    loaded = asyncio.run(load_facts(settings, endpoints.postgres_dsn, endpoints.redis_url))
    asyncio.run(give_points(server["ops"], load_secrets(settings).ops_key, loaded, ops_files(settings)))
    lines = [f"sandbox       store {world.STORE}, release {loaded.rules_version}; see docs/register/sandbox.md"]
    lines += [f"a register    {world.STORE}/{name}  authorization: Bearer {key}" for name, key in loaded.keys.items()]
    lines += [f"a card        {card.number}  {card.shows}" for card in world.CARDS]
    lines.append(f"              {world.UNKNOWN_CARD}  no such card")
    lines += [
        f"a code        altyn token {loaded.card_ids[card.number]}  of the virtual card {card.number}, for a minute"
        for card in world.CARDS
        if card.kind == "VIRTUAL"
    ]
    return "\n".join(lines)


def programme() -> list[dict[str, Any]]:
    """The sandbox's documents, its asset first."""
    return load_documents(files("altyn.cli.sandbox").joinpath("promotions.yaml").read_text("utf-8"))


async def _load_places(call: Call, pepper: bytes) -> dict[str, str]:
    await call.feed.put(STORES, [(world.STORE, "Sandbox", world.ZONE, "", "", "", world.CURRENCY, world.EXPONENT)])
    keys = {name: register_key(pepper, world.STORE, name) for name in world.REGISTERS}
    await call.feed.put(REGISTERS, [(world.STORE, name, name) for name in keys])
    issued = [key_row(hash_key(key), world.STORE, name) for name, key in keys.items()]
    await call.feed.put(CREDENTIALS, issued)
    return keys


async def _load_goods(call: Call) -> None:
    groups = sorted({product.group for product in world.PRODUCTS})
    await call.feed.put(PRODUCT_GROUPS, [(group, group) for group in groups])
    await call.feed.put(
        PRODUCTS,
        [
            (
                *(product.sku, product.title, product.group, "", ""),
                sum(1 << bit for bit, name in enumerate(FLAG_BITS) if name in product.flags),
                *(product.min_price_minor, 0, []),
            )
            for product in world.PRODUCTS
        ],
    )


async def _load_members(call: Call, pepper: bytes) -> dict[str, tuple[int, int, int]]:
    """Card, customer and account by card number. Cards that are known keep their customers and accounts."""
    await call.feed.lock()
    hashes = {card.number: card_hash(pepper, card.number) for card in world.CARDS}
    known = await cards_by_number(call.connection, call.tenant, list(hashes.values()))
    count = len(world.CARDS)
    fresh = zip(
        await new_ids(call.connection, "card_ids", count),
        await new_ids(call.connection, "customer_ids", count),
        await new_ids(call.connection, "account_ids", count),
        strict=True,
    )
    ids = {
        card.number: (found["card_id"], found["customer_id"], found["account_id"])
        if (found := known.get(hashes[card.number])) is not None
        else new
        for card, new in zip(world.CARDS, fresh, strict=True)
    }
    new_cards = [card for card in world.CARDS if hashes[card.number] not in known]
    await call.feed.put(
        CUSTOMERS,
        [
            (
                *(ids[card.number][1], ids[card.number][2]),
                *(phone_hash(pepper, card.phone) if card.phone else None, call.now, 0, []),
            )
            for card in new_cards
        ],
    )
    await call.feed.put(
        CARDS,
        [
            (
                *(ids[card.number][0], hashes[card.number], card.number[-4:], "sandbox", card.state, ""),
                *(ids[card.number][1], ids[card.number][2], "", None, card.kind),
            )
            for card in world.CARDS
        ],
    )
    await call.feed.put(SEGMENTS, [(world.SEGMENT, "Sandbox VIP")])
    await call.feed.put(MEMBERSHIPS, [(ids[card.number][1], card.segment) for card in world.CARDS if card.segment])
    return ids


def _adjustment(account_id: int, card_number: str, number: int, lot: world.LotOfPoints) -> ops.AdjustPointsRequest:
    op_id = hashlib.sha256(f"altyn sandbox\0{account_id}\0{card_number}\0{number}".encode()).digest()[:16]
    midnight_us = int(time.time()) // 86_400 * DAY_US
    return ops.AdjustPointsRequest(
        op_id=op_id,
        account_id=account_id,
        asset=world.ASSET,
        points=lot.points,
        reason="sandbox",
        actor=ACTOR,
        expires_at_us=midnight_us + (lot.days + 1) * DAY_US if lot.days else 0,
    )
