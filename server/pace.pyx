"""How many calls a register may make: so many a second, and a burst of the seconds before.

A till in a loop, or a thief with its key, is told to come again later and costs the others nothing. Invariants: what a
register may is its own, whichever door or connection it comes by; a refusal changes nothing, so whoever waits gets in;
as many registers are remembered as there are credentials. Never here: who the register is, what the call does.
"""

cimport cython
from libc.stdint cimport int64_t

from altyn.core.engine import CallRefused
from altyn.server.meters import monotonic_ns

BURST_S = 4
NS = 1_000_000_000


@cython.final
cdef class Pace:
    """A bucket a register, kept as the one instant at which it will be full again."""

    def __init__(self, int64_t calls_per_s, clock_ns=monotonic_ns):
        self.call_ns = <int64_t>NS // calls_per_s
        self.burst_ns = <int64_t>BURST_S * <int64_t>NS - self.call_ns
        self.clock_ns = clock_ns
        self.full_at_ns = {}

    cpdef int take(self, scope) except -1:
        """Count a call. Raises CallRefused when there are too many."""
        cdef int64_t now_ns = self.clock_ns()
        cdef int64_t full_at_ns = now_ns
        known = self.full_at_ns.get(scope)
        if known is not None:
            full_at_ns = max(<int64_t>known, now_ns)
        if full_at_ns - now_ns > self.burst_ns:
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "RATE_LIMITED", "", "too many calls of this register; wait a second"
            )
        self.full_at_ns[scope] = full_at_ns + self.call_ns
        return 0
