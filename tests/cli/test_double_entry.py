"""Double entry over what a merge, a move, a conversion and a debt leave in the journal, and over altered records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from altyn.cli.verify.double_entry import are_filled, is_at_rate, is_of_its_giver, sums_of
from altyn.core.engine import return_receipt
from altyn.journal.v1 import record_pb2 as journal
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, sale
from tests.core.engine.transfers import adjust, convert, family_world, merge, move


def value_records() -> list[journal.Record]:
    """Sold, spent, returned into debt, merged with the debt, paid by the next lot; moved, converted."""
    world = family_world()
    committed(world, sale(1, card="2001", price=1000_00))
    adjust(world, 80, -1000)
    world.effect(return_receipt, give_back(refund((1, 1000), of=1, number=901), world.next_seq()))
    adjust(world, 80, 500, asset="money")
    adjust(world, 80, -200, asset="money")
    merge(world, 80, 70)
    adjust(world, 80, 1500)
    move(world, 70, 81, 100)
    convert(world, 70, 100)
    return [journal.Record.FromString(record.body) for record in world.records]


RECORDS = value_records()
MERGED = next(record for record in RECORDS if record.effects.HasField("forward"))
CONVERTED = RECORDS[-1]


def test_every_record_of_moved_value_is_balanced_filled_and_at_its_rate() -> None:
    for record in RECORDS:
        assert not any(value for entry in record.effects.entries for value in sums_of(entry).values())
        assert are_filled(record.effects)
    assert is_at_rate(CONVERTED)
    paid = RECORDS[-3].effects
    assert [entry.kind for entry in paid.entries] == [journal.ENTRY_KIND_ADJUSTMENT, journal.ENTRY_KIND_CLAWBACK]


@pytest.mark.parametrize(
    "change",
    [
        lambda lot: setattr(lot, "points", lot.points - 201),
        lambda lot: setattr(lot, "from_lot_id", lot.from_lot_id + 1),
        lambda lot: setattr(lot, "from_account_id", 0),
        lambda lot: setattr(lot, "lot_id", lot.lot_id + 1),
    ],
)
def test_lot_that_a_merge_did_not_bring_whole_is_found(change: Callable[[Any], object]) -> None:
    altered = journal.Record.FromString(MERGED.SerializeToString())
    change(next(lot for lot in altered.effects.lots if lot.asset_no == 2))
    assert not are_filled(altered.effects)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: setattr(record.evidence.rate, "to_points", 3),
        lambda record: setattr(record.evidence.rate, "from_points", 4),
        lambda record: setattr(record.request.transfer, "points", 104),
    ],
)
def test_conversion_at_another_rate_is_found(change: Callable[[Any], object]) -> None:
    altered = journal.Record.FromString(CONVERTED.SerializeToString())
    change(altered)
    assert not is_at_rate(altered)


def test_points_by_hand_that_are_booked_as_an_events_are_found() -> None:
    by_hand = [record for record in RECORDS if record.request.HasField("adjustment")]
    assert by_hand and all(is_of_its_giver(record) for record in by_hand)
    altered = journal.Record.FromString(by_hand[0].SerializeToString())
    altered.request.adjustment.event = "birthday"
    assert not is_of_its_giver(altered)
    altered.effects.entries[0].kind = journal.ENTRY_KIND_ACCRUAL
    assert not is_of_its_giver(altered), "it was adjusted, not issued"
    for posting in altered.effects.entries[0].postings:
        posting.account_id = posting.account_id if posting.account_id > 0 else -journal.SYSTEM_ACCOUNT_ISSUED
    assert is_of_its_giver(altered)
