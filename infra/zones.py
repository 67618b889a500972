"""Time zones by their IANA names, read from the pinned `tzdata` package, never from the machine's own files.

Invariants: the table of a name depends only on the pinned data; every change of offset between 2015 and 2045 is in
it. A machine's time-zone settings never matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

TZDATA_VERSION: str = tzdata.IANA_VERSION
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPAN_FROM = datetime(2015, 1, 1, tzinfo=UTC)
SPAN_TO = datetime(2045, 1, 1, tzinfo=UTC)
STEP = timedelta(days=1)  # no zone changes its offset twice within a day in this span
MICROSECOND = timedelta(microseconds=1)


class ZoneTable(NamedTuple):
    """The offset before the first change, then (UTC instant, offset from then on), ascending; all microseconds."""

    offset_us: int
    changes: tuple[tuple[int, int], ...]


class Zones(Protocol):
    """Who keeps tables under numbers of its own, as the core's facts do."""

    def names(self) -> list[str]: ...
    def number(self, name: str) -> int: ...
    def define(self, name: str, offset_us: int, changes: Sequence[tuple[int, int]]) -> int: ...


@cache
def zone_names() -> frozenset[str]:
    """All names of the pinned data, links included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def load_zone(name: str) -> ZoneInfo:
    """The zone by its IANA name. KeyError when the pinned data has no such zone."""
    if name not in zone_names():
        raise KeyError(f"no time zone {name!r} in tzdata {TZDATA_VERSION}")
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_table(name: str) -> ZoneTable:
    """Offset changes of a zone over the span. KeyError when there is no such zone."""
    zone = load_zone(name)

    def offset_us(instant: datetime) -> int:
        offset = instant.astimezone(zone).utcoffset()
        assert offset is not None
        return offset // MICROSECOND

    first = before = offset_us(SPAN_FROM)
    changes = []
    instant = SPAN_FROM
    while instant < SPAN_TO:
        after = offset_us(instant + STEP)
        if after != before:
            low, high = instant, instant + STEP  # the change lies in (low, high]
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (middle, high) if offset_us(middle) == before else (low, middle)
            changes.append(((high - EPOCH) // MICROSECOND, after))
            before = after
        instant += STEP
    return ZoneTable(first, tuple(changes))


def ensure_zone(zones: Zones, name: str) -> int:
    """The zone's number there, defining it when it is new. KeyError when there is no such zone."""
    if name not in zones.names():
        zones.define(name, *zone_table(name))
    return zones.number(name)
