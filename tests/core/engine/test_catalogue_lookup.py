"""What the catalogue adds to the lines of one receipt, found many at a time."""

from __future__ import annotations

from altyn.core.engine import same_decision
from altyn.core.facts.catalogue import ProductFact
from altyn.journal.v1 import record_pb2 as journal
from tests.core.engine.scarce_world import committed, new_world, ruleset
from tests.core.engine.world import World, line, receipt

NOTHING = """
promotion: nothing
stage: item
reward: [{percent: {rate: 10, of: {attribute: {number: [none]}}}}]
"""
# Two goods whose hashes in the index are equal, of which it yields the first one first.
FIRST, SECOND = "4600000001171", "4600000028329"


def numbers(world: World) -> dict[int, str]:
    """What the newest record tells of the lines' attributes, by line number; of lines without any it tells nothing."""
    evidence = journal.Record.FromString(world.records[-1].body).evidence
    return {one.line_no: ",".join(one.attributes) for one in evidence.lines}


def test_lines_beyond_one_lookup_get_each_its_own_product_and_unknown_or_removed_goods_none() -> None:
    world = new_world(NOTHING)
    catalogue = world.engine.facts.catalogue
    for number in range(100):
        if number % 3:
            catalogue.upsert(ProductFact(f"good-{number}", attributes=(f"number={number}",)))
        if number % 7 == 0:
            catalogue.remove(f"good-{number}")
    catalogue.upsert(ProductFact(FIRST, attributes=("number=first",)))
    catalogue.upsert(ProductFact(SECOND, attributes=("number=second",)))
    skus = [*(f"good-{number}" for number in range(100)), SECOND, FIRST, SECOND]
    committed(world, receipt(*(line(place, sku, 1000) for place, sku in enumerate(skus, 1))))
    expected = {n + 1: f"number={n}" for n in range(100) if n % 3 and n % 7}
    assert numbers(world) == expected | {101: "number=second", 102: "number=first", 103: "number=second"}
    assert same_decision(world.records[-1].body, ruleset(NOTHING))


def test_goods_of_equal_hashes_stay_unknown_until_they_are_in_the_catalogue_and_when_they_have_left_it() -> None:
    world = new_world(NOTHING)
    catalogue = world.engine.facts.catalogue
    catalogue.upsert(ProductFact(FIRST, attributes=("number=first",)))

    def found(number: int) -> dict[int, str]:
        committed(world, receipt(line(1, FIRST, 1000), line(2, SECOND, 1000), number=number))
        return numbers(world)

    assert found(1) == {1: "number=first"}
    catalogue.upsert(ProductFact(SECOND, attributes=("number=second",)))
    assert found(2) == {1: "number=first", 2: "number=second"}
    catalogue.remove(FIRST)
    assert found(3) == {2: "number=second"}
