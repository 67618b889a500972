"""I5, double entry: the postings of every entry sum to zero in every asset, and a lot gets the points it opens with.

A lot that a merge brings gets what was left of it where it was. A conversion gives what its rate says, and takes no
more than that is worth. What an event earns is issued, what is given by hand is adjusted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally
from altyn.journal.v1 import record_pb2 as journal

CONVERTED = -journal.SYSTEM_ACCOUNT_CONVERTED
#: Of points given by an event, and by hand.
GIVERS = {
    True: (journal.ENTRY_KIND_ACCRUAL, -journal.SYSTEM_ACCOUNT_ISSUED),
    False: (journal.ENTRY_KIND_ADJUSTMENT, -journal.SYSTEM_ACCOUNT_ADJUSTED),
}


class DoubleEntry:
    def __init__(self) -> None:
        self.tally = Tally()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None:
                continue
            effects = entry.record.effects
            for number, booked in enumerate(effects.entries):
                self.tally.checks += 1
                if any(sums_of(booked).values()):
                    self.tally.violate(f"seq {entry.seq}, entry {number}: its postings do not sum to zero")
            if effects.lots:
                self.tally.checks += 1
                if not are_filled(effects):
                    self.tally.violate(f"seq {entry.seq}: a lot was opened with other points than were posted to it")
            if entry.record.evidence.HasField("rate") and effects.entries:
                self.tally.require(is_at_rate(entry.record), f"seq {entry.seq}: a conversion is not at its rate")
            if entry.record.request.HasField("adjustment") and effects.entries:
                told = f"seq {entry.seq}: points by hand are booked as an event's, or the other way round"
                self.tally.require(is_of_its_giver(entry.record), told)

    async def end(self, source: Source) -> None:
        pass


def sums_of(booked: Any) -> dict[int, int]:
    sums: dict[int, int] = defaultdict(int)
    for posting in booked.postings:
        sums[posting.asset_no] += posting.points
    return sums


def are_filled(effects: Any) -> bool:
    """What each opened lot is said to hold is what was posted to it, a debt that it pays at once apart; of a lot
    brought whole, what left it where it was.
    """
    into: dict[tuple[int, int, int], int] = defaultdict(int)
    out_of: dict[tuple[int, int, int], int] = defaultdict(int)
    for booked in effects.entries:
        for posting in booked.postings:
            into[posting.account_id, posting.asset_no, posting.lot_id] += max(posting.points, 0)
            out_of[posting.account_id, posting.asset_no, posting.lot_id] += max(-posting.points, 0)
    for lot in effects.lots:
        found = into[lot.account_id, lot.asset_no, lot.lot_id]
        left = out_of[lot.from_account_id, lot.asset_no, lot.from_lot_id]
        if found != (left if lot.from_account_id else lot.points) or found > lot.points:
            return False
    return True


def is_of_its_giver(record: Any) -> bool:
    """The first entry, which a debt that is paid at once may follow."""
    kind, giver = GIVERS[bool(record.request.adjustment.event)]
    booked = record.effects.entries[0]
    return bool(booked.kind == kind and giver in {posting.account_id for posting in booked.postings})


def is_at_rate(record: Any) -> bool:
    """What the programme took of one asset and gave of the other, against what was asked for and the rate."""
    asked, rate = record.request.transfer, record.evidence.rate
    converted: dict[int, int] = defaultdict(int)
    for booked in record.effects.entries:
        for posting in booked.postings:
            if posting.account_id == CONVERTED:
                converted[posting.asset_no] += posting.points
    given = asked.points * rate.to_points // rate.from_points
    taken = -(-given * rate.from_points // rate.to_points)
    return converted == {asked.asset_no: taken, asked.to_asset_no: -given}
