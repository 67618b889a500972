"""The pulse of a server: its calls of the last minutes by method, how many and how fast, in intervals of some seconds.

It is written beside what the server runs (feeds/feeds.py), since the back office does not know where a server tells
its metrics. Invariants: it reads the meters and changes nothing; what it keeps is bounded; an interval is never so
short that its rate means nothing. Never here: one call.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

from altyn.server.metrics import SCALE, CallMeters

INTERVALS_MAX = 40
INTERVAL_MIN_S = 4.0


class CallsOfMethod(TypedDict):
    """Times are right within 5 %; ``refused_count`` of ``calls_count`` had no reply."""

    method: str
    calls_count: int
    refused_count: int
    p50_us: int
    p99_us: int


class Interval(TypedDict):
    """``at``: its end, ISO 8601; ``calls``: of the methods that were called, by name."""

    at: str
    elapsed_ms: int
    calls: list[CallsOfMethod]


class Pulse:
    """Of the registers' calls at all doors. ``clock_s``: one that never goes back."""

    def __init__(self, meters: CallMeters, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._meters = meters
        self._clock_s = clock_s
        self._begun_s = clock_s()
        self._before: dict[str, tuple[list[int], int]] = {}
        self._intervals: deque[Interval] = deque(maxlen=INTERVALS_MAX)

    def beat(self) -> list[Interval]:
        """The last INTERVALS_MAX intervals, oldest first; the newest ends now when INTERVAL_MIN_S have passed."""
        now_s = self._clock_s()
        if now_s - self._begun_s >= INTERVAL_MIN_S:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            elapsed_ms = round((now_s - self._begun_s) * 1_000)
            self._intervals.append(Interval(at=at, elapsed_ms=elapsed_ms, calls=self._calls()))
            self._begun_s = now_s
        return list(self._intervals)

    def _calls(self) -> list[CallsOfMethod]:
        """Since the last time."""
        now = self._meters.by_method()
        found = []
        for method, (counts, refused) in sorted(now.items()):
            counts_before, refused_before = self._before.get(method, ([0] * len(counts), 0))
            new = [count - before for count, before in zip(counts, counts_before, strict=True)]
            if any(new):
                p50_us, p99_us = (round(SCALE.quantile_s(new, share) * 1_000_000) for share in (0.5, 0.99))
                found.append(
                    CallsOfMethod(
                        method=method,
                        calls_count=sum(new),
                        refused_count=refused - refused_before,
                        p50_us=p50_us,
                        p99_us=p99_us,
                    )
                )
        self._before = now
        return found
