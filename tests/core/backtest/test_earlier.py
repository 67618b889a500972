"""A draft that asks for earlier purchases: by the journal's own numbers, else by the sales the replay has seen."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.core.backtest.replayer import Replayer
from altyn.core.engine import cancel_receipt, return_receipt
from altyn.core.engine.answers import Record
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from tests.core.backtest.past import extracted, image, named, replayed
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import DAY_US, committed, new_world, sale
from tests.core.engine.test_accumulate import RULES, make_ready
from tests.core.engine.world import NOW_US, World, cancel, line, receipt

DAYS = 9
PLAIN = "promotion: none\nstage: card\nwhen: {receipt_sum: {from: 900000.00}}\nreward: [{percent: {rate: 1}}]\n"


def turnover(window: str) -> str:
    return (
        f"promotion: loyal\nstage: card\nwhen: {{turnover: {{window: {window}, from: 200.00}}}}\n"
        "reward: [{amount: {off: 7.00}}]\n"
    )


def past(text: str, *, counted: bool) -> World:
    """A receipt of 100.00 on each of nine days, two on every third, without returns."""
    world = new_world(text)
    if counted:
        make_ready(world, text)
    for day in range(DAYS):
        for number in range(2 if day % 3 == 2 else 1):
            committed(world, sale(10 * day + number + 1, price=10_000), NOW_US + day * DAY_US)
    return world


def forgetful(world: World) -> World:
    """The same past, had nobody counted."""

    def stripped(record: Record) -> Record:
        told = journal.Record.FromString(record.body)
        told.evidence.ClearField("accumulations")
        keys = record.natural_key, record.receipt_key
        return Record(record.seq, record.op_id, record.kind, *keys, record.instant_us, told.SerializeToString())

    return World(world.engine, [stripped(record) for record in world.records])


def by_day(found: dict[str, Any]) -> list[int]:
    return [named(row)["discount_after_minor"] // 700 for _, row in found["dates"]]


def test_rules_in_force_change_no_receipt_by_what_the_journal_counted_or_by_what_is_seen() -> None:
    world = past(RULES, counted=True)
    given = 0
    for of in (world, forgetful(world)):
        found = replayed(of, RULES)
        total = named(found["total"])
        assert (total["receipts"], total["changed"], found["refused"]) == (12, 0, 0)
        given = total["discount_after_minor"]
        assert found["missing"]["history"] == (0 if of is world else 12)
    assert given > 0


@pytest.mark.parametrize(
    ("window", "fires", "missing"),
    [
        # The third day's two receipts find 200.00 and 300.00, and all after them more.
        ("always", [0, 0, 2, 1, 1, 2, 1, 1, 2], 12),
        # After the second day, today and the two days before hold three receipts or more, this one among them.
        ("{days: 3}", [0, 0, 2, 1, 1, 2, 1, 1, 2], 2),
        # Today and yesterday: a day after two receipts, and the second of two receipts a day after one.
        ("{days: 2}", [0, 0, 1, 1, 0, 1, 1, 0, 1], 1),
    ],
)
def test_what_nobody_counted_is_counted_from_the_extract(window: str, fires: list[int], missing: int) -> None:
    found = replayed(past(PLAIN, counted=False), turnover(window))
    assert (by_day(found), found["missing"]["history"]) == (fires, missing)


@pytest.mark.parametrize("at", [1, 6, 11])
def test_purchases_seen_go_on_from_one_file_to_the_next(at: int) -> None:
    world = past(PLAIN, counted=False)
    whole = replayed(world, RULES)
    total, counters, missing = [0] * len(whole["total"]), b"", 0
    for records in (world.records[:at], world.records[at:]):
        items, extractor = extracted(World(world.engine, records))
        replayer = Replayer(Ruleset(image(RULES)))
        assert replayer.needs_order
        replayer.restore(counters)
        replayer.open(items, extractor.names())
        replayer.run(1_000)
        found, counters = replayer.result(), replayer.counters()
        total = [sum(both) for both in zip(total, found["total"], strict=True)]
        missing += found["missing"]["history"]
    assert (total, missing) == (whole["total"], whole["missing"]["history"])


@pytest.mark.parametrize("spoilt", [lambda kept: kept[:-1], lambda kept: kept[:30], lambda kept: kept + bytes(3)])
def test_damaged_purchases_are_refused(spoilt: Any) -> None:
    items, extractor = extracted(past(PLAIN, counted=False))
    replayer = Replayer(Ruleset(image(RULES)))
    replayer.open(items, extractor.names())
    replayer.run(1_000)
    kept = replayer.counters()
    Replayer(Ruleset(image(RULES))).restore(kept)
    with pytest.raises(ValueError, match="of a replay"):
        Replayer(Ruleset(image(RULES))).restore(spoilt(kept))
    with pytest.raises(ValueError, match="of another draft's"):
        Replayer(Ruleset(image(turnover("always")))).restore(kept)


def test_sales_of_stores_without_the_draft_are_earlier_purchases_of_the_others() -> None:
    world = past(PLAIN, counted=False)
    for number in range(2):
        elsewhere = sale(200 + number, price=10_000)
        elsewhere.store_id = "s2"
        committed(world, elsewhere, NOW_US + DAYS * DAY_US)
    items, extractor = extracted(world)
    replayer = Replayer(Ruleset(image(turnover("{days: 2}"))), 0, {"s2"})
    replayer.open(items, extractor.names())
    replayer.run(1_000)
    found = replayer.result()
    # The day before had two receipts at the other store.
    assert (named(found["total"])["receipts"], by_day(found), found["missing"]["history"]) == (2, [2], 0)


# WHAT CAME BACK


def sold(world: World, number: int, day: int) -> None:
    made = receipt(line(1, "milk", 10_000), line(2, "milk", 10_000), number=number, card="1001")
    committed(world, made, NOW_US + day * DAY_US)


def back(world: World, of: int, number: int, day: int, *lines: tuple[int, int]) -> None:
    request = give_back(refund(*lines, of=of, number=number), world.next_seq())
    world.effect(return_receipt, request, NOW_US + day * DAY_US)


def returning_past(text: str, *, counted: bool) -> World:
    """200.00 a day; parts of the first days' receipts come back later, the third is void."""
    world = new_world(text)
    if counted:
        make_ready(world, text)
    for day in range(4):
        sold(world, day + 1, day)
    back(world, 1, 901, 4, (1, 1000))
    back(world, 2, 902, 4, (2, 500))
    back(world, 2, 903, 5, (2, 500), (1, 1000))
    request = cancel(3, world.next_seq())
    world.effect(cancel_receipt, request, NOW_US + 5 * DAY_US)
    for day in range(6, 9):
        sold(world, day + 1, day)
    return world


@pytest.mark.parametrize(
    "asked",
    [
        "turnover: {window: always, from: 350.00}",
        "turnover: {window: always, from: 300.01}",
        "turnover: {window: {days: 9}, from: 300.00}",
        "turnover: {window: month, from: 500.00}",
        "purchases: {window: always, from: 3}",
        "purchase_number: {is: [2, 4], of: {category: dairy}}",
    ],
)
def test_returns_and_voids_lower_what_is_counted_from_the_extract_as_they_lower_the_ledgers(asked: str) -> None:
    text = f"promotion: loyal\nstage: card\nwhen: {{{asked}}}\nreward: [{{amount: {{off: 7.00}}}}]\n"
    world = returning_past(text, counted=True)
    for of in (world, forgetful(world)):
        found = replayed(of, text)
        total = named(found["total"])
        assert (total["receipts"], total["changed"], found["refused"]) == (7, 0, 0)
    assert 0 < total["discount_after_minor"] < 7 * 700


def test_what_came_back_is_worked_out_by_hand() -> None:
    # After the fourth day 800.00 were bought. 100.00 of the first come back, then all of the second in two parts, and
    # the third is void: 300.00 are left, so the fifth receipt finds 300.00, the sixth 500.00, the seventh 700.00.
    for roubles, fires in (("300.00", [0, 0, 1, 1, 1, 1, 1]), ("300.01", [0, 0, 1, 1, 0, 1, 1])):
        text = turnover("always").replace("200.00", roubles)
        found = replayed(returning_past(PLAIN, counted=False), text)
        earned = {day: named(row)["discount_after_minor"] // 700 for day, row in found["dates"]}
        assert [earned[day] for day in sorted(earned)] == fires


@pytest.mark.parametrize("at", range(1, 11))
def test_what_came_back_goes_on_from_one_file_to_the_next(at: int) -> None:
    world = returning_past(PLAIN, counted=False)
    text = turnover("always").replace("200.00", "300.01")
    whole, total, counters = replayed(world, text), [0] * 99, b""
    for records in (world.records[:at], world.records[at:]):
        items, extractor = extracted(World(world.engine, records))
        replayer = Replayer(Ruleset(image(text)))
        replayer.restore(counters)
        replayer.open(items, extractor.names())
        assert replayer.run(1_000) == extractor.sales_count
        found, counters = replayer.result(), replayer.counters()
        total = [sum(both) for both in zip(total, found["total"], strict=False)]
    assert total == whole["total"]


def test_what_comes_back_of_a_sale_that_was_not_seen_lowers_nothing() -> None:
    world = returning_past(PLAIN, counted=False)
    # From the second sale on: the first sale's return finds nothing to lower.
    items, extractor = extracted(World(world.engine, world.records[1:]))
    replayer = Replayer(Ruleset(image(turnover("always"))))
    replayer.open(items, extractor.names())
    replayer.run(1_000)
    # 200.00 are left of the fourth alone when the fifth receipt looks, and it fires at 200.00.
    assert by_day(replayer.result()) == [0, 1, 1, 1, 1, 1]
