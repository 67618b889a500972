"""What the way of being known allows: cards that are nobody's earn and pay only where a rule says so."""

from __future__ import annotations

from altyn.core.engine import authorize_customer, return_receipt, same_decision
from altyn.core.engine.identity import card_hash
from altyn.core.facts.directory import CARD_ACTIVE, CARD_CLOSED, CardFact
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2, receipt_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import (
    RULES,
    balance,
    committed,
    give,
    new_world,
    reserved,
    ruleset,
    sale,
)
from tests.core.engine.world import NOW_US, PEPPER, SCOPE, World

NOT_ALLOWED = reasons_pb2.REASON_REDEMPTION_NOT_ALLOWED
PAYS = RULES.replace("up_to_percent: 50", "up_to_percent: 50, anonymous: true")


def world_of_nobody(rules: str = RULES) -> World:
    """Card 2001 is nobody's and leads to account 70, which has 40.00 points."""
    world = new_world(rules)
    world.engine.facts.directory.upsert_card(
        CardFact(card_hash(PEPPER, "2001"), 9, 70, 0, "plastic", CARD_ACTIVE, "2001")
    )
    give(world, 4000)
    return world


def authorized(world: World, identity: receipt_pb2.Identity, clock_us: int = NOW_US) -> pos.AuthorizeCustomerResponse:
    asked = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1", identity=identity)
    answer = authorize_customer(world.engine, asked.SerializeToString(), SCOPE, clock_us)
    return pos.AuthorizeCustomerResponse.FromString(answer.reply)


def test_card_that_is_nobodys_earns_and_does_not_pay() -> None:
    world = world_of_nobody()
    of = sale(1, 1000, card="2001")
    assert not authorized(world, of.identity).may_redeem
    outcome = reserved(world, of).outcome
    assert outcome.max_redeem[0].limited_by == NOT_ALLOWED
    reply = committed(world, of)
    assert (reply.outcome.totals.points_paid_minor, list(reply.exceptions)) == (0, [])
    assert balance(world) == (4100, 0, 0, 0)
    for record in world.records[1:]:
        assert journal.Record.FromString(record.body).evidence.identification.anonymous
        assert same_decision(record.body, ruleset())


def test_card_that_is_nobodys_pays_where_a_rule_says_so() -> None:
    world = world_of_nobody(PAYS)
    of = sale(1, 1000, card="2001")
    assert authorized(world, of.identity).may_redeem
    reserved(world, of)
    assert committed(world, of).outcome.totals.points_paid_minor == 1000
    assert all(same_decision(record.body, ruleset(PAYS)) for record in world.records[1:])


def test_record_older_than_the_evidence_is_decided_as_it_was() -> None:
    world = world_of_nobody(PAYS)
    of = sale(1, 1000, card="2001")
    reserved(world, of)
    committed(world, of)
    record = journal.Record.FromString(world.records[-1].body)
    record.evidence.ClearField("identification")
    assert same_decision(record.SerializeToString(), ruleset(RULES))


def test_somebodys_card_pays_as_before() -> None:
    world = world_of_nobody()
    of = sale(1, 1000)
    assert authorized(world, of.identity).may_redeem
    reserved(world, of)
    assert committed(world, of).outcome.totals.points_paid_minor == 1000
    assert not journal.Record.FromString(world.records[-1].body).evidence.HasField("identification")


def test_replaced_card_goes_on_with_balance_and_sales_of_the_old_one() -> None:
    world = new_world()
    committed(world, sale(1, price=50000))
    cards = world.engine.facts.directory
    cards.upsert_card(CardFact(card_hash(PEPPER, "1001"), 1, 70, 7, "plastic", CARD_CLOSED, "1001"))
    cards.upsert_card(CardFact(card_hash(PEPPER, "1009"), 9, 70, 7, "plastic", CARD_ACTIVE, "1009"))
    assert authorized(world, sale(2).identity).reason == reasons_pb2.REASON_CARD_NOT_ACTIVE
    new = authorized(world, sale(2, card="1009").identity)
    assert (new.customer_id, new.balances[0].active_points, new.card_last4) == (7, 500, "1009")
    paid = sale(2, 300, card="1009")
    reserved(world, paid)
    assert committed(world, paid).outcome.totals.points_paid_minor == 300
    # 500 of the first sale, less 300, and 1 % of the 97.00 that were paid in money.
    assert balance(world) == (297, 0, 0, 0)
    request = give_back(refund((1, 1000), number=900), world.next_seq())
    back = pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))
    assert list(back.exceptions) == [reasons_pb2.REASON_DEBT_BOOKED]
    assert balance(world) == (0, 0, 0, 203)
