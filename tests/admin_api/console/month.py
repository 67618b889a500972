"""A month of a small chain, to be looked at: four stores, goods of six categories, members and strangers, a budget that
runs out. The same numbers each time, but for the days, which end today.
"""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx

from altyn.core.engine import Engine, Scope, commit_receipt
from altyn.core.engine.identity import card_hash
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CARD_ACTIVE, CardFact, CustomerFact
from altyn.core.facts.stores import StoreFact
from altyn.core.rules.definition import canonical_json, load_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.database import connect
from altyn.server.feeds.compiler import compile_document
from altyn.server.journal import Journal
from altyn.server.pulse import INTERVALS_MAX, CallsOfMethod, Interval
from tests.core.engine.world import PEPPER, TOKEN_KEY, World, commit, line, new_facts, receipt

DAYS = 30
MEMBERS = 60
RULES = """
promotion: fresh-bread
title: {en: Fresh bread −10 %, ru: Свежий хлеб −10 %}
stage: item
reward: [{percent: {rate: 10, of: {category: bakery}}}]
limits: [{budget: 2400.00}]
---
promotion: friends
title: {en: Friends −3 %, ru: Друзьям −3 %}
stage: receipt
when: {customer: {segment: friends}}
reward: [{percent: {rate: 3}}]
---
promotion: big-receipt
title: {en: 100 off from 1 500, ru: 100 ₽ от 1 500 ₽}
stage: receipt
when: {receipt_sum: {from: 1500}}
reward: [{amount: {off: 100, spread: receipt}}]
limits: [{budget: 44000.00}]
---
promotion: earn
title: {en: 2 % in points, ru: 2 % баллами}
reward: [{points: {asset: bonus, percent: 2, expires: {days: 90}}}]
"""
DRAFT: dict[str, Any] = {
    "promotion": "fresh-bread",
    "title": {"en": "Fresh bread −15 % for members", "ru": "Свежий хлеб −15 % для участников"},
    "stage": "item",
    "when": {"customer": {"has_card": True}},
    "reward": [
        {"percent": {"rate": "15", "of": {"category": ["bakery", "pastry"]}}},
    ],
    "limits": [{"budget": "3900.00"}],
}
WAITS: dict[str, Any] = {
    "promotion": "coffee-week",
    "title": {"en": "Coffee week: third pack free", "ru": "Неделя кофе: третья пачка в подарок"},
    "stage": "set",
    "reward": [{"multi_buy": {"take": 3, "pay": 2, "of": {"category": "coffee"}}}],
}
SERVERS = """
INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, feed_version, durable_seq, pulse)
SELECT 'demo', name, now() - interval '2 days', now() + interval '1 hour', 1, 1, $1, $3 FROM unnest($2::text[]) AS name
"""
STORES = {
    "central": ("Central", "msk", "super", 10),
    "station": ("Station", "msk", "express", 6),
    "river": ("River Park", "spb", "super", 8),
    "corner": ("Corner", "spb", "discounter", 4),
}
GOODS = {
    "bakery": ("Bread", (("rye", 8_900), ("baguette", 7_500))),
    "pastry": ("Pastry", (("bun", 6_400), ("pie", 24_900))),
    "dairy": ("Dairy", (("milk", 9_900), ("cheese", 48_900))),
    "coffee": ("Coffee and tea", (("beans", 89_900), ("tea", 21_900))),
    "fruit": ("Fruit", (("apples", 14_900), ("bananas", 11_900))),
    "home": ("For the home", (("soap", 9_900), ("candles", 34_900))),
}
DOCUMENT = canonical_json(load_documents(RULES))
SHA256 = hashlib.sha256(DOCUMENT).digest()


def new_engine() -> Engine:
    facts = new_facts()
    for store_id, (_, region, format_, _) in STORES.items():
        facts.stores.upsert(StoreFact(store_id, "Europe/Moscow", region, format_, "", "RUB", 2))
    for group, (_, goods) in GOODS.items():
        for sku, _ in goods:
            facts.catalogue.upsert(ProductFact(sku, group))
    for number in range(1, MEMBERS + 1):
        facts.directory.upsert_customer(CustomerFact(100 + number, 1_000 + number))
        card = str(5_000 + number)
        facts.directory.upsert_card(
            CardFact(card_hash(PEPPER, card), 100 + number, 1_000 + number, 100 + number, "plastic", CARD_ACTIVE, card)
        )
        if number % 3 == 0:
            facts.directory.add_segment(100 + number, "friends")
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(compile_document(1, SHA256, DOCUMENT).image), SHA256, 0)
    return engine


def month(until: datetime, days: int = DAYS) -> World:
    """The sales of so many days; the last one goes on until this moment."""
    world, chance, number = World(new_engine()), random.Random(7), 0
    goods = [good for _, group in GOODS.values() for good in group]
    begin = (until - timedelta(days=days - 1)).replace(hour=5, minute=0, second=0, microsecond=0)
    at = begin
    for day in range(days):
        opens = begin + timedelta(days=day)
        closes = min(opens + timedelta(hours=14), until)
        wanted = [store for store, (*_, many) in STORES.items() for _ in range(many + chance.randrange(3))]
        wanted = wanted * (2 if opens.weekday() >= 4 else 1)
        chance.shuffle(wanted)
        step = max((closes - opens) / (len(wanted) + 1), timedelta(seconds=1))
        at = max(at, opens)
        for store in wanted:
            at += step
            number += 1
            card = str(5_001 + chance.randrange(MEMBERS)) if chance.random() < 0.6 else ""
            lines = [
                line(place, sku, price, 1_000 * chance.choice((1, 1, 1, 2, 3)))
                for place, (sku, price) in enumerate(chance.sample(goods, chance.randrange(1, 6)), 1)
            ]
            sold = receipt(*lines, number=number, card=card)
            sold.store_id = store
            world.effect(commit_receipt, commit(sold, number), int(at.timestamp() * 1e6), Scope("demo", store, "r1"))
    return world


def pulse(count: int) -> list[Interval]:
    """Some minutes of a server that is not in a hurry."""
    chance, now = random.Random(7), datetime.now(UTC)
    return [
        Interval(
            at=(now - timedelta(seconds=5 * (count - number))).isoformat(),
            elapsed_ms=5_000,
            calls=[
                CallsOfMethod(
                    method=method,
                    calls_count=chance.randrange(most // 2, most),
                    refused_count=0,
                    p50_us=usual_us,
                    p99_us=usual_us * chance.randrange(20, 45) // 10,
                )
                for method, most, usual_us in (("CalculateReceipt", 900, 240), ("CommitReceipt", 250, 1_900))
            ],
        )
        for number in range(1, count + 1)
    ]


async def lay(dsn: str, until: datetime | None = None, days: int = DAYS) -> World:
    """The month in the journal of a database with the schema, the release it was sold by, and memberships that were not
    written down before its fifth day.
    """
    until = until or datetime.now(UTC)
    made, since = month(until, days), until - timedelta(days=days - 5)
    connection: asyncpg.Connection[Any] = await connect(dsn, name="test")
    await connection.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Europe/Moscow') ON CONFLICT DO NOTHING")
    await connection.execute(
        "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, published_by)"
        " VALUES ('demo', 1, $1, $2, '2020-01-01', 'test')",
        SHA256,
        DOCUMENT,
    )
    await connection.executemany(
        "INSERT INTO customer_segments (tenant, customer_id, segment, version, valid_from)"
        " VALUES ('demo', $1, 'friends', 1, $2)",
        [(100 + number, since) for number in range(3, MEMBERS + 1, 3)],
    )
    await connection.execute(SERVERS, len(made.records), ["till-server-1", "till-server-2"], pulse(INTERVALS_MAX))
    await connection.close()
    writer = await Journal.open(dsn, 0, "test")
    for record in made.records:
        writer.append(record)
    await writer.close()
    return made


def load_facts(url: str, key: str) -> None:
    """What people call the stores, the goods and the segment; the draft to try."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        shape = {"zone": "Europe/Moscow", "cluster": ""}
        calls = [
            *(
                ("PUT", f"/v1/stores/{name}", {"title": title, "region": region, "format": format_} | shape)
                for name, (title, region, format_, _) in STORES.items()
            ),
            *(("PUT", f"/v1/product-groups/{name}", {"title": title}) for name, (title, _) in GOODS.items()),
            ("PUT", "/v1/segments/friends", {"title": "Friends of the house"}),
            ("PUT", "/v1/assets/bonus", {"title": {"en": "Bonus"}}),
            ("POST", "/v1/promotions", DRAFT),
            ("POST", "/v1/promotions", WAITS),
            ("POST", "/v1/promotions/coffee-week/submit", {"note": "for the first week of December"}),
        ]
        for number, (method, path, body) in enumerate(calls):
            answer = client.request(method, path, json=body, headers={"idempotency-key": f"month-{number}"})
            assert answer.status_code < 300, answer.text
