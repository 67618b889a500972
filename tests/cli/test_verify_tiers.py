"""A journal with tiers by hand has no violation; each planted one is found by I19."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import pytest

from altyn.cli.verify.tiers import Tiers
from altyn.core.engine import Record
from altyn.journal.v1 import record_pb2 as journal
from tests.cli.verified import NOWHERE, altered, page_of
from tests.core.engine.test_set_tier import give
from tests.core.engine.tier_world import bought, noon, returned, swept, tier_world
from tests.core.engine.transfers import merge
from tests.core.engine.world import World


def lived() -> World:
    """1 and 2 give a tier; 3 buys and 4 brings back; 5 makes one account of both; 6 gives, 7 takes away; 8 gives, and
    9 is the sweep, after its day.
    """
    world = tier_world()
    give(world, "gold", "2026-11-20", "2026-11-18")
    give(world, "silver", "2026-12-20", "2026-11-18", account_id=80)
    bought(world, 1, 100, "2026-11-18")
    returned(world, 1, 901, "2026-11-18")
    merge(world, 80, 70, clock_us=noon("2026-11-18"))
    give(world, "silver", "2027-01-01", "2026-11-18", account_id=80)
    give(world, "", "", "2026-11-18")
    give(world, "gold", "2026-11-21", "2026-11-18")
    assert swept(world, "2026-11-22") == 1
    assert len(world.records) == 9
    return world


LIVED = lived()
LISTED: list[dict[str, Any]] = [
    {"given_id": 1, "journal_seq": 1, "tier": "gold", "until": date(2026, 11, 20)},
    {"given_id": 2, "journal_seq": 7, "tier": "", "until": None},
]
SAID = {"reason": "birthday of the firm", "asked_by": "anna"}


def check_of(records: Iterable[Record], listed: Iterable[dict[str, Any]] = LISTED) -> Tiers:
    check = Tiers()
    asyncio.run(check.take(page_of(records), NOWHERE))
    check.compare([SAID | row for row in listed])
    return check


def test_a_lived_journal_has_no_violation() -> None:
    check = check_of(LIVED.records)
    assert (check.tally.violations, check.tally.examples) == (0, [])
    assert check.tally.checks == 11


@pytest.mark.parametrize("days", [0, 1])
def test_a_merge_on_the_last_day_and_on_the_next_has_no_violation(days: int) -> None:
    world = tier_world()
    give(world, "gold", "2026-11-18", "2026-11-18", account_id=80)
    give(world, "silver", "2026-11-30", "2026-11-18")
    merge(world, 80, 70, clock_us=noon(f"2026-11-{18 + days}"))
    check = check_of(world.records, [])
    assert (check.tally.checks, check.tally.examples) == (3, [])
    ranks = [journal.Record.FromString(record.body).effects.tiers[-1].given_rank for record in world.records]
    assert ranks == [5, 1, 1 if days else 5]


def row(record: journal.Record, place: int = 0) -> journal.TierChange:
    return record.effects.tiers[place]


@pytest.mark.parametrize(
    ("seq", "change"),
    [
        (1, lambda record: setattr(row(record), "given_rank", 1)),
        (1, lambda record: setattr(row(record), "given_until_day", 30_000)),
        (1, lambda record: record.effects.ClearField("tiers")),
        (2, lambda record: setattr(row(record), "account_id", 81)),
        (3, lambda record: setattr(row(record), "given_rank", 0)),
        (4, lambda record: setattr(row(record), "given_until_day", 30_000)),
        (5, lambda record: setattr(row(record, 1), "given_rank", 1)),
        (7, lambda record: setattr(row(record), "given_rank", 1)),
        (8, lambda record: setattr(record.request.tier, "rank", 0)),
        # As if the sweep had come in the morning of the last day.
        (9, lambda record: setattr(record, "instant_us", noon("2026-11-20"))),
    ],
)
def test_each_planted_fault_is_found(seq: int, change: Callable[[journal.Record], object]) -> None:
    assert check_of(altered(LIVED.records, seq, change)).tally.violations > 0


@pytest.mark.parametrize(
    "wrong",
    [{"journal_seq": 3}, {"tier": "silver"}, {"until": date(2026, 11, 21)}, {"reason": "x"}, {"asked_by": "boris"}],
)
def test_what_is_listed_and_not_journalled_so_is_found(wrong: dict[str, Any]) -> None:
    assert check_of(LIVED.records, [LISTED[0] | wrong]).tally.violations == 1
