"""I19, earlier purchases: what the rebuilt book keeps of them is what all records of the journal come to, counted anew.

The book has what each sale and return added when it was decided, and what a backfill brought; here every record is
counted once more, as a backfill would. What a merge brought together is counted for the account it leads to. A bucket
that is long over may be gone; of a date that is settled only the sum up to it is kept (docs/decisions/0035).
"""

from __future__ import annotations

import json
from collections import defaultdict

from altyn.cli.verify.pages import Page, Source, read_pages
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Tally
from altyn.core.engine import Engine
from altyn.core.engine import Tally as Counted
from altyn.core.ledger.accumulators_view import (
    AccumulationView,
    accumulator_sizes,
    read_accumulations,
    read_buckets,
    read_stores,
)
from altyn.core.ledger.view import read_leads_to
from altyn.core.rules.compile import compile_accumulations
from altyn.core.rules.ruleset import Ruleset

DAY_US = 86_400_000_000
KEPT_DAYS = 40
LONGEST = {"week": 7, "month": 31, "year": 366}
DATES = ("REACHED", "FIRST_USE")
KEPT = ("READY", "RESTING")

Buckets = dict[tuple[int, int], dict[int, int]]  # by number and store: by day


class Purchases:
    """The check of buckets. Reads the journal a second time, where any are kept; its memory is theirs."""

    def __init__(self, rebuilt: Rebuilt) -> None:
        self.tally = Tally()
        self._rebuilt = rebuilt

    async def take(self, page: Page, source: Source) -> None:
        pass

    async def end(self, source: Source) -> None:
        engine = self._rebuilt.engine
        if engine is None or self._rebuilt.broken:
            return
        kept = [row for row in read_accumulations(engine.book) if row.state in KEPT]
        if not kept:
            return
        counted = Counted(
            Ruleset(compile_accumulations(row.name for row in kept)), [row.accumulation_no for row in kept]
        )
        async for page in read_pages(source):
            for entry in page:
                if entry.record is not None:
                    counted.take(entry.body)
        self.compare(engine, kept, counted)

    def compare(self, engine: Engine, kept: list[AccumulationView], counted: Counted) -> None:
        """Every bucket of every account that has any, here or there."""
        stores = {name.encode(): number for number, name in enumerate(read_stores(engine.book), 1)}
        wanted: defaultdict[int, Buckets] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        joined = set()
        for number, account_id, day, store, difference in counted.drain():
            to = read_leads_to(engine.book, account_id)
            wanted[to][number, stores.get(store, 0)][day] += difference
            if to != account_id:
                joined.add(to)
        today, seen = engine.last_instant_us // DAY_US, 0
        since = {row.accumulation_no: kept_since(row.name, today) for row in kept}
        for account_id in self._rebuilt.accounts | wanted.keys():
            found: defaultdict[tuple[int, int], dict[int, tuple[int, str]]] = defaultdict(dict)
            for number, store_no, day, total, flag in read_buckets(engine.book, account_id):
                found[number, store_no][day] = total, flag
                seen += 1
            for key in [key for key in found.keys() | wanted[account_id].keys() if key[0] in since]:
                self.tally.checks += 1
                if not agree(wanted[account_id].get(key, {}), found[key], since[key[0]], account_id in joined):
                    self.tally.violate(
                        f"account {account_id}: what is kept of accumulation {key[0]} is not what its receipts come to"
                    )
        every, _ = accumulator_sizes(engine.book)
        self.tally.require(seen == every, f"{every - seen} buckets are of accounts that bought nothing")


def agree(wanted: dict[int, int], found: dict[int, tuple[int, str]], since: int, joined: bool) -> bool:
    """Of one accumulation in one store. `since`: buckets of earlier days may be gone. `joined`: of several accounts, of
    which each may have been closed on its own day.
    """
    settled = [(day, total, flag) for day, (total, flag) in found.items() if flag]
    until = settled[0][0] if settled else -1
    if settled and settled[0][2] == "CLOSED" and joined:
        return True
    if settled and sum(part for day, part in wanted.items() if day <= until) != settled[0][1]:
        return False
    if settled and settled[0][2] == "CLOSED":
        return True
    days = {day for day in wanted.keys() | found.keys() if day > until}
    return all(wanted.get(day, 0) == found.get(day, (0, ""))[0] or (day < since and day not in found) for day in days)


def kept_since(name: str, today: int) -> int:
    """The first day whose bucket must be there: 0 of what has no window, and of a date that is looked for."""
    told = json.loads(name)
    window = told.get("window", "always")
    if window == "always" or told["measure"] in DATES:
        return 0
    longest = int(window["days"]) if isinstance(window, dict) else LONGEST[window]
    return today - longest - KEPT_DAYS
