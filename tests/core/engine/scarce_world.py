"""The small world with what runs out: points that pay, a series of unique codes."""

from __future__ import annotations

from altyn.core.engine import Engine, Scope, adjust_points, commit_receipt, expire_holds, replay, reserve_receipt
from altyn.core.facts.coupon_codes import code_hash
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, CodeFact, SeriesFact
from altyn.core.ledger.view import read_balances
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.world import (
    DOCUMENT_SHA256,
    NOW_US,
    PEPPER,
    SCOPE,
    TOKEN_KEY,
    World,
    commit,
    line,
    new_facts,
    new_op_id,
    receipt,
    reserve,
)

DAY_US = 86_400_000_000
HOLD_US = 900_000_000
RULES = """
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
CODES = ("AAA", "BBB", "CCC")
R2 = Scope("demo", "s1", "r2")


def image(text: str = RULES) -> bytes:
    rules = read_documents(load_documents(text))
    return compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=1)


def new_engine(text: str = RULES) -> Engine:
    facts = new_facts()
    facts.coupons.upsert_series(SeriesFact(3, "spring", COUPON_UNIQUE, False, 0, NEVER_US, 1))
    for number, code in enumerate(CODES, 1):
        facts.coupons.upsert_code(CodeFact(code_hash(PEPPER, code), number, 3))
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(image(text)), DOCUMENT_SHA256, 0)
    return engine


def new_world(text: str = RULES) -> World:
    return World(new_engine(text))


def ruleset(text: str = RULES) -> Ruleset:
    return Ruleset(image(text))


def replayed(world: World, text: str = RULES) -> Engine:
    engine = new_engine(text)
    for record in world.records:
        replay(engine, record.seq, record.body)
    return engine


def give(world: World, points: int, *, expires_at_us: int = 0, clock_us: int = NOW_US) -> None:
    """A lot by hand for account 70."""
    request = ops.AdjustPointsRequest(
        op_id=new_op_id(), account_id=70, asset="bonus", points=points, expires_at_us=expires_at_us, reason="test"
    )
    world.effect(adjust_points, request.SerializeToString(), clock_us)


def sale(
    number: int,
    points: int | None = None,
    *codes: str,
    price: int = 10000,
    card: str = "1001",
    register: str = "r1",
) -> receipt_pb2.Receipt:
    """One milk; paid with points when told, -1: as many as may be."""
    made = receipt(line(1, "milk", price), number=number, card=card)
    made.register_id = register
    if points is not None:
        wish = made.points.add(asset="bonus")
        if points < 0:
            wish.max = True
        else:
            wish.requested_points = points
    for code in codes:
        made.coupons.add(code=code)
    return made


def reserved(
    world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US, op_no: int = 0, token: bytes = b""
) -> pos.ReserveReceiptResponse:
    scope = Scope("demo", of.store_id, of.register_id)
    request = reserve(of, world.next_seq(), op_no=op_no, token=token)
    return pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, request, clock_us, scope))


def committed(
    world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US, token: bytes = b""
) -> pos.CommitReceiptResponse:
    scope = Scope("demo", of.store_id, of.register_id)
    request = commit(of, world.next_seq(), token=token)
    return pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, request, clock_us, scope))


def expired(world: World, clock_us: int) -> int:
    records = expire_holds(world.engine, clock_us, 100)
    world.records.extend(records)
    return len(records)


def balance(world: World, clock_us: int = NOW_US) -> tuple[int, int, int, int]:
    """Active, pending, held, debt."""
    return read_balances(world.engine.book, 70, clock_us).get(1, (0, 0, 0, 0))


__all__ = ["SCOPE"]
