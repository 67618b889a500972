"""What is known besides groups and segments: attributes of products, birthdays, favourites and grants of customers."""

from __future__ import annotations

import pytest

from altyn.core.engine import calculate_receipt, return_receipt, same_decision
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CustomerFact
from altyn.core.facts.grants import GrantRow
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.returns import give_back, refund, refunds
from tests.core.engine.scarce_world import committed, new_world, reserved, ruleset
from tests.core.engine.world import SCOPE, World, basket, line, receipt

NOW_US = 1_800_000_000_000_000
COLOURS = """
promotion: rye
stage: item
reward: [{percent: {rate: 10, of: {attribute: {flour: [rye, oat], fresh: "yes"}}}}]
"""


def discount(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> int:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    reply = pos.CalculateReceiptResponse.FromString(calculate_receipt(world.engine, request, SCOPE, clock_us))
    return reply.outcome.totals.discount_minor


def evidence(world: World) -> journal.Evidence:
    return journal.Record.FromString(world.records[-1].body).evidence


def baking(text: str = COLOURS) -> World:
    world = new_world(text)
    world.engine.facts.catalogue.upsert(ProductFact("loaf", "bread", attributes=("flour=rye", "fresh=yes")))
    return world


def test_attributes_of_the_catalogue_decide_and_change_with_it() -> None:
    world = baking()
    # 10 % of the loaf's 50.00
    assert discount(world, basket()) == 500
    world.engine.facts.catalogue.upsert(ProductFact("loaf", "bread", attributes=("flour=rye",)))
    assert discount(world, basket()) == 0


def test_attributes_are_evidence_by_which_the_decision_is_made_again_whatever_the_catalogue_says_by_then() -> None:
    world = baking()
    assert reserved(world, basket()).outcome.totals.discount_minor == 500
    assert committed(world, basket()).outcome.totals.discount_minor == 500
    world.engine.facts.catalogue.remove("loaf")
    assert [list(line.attributes) for line in evidence(world).lines] == [["flour=rye", "fresh=yes"], []]
    assert all(same_decision(record.body, ruleset(COLOURS)) for record in world.records)
    changed = journal.Record.FromString(world.records[-1].body)
    del changed.evidence.lines[0].attributes[:]
    assert not same_decision(changed.SerializeToString(), ruleset(COLOURS))


def test_return_gives_back_what_was_paid_when_the_product_has_the_attribute_no_more() -> None:
    world = baking()
    # Two loaves at 45.00
    committed(world, receipt(line(1, "loaf", 5000, 2000), line(2, "milk", 10000)))
    world.engine.facts.catalogue.upsert(ProductFact("loaf", "bread"))
    reply = world.effect(return_receipt, give_back(refund((1, 1000)), world.next_seq()))
    assert refunds(pos.ReturnReceiptResponse.FromString(reply)) == [4500]


def test_rules_that_name_no_attribute_leave_no_evidence_of_them() -> None:
    text = "promotion: bakery\nstage: item\nreward: [{percent: {rate: 10, of: {category: bread}}}]\n"
    world = baking(text)
    committed(world, basket())
    assert not any(line.attributes for line in evidence(world).lines)
    assert same_decision(world.records[-1].body, ruleset(text))


OWN = """
promotion: a-birthday
stage: card
when: {birthday: {before: 1, after: 2}}
reward: [{amount: {off: 1.00}}]
---
promotion: b-favourites
stage: card
reward: [{amount: {off: 2.00, of: {favourite: true}}}]
---
promotion: c-granted
stage: card
when: {personal: true}
reward: [{amount: {off: 4.00}}, {amount: {off: 8.00, of: {personal: true}}}]
"""
# NOW_US is 2027-01-15 by the store's clock.
BORN = 115


def knowing(*, birthday: int = 0, favourites: tuple[str, ...] = ()) -> World:
    world = new_world(OWN)
    world.engine.facts.directory.upsert_customer(CustomerFact(7, 70, b"", birthday, favourites))
    return world


@pytest.mark.parametrize(("birthday", "off"), [(113, 100), (112, 0), (116, 100), (117, 0), (BORN, 100), (0, 0)])
def test_birthday_of_the_directory_decides_by_its_distance(birthday: int, off: int) -> None:
    world = knowing(birthday=birthday)
    assert discount(world, basket()) == off
    assert discount(world, basket(card="")) == 0
    assert discount(world, basket(card="1002")) == 0


@pytest.mark.parametrize(
    ("birthday", "kept"), [(BORN, 100), (113, 102), (215, 69), (315, 41), (316, 40), (317, 200), (715, 200), (0, 0)]
)
def test_evidence_keeps_how_far_the_birthday_was_and_not_when(birthday: int, kept: int) -> None:
    world = knowing(birthday=birthday)
    committed(world, basket(), clock_us=NOW_US)
    assert evidence(world).customer.birthday == kept
    assert same_decision(world.records[-1].body, ruleset(OWN))


def test_favourites_and_grants_are_evidence_by_which_the_decision_is_made_again() -> None:
    world = knowing(birthday=BORN, favourites=("dairy", "pets"))
    grants = world.engine.facts.grants
    grants.upsert(GrantRow(7, "c-granted", None, NOW_US + 1, ("loaf",), ("dairy",)))
    grants.upsert(GrantRow(7, "of-other-rules"))
    grants.upsert(GrantRow(8, "c-granted"))
    # 1.00, 2.00 off the milk, 4.00 and 8.00 off both
    assert discount(world, basket()) == 1500
    assert reserved(world, basket(), clock_us=NOW_US).outcome.totals.discount_minor == 1500
    assert committed(world, basket(), clock_us=NOW_US).outcome.totals.discount_minor == 1500
    customer = evidence(world).customer
    assert list(customer.favourites) == ["dairy", "pets"]
    assert [(one.promotion_id, list(one.skus), list(one.categories)) for one in customer.grants] == [
        ("c-granted", ["loaf"], ["dairy"])
    ]
    world.engine.facts.directory.remove_customer(7)
    grants.remove(7, "c-granted")
    assert all(same_decision(record.body, ruleset(OWN)) for record in world.records)
    for name in ("favourites", "grants", "birthday"):
        changed = journal.Record.FromString(world.records[-1].body)
        changed.evidence.customer.ClearField(name)
        assert not same_decision(changed.SerializeToString(), ruleset(OWN))


def test_grant_counts_from_its_start_until_before_its_end() -> None:
    world = knowing()
    world.engine.facts.grants.upsert(GrantRow(7, "c-granted", NOW_US, NOW_US + 10))
    assert [discount(world, basket(), NOW_US + after) for after in (-1, 0, 9, 10)] == [0, 400, 400, 0]


def test_rules_that_ask_for_nothing_of_the_customers_own_leave_no_evidence_of_it() -> None:
    text = "promotion: all\nstage: item\nreward: [{percent: {rate: 10}}]\n"
    world = new_world(text)
    world.engine.facts.directory.upsert_customer(CustomerFact(7, 70, b"", BORN, ("dairy",)))
    world.engine.facts.grants.upsert(GrantRow(7, "all"))
    committed(world, basket(), clock_us=NOW_US)
    customer = evidence(world).customer
    assert (customer.birthday, list(customer.favourites), list(customer.grants)) == (0, [], [])


def test_return_of_a_personal_sale_gives_back_what_was_paid_when_the_grant_is_over() -> None:
    world = knowing()
    world.engine.facts.grants.upsert(GrantRow(7, "c-granted", skus=("milk",)))
    # 4.00 and then 8.00 off the milk's share: loaf 50.00 bears 1.33 of the 4.00, milk 100.00 bears 2.67 and 8.00
    committed(world, basket(), clock_us=NOW_US)
    world.engine.facts.grants.remove(7, "c-granted")
    reply = world.effect(return_receipt, give_back(refund((1, 1000), (2, 1000)), world.next_seq()), NOW_US)
    assert refunds(pos.ReturnReceiptResponse.FromString(reply)) == [4867, 8933]
