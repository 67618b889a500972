"""Whether a promotion may hold on a day, in a store, for a customer: what its conditions on these say, and no more.

A condition is taken apart into ways in which it may hold; schedules are read by the store's wall clock, as by the core.
Invariants: a way that is left out certainly does not hold there; what is asked of the receipt, the balance or earlier
purchases is taken for possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import asyncpg

from altyn.core.rules.checks.conjunctions import Alternative, Literal, alternatives, find_conflict
from altyn.core.rules.checks.schedules import DAY_MINUTES, ranges_on
from altyn.core.rules.condition import Choice, CustomerIs, Schedule, StoreIs
from altyn.core.rules.promotion import Promotion

EPOCH = date(1970, 1, 1)

Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """``place``: attributes of a store by their words, ``segment``: the only one the customer is in, ``day``: days
    since 1970-01-01 by the store's calendar; None: any.
    """

    place: Mapping[str, str] | None = None
    segment: str | None = None
    day: int | None = None


ANY = Circumstances()


def attributes_of(store: asyncpg.Record | None) -> dict[str, str] | None:
    """A store's row as conditions name its attributes."""
    if store is None:
        return None
    return {"id": store["store_id"], **{name: store[name] for name in ("region", "format", "cluster")}}


def day_of(day: date) -> int:
    """As schedules count it."""
    return (day - EPOCH).days


def minute_of(moment: datetime, zone: str) -> int:
    """A moment by the wall clock of a zone, in minutes since 1970-01-01 by that clock."""
    wall = moment.astimezone(ZoneInfo(zone))
    return day_of(wall.date()) * DAY_MINUTES + wall.hour * 60 + wall.minute


def ways_under(promotion: Promotion, given: Circumstances = ANY) -> list[Alternative]:
    """The ways in which it may hold there; none: it certainly does not."""
    ways = [way for way in alternatives(promotion.when) if find_conflict(way) is None]
    ways = [way for way in ways if all(_may_be(literal, given) for literal in way)]
    day = given.day
    return ways if day is None else [way for way in ways if ranges_on(day, *schedules_of(way))]


def schedules_of(way: Alternative) -> tuple[list[Schedule], list[Schedule]]:
    """Those that must hold, and those that must not."""
    found: tuple[list[Schedule], list[Schedule]] = ([], [])
    for literal in way:
        if isinstance(literal.leaf, Schedule):
            found[0 if literal.holds else 1].append(literal.leaf)
    return found


def hours_of(ways: Sequence[Alternative], day: int, since: int = 0) -> Ranges:
    """Minutes of a day in which one of the ways may hold, in order and apart; ``since``: not before this moment, in
    minutes since 1970-01-01.
    """
    found: Ranges = []
    for start, end in sorted(one for way in ways for one in ranges_on(day, *schedules_of(way))):
        start = max(start, since - day * DAY_MINUTES)
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _may_be(literal: Literal, given: Circumstances) -> bool:
    leaf = literal.leaf
    if isinstance(leaf, StoreIs) and given.place is not None:
        return _is_chosen(leaf.choice, given.place.get(leaf.attribute, "")) == literal.holds
    if isinstance(leaf, CustomerIs) and given.segment is not None:
        if leaf.flag is not None:
            return leaf.flag == literal.holds
        if leaf.attribute == "segment" and leaf.choice is not None:
            return _is_chosen(leaf.choice, given.segment) == literal.holds
    return True


def _is_chosen(choice: Choice, value: str) -> bool:
    return (choice.any_of is None or value in choice.any_of) and value not in choice.none_of
