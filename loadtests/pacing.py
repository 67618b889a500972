"""When a user begins its next receipt: open loop by a plan that the server cannot slow down, or closed loop.

Open loop: starts are drawn at random before anybody knows how fast the server is, never closer than a receipt takes at
the till by plan, so that a cashier's own pace is no one's delay. A start that is due while the user is busy waits in a
bounded backlog and keeps its planned moment, so that latency measured from there holds the waiting a customer would
feel. A start that finds the backlog full is dropped and counted: it is work the run owed and did not do.
Closed loop: the next start is never before the last receipt ended; the pause shrinks, nothing is owed.

Moments are microseconds of any one clock, given by the caller. No clock, no sleep in here; same seed, same plan.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Start:
    """The next start. ``backlog_count`` others are due already; ``dropped_count`` were dropped since the last one."""

    planned_us: int
    backlog_count: int = 0
    dropped_count: int = 0


class Pace(Protocol):
    """Hands out starts, one for each receipt."""

    def take(self, now_us: int) -> Start: ...

    def due(self, planned_us: int, now_us: int) -> int:
        """The moment from which a call's latency counts."""
        ...

    def owed(self, now_us: int) -> Start:
        """At the end: what is due and will not be begun, as the backlog and the dropped of one last start."""
        ...


class OpenLoop:
    """``starts_per_s`` on average from ``begin_us`` on: gaps of ``busy_us`` and an exponential rest."""

    def __init__(self, starts_per_s: float, begin_us: int, *, backlog_max: int, seed: int, busy_us: int = 0) -> None:
        if starts_per_s <= 0:
            raise ValueError("starts_per_s: must be positive")
        if not 0 <= busy_us * starts_per_s < 1e6:
            raise ValueError("busy_us: a receipt must take less than the time from one start to the next")
        if backlog_max < 1:
            raise ValueError("backlog_max: at least 1")
        self._busy_us = busy_us
        self._free_us = 1e6 / starts_per_s - busy_us
        self._random = Random(seed)
        self._backlog_max = backlog_max
        self._due: deque[int] = deque()
        self._next_us = begin_us + self._draw()

    def take(self, now_us: int) -> Start:
        """The oldest start that is due, else the next one to come."""
        dropped = self._collect(now_us)
        if self._due:
            return Start(self._due.popleft(), len(self._due), dropped)
        planned, self._next_us = self._next_us, self._next_us + self._draw()
        return Start(planned, 0, dropped)

    def due(self, planned_us: int, now_us: int) -> int:
        return planned_us

    def owed(self, now_us: int) -> Start:
        dropped = self._collect(now_us)
        return Start(now_us, len(self._due), dropped)

    def _collect(self, now_us: int) -> int:
        """Move what has become due into the backlog; the number that found it full."""
        dropped = 0
        while self._next_us <= now_us:
            # The newest goes: dropping the oldest would hide the longest waits.
            if len(self._due) < self._backlog_max:
                self._due.append(self._next_us)
            else:
                dropped += 1
            self._next_us += self._draw()
        return dropped

    def _draw(self) -> int:
        return self._busy_us + max(1, round(self._random.expovariate(1.0) * self._free_us))


class ClosedLoop:
    """A start each 1 / ``starts_per_s``, or as soon as the last receipt is over: a slow server is asked less often."""

    def __init__(self, starts_per_s: float, begin_us: int) -> None:
        if starts_per_s <= 0:
            raise ValueError("starts_per_s: must be positive")
        self._gap_us = round(1e6 / starts_per_s)
        self._next_us = begin_us

    def take(self, now_us: int) -> Start:
        planned = max(self._next_us, now_us)
        self._next_us = planned + self._gap_us
        return Start(planned)

    def due(self, planned_us: int, now_us: int) -> int:
        return max(planned_us, now_us)

    def owed(self, now_us: int) -> Start:
        return Start(now_us)
