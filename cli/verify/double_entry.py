"""I5, double entry: the postings of every entry sum to zero in every asset, and a lot gets the points it opens with."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally


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

    async def end(self, source: Source) -> None:
        pass


def sums_of(booked: Any) -> dict[int, int]:
    sums: dict[int, int] = defaultdict(int)
    for posting in booked.postings:
        sums[posting.asset_no] += posting.points
    return sums


def are_filled(effects: Any) -> bool:
    """What each opened lot is said to hold is what was posted to it."""
    left = {(lot.account_id, lot.asset_no, lot.lot_id): lot.points for lot in effects.lots}
    for booked in effects.entries:
        for posting in booked.postings:
            key = (posting.account_id, posting.asset_no, posting.lot_id)
            if key in left:
                left[key] -= posting.points
    return not any(left.values())
