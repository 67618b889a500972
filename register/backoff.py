"""How often a register may ask again: exponential back-off with full jitter, and a budget of retries.

Invariant: over any run, retries ≤ burst + tenth of the first attempts. A thousand registers that lost their server
at one moment therefore come back spread out, and add at most a tenth to the load that broke it. Nothing here sleeps.
"""

from __future__ import annotations

import random

#: A retry costs ten times what a first attempt brings in: at most 10 % of calls are retries.
RETRY_COST = 10
BURST_RETRIES_MAX = 10
FIRST_DELAY_S = 0.05
DELAY_MAX_S = 20.0


class RetryBudget:
    """A bucket that first attempts fill by one and retries empty by ten. It starts full, so a lone call may retry."""

    def __init__(self, burst_retries_max: int = BURST_RETRIES_MAX) -> None:
        self._capacity = burst_retries_max * RETRY_COST
        self._tokens = self._capacity

    def first_attempt(self) -> None:
        """A call begins."""
        self._tokens = min(self._capacity, self._tokens + 1)

    def take_retry(self) -> bool:
        """True when one more retry may be made; it is then counted."""
        if self._tokens < RETRY_COST:
            return False
        self._tokens -= RETRY_COST
        return True


class Backoff:
    """Delays in seconds: uniform in [0, min(cap, first · 2ⁿ)] after the n-th failure."""

    def __init__(self, first_s: float = FIRST_DELAY_S, max_s: float = DELAY_MAX_S, seed: int | None = None) -> None:
        self._first_s = first_s
        self._max_s = max_s
        # The operating system's randomness unless a test asks for a fixed run: registers cloned from one disk image
        # must not wait in step.
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()

    def delay_s(self, failures_count: int) -> float:
        """How long to wait after that many failures (≥ 1) in a row."""
        longest = min(self._max_s, self._first_s * 2 ** min(failures_count - 1, 30))
        return self._random.uniform(0.0, longest)
