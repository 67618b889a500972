"""A few days of a small shop: members and strangers, budgets that run out, holds, codes, points, returns, a void."""

from __future__ import annotations

from typing import Any

from altyn.core.backtest.extractor import Extractor
from altyn.core.backtest.replayer import Replayer
from altyn.core.backtest.sums import COLUMNS
from altyn.core.engine import Engine, cancel_receipt, return_receipt
from altyn.core.facts.coupon_codes import code_hash
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, CodeFact, SeriesFact
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import DAY_US, committed, expired, give, reserved
from tests.core.engine.world import NOW_US, PEPPER, TOKEN_KEY, World, cancel, line, new_facts, receipt

RULES = """
promotion: bakery
stage: item
when: {store: {region: msk}}
reward: [{percent: {rate: 10, of: {category: bread}}}]
limits: [{budget: 38.00}]
---
promotion: first-today
stage: receipt
when: {customer: {has_card: true}}
reward: [{percent: {rate: 3}}]
limits: [{times: 1, per: customer, window: day}]
---
promotion: friends
stage: card
when: {customer: {segment: friends}}
reward: [{percent: {rate: 1}}]
---
promotion: spring
stage: coupon
when: {coupon: {series: spring}}
reward: [{percent: {rate: 10}}]
---
promotion: earn
reward: [{points: {asset: bonus, percent: 1, expires: {days: 30}}}]
---
limit: pay
payment: [{asset: bonus, up_to_percent: 50}]
"""
DAYS = 3
CODES = ("AAA", "BBB")


def ruleset(text: str = RULES) -> Ruleset:
    return Ruleset(image(text))


def image(text: str = RULES, version: int = 1) -> bytes:
    rules = read_documents(load_documents(text))
    return compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=version)


def new_engine(sha256: bytes = b"d" * 32, rules: bytes | None = None) -> Engine:
    facts = new_facts()
    facts.directory.add_segment(7, "friends")
    facts.coupons.upsert_series(SeriesFact(3, "spring", COUPON_UNIQUE, False, 0, NEVER_US, 1))
    for number, code in enumerate(CODES, 1):
        facts.coupons.upsert_code(CodeFact(code_hash(PEPPER, code), number, 3))
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(rules or image()), sha256, 0)
    return engine


def busy_past(engine: Engine | None = None) -> World:
    """Nine sales a day. Each day: 50.00 of bread and 100.00 of milk to members and strangers, points that pay, a code,
    a hold that another sale is decided beside, a hold that runs out, a return, and in the end a void.
    """
    world = World(engine or new_engine())
    give(world, 20_000)
    for day in range(DAYS):
        at, first = NOW_US + day * DAY_US, 100 * day
        held = receipt(line(1, "loaf", 20_000), number=first + 1)
        reserved(world, held, at)
        for number in range(2, 6):
            committed(world, basket(first + number, card="1001" if number % 2 else ""), at + number * 1_000_000)
        committed(world, held, at + 60_000_000)
        late = receipt(line(1, "loaf", 3_000), number=first + 6)
        reserved(world, late, at + 61_000_000)
        expired(world, at + 1_000_000_000)
        committed(world, late, at + 1_001_000_000)
        paid = basket(first + 7)
        paid.points.add(asset="bonus").requested_points = 1_000
        reserved(world, paid, at + 1_002_000_000)
        committed(world, paid, at + 1_003_000_000)
        coded = basket(first + 8)
        coded.coupons.add(code=CODES[day % 2])
        coded.coupons.add(code="no-such-code")
        reserved(world, coded, at + 1_004_000_000)
        committed(world, coded, at + 1_005_000_000)
        world.effect(
            return_receipt, give_back(refund((1, 1000), of=first + 2, number=first + 50), world.next_seq()), at
        )
        committed(world, basket(first + 9), at + 1_006_000_000)
    world.effect(cancel_receipt, cancel(9, world.next_seq()), at + 1_007_000_000)
    return world


def basket(number: int, card: str = "1001") -> Any:
    return receipt(line(1, "loaf", 5_000), line(2, "milk", 10_000), number=number, card=card)


def extracted(world: World) -> tuple[bytes, Extractor]:
    extractor = Extractor()
    items = [extractor.take(record.body) for record in world.records]
    return b"".join(item for item in items if item is not None), extractor


def replayed(world: World, text: str = RULES, since_us: int = 0) -> dict[str, Any]:
    """The sums of a draft over the whole past."""
    items, extractor = extracted(world)
    replayer = Replayer(ruleset(text), since_us)
    replayer.open(items, extractor.names())
    replayer.run(1_000_000)
    return replayer.result()


def named(row: list[int]) -> dict[str, int]:
    return dict(zip(COLUMNS, row, strict=False)) | {"points": row[len(COLUMNS) :]}
