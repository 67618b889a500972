"""I19, tiers by hand: what an account has by hand is what was journalled last for it, until its last day.

Read from the rows alone, by a plain model: an order of a person says it, a merge brings the better of two, the last day
ends it, and nothing else changes it. What the back office lists as given is in the journal as it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally
from altyn.pos.v1 import pos_service_pb2 as pos

EPOCH = date(1970, 1, 1)
DAY_US = 86_400_000_000
NONE = (0, 0)
LISTED = """
SELECT given_id, journal_seq, coalesce(tier, '') AS tier, until, reason, asked_by FROM given_tiers
 WHERE state = 'GIVEN' AND journal_seq <= $1 ORDER BY given_id
"""


class Tiers:
    """The check of tiers by hand. Its memory is who has one, and the orders."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._given: dict[int, tuple[int, int]] = {}
        self._orders: dict[int, tuple[str, int, str, str]] = {}
        self._last_seq = 0

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            self._last_seq = entry.seq
            if entry.record is not None and (
                entry.record.effects.tiers or entry.record.kind == pos.OPERATION_KIND_SET_TIER
            ):
                self.tally.checks += 1
                for wrong in self._wrongs_of(entry.record):
                    self.tally.violate(f"seq {entry.seq}: {wrong}")

    async def end(self, source: Source) -> None:
        self.compare(await source.connection.fetch(LISTED, self._last_seq))

    def compare(self, listed: Iterable[Mapping[str, Any]]) -> None:
        """What is listed as given, against the orders."""
        for row in listed:
            until_day = (row["until"] - EPOCH).days if row["until"] else 0
            self.tally.require(
                self._orders.get(row["journal_seq"]) == (row["tier"], until_day, row["reason"], row["asked_by"]),
                f"tier {row['given_id']} is listed as given, and seq {row['journal_seq']} does not say so",
            )

    def _wrongs_of(self, record: Any) -> Iterator[str]:
        rows = {change.account_id: (change.given_rank, change.given_until_day) for change in record.effects.tiers}
        before = {account_id: self._given.get(account_id, NONE) for account_id in rows}
        if record.kind == pos.OPERATION_KIND_SET_TIER:
            said = record.request.tier
            self._orders[record.seq] = (said.tier, said.until_day, said.reason, said.actor)
            if rows != {said.account_id: (said.rank, said.until_day)} or (said.tier != "") != (said.rank > 0):
                yield f"account {said.account_id} was to have {said.tier or 'none'} by hand, and has {rows}"
        elif record.effects.HasField("forward") and rows:
            into = record.effects.forward.to_account_id
            better = {max(pair) for pair in product(*(_on(one, record) for one in before.values()))}
            if rows[into] not in better:
                yield f"account {into} has {rows[into]} by hand after the merge, and not {sorted(better)}"
        else:
            for account_id, after in rows.items():
                was = before[account_id]
                if after != was and (after != NONE or NONE not in _on(was, record)):
                    yield f"account {account_id} had {was} by hand, and has {after}"
        for account_id, after in rows.items():
            if after == NONE:
                self._given.pop(account_id, None)
            else:
                self._given[account_id] = after


def _on(given: tuple[int, int], record: Any) -> list[tuple[int, int]]:
    """What it may be at the record: its days are of the program's zone, which is up to a day before or after UTC's."""
    day = int(record.instant_us // DAY_US)
    return [*([given] if given[1] >= day - 1 else []), *([NONE] if given[1] <= day else [])]
