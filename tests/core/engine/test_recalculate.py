"""A decision made again from its record alone is the decision that was answered."""

from __future__ import annotations

import random

import pytest
from google.protobuf.json_format import ParseDict

from altyn.core.engine import (
    CallRefused,
    Engine,
    Scope,
    cancel_receipt,
    commit_receipt,
    recalculate,
    reserve_receipt,
    same_decision,
)
from altyn.core.engine.identity import card_hash, phone_hash
from altyn.core.facts import AssetFact, Facts
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, CARD_NEW, CardFact, CustomerFact
from altyn.core.facts.stores import StoreFact
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import DocumentError, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.world import (
    NOW_US,
    PEPPER,
    SCOPE,
    TOKEN_KEY,
    World,
    basket,
    cancel,
    commit,
    image,
    line,
    new_op_id,
    new_world,
    receipt,
    reserve,
)
from tests.parity.compare import customer_numbers, with_numbers
from tests.reference.generator import Case, generate

RULES = Ruleset(image())
STATES = {"ACTIVE": CARD_ACTIVE, "BLOCKED": CARD_BLOCKED, "NEW": CARD_NEW}
ASSETS = {"bonus": 1, "stars": 2, "extra": 3}
LOOKED_UP = ("group_id", "brand_id", "supplier_id", "min_price_minor", "flags")


@pytest.fixture
def world() -> World:
    return new_world()


def last(world: World) -> journal.Record:
    return journal.Record.FromString(world.records[-1].body)


def altered(record: journal.Record, **totals: int) -> bytes:
    """The record with other totals in its reply."""
    reply = pos.CommitReceiptResponse.FromString(record.reply)
    for name, value in totals.items():
        setattr(reply.outcome.totals, name, value)
    record.reply = reply.SerializeToString()
    return record.SerializeToString()


# GENERATED CASES


def world_of(case: Case, catalogued: bool) -> tuple[World, Ruleset, receipt_pb2.Receipt]:
    """An engine that knows what a generated case tells it, and the receipt as a register would send it."""
    numbers = customer_numbers(case)
    rules = read_documents([with_numbers(document, numbers) for document in case.rules_documents])
    made = compile_ruleset(rules.promotions, rules.assets, version=17)
    facts = Facts()
    for zone in {"Europe/Moscow", case.store["zone"]}:
        ensure_zone(facts.zones, zone)
    for name, scale, _ in Ruleset(made).assets:
        facts.assets[name] = AssetFact(name, ASSETS[name], scale, 1, "{}")
    facts.stores.upsert(StoreFact(**case.store, currency="RUB", exponent=2))
    if case.customer is not None:
        number = numbers[case.customer["customer_id"]]
        facts.directory.upsert_customer(CustomerFact(number, 70, phone_hash(PEPPER, "+79990000001")))
        for segment in case.customer["segments"]:
            facts.directory.add_segment(number, segment)
        state = STATES[case.customer["card_state"].removeprefix("CARD_STATE_")]
        facts.directory.upsert_card(
            CardFact(card_hash(PEPPER, "1"), 5, 70, number, case.customer["card_type"], state, "1")
        )
    lines = [{**line, "unit": "UNIT_" + line["unit"].removeprefix("UNIT_")} for line in case.receipt["lines"]]
    if catalogued:
        for given in lines:
            flags = given.get("flags", {})
            facts.catalogue.upsert(
                ProductFact(
                    given["sku"],
                    given["group_id"],
                    given["brand_id"],
                    given["supplier_id"],
                    4 if "no_accrual" in flags else 0,
                    given.get("min_price_minor", 0),
                )
            )
        lines = [{key: value for key, value in given.items() if key not in LOOKED_UP} for given in lines]
    respelled = ("lines", "identity", "coupons", "payments", "mode")
    told = {key: value for key, value in case.receipt.items() if key not in respelled}
    coupons = [{"code": coupon["code"]} for coupon in case.receipt["coupons"]]
    payments = [
        {**paid, "type": "PAYMENT_TYPE_" + paid["type"].removeprefix("PAYMENT_TYPE_")}
        for paid in case.receipt.get("payments", [])
    ]
    sent = ParseDict({**told, "lines": lines, "coupons": coupons, "payments": payments}, receipt_pb2.Receipt())
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(made), bytes(32), 0)
    return World(engine), Ruleset(made), sent


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_generated_decisions_are_made_again_from_their_records(first: int) -> None:
    compared = discounted = accrued = jumped = looked_up = 0
    for seed in range(first, first + 40):
        case, rng = generate(seed), random.Random(seed)
        try:
            world, ruleset, sent = world_of(case, catalogued=rng.random() < 0.4)
        except DocumentError:
            continue
        scope = Scope("demo", sent.store_id, sent.register_id)
        if case.customer is not None:
            by_phone = rng.random() < 0.3
            sent.identity.kind = receipt_pb2.TOKEN_KIND_PHONE if by_phone else receipt_pb2.TOKEN_KIND_CARD
            sent.identity.value = "8 999 000-00-01" if by_phone else "1"
        want = receipt_pb2.Want(explain=rng.random() < 0.5)
        held = pos.ReserveReceiptRequest(op_id=new_op_id(), register_seq=1, receipt=sent, want=want)
        sold = pos.CommitReceiptRequest(op_id=new_op_id(), register_seq=2, receipt=sent, want=want)
        world.effect(reserve_receipt, held.SerializeToString(), case.at, scope)
        reply = pos.CommitReceiptResponse.FromString(
            world.effect(commit_receipt, sold.SerializeToString(), case.at, scope)
        )
        for made in world.records:
            assert same_decision(made.body, ruleset), (seed, made.kind)
        record = last(world)
        again = outcome_pb2.Outcome.FromString(recalculate(world.records[-1].body, ruleset))
        assert again.totals == reply.outcome.totals, seed
        assert again.explain == reply.outcome.explain, seed
        assert not same_decision(altered(record, to_pay_minor=reply.outcome.totals.to_pay_minor + 1), ruleset), seed
        compared += 1
        discounted += reply.outcome.totals.discount_minor > 0
        accrued += len(reply.outcome.totals.accrual) > 0
        jumped += record.evidence.store_gap_us > 0
        looked_up += len(record.evidence.lines) > 0
    assert compared > 25
    assert min(discounted, accrued, jumped, looked_up) > 0


# SINGLE CIRCUMSTANCES


def test_recalculated_commit_has_the_stored_amounts_and_nothing_of_the_book(world: World) -> None:
    world.effect(commit_receipt, commit(basket(), 1))
    reply = pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, commit(basket(2), 2)))
    assert len(reply.outcome.balances) == 1
    for field in ("balances", "messages", "flags"):
        reply.outcome.ClearField(field)
    assert outcome_pb2.Outcome.FromString(recalculate(world.records[1].body, RULES)) == reply.outcome


@pytest.mark.parametrize("card", ["", "1001", "1002", "9999"])
def test_decision_is_the_same_whoever_presented_a_card(world: World, card: str) -> None:
    world.effect(commit_receipt, commit(basket(card=card), 1))
    assert same_decision(world.records[0].body, RULES)


def test_decision_does_not_depend_on_facts_that_changed_since(world: World) -> None:
    world.effect(commit_receipt, commit(basket(), 1))
    world.engine.facts.stores.upsert(StoreFact("s1", "Europe/Moscow", "spb", "super", "", "RUB", 2))
    world.engine.facts.catalogue.upsert(ProductFact("loaf", "dairy", "", "", 0, 0, 0))
    world.effect(commit_receipt, commit(basket(2), 2))
    first, second = (outcome_pb2.Outcome.FromString(recalculate(record.body, RULES)) for record in world.records)
    assert (first.totals.discount_minor, second.totals.discount_minor) == (500, 0)


def test_refused_reserve_is_the_same_only_with_the_same_lines(world: World) -> None:
    wrong = receipt(line(1, "loaf", 5000), line(2, "milk", 10000))
    wrong.lines[1].gross_minor = 9000
    world.effect(reserve_receipt, reserve(wrong, 1))
    assert same_decision(world.records[0].body, RULES)
    record = last(world)
    reply = pos.ReserveReceiptResponse.FromString(record.reply)
    assert reply.refused_lines == [2]
    reply.refused_lines[0] = 1
    record.reply = reply.SerializeToString()
    assert not same_decision(record.SerializeToString(), RULES)


def test_code_that_no_rule_names_stays_out_of_the_journal_even_when_entered_twice(world: World) -> None:
    sent = basket()
    for code in ("SECRET", " secret ", "secret"):
        sent.coupons.add(code=code)
    world.effect(commit_receipt, commit(sent, 1))
    body = world.records[0].body
    assert b"secret" not in body.lower()
    assert [given.reason for given in pos.CommitReceiptResponse.FromString(last(world).reply).outcome.coupons] == [
        8,
        11,
        11,
    ]
    assert same_decision(body, RULES)


def test_record_of_other_rules_is_refused(world: World) -> None:
    world.effect(commit_receipt, commit(basket(), 1))
    with pytest.raises(ValueError, match="decided by rules 1, not 2"):
        same_decision(world.records[0].body, Ruleset(image(version=2)))


def test_record_without_a_receipt_is_refused(world: World) -> None:
    world.effect(cancel_receipt, cancel(1, 1))
    with pytest.raises(ValueError, match="decides nothing about a receipt"):
        recalculate(world.records[0].body, RULES)


def test_damaged_bodies_are_refused_or_decided_but_never_worse(world: World) -> None:
    world.effect(commit_receipt, commit(basket(), 1))
    body, rng = world.records[0].body, random.Random(7)
    for _ in range(3000):
        damaged = bytearray(body)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            same_decision(bytes(damaged[: rng.randint(1, len(damaged))]), RULES)
        except (ValueError, CallRefused):
            continue


def test_every_evidence_the_calculator_reads_matters(world: World) -> None:
    """Taking a fact away from the record changes the decision made again."""
    world.effect(commit_receipt, commit(basket(), 1, new_op_id()), NOW_US, SCOPE)
    assert same_decision(last(world).SerializeToString(), RULES)
    for take in (
        lambda evidence: evidence.store.ClearField("region"),
        lambda evidence: evidence.lines[0].ClearField("group_id"),
        lambda evidence: evidence.ClearField("customer"),
    ):
        record = last(world)
        take(record.evidence)
        assert not same_decision(record.SerializeToString(), RULES)
