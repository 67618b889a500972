"""Rules against fraud at the till: each kind at its boundary, what follows, and that the journal tells it all again."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from altyn.core.engine import Engine, cancel_receipt, recalculate, return_receipt, same_decision
from altyn.core.engine.identity import card_hash, phone_hash
from altyn.core.facts.directory import CARD_ACTIVE, CardFact, CustomerFact
from altyn.core.facts.fraud import FRAUD_RULES_MAX, FraudRuleFact
from altyn.core.facts.stores import StoreFact
from altyn.core.ledger.image import state_digest
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import (
    DAY_US,
    balance,
    committed,
    give,
    new_engine,
    replayed,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, PEPPER, World, cancel

S_US = 1_000_000
SUSPECTED = reasons_pb2.REASON_FRAUD_SUSPECTED
DENIED = reasons_pb2.REASON_REDEMPTION_SUSPECTED
ALL = ("TAG", "CASE", "HOLDBACK", "DECLINE_REDEMPTION")


def new_world(*rules: FraudRuleFact) -> World:
    engine = new_engine()
    directory = engine.facts.directory
    directory.upsert_customer(CustomerFact(8, 80, phone_hash(PEPPER, "+79990000008")))
    directory.upsert_card(CardFact(card_hash(PEPPER, "1003"), 3, 80, 8, "plastic", CARD_ACTIVE, "1003"))
    for rule in rules:
        engine.facts.fraud.upsert(rule)
    return World(engine)


def rule(kind: str, threshold: int = 0, *, actions: tuple[str, ...] = ("CASE",), **fields: Any) -> FraudRuleFact:
    return FraudRuleFact(kind.lower().replace("_", "-"), kind, threshold=threshold, actions=actions, **fields)


def fraud(world: World) -> journal.FraudFacts:
    """Of the last record."""
    found: journal.FraudFacts = journal.Record.FromString(world.records[-1].body).evidence.fraud
    return found


def trips(world: World) -> list[tuple[str, int, int]]:
    return [(one.rule, one.count, one.threshold) for one in fraud(world).trips]


def told(of: receipt_pb2.Receipt, at_us: int = NOW_US, cashier: str = "anna") -> receipt_pb2.Receipt:
    """With the till's clock and cashier."""
    of.local_time_us, of.utc_offset_minutes = at_us + 180 * 60 * S_US, 180
    of.cashier_id = cashier
    return of


def proven(world: World) -> World:
    """The journal alone gives the same book and the same decisions."""
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)
    for record in world.records:
        if record.kind in (pos.OPERATION_KIND_COMMIT, pos.OPERATION_KIND_RESERVE):
            assert same_decision(record.body, ruleset())
    return world


def bought(world: World, number: int, clock_us: int = NOW_US, **fields: Any) -> list[tuple[str, int, int]]:
    assert committed(world, told(sale(number, **fields), clock_us), clock_us).status == outcome_pb2.STATUS_OK
    return trips(world)


# KINDS


@pytest.mark.parametrize(("window", "later_us"), [("DAY", DAY_US), ("WEEK", 7 * DAY_US), ("MONTH", 31 * DAY_US)])
def test_one_receipt_of_a_card_more_than_may_be_in_the_window_trips(window: str, later_us: int) -> None:
    world = new_world(rule("CARD_RECEIPTS", 2, window=window))
    assert [bought(world, number) for number in (1, 2)] == [[], []]
    assert bought(world, 3) == [("card-receipts", 3, 2)]
    assert bought(world, 4, card="1003") == []
    assert fraud(world) == journal.FraudFacts()
    assert bought(world, 5, NOW_US + later_us) == []
    assert bought(world, 6) == [("card-receipts", 4, 2)]
    proven(world)


def test_customer_without_a_card_is_counted_as_well() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1))
    for number, tripped in ((1, []), (2, [("card-receipts", 2, 1)])):
        order = told(sale(number, card=""))
        order.identity.kind, order.identity.value = receipt_pb2.TOKEN_KIND_PHONE, "+79990000008"
        committed(world, order)
        assert trips(world) == tripped
    nobody = told(sale(3, card=""))
    committed(world, nobody)
    committed(world, told(sale(4, card="")))
    assert trips(world) == []
    proven(world)


def test_two_receipts_of_a_card_at_two_registers_closer_than_the_seconds_trip_in_either_order() -> None:
    world = new_world(rule("CARD_INTERVAL", seconds=180))
    assert bought(world, 1) == []
    assert bought(world, 2, NOW_US + 180 * S_US, register="r2") == []
    assert bought(world, 3, NOW_US + 359 * S_US) == [("card-interval", 179, 180)]
    late = told(sale(4, register="r2"), NOW_US + 180 * S_US)
    late.mode = receipt_pb2.MODE_OFFLINE
    committed(world, late, NOW_US + 3_600 * S_US)
    assert trips(world) == [("card-interval", 179, 180)]
    # The latest is still the one at the first register.
    assert bought(world, 5, NOW_US + 360 * S_US) == []
    assert bought(world, 6, NOW_US + 540 * S_US, register="r2") == []
    proven(world)


def test_who_pays_twice_in_a_row_at_one_register_is_not_suspected() -> None:
    world = new_world(rule("CARD_INTERVAL", seconds=180))
    for number in range(1, 6):
        assert bought(world, number, NOW_US + number * S_US) == []
    assert bought(world, 6, NOW_US + 6 * S_US, card="1003", register="r2") == []
    proven(world)


def test_registers_of_one_name_in_two_stores_are_two() -> None:
    world = new_world(rule("CARD_INTERVAL", seconds=180))
    world.engine.facts.stores.upsert(StoreFact("s2", "Europe/Moscow", "msk", "super", "", "RUB", 2))
    assert bought(world, 1) == []
    elsewhere = told(sale(2))
    elsewhere.store_id = "s2"
    committed(world, elsewhere)
    assert trips(world) == [("card-interval", 0, 180)]
    proven(world)


def test_receipt_counted_before_registers_were_is_held_against_nobody() -> None:
    world = new_world(rule("CARD_INTERVAL", seconds=180))
    bought(world, 1)
    older = journal.Record.FromString(world.records[0].body)
    [_, where] = older.effects.counters
    older.effects.counters.remove(where)
    world = new_world(rule("CARD_INTERVAL", seconds=180))
    world.take(older)
    assert bought(world, 2, register="r2") == []
    assert bought(world, 3) == [("card-interval", 0, 180)]
    proven(world)


def test_one_cashier_with_one_card_is_counted_by_store_and_cashier() -> None:
    world = new_world(rule("CASHIER_CARD", 1, window="MONTH"))
    assert bought(world, 1) == []
    committed(world, told(sale(2), cashier="boris"))
    assert trips(world) == []
    committed(world, told(sale(3), cashier=""))
    assert trips(world) == []
    assert bought(world, 4, card="1003") == []
    assert bought(world, 5) == [("cashier-card", 2, 1)]
    proven(world)


def test_share_of_one_card_in_a_cashiers_receipts_trips_above_both_the_times_and_the_share() -> None:
    world = new_world(rule("CASHIER_CARD_SHARE", 2, window="MONTH", share_percent=50))
    # Two of two are all of them, and not more than two.
    assert [bought(world, number) for number in (1, 2)] == [[], []]
    committed(world, told(sale(3, card="")))
    committed(world, told(sale(4, card="1003"), cashier="boris"))
    # Nobody's receipts and another cashier's are not among them: three of three.
    assert bought(world, 5) == [("cashier-card-share", 100, 50)]
    assert [bought(world, number, card="1003") for number in (6, 7)] == [[], []]
    # Four of six are 66.7 %.
    assert bought(world, 8) == [("cashier-card-share", 67, 50)]
    # Four of eight are half: not more.
    assert bought(world, 9, card="1003") == []
    assert bought(world, 10, card="1003") == []
    assert bought(world, 11, NOW_US + 31 * DAY_US) == []
    proven(world)


def test_a_share_of_exactly_what_may_be_does_not_trip() -> None:
    world = new_world(rule("CASHIER_CARD_SHARE", 1, window="MONTH", share_percent=50))
    assert [bought(world, 1, card="1003"), bought(world, 2, card="1003")] == [[], [("cashier-card-share", 100, 50)]]
    assert [bought(world, number) for number in (3, 4)] == [[], []]
    assert bought(world, 5) == [("cashier-card-share", 60, 50)]
    proven(world)


def test_cards_whose_first_receipt_one_cashier_took_trip_when_more_come() -> None:
    world = new_world(rule("CASHIER_ACTIVATIONS", 1))
    assert bought(world, 1) == []
    # A second receipt is no activation, another cashier's and another day's are others.
    assert bought(world, 2) == []
    assert bought(world, 3, card="1003") == [("cashier-activations", 2, 1)]
    assert bought(world, 4, card="1003") == []
    for number, card in ((5, "2001"), (6, "2002"), (7, "2003")):
        new_card(world, card)
        cashier, at_us = ("boris", NOW_US) if number == 5 else ("anna", NOW_US + (number - 6) * DAY_US)
        committed(world, told(sale(number, card=card), at_us, cashier), at_us)
        assert trips(world) == ([("cashier-activations", 3, 1)] if number == 6 else [])
    proven(world)


@pytest.mark.parametrize(("window", "days"), [("DAY", 0), ("MONTH", 17)])
def test_members_from_before_the_window_are_not_activated_by_a_rule_that_is_new(window: str, days: int) -> None:
    # It is 14:06:40 on the 18th at the store.
    began_us = NOW_US - (days * 86_400 + 14 * 3_600 + 6 * 60 + 40) * S_US
    for given_us, tripped in ((began_us, []), (began_us + 1, [("cashier-activations", 1, 0)])):
        world = new_world(rule("CASHIER_ACTIVATIONS", 0, window=window))
        give(world, 10_000, clock_us=given_us)
        assert bought(world, 1) == tripped
        assert bought(world, 2) == []
        proven(world)


def new_card(world: World, number: str) -> None:
    account = int(number)
    world.engine.facts.directory.upsert_card(
        CardFact(card_hash(PEPPER, number), account, account, 0, "x", CARD_ACTIVE, number)
    )


def test_goods_dearer_than_may_be_trip_by_receipt_and_by_card() -> None:
    world = new_world(rule("RECEIPT_AMOUNT", 10_000), rule("CARD_AMOUNT", 15_000))
    assert bought(world, 1, price=10_000) == []
    assert bought(world, 2, price=5_000) == []
    assert bought(world, 3, price=10_001) == [("card-amount", 25_001, 15_000), ("receipt-amount", 10_001, 10_000)]
    assert bought(world, 4, price=10_001, card="") == []
    proven(world)


def test_codes_entered_with_one_card_trip_when_more_come() -> None:
    world = new_world(rule("CARD_COUPONS", 2))
    for number, codes in ((1, ("XXX", "YYY")), (2, ())):
        committed(world, told(sale(number, None, *codes)))
        assert trips(world) == []
    committed(world, told(sale(3, None, "ZZZ")))
    assert trips(world) == [("card-coupons", 3, 2)]
    proven(world)


def test_fiscal_mark_told_twice_trips_whoever_bought() -> None:
    world = new_world(rule("DUPLICATE_SIGN", 1))
    for number, (sign, tripped) in enumerate(
        [("A", []), ("B", []), ("", []), ("", []), ("A", [("duplicate-sign", 2, 1)])]
    ):
        order = told(sale(number + 1, card=""))
        order.fiscal.drive, order.fiscal.document, order.fiscal.sign = "9", "7", sign
        committed(world, order)
        assert trips(world) == tripped
    proven(world)


def test_points_of_a_new_card_trip_within_the_seconds_of_its_first_receipt() -> None:
    world = new_world(rule("NEW_CARD_REDEMPTION", seconds=3_600))
    give(world, 10_000)
    assert bought(world, 1) == []
    for number, later_s, tripped in ((2, 3_599, [("new-card-redemption", 3_599, 3_600)]), (3, 3_600, [])):
        order, at_us = told(sale(number, 100), NOW_US + later_s * S_US), NOW_US + later_s * S_US
        assert reserved(world, order, at_us).status == outcome_pb2.STATUS_OK
        assert trips(world) == tripped
        committed(world, order, at_us)
        assert trips(world) == tripped
    proven(world)


def test_account_that_had_points_before_is_not_new_to_a_rule_that_is() -> None:
    world = new_world(rule("NEW_CARD_REDEMPTION", seconds=3_600))
    give(world, 10_000, clock_us=NOW_US - 3_600 * S_US)
    reserved(world, told(sale(1, 100)))
    assert trips(world) == []
    proven(world)


def test_asking_to_pay_without_any_points_is_nothing_new() -> None:
    world = new_world(rule("NEW_CARD_REDEMPTION", seconds=3_600))
    for number in (1, 2):
        reserved(world, told(sale(number, -1, card="1003")))
        assert trips(world) == []
    proven(world)


def returned(world: World, number: int, at_us: int, of: int, cashier: str = "anna") -> pos.ReturnReceiptResponse:
    request = give_back(told(refund((1, 500), of=of, number=number), at_us, cashier), world.next_seq())
    reply = pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, at_us))
    assert reply.status == outcome_pb2.STATUS_OK and SUSPECTED not in reply.exceptions
    return reply


def test_returns_of_one_cashier_trip_when_more_come() -> None:
    world = new_world(rule("CASHIER_RETURNS", 1, actions=("TAG", "CASE")))
    for number in (1, 2, 3):
        bought(world, number)
    returned(world, 901, NOW_US, of=1)
    returned(world, 902, NOW_US, of=2, cashier="boris")
    assert trips(world) == []
    returned(world, 903, NOW_US, of=3)
    assert trips(world) == [("cashier-returns", 2, 1)]
    record = journal.Record.FromString(world.records[-1].body)
    assert SUSPECTED in record.exceptions and record.evidence.customer.card_id == 1
    returned(world, 904, NOW_US + DAY_US, of=3)
    assert trips(world) == []
    proven(world)


def test_return_soon_after_the_sale_by_the_same_cashier_trips() -> None:
    world = new_world(rule("FAST_RETURN", seconds=600))
    bought(world, 1)
    bought(world, 2)
    returned(world, 901, NOW_US + 599 * S_US, of=1, cashier="boris")
    assert trips(world) == []
    returned(world, 902, NOW_US + 599 * S_US, of=1)
    assert trips(world) == [("fast-return", 599, 600)]
    returned(world, 903, NOW_US + 600 * S_US, of=2)
    assert trips(world) == []
    proven(world)


# WHAT FOLLOWS


def test_tripped_sale_goes_on_earns_is_tagged_and_its_till_is_not_told() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1, actions=("TAG",)))
    for number in (1, 2):
        reply = committed(world, told(sale(number)))
        assert (reply.status, list(reply.exceptions)) == (outcome_pb2.STATUS_OK, [])
    assert balance(world)[0] == 200
    assert list(journal.Record.FromString(world.records[-1].body).exceptions) == [SUSPECTED]
    assert not fraud(world).trips[0].wants_case
    proven(world)


def test_points_of_a_tripped_sale_wait_longer_and_live_as_long() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1, actions=("HOLDBACK",), holdback_days=14))
    for number in (1, 2):
        committed(world, told(sale(number)))
    assert balance(world)[:2] == (100, 100)
    honest, held = (journal.Record.FromString(record.body).effects.lots[0] for record in world.records)
    assert held.active_from_us - honest.active_from_us == 14 * DAY_US
    assert held.expires_at_us - honest.expires_at_us == 14 * DAY_US
    assert balance(world, NOW_US + 14 * DAY_US)[:2] == (200, 0)
    proven(world)


def maximum(reply: Any) -> tuple[int, int]:
    [most] = reply.outcome.max_redeem
    return most.points, most.limited_by


def test_points_do_not_pay_once_tripped_and_the_sale_goes_on() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1, actions=("DECLINE_REDEMPTION",)))
    give(world, 10_000)
    bought(world, 1)
    order = told(sale(2, -1))
    held = reserved(world, order)
    assert held.status == outcome_pb2.STATUS_OK and maximum(held) == (0, DENIED)
    paid = committed(world, order)
    assert (paid.status, paid.outcome.totals.points_paid_minor, maximum(paid)) == (
        outcome_pb2.STATUS_OK,
        0,
        (0, DENIED),
    )
    assert balance(world)[0] == 10_200
    body = world.records[-1].body
    assert outcome_pb2.Outcome.FromString(recalculate(body, ruleset())).max_redeem[0].limited_by == DENIED
    proven(world)


def test_what_a_reserve_promised_stands_whatever_trips_meanwhile() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1, actions=("DECLINE_REDEMPTION", "CASE")))
    give(world, 10_000)
    order = told(sale(1, 500))
    assert reserved(world, order).outcome.totals.points_paid_minor == 500
    bought(world, 2)
    paid = committed(world, order)
    assert (paid.outcome.totals.points_paid_minor, list(paid.exceptions)) == (500, [])
    assert trips(world) == [("card-receipts", 2, 1)] and not fraud(world).redemption_denied
    proven(world)


def test_upload_counts_and_is_never_declined() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1, actions=("DECLINE_REDEMPTION",)))
    give(world, 10_000)
    for number in (1, 2):
        order = told(sale(number, 500))
        order.mode = receipt_pb2.MODE_OFFLINE
        assert committed(world, order).outcome.totals.points_paid_minor == 500
    assert trips(world) == [("card-receipts", 2, 1)] and not fraud(world).redemption_denied
    proven(world)


def test_more_rules_than_act_deny_payment_with_points_and_nothing_else() -> None:
    world = new_world(
        *(FraudRuleFact(f"r{number}", "CARD_RECEIPTS", threshold=9) for number in range(FRAUD_RULES_MAX + 1))
    )
    give(world, 10_000)
    assert maximum(reserved(world, told(sale(1, -1)))) == (0, DENIED)
    assert committed(world, told(sale(2))).status == outcome_pb2.STATUS_OK
    assert balance(world)[0] == 10_100
    world.engine.facts.fraud.remove("r0")
    assert maximum(reserved(world, told(sale(3, -1))))[0] > 0
    proven(world)


# WHAT IS COUNTED


def changes(world: World) -> list[int]:
    effects = journal.Record.FromString(world.records[-1].body).effects
    return [one.used for one in effects.counters if one.key.limit.startswith("fraud:")]


def test_nothing_takes_back_what_was_counted() -> None:
    world = new_world(rule("CARD_RECEIPTS", 2))
    bought(world, 1)
    bought(world, 2)
    assert changes(world) == [1]
    request = give_back(told(refund((1, 1000), of=1, number=901)), world.next_seq())
    world.effect(return_receipt, request)
    assert changes(world) == []
    world.effect(cancel_receipt, cancel(2, world.next_seq()))
    assert changes(world) == []
    assert bought(world, 3) == [("card-receipts", 3, 2)]
    proven(world)


def test_only_what_was_applied_counts() -> None:
    world = new_world(rule("CARD_RECEIPTS", 2))
    for number in (1, 2, 3, 4):
        reserved(world, told(sale(number)))
        assert changes(world) == []
    bought(world, 5)
    again = committed(world, told(sale(5, price=7_000)))
    assert again.status == outcome_pb2.STATUS_QUARANTINED and changes(world) == []
    proven(world)


def test_without_rules_nothing_is_read_counted_or_told() -> None:
    world = new_world()
    for number in range(1, 9):
        bought(world, number)
        assert changes(world) == [] and not journal.Record.FromString(world.records[-1].body).evidence.HasField("fraud")
    world.engine.facts.fraud.upsert(rule("CARD_RECEIPTS", 1))
    assert bought(world, 9) == []
    world.engine.facts.fraud.remove("card-receipts")
    assert bought(world, 10) == [] and changes(world) == []


def test_hundred_cards_are_each_counted_by_themselves() -> None:
    world = new_world(rule("CARD_RECEIPTS", 1))
    engine: Engine = world.engine
    numbers = count(1)
    for card in range(2_000, 2_100):
        engine.facts.directory.upsert_card(CardFact(card_hash(PEPPER, str(card)), card, card, 0, "x", CARD_ACTIVE, "1"))
    assert not any(bought(world, next(numbers), card=str(card)) for card in range(2_000, 2_100))
    assert all(bought(world, next(numbers), card=str(card)) for card in range(2_000, 2_100))
