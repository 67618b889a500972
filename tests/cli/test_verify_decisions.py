"""A journal in which people decided about exceptions has no violation; each planted one is found by I14."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altyn.cli.verify.coupons import Coupons
from altyn.cli.verify.pages import REPLIES
from altyn.cli.verify.taken_back import wrongs_of
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.scarce_world import committed, give, new_world, sale
from tests.core.engine.test_decisions import decide, returned


def lived() -> list[journal.Record]:
    """Seq 2 spends 25.00 and a code without a hold: applied by 3, back by 4 and 5. 6 does so too: rejected by 7."""
    world = new_world()
    give(world, 7000)
    first = committed(world, sale(1, 2500, "AAA"))
    decide(world, seq=first.seq)
    returned(world, (1, 400))
    returned(world, (1, 600), number=901)
    second = committed(world, sale(2, 1000, "BBB"))
    decide(world, 2, seq=second.seq, apply=False)
    return [journal.Record.FromString(record.body) for record in world.records]


LIVED = lived()
DECIDED = next(record for record in LIVED if record.kind == pos.OPERATION_KIND_DECIDE)
LAST = next(record for record in reversed(LIVED) if record.kind == pos.OPERATION_KIND_RETURN)


def test_lived_journal_has_no_violation() -> None:
    coupons = Coupons()
    for record in LIVED:
        if record.evidence.HasField("original"):
            assert list(wrongs_of(record)) == []
        reply_type = REPLIES.get(record.kind)
        assert list(coupons._wrongs_of(record, reply_type.FromString(record.reply) if reply_type else None)) == []


def copy_of(record: journal.Record) -> journal.Record:
    made = journal.Record()
    made.CopyFrom(record)
    return made


def less_points(record: journal.Record) -> None:
    for entry in (record.effects.entries[0], record.effects.returned.decided.entries[0]):
        entry.postings[0].points += 1
        entry.postings[-1].points -= 1


def another_code(record: journal.Record) -> None:
    for change in (record.effects.coupons[0], record.effects.returned.decided.coupons[0]):
        change.code_hash = bytes(16)


def not_kept(record: journal.Record) -> None:
    record.effects.returned.ClearField("decided")


def after_a_return(record: journal.Record) -> None:
    record.evidence.original.before.lines.add(line_no=1, qty_milli=1)


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (less_points, "{1: 2499} points were taken, {1: 2500} waited"),
        (another_code, "a code is used that did not wait"),
        (not_kept, "what was decided is not what was done"),
        (after_a_return, "something is taken of a sale that was decided about or came back before"),
    ],
)
def test_planted_wrong_of_a_decision_is_found(plant: Callable[[journal.Record], None], told: str) -> None:
    record = copy_of(DECIDED)
    plant(record)
    assert told in list(wrongs_of(record))


def test_points_given_back_that_nobody_decided_to_take_are_found() -> None:
    record = copy_of(LAST)
    record.evidence.original.before.ClearField("decided")
    assert any("restored of 0" in wrong for wrong in wrongs_of(record))
