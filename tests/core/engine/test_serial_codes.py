"""Codes of a serial series through Calculate, Reserve, Commit, Return and the void: nothing of them is ever written."""

from __future__ import annotations

import pytest

from altyn.core.engine import (
    Engine,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    replay,
    return_receipt,
    same_decision,
)
from altyn.core.facts.coupon_codes import ISSUED_FORM, code_hash, is_code_of, serial_key
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, CodeFact, SeriesFact
from altyn.core.facts.serial_codes import serial_codes
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import read_coupon
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import DAY_US, R2, committed, image, reserved, sale
from tests.core.engine.world import DOCUMENT_SHA256, NOW_US, PEPPER, SCOPE, TOKEN_KEY, World, cancel, commit, new_facts

TEMPLATE = "S-####-#####?"
RULES = """
promotion: spring
stage: coupon
when: {coupon: {series: spring}}
reward: [{percent: {rate: 10}}]
---
promotion: slip
when: {receipt_sum: {from: 500.00}}
reward: [{issue_coupon: {series: spring}}]
"""
SPRING = SeriesFact(3, "spring", COUPON_UNIQUE, False, NOW_US - DAY_US, NOW_US + DAY_US, 1, TEMPLATE, True)
OK = outcome_pb2.STATUS_OK
FREE, HELD, USED = journal.COUPON_USE_FREE, journal.COUPON_USE_HELD, journal.COUPON_USE_USED


def new_engine(series: SeriesFact = SPRING) -> Engine:
    facts = new_facts()
    facts.coupons.upsert_series(series)
    facts.coupons.upsert_range(3, 1, 10_000_000)
    facts.coupons.upsert_range(3, 10_000_001, 10_000_010, True)
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(image(RULES)), DOCUMENT_SHA256, 0)
    return engine


@pytest.fixture
def world() -> World:
    return World(new_engine())


def code_of(serial: int, *, series_no: int = 3, tenant: str = "demo") -> str:
    return serial_codes(PEPPER, tenant, series_no, TEMPLATE, serial, 1).decode().strip()


def entered(world: World, code: str, number: int = 1, clock_us: int = NOW_US) -> str:
    """What the till hears of a code: APPLIED, or why not."""
    request = pos.CalculateReceiptRequest(receipt=sale(number, None, code))
    answer = calculate_receipt(world.engine, request.SerializeToString(), SCOPE, clock_us)
    [shown] = pos.CalculateReceiptResponse.FromString(answer).outcome.coupons
    if shown.state == outcome_pb2.COUPON_STATE_APPLIED:
        return "APPLIED"
    return str(reasons_pb2.Reason.Name(shown.reason)).removeprefix("REASON_")


def use_of(world: World, serial: int) -> int:
    return read_coupon(world.engine.book, serial_key(3, serial))[0]


def sold(world: World, number: int, serial: int, clock_us: int = NOW_US) -> receipt_pb2.Receipt:
    made = sale(number, None, code_of(serial))
    assert reserved(world, made, clock_us).status == OK
    reply = committed(world, made, clock_us)
    assert (reply.status, list(reply.exceptions)) == (OK, [])
    return made


def returned(world: World, of: int, number: int = 900, clock_us: int = NOW_US) -> None:
    world.effect(return_receipt, give_back(refund((1, 1000), of=of, number=number), world.next_seq()), clock_us)


def proven(world: World, series: SeriesFact = SPRING) -> None:
    """Every decision is made again alike, replay gives the same book, and so does a snapshot; no code is anywhere."""
    again = new_engine(series)
    for record in world.records:
        read = journal.Record.FromString(record.body)
        if read.request.HasField("receipt") and not read.request.receipt.HasField("original"):
            assert same_decision(record.body, Ruleset(image(RULES)))
        replay(again, record.seq, record.body)
        for serial in range(1, 20):
            assert code_of(serial).encode() not in record.body
            assert code_hash(PEPPER, code_of(serial)) not in record.body
    assert state_digest(again.book) == state_digest(world.engine.book)
    blocks = b"".join(write_snapshot(world.engine.book, Operations(), SnapshotHead(1, 1, 1, 1, bytes(32))))
    assert state_digest(load_snapshot(blocks)[1]) == state_digest(again.book)


def test_code_is_heard_as_its_serial_stands(world: World) -> None:
    assert [entered(world, code_of(serial)) for serial in (1, 10_000_000)] == ["APPLIED", "APPLIED"]
    assert entered(world, f"  {code_of(7).lower()}\t") == "APPLIED"
    assert entered(world, code_of(10_000_001)) == "COUPON_BLOCKED"
    assert entered(world, code_of(10_000_011)) == "COUPON_UNKNOWN"
    assert entered(world, code_of(1), clock_us=NOW_US + DAY_US) == "COUPON_EXPIRED"
    assert entered(world, code_of(1), clock_us=NOW_US - DAY_US - 1) == "COUPON_NOT_YET_VALID"


@pytest.mark.parametrize("code", ["S-0000-00000?", "S-0000-000000", "S-ЁЁ00-00000", "S-####-#####?", "#" * 64])
def test_code_that_is_none_is_unknown(world: World, code: str) -> None:
    assert entered(world, code) == "COUPON_UNKNOWN"


def test_code_of_another_tenant_or_series_is_unknown(world: World) -> None:
    assert entered(world, code_of(1, tenant="other")) == "COUPON_UNKNOWN"
    assert entered(world, code_of(1, series_no=4)) == "COUPON_UNKNOWN"


def test_code_is_used_once_and_the_journal_names_its_serial(world: World) -> None:
    sold(world, 1, 7)
    held, record = (journal.Record.FromString(one.body) for one in world.records)
    [part] = held.effects.holds[0].parts
    assert (part.series_no, part.serial, part.code_hash) == (3, 7, b"")
    [change] = record.effects.coupons
    assert (change.series_no, change.serial, change.use, change.code_hash) == (3, 7, USED, b"")
    [fact] = record.evidence.coupons
    assert (fact.series, fact.series_no, fact.serial, fact.code_hash) == ("spring", 3, 7, b"")
    assert entered(world, code_of(7), 2) == "COUPON_USED"
    assert [use_of(world, serial) for serial in (6, 7, 8)] == [FREE, USED, FREE]
    proven(world)


def test_code_held_by_one_register_is_not_another_s(world: World) -> None:
    reserved(world, sale(1, None, code_of(7)))
    assert use_of(world, 7) == HELD
    assert entered(world, code_of(7), 2) == "COUPON_HELD"
    assert entered(world, code_of(7), 1) == "APPLIED"
    other = reserved(world, sale(1, None, code_of(7), register=R2.register_id))
    assert other.outcome.coupons[0].reason == reasons_pb2.REASON_COUPON_HELD
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert entered(world, code_of(7), 2) == "APPLIED"
    proven(world)


def test_code_that_no_reserve_kept_is_not_taken_by_a_commit(world: World) -> None:
    reply = committed(world, sale(1, None, code_of(7)))
    assert list(reply.exceptions) == [reasons_pb2.REASON_NOT_RESERVED]
    assert use_of(world, 7) == FREE
    proven(world)


def test_return_of_all_of_the_sale_lets_the_code_be_used_again(world: World) -> None:
    sold(world, 1, 7)
    returned(world, 1)
    assert (use_of(world, 7), entered(world, code_of(7), 2)) == (FREE, "APPLIED")
    sold(world, 2, 7)
    proven(world)


def test_series_that_keeps_codes_used_lets_only_a_void_free_them() -> None:
    series = SPRING._replace(keeps_used=True)
    world = World(new_engine(series))
    sold(world, 1, 7)
    returned(world, 1)
    assert use_of(world, 7) == USED
    sold(world, 2, 8)
    world.effect(cancel_receipt, cancel(2, world.next_seq()))
    assert use_of(world, 8) == FREE
    proven(world, series)


def test_code_freed_after_the_end_of_its_series_has_days_of_grace() -> None:
    series = SPRING._replace(grace_days=3)
    world = World(new_engine(series))
    sold(world, 1, 7)
    sold(world, 2, 8)
    later = NOW_US + 2 * DAY_US
    returned(world, 1, clock_us=later)
    assert entered(world, code_of(7), 3, later) == "APPLIED"
    assert entered(world, code_of(9), 3, later) == "COUPON_EXPIRED"
    assert entered(world, code_of(7), 3, later + 3 * DAY_US) == "COUPON_EXPIRED"
    proven(world, series)
    sold(world, 3, 7, later + 1)
    assert entered(world, code_of(7), 4, later + 1) == "COUPON_USED"
    proven(world, series)


def test_grace_does_not_shorten_what_is_good_for_longer() -> None:
    series = SPRING._replace(grace_days=3, ends_at_us=NEVER_US)
    world = World(new_engine(series))
    sold(world, 1, 7)
    returned(world, 1)
    assert read_coupon(world.engine.book, serial_key(3, 7)) == (FREE, 3, 0, False)
    assert entered(world, code_of(7), 2, NOW_US + 400 * DAY_US) == "APPLIED"


def test_listed_code_has_the_policies_of_its_series_too() -> None:
    series = SeriesFact(3, "spring", COUPON_UNIQUE, False, 0, NOW_US + DAY_US, 1, grace_days=3)
    world = World(new_engine(series))
    world.engine.facts.coupons.upsert_code(CodeFact(code_hash(PEPPER, "AAA"), 1, 3))
    made = sale(1, None, "AAA")
    reserved(world, made)
    committed(world, made)
    later = NOW_US + 2 * DAY_US
    returned(world, 1, clock_us=later)
    assert entered(world, "AAA", 2, later) == "APPLIED"
    assert entered(world, "AAA", 2, later + 3 * DAY_US) == "COUPON_EXPIRED"


def test_coupon_issued_for_a_serial_series_has_a_form_of_its_own(world: World) -> None:
    made = sale(1, None, price=60_000)
    reply = pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, commit(made, world.next_seq())))
    [issued] = reply.outcome.issued_coupons
    assert is_code_of(ISSUED_FORM, issued.code)
    assert entered(world, issued.code, 2) == "APPLIED"
    proven(world)
