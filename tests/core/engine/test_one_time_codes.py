"""A phone proven by a one-time code: for how long, how many tries it has, and that a code pays once."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from altyn.core.engine import CallRefused, authorize_customer, calculate_receipt, cancel_receipt, same_decision
from altyn.core.engine.identity import CODE_STEP_US, one_time_code, phone_hash
from altyn.core.facts.directory import CustomerFact
from altyn.core.ledger.image import state_digest
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.scarce_world import (
    RULES,
    balance,
    committed,
    give,
    new_world,
    replayed,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, PEPPER, SCOPE, Scope, World, cancel

PHONE = "+7 900 000-00-07"
HASHED = phone_hash(PEPPER, PHONE)
STEP = NOW_US // CODE_STEP_US
BEGINS_US = STEP * CODE_STEP_US
CODE = one_time_code(PEPPER, HASHED, STEP)
WRONG = f"{(int(CODE) + 1) % 1_000_000:06d}"
PROVEN = RULES.replace("up_to_percent: 50", "up_to_percent: 50, deny_input: [phone]")

WRONG_CODE = reasons_pb2.REASON_CODE_WRONG
OVER = reasons_pb2.REASON_CODE_EXPIRED
DECLINED = outcome_pb2.STATUS_DECLINED
OK = outcome_pb2.STATUS_OK


def world_of_phone(points: int = 4000) -> World:
    """Customer 7 has a phone, and account 70 points, of which a phone alone takes none."""
    world = new_world(PROVEN)
    world.engine.facts.directory.upsert_customer(CustomerFact(7, 70, HASHED))
    give(world, points)
    return world


def phone(code: str = CODE, value: str = PHONE) -> receipt_pb2.Identity:
    method = receipt_pb2.INPUT_METHOD_PHONE_CODE
    return receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=value, input_method=method, code=code)


def bought(number: int, points: int | None = 1000, code: str = CODE, register: str = "r1") -> receipt_pb2.Receipt:
    made = sale(number, points, register=register)
    made.identity.CopyFrom(phone(code))
    return made


def may_redeem(world: World, code: str) -> bool:
    asked = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=phone(code))
    answer = authorize_customer(world.engine, asked.SerializeToString(), SCOPE, NOW_US)
    reply = pos.AuthorizeCustomerResponse.FromString(answer.reply)
    assert reply.customer_id == 7
    return reply.may_redeem


def calculated(world: World, of: receipt_pb2.Receipt) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    scope = Scope("demo", of.store_id, of.register_id)
    return pos.CalculateReceiptResponse.FromString(calculate_receipt(world.engine, request, scope, NOW_US))


def proven(world: World) -> None:
    assert state_digest(replayed(world, PROVEN).book) == state_digest(world.engine.book)
    for record in world.records:
        assert CODE.encode() not in record.body
        if record.kind in (1, 2):
            assert same_decision(record.body, ruleset(PROVEN))


def test_phone_without_a_code_earns_and_pays_only_with_one() -> None:
    world = world_of_phone()
    assert (may_redeem(world, ""), may_redeem(world, CODE)) == (False, True)
    plain = reserved(world, bought(1, code=""))
    assert plain.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_REDEMPTION_NOT_ALLOWED
    assert committed(world, bought(1, code="")).outcome.totals.points_paid_minor == 0
    assert reserved(world, bought(2)).outcome.totals.points_paid_minor == 1000
    reply = committed(world, bought(2))
    assert (reply.outcome.totals.points_paid_minor, list(reply.exceptions)) == (1000, [])
    assert balance(world) == (4000 + 100 - 1000 + 90, 0, 0, 0)
    methods = [journal.Record.FromString(record.body).evidence.input_method for record in world.records[-4:]]
    assert methods == [receipt_pb2.INPUT_METHOD_PHONE] * 2 + [receipt_pb2.INPUT_METHOD_PHONE_CODE] * 2
    proven(world)


@pytest.mark.parametrize(
    ("at_us", "reason"),
    [
        (BEGINS_US - 1, WRONG_CODE),
        (BEGINS_US, reasons_pb2.REASON_UNSPECIFIED),
        (BEGINS_US + 2 * CODE_STEP_US - 1, reasons_pb2.REASON_UNSPECIFIED),
        (BEGINS_US + 2 * CODE_STEP_US, OVER),
        (BEGINS_US + 12 * CODE_STEP_US - 1, OVER),
        (BEGINS_US + 12 * CODE_STEP_US, WRONG_CODE),
    ],
)
def test_code_is_taken_in_its_step_and_the_next(at_us: int, reason: int) -> None:
    world = new_world(PROVEN)
    world.engine.facts.directory.upsert_customer(CustomerFact(7, 70, HASHED))
    give(world, 4000, clock_us=BEGINS_US - CODE_STEP_US)
    of = bought(1)
    of.local_time_us = 0
    reply = reserved(world, of, at_us)
    assert (reply.reason, reply.status) == (reason, DECLINED if reason else OK)
    assert reply.outcome.totals.points_paid_minor == (0 if reason else 1000)


@pytest.mark.parametrize("code", [WRONG, CODE[:5], CODE + "0", "12345x", "-"])
def test_wrong_code_declines_and_the_right_one_is_taken_after_it(code: str) -> None:
    world = world_of_phone()
    reply = reserved(world, bought(1, code=code))
    assert (reply.status, reply.reason) == (DECLINED, WRONG_CODE)
    assert reserved(world, bought(1), op_no=1).status == OK
    proven(world)


def test_code_of_another_phone_is_wrong() -> None:
    other = one_time_code(PEPPER, phone_hash(PEPPER, "+79000000008"), STEP)
    assert reserved(world_of_phone(), bought(1, code=other)).reason == WRONG_CODE


def test_sixth_try_in_a_step_is_declined_whatever_it_says() -> None:
    world = world_of_phone()
    for number in range(1, 6):
        assert may_redeem(world, CODE)
        assert reserved(world, bought(number, code=WRONG, register=f"r{number}")).reason == WRONG_CODE
    assert not may_redeem(world, CODE)
    assert calculated(world, bought(6)).outcome.max_redeem[0].limited_by == OVER
    assert reserved(world, bought(6)).reason == OVER
    counted = len(journal.Record.FromString(world.records[-1].body).effects.counters)
    assert counted == 0
    # The next step has tries of its own, and the code is still taken in it.
    later = bought(7)
    later.local_time_us = 0
    assert reserved(world, later, BEGINS_US + CODE_STEP_US).status == OK
    proven(world)


def test_code_that_is_over_counts_as_a_try() -> None:
    world = world_of_phone()
    old = one_time_code(PEPPER, HASHED, STEP - 2)
    assert [reserved(world, bought(n, code=old)).reason for n in range(1, 6)] == [OVER] * 5
    assert reserved(world, bought(6)).reason == OVER


def test_forecast_believes_a_code_and_counts_nothing() -> None:
    world = world_of_phone()
    before = len(world.records)
    for number in range(1, 10):
        assert calculated(world, bought(number, code=WRONG)).outcome.totals.points_paid_minor == 1000
    assert len(world.records) == before
    assert reserved(world, bought(1)).status == OK


def test_code_pays_one_receipt_and_goes_on_earning() -> None:
    world = world_of_phone()
    reserved(world, bought(1))
    second = reserved(world, bought(2))
    assert second.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_TOKEN_USED
    assert committed(world, bought(2)).outcome.totals.points_paid_minor == 0
    assert reserved(world, bought(1, 2000), op_no=1).outcome.totals.points_paid_minor == 2000
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    third = reserved(world, bought(3))
    assert third.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_TOKEN_USED
    proven(world)


def test_reserve_that_spends_nothing_leaves_the_code_unused() -> None:
    world = world_of_phone()
    reserved(world, bought(1, None))
    assert reserved(world, bought(2)).outcome.totals.points_paid_minor == 1000


def test_fact_spends_what_its_reserve_kept_however_old_the_code_is() -> None:
    world = world_of_phone()
    reserved(world, bought(1))
    late_us = NOW_US + 800_000_000
    reply = committed(world, bought(1), late_us)
    assert (reply.outcome.totals.points_paid_minor, list(reply.exceptions)) == (1000, [])
    unkept = committed(world, bought(2), late_us)
    assert list(unkept.exceptions) == [reasons_pb2.REASON_NOT_RESERVED]
    proven(world)


def test_fact_with_a_code_that_no_reserve_saw_pays_nothing() -> None:
    world = world_of_phone()
    reserved(world, bought(1, None, code=""))
    reply = committed(world, bought(1, 1000, code=WRONG))
    assert reply.outcome.totals.points_paid_minor == 0
    assert reply.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_NOT_RESERVED
    proven(world)


def test_code_of_a_phone_nobody_has_is_neither_right_nor_counted() -> None:
    world = world_of_phone()
    of = bought(1)
    of.identity.value = "+79990000000"
    reply = reserved(world, of)
    assert (reply.status, list(reply.outcome.flags)) == (OK, [reasons_pb2.REASON_CUSTOMER_UNKNOWN])
    assert not journal.Record.FromString(world.records[-1].body).effects.counters


def test_sixty_four_registers_with_one_code_redeem_once() -> None:
    world = world_of_phone(100_000)
    registers = [f"r{number}" for number in range(1, 65)]
    replies = {name: reserved(world, bought(1, register=name)) for name in registers}
    assert [name for name in registers if replies[name].outcome.totals.points_paid_minor] == ["r1"]
    for name in registers:
        committed(world, bought(1, register=name))
    assert balance(world) == (100_000 + 63 * 100 + 90 - 1000, 0, 0, 0)
    proven(world)


def test_tills_word_for_a_code_proves_nothing() -> None:
    world = world_of_phone()
    of = sale(1, 1000)
    of.identity.input_method = receipt_pb2.INPUT_METHOD_PHONE_CODE
    assert reserved(world, of).outcome.max_redeem[0].limited_by == reasons_pb2.REASON_REDEMPTION_NOT_ALLOWED


@pytest.mark.parametrize(("kind", "size", "is_taken"), [("PHONE", 16, True), ("PHONE", 17, False), ("CARD", 1, False)])
def test_code_goes_with_a_phone_and_has_an_end(kind: str, size: int, is_taken: bool) -> None:
    of = sale(1)
    of.identity.kind = receipt_pb2.TokenKind.Value(f"TOKEN_KIND_{kind}")
    of.identity.code = "1" * size
    with nullcontext() if is_taken else pytest.raises(CallRefused, match=r"identity\.code"):
        reserved(world_of_phone(), of)
