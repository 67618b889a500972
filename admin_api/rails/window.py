"""What was given at the tills in the last hour, minute by minute, kept in memory and followed as the projector writes.

Decides when too much is given, and by whom. Invariants: every receipt is added once; at most an hour of minutes is
kept; after a restart it is read anew from the tables. It must never decide what follows from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.rails.schemas import WHOLE_PPM, Rails

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
RATIO_OVER = timedelta(minutes=5)
SEQS_PER_LOOK = 20_000
SEQS_AT_START = 200_000
PROJECTED = "SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'"
FIRST = "SELECT coalesce(min(seq) - 1, $1) FROM receipts WHERE seq > $1 - $2 AND recorded_at >= $3"
RECEIPTS = """
SELECT date_trunc('minute', recorded_at) AS minute, rules_version, count(*) AS receipts,
       sum(gross_minor)::bigint AS gross_minor, sum(discount_minor)::bigint AS discount_minor
  FROM receipts WHERE seq > $1 AND seq <= $2 GROUP BY 1, 2
"""
DISCOUNTS = """
SELECT date_trunc('minute', recorded_at) AS minute, rules_version, promotion_id, sum(amount_minor)::bigint AS minor
  FROM receipt_discounts JOIN receipts USING (seq)
 WHERE receipts.seq > $1 AND receipts.seq <= $2 AND receipt_discounts.seq > $1 AND receipt_discounts.seq <= $2
   AND promotion_id <> ''
 GROUP BY 1, 2, 3
"""


@dataclass(slots=True)
class Given:
    """Sums of receipts; ``promotions``: discount by promotion."""

    receipts: int = 0
    gross_minor: int = 0
    discount_minor: int = 0
    promotions: Counter[str] = field(default_factory=Counter)

    def add(self, other: Given) -> None:
        self.receipts += other.receipts
        self.gross_minor += other.gross_minor
        self.discount_minor += other.discount_minor
        self.promotions.update(other.promotions)

    def share_ppm(self, part_minor: int) -> int:
        return part_minor * WHOLE_PPM // self.gross_minor if self.gross_minor > 0 else 0


@dataclass(frozen=True, slots=True)
class TooMuch:
    """A promotion to be stopped: ``why`` is RATIO or HOUR_BUDGET; shares in millionths of sales, else minor units."""

    promotion_id: str
    why: str
    found: int
    allowed: int
    receipts_count: int
    discount_minor: int


class Window:
    """Follows the projector. Minutes are those in which the server recorded the receipts."""

    def __init__(self) -> None:
        self._minutes: dict[datetime, dict[int, Given]] = {}
        self._seq = -1

    async def follow(self, connection: asyncpg.Connection[Any], now: datetime) -> bool:
        """Add what is new, forget what is older than an hour; whether anything was new."""
        projected = await connection.fetchval(PROJECTED) or 0
        is_new = self._seq != projected
        if self._seq < 0 or self._seq > projected:  # a start, or the tables were made anew
            self._minutes.clear()
            self._seq = await connection.fetchval(FIRST, projected, SEQS_AT_START, now - HOUR)
        while self._seq < projected:
            upto = min(projected, self._seq + SEQS_PER_LOOK)
            for row in await connection.fetch(RECEIPTS, self._seq, upto):
                one = self._of(row)
                one.add(Given(row["receipts"], row["gross_minor"], row["discount_minor"]))
            for row in await connection.fetch(DISCOUNTS, self._seq, upto):
                self._of(row).promotions[row["promotion_id"]] += row["minor"]
            self._seq = upto
        for minute in [minute for minute in self._minutes if minute <= now - HOUR - MINUTE]:
            del self._minutes[minute]
        return is_new

    def given(self, since: datetime, version: int | None = None) -> Given:
        """Since a moment, to the minute; by one release when it is named."""
        total = Given()
        for minute, releases in self._minutes.items():
            if minute > since - MINUTE:
                for number, one in releases.items():
                    if version is None or number == version:
                        total.add(one)
        return total

    def too_much(
        self, rails: Rails, now: datetime, version: int, baseline: Mapping[str, Any] | None, released: Collection[str]
    ) -> TooMuch | None:
        """The promotion to be stopped first, of those ``released`` by this version; None: nothing is wrong."""
        hour = self.given(now - HOUR)
        if rails.hour_budget_minor:
            for promotion_id, minor in hour.promotions.most_common():
                if minor <= rails.hour_budget_minor:
                    break
                if promotion_id in released:
                    allowed = rails.hour_budget_minor
                    return TooMuch(promotion_id, "HOUR_BUDGET", minor, allowed, hour.receipts, minor)
        return _beyond_ratio(self.given(now - RATIO_OVER, version), rails, baseline, released)

    def _of(self, row: asyncpg.Record) -> Given:
        return self._minutes.setdefault(row["minute"], {}).setdefault(row["rules_version"], Given())


def _beyond_ratio(
    lately: Given, rails: Rails, baseline: Mapping[str, Any] | None, released: Collection[str]
) -> TooMuch | None:
    """Whoever gives most more than before, when all together give too much. Without a baseline the most of a receipt is
    the most of all.
    """
    if not rails.ratio_times_max or lately.receipts < rails.receipts_least_count:
        return None
    before = Given()
    if baseline is not None:
        before = Given(0, baseline["gross_minor"], baseline["discount_minor"], Counter(baseline["promotions"]))
        allowed = before.share_ppm(before.discount_minor) * rails.ratio_times_max
    else:
        allowed = rails.receipt_discount_max_ppm
    allowed = max(allowed, rails.ratio_least_ppm)
    found = lately.share_ppm(lately.discount_minor)
    if found <= allowed:
        return None
    more = {
        one: lately.share_ppm(minor) - before.share_ppm(before.promotions[one])
        for one, minor in lately.promotions.items()
        if one in released
    }
    worst = max(more, key=lambda one: more[one], default="")
    if not worst or more[worst] <= 0:
        return None
    return TooMuch(worst, "RATIO", found, allowed, lately.receipts, lately.promotions[worst])
