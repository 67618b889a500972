"""A draft that asks for earlier purchases: by the journal's own numbers, else by the sales the replay has seen."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.core.backtest.replayer import Replayer
from altyn.core.engine.answers import Record
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from tests.core.backtest.past import extracted, image, named, replayed
from tests.core.engine.scarce_world import DAY_US, committed, new_world, sale
from tests.core.engine.test_accumulate import RULES, make_ready
from tests.core.engine.world import NOW_US, World

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
