"""The short-lived token of a virtual card: who it identifies, for how long, and that it pays once."""

from __future__ import annotations

import pytest

from altyn.core.engine import authorize_customer, calculate_receipt, cancel_receipt, same_decision
from altyn.core.engine.identity import card_hash, qr_token
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, CardFact
from altyn.core.ledger.image import state_digest
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.scarce_world import (
    balance,
    committed,
    expired,
    give,
    new_world,
    replayed,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, PEPPER, SCOPE, Scope, World, cancel

SECOND_US = 1_000_000
ENDS_US = NOW_US + 60 * SECOND_US - NOW_US % (10 * SECOND_US)
CARD_ID = 9
NONCE = b"\x01\x02"
TOKEN = qr_token(PEPPER, CARD_ID, ENDS_US, NONCE)
MISREAD = "A1" + TOKEN[2:].replace("0", "O").replace("1", "l")
NUMBER = "7700 1"


def virtual(state: int = CARD_ACTIVE) -> CardFact:
    return CardFact(card_hash(PEPPER, NUMBER), CARD_ID, 70, 7, "app", state, "7001", True)


def world_of_app(points: int = 0) -> World:
    """Customer 7 has a virtual card beside the plastic one, on the same account."""
    world = new_world()
    world.engine.facts.directory.upsert_card(virtual())
    if points:
        give(world, points)
    return world


def qr(text: str = TOKEN, kind: int = receipt_pb2.TOKEN_KIND_QR) -> receipt_pb2.Identity:
    return receipt_pb2.Identity(kind=kind, value=text, input_method=receipt_pb2.INPUT_METHOD_QR)  # type: ignore[arg-type]


def bought(number: int, points: int | None = None, text: str = TOKEN, register: str = "r1") -> receipt_pb2.Receipt:
    made = sale(number, points, register=register)
    made.identity.CopyFrom(qr(text))
    return made


def authorized(world: World, identity: receipt_pb2.Identity, clock_us: int = NOW_US) -> pos.AuthorizeCustomerResponse:
    asked = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=identity)
    answer = authorize_customer(world.engine, asked.SerializeToString(), SCOPE, clock_us)
    return pos.AuthorizeCustomerResponse.FromString(answer.reply)


def calculated(
    world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US, token: bytes = b""
) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of, calc_token=token).SerializeToString()
    scope = Scope("demo", of.store_id, of.register_id)
    return pos.CalculateReceiptResponse.FromString(calculate_receipt(world.engine, request, scope, clock_us))


def proven(world: World) -> None:
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)
    for record in world.records:
        if record.kind in (1, 2):
            assert same_decision(record.body, ruleset())
        assert TOKEN.encode() not in record.body


@pytest.mark.parametrize("kind", [receipt_pb2.TOKEN_KIND_QR, receipt_pb2.TOKEN_KIND_CARD])
@pytest.mark.parametrize(
    "text",
    [TOKEN, TOKEN.lower(), f"{TOKEN[:10]}-{TOKEN[10:20]} {TOKEN[20:]}", MISREAD],
)
def test_token_identifies_the_card_it_was_made_for(kind: int, text: str) -> None:
    reply = authorized(world_of_app(), qr(text, kind))
    assert (reply.status, reply.customer_id, reply.card_type, reply.card_last4) == (
        outcome_pb2.STATUS_OK,
        7,
        "app",
        "7001",
    )


def test_token_lives_until_its_end_and_ten_seconds_of_skew() -> None:
    world = world_of_app()
    assert authorized(world, qr(), ENDS_US + 10 * SECOND_US).customer_id == 7
    late = authorized(world, qr(), ENDS_US + 10 * SECOND_US + 1)
    assert (late.status, late.reason, late.customer_id) == (
        outcome_pb2.STATUS_DECLINED,
        reasons_pb2.REASON_TOKEN_EXPIRED,
        0,
    )
    assert {message.language for message in late.messages} == {"en", "ru"}


def test_token_nobody_made_identifies_nobody() -> None:
    world = world_of_app()
    for place in range(2, len(TOKEN)):
        forged = TOKEN[:place] + ("7" if TOKEN[place] != "7" else "8") + TOKEN[place + 1 :]
        assert authorized(world, qr(forged)).reason == reasons_pb2.REASON_TOKEN_INVALID
    assert authorized(world, qr(TOKEN[:-1] + "U")).reason == reasons_pb2.REASON_TOKEN_INVALID
    other = qr_token(b"another pepper of 16", CARD_ID, ENDS_US, NONCE)
    assert authorized(world, qr(other)).reason == reasons_pb2.REASON_TOKEN_INVALID
    as_number = authorized(world, qr(other, receipt_pb2.TOKEN_KIND_CARD))
    assert as_number.reason == reasons_pb2.REASON_CUSTOMER_UNKNOWN


@pytest.mark.parametrize("kind", [receipt_pb2.TOKEN_KIND_QR, receipt_pb2.TOKEN_KIND_CARD])
def test_number_of_a_virtual_card_by_itself_identifies_nobody(kind: int) -> None:
    world = world_of_app()
    assert authorized(world, qr(NUMBER, kind)).reason == reasons_pb2.REASON_TOKEN_INVALID
    assert authorized(world, qr("1001", kind)).customer_id == 7


def test_token_of_a_card_that_is_gone_blocked_or_plastic_gives_nothing() -> None:
    world = world_of_app()
    world.engine.facts.directory.upsert_card(virtual(CARD_BLOCKED))
    assert authorized(world, qr()).reason == reasons_pb2.REASON_CARD_BLOCKED
    world.engine.facts.directory.upsert_card(virtual()._replace(virtual=False))
    assert authorized(world, qr()).reason == reasons_pb2.REASON_CUSTOMER_UNKNOWN
    world.engine.facts.directory.upsert_card(virtual())
    assert authorized(world, qr()).customer_id == 7
    world.engine.facts.directory.remove_card(card_hash(PEPPER, NUMBER))
    assert authorized(world, qr()).reason == reasons_pb2.REASON_CUSTOMER_UNKNOWN
    plastic = qr_token(PEPPER, 1, ENDS_US, NONCE)
    assert authorized(world, qr(plastic)).reason == reasons_pb2.REASON_CUSTOMER_UNKNOWN


def test_calculation_token_keeps_the_identification_at_its_register() -> None:
    world = world_of_app(4000)
    token, clock_us = b"", NOW_US
    for _ in range(3):
        reply = calculated(world, bought(1, 1000), clock_us, token)
        assert reply.outcome.totals.points_paid_minor == 1000
        token, clock_us = reply.calc_token, clock_us + 600 * SECOND_US
    assert calculated(world, bought(1, 1000), clock_us).outcome.totals.points_paid_minor == 0
    elsewhere = calculated(world, bought(1, 1000, register="r2"), clock_us, token)
    assert elsewhere.outcome.totals.points_paid_minor == 0
    assert reasons_pb2.REASON_TOKEN_EXPIRED in elsewhere.outcome.flags
    other = qr_token(PEPPER, CARD_ID, ENDS_US, b"zz")
    assert calculated(world, bought(1, 1000, other), clock_us, token).outcome.totals.points_paid_minor == 0
    assert calculated(world, bought(1, 1000), clock_us + 901 * SECOND_US, token).outcome.totals.points_paid_minor == 0
    assert reserved(world, bought(1, 1000), clock_us, token=token).outcome.totals.points_paid_minor == 1000


def test_token_pays_one_receipt_and_goes_on_earning() -> None:
    world = world_of_app(4000)
    first = reserved(world, bought(1, 1000))
    assert first.outcome.totals.points_paid_minor == 1000
    assert not authorized(world, qr()).may_redeem
    second = reserved(world, bought(2, 1000))
    assert second.outcome.max_redeem[0].limited_by == reasons_pb2.REASON_TOKEN_USED
    assert committed(world, bought(2, 1000)).outcome.totals.points_paid_minor == 0
    again = reserved(world, bought(1, 2000), op_no=1)
    assert again.outcome.totals.points_paid_minor == 2000
    late_us = NOW_US + 300 * SECOND_US
    reply = committed(world, bought(1, 2000), late_us)
    assert (reply.outcome.totals.points_paid_minor, list(reply.exceptions)) == (2000, [])
    # One per cent of 100.00 and of the 80.00 that were paid in money.
    assert balance(world, late_us) == (4000 + 100 - 2000 + 80, 0, 0, 0)
    proven(world)


def test_token_of_a_cancelled_or_expired_reserve_stays_used() -> None:
    world = world_of_app(4000)
    reserved(world, bought(1, 1000))
    world.effect(cancel_receipt, cancel(1, world.next_seq()))
    assert reserved(world, bought(2, 1000)).outcome.totals.points_paid_minor == 0
    fresh = qr_token(PEPPER, CARD_ID, ENDS_US, b"zz")
    assert reserved(world, bought(3, 1000, fresh)).outcome.totals.points_paid_minor == 1000
    assert expired(world, NOW_US + 901 * SECOND_US) == 2
    late = committed(world, bought(3, 1000, fresh), NOW_US + 901 * SECOND_US)
    assert late.outcome.totals.points_paid_minor == 1000
    assert list(late.exceptions) == [reasons_pb2.REASON_HOLD_EXPIRED]
    proven(world)


def test_reserve_that_spends_nothing_leaves_the_token_unused() -> None:
    world = world_of_app(4000)
    reserved(world, bought(1))
    assert reserved(world, bought(2, 1000)).outcome.totals.points_paid_minor == 1000


def test_token_of_a_hold_that_keeps_nothing_pays_once_too() -> None:
    world = world_of_app(4000)
    for number in (1, 2):
        reserved(world, bought(number))
    assert committed(world, bought(1, 1000)).outcome.totals.points_paid_minor == 1000
    assert committed(world, bought(2, 1000)).outcome.totals.points_paid_minor == 0
    proven(world)


def test_fact_identifies_however_old_its_token_is() -> None:
    world = world_of_app(4000)
    reply = committed(world, bought(1, 1000), NOW_US + 86_400 * SECOND_US)
    assert list(reply.exceptions) == [reasons_pb2.REASON_NOT_RESERVED]
    assert balance(world, NOW_US + 86_400 * SECOND_US)[0] > 4000


def test_sixty_four_registers_with_one_token_redeem_once() -> None:
    world = world_of_app(100_000)
    registers = [f"r{number}" for number in range(1, 65)]
    tokens = {name: calculated(world, bought(1, 1000, register=name)).calc_token for name in registers}
    paid = [
        name
        for name in registers
        if reserved(world, bought(1, 1000, register=name), token=tokens[name]).status == outcome_pb2.STATUS_OK
    ]
    assert paid == ["r1"]
    for name in registers:
        committed(world, bought(1, 1000 if name in paid else None, register=name))
    assert balance(world)[2:] == (0, 0)
    spent = 100_000 + 63 * 100 + 90 - balance(world)[0]
    assert spent == 1000
    proven(world)
