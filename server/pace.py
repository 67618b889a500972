"""How many calls a register may make: so many a second, and a burst of the seconds before.

A till in a loop, or a thief with its key, is told to come again later and costs the others nothing. Invariants: what a
register may is its own, whichever door or connection it comes by; a refusal changes nothing, so whoever waits gets in;
as many registers are remembered as there are credentials. Never here: who the register is, what the call does.
"""

from __future__ import annotations

from collections.abc import Callable

from altyn.core.engine import CallRefused, Scope
from altyn.server.meters import monotonic_ns

BURST_S = 4
NS = 1_000_000_000


class Pace:
    """A bucket a register, kept as the one instant at which it will be full again."""

    def __init__(self, calls_per_s: int, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._call_ns = NS // calls_per_s
        self._burst_ns = BURST_S * NS - self._call_ns
        self._clock_ns = clock_ns
        self._full_at_ns: dict[Scope, int] = {}

    def take(self, scope: Scope) -> None:
        """Count a call. Raises CallRefused when there are too many."""
        now_ns = self._clock_ns()
        full_at_ns = max(self._full_at_ns.get(scope, 0), now_ns)
        if full_at_ns - now_ns > self._burst_ns:
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "RATE_LIMITED", "", "too many calls of this register; wait a second"
            )
        self._full_at_ns[scope] = full_at_ns + self._call_ns
