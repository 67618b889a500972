"""A store's wall clock at an instant, as the core takes it: from tables of IANA zones, by the core's own arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from altyn.core.facts.zones import Zones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AROUND = timedelta(days=3)  # the core looks two days to each side
STEP = timedelta(hours=12)  # no zone changes its offset twice in that time
MICROSECOND = timedelta(microseconds=1)


def find_zone(name: str) -> ZoneInfo:
    """Raises ValueError when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no such IANA zone: {name[:60]!r}") from None


def wall_clock(zone_name: str, at: datetime) -> tuple[int, int, int]:
    """(wall_us, gap_from_wall_us, gap_us) at an aware instant. Raises ValueError when there is no such zone."""
    zone = find_zone(zone_name)
    start, end = at - AROUND, at + AROUND
    changes: list[tuple[int, int]] = []
    moment = start
    while moment < end:
        before, after = _offset(zone, moment), _offset(zone, moment + STEP)
        if before != after:
            low, high = moment, moment + STEP  # the change lies in (low, high]
            while high - low > MICROSECOND:
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            changes.append(((high - EPOCH) // MICROSECOND, after // MICROSECOND))
        moment += STEP
    zones = Zones()
    number = zones.define(zone_name, _offset(zone, start) // MICROSECOND, changes)
    wall_us, gap_from_wall_us, gap_us = zones.wall_clock_at(number, (at - EPOCH) // MICROSECOND)
    return wall_us, gap_from_wall_us, gap_us


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return offset
