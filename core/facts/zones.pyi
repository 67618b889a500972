"""Wall clocks of IANA zones, from tables of offset changes given as plain numbers."""

from collections.abc import Sequence
from typing import NamedTuple

class WallClock(NamedTuple):
    """Wall times in [gap_from_wall_us, gap_from_wall_us + gap_us) do not exist; gap_us = 0: no forward jump near."""

    wall_us: int
    gap_from_wall_us: int
    gap_us: int

class Zones:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def define(self, name: str, offset_us: int, changes: Sequence[tuple[int, int]]) -> int:
        """Add a zone: its first offset, then (UTC instant, offset from then on), ascending. Returns its number.

        ValueError when the name is taken, instants do not grow, or an offset is a day or more.
        """
    def number(self, name: str) -> int:
        """KeyError when the zone was not defined."""
    def name(self, zone: int) -> str: ...
    def names(self) -> list[str]: ...
    def wall_clock_at(self, zone: int, instant_us: int) -> WallClock: ...
    def instant_at(self, zone: int, wall_us: int) -> int:
        """The instant when the wall clock shows `wall_us`: the first of two passes; inside a gap, moved forward."""
