"""A database as a served system leaves it: rules published, records journalled and projected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from altyn.admin_api.projector import Projector
from altyn.core.engine import Engine, Record, cancel_receipt, commit_receipt, expire_holds, reserve_receipt
from altyn.core.rules.definition import load_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.database import connect, create_pool
from altyn.infra.migrate import load_migrations, migrate
from altyn.server.feeds.compiler import compile_document
from altyn.server.journal import Journal
from tests.core.engine.world import (
    NOW_US,
    PEPPER,
    RULES,
    TOKEN_KEY,
    World,
    basket,
    cancel,
    commit,
    new_facts,
    reserve,
)

DOCUMENT = json.dumps(load_documents(RULES), separators=(",", ":"), sort_keys=True).encode()
SHA256 = hashlib.sha256(DOCUMENT).digest()
MINUTE_US = 60_000_000


def published_engine() -> Engine:
    """An engine with the release that `lay` publishes."""
    engine = Engine(tenant="demo", facts=new_facts(), zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(compile_document(1, SHA256, DOCUMENT).image), SHA256, 0)
    return engine


@dataclass
class Attempted:
    """One request and its reply, as a register's history has it."""

    call: str
    op_id: bytes
    request: bytes
    reply: bytes


def busy_world(rounds: int = 5) -> tuple[World, list[Attempted]]:
    """Seven records a round: sold with and without a hold, cancelled, expired, and a duplicate number for a person."""
    world = World(published_engine())
    attempts: list[Attempted] = []

    def say(call: str, decide: object, request: bytes, clock_us: int) -> None:
        reply = world.effect(decide, request, clock_us)
        attempts.append(Attempted(call, world.records[-1].op_id, request, reply))

    for number in range(rounds):
        clock_us, first = NOW_US + number * 20 * MINUTE_US, number * 10
        say("CommitReceipt", commit_receipt, commit(basket(first), world.next_seq()), clock_us)
        say("ReserveReceipt", reserve_receipt, reserve(basket(first + 1), world.next_seq()), clock_us)
        say("CommitReceipt", commit_receipt, commit(basket(first + 1), world.next_seq()), clock_us + MINUTE_US)
        say(
            "ReserveReceipt",
            reserve_receipt,
            reserve(basket(first + 2, card=""), world.next_seq()),
            clock_us + MINUTE_US,
        )
        world.records += expire_holds(world.engine, clock_us + 17 * MINUTE_US, 10)
        say("CancelReceipt", cancel_receipt, cancel(first + 3, world.next_seq()), clock_us + 17 * MINUTE_US)
        say(
            "CommitReceipt",
            commit_receipt,
            commit(basket(first, card="1002"), world.next_seq()),
            clock_us + 18 * MINUTE_US,
        )
    return world, attempts


async def lay(dsn: str, document: bytes = DOCUMENT) -> None:
    """All migrations, the tenant and its release."""
    connection = await connect(dsn, name="test")
    try:
        await migrate(connection, load_migrations(resources.files("altyn.migrations")))
        await connection.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Europe/Moscow')")
        await connection.execute(
            "INSERT INTO rules_release VALUES ('demo', 1, $1, $2, 'epoch', false, 'test')",
            hashlib.sha256(document).digest(),
            document,
        )
    finally:
        await connection.close()


async def write(dsn: str, records: Iterable[Record], *, project: bool = True) -> None:
    """Through the journal's own writer, then the projector's."""
    journal = await Journal.open(dsn, 0, "test")
    for record in records:
        journal.append(record)
    await journal.close()
    if project:
        async with await create_pool(dsn, name="test") as pool:
            projector = Projector(pool)
            while await projector.turn():
                pass


async def execute(dsn: str, query: str, *args: object) -> None:
    connection = await connect(dsn, name="test")
    try:
        assert not (await connection.execute(query, *args)).endswith(" 0"), "nothing was changed"
    finally:
        await connection.close()
