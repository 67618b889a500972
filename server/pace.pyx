"""How many calls a register may make: so many a second, and a burst of the seconds before.

A till in a loop, or a thief with its key, is told to come again later and costs the others nothing. Invariants: what a
register may is its own, whichever door or connection it comes by; a refusal changes nothing, so whoever waits gets in;
as many registers are remembered as there are credentials. Never here: who the register is, what the call does.
"""

cimport cython
from libc.stdint cimport int64_t

from altyn.server.meters cimport now_ns

from altyn.core.engine import CallRefused

BURST_S = 4
NS = 1_000_000_000


@cython.final
cdef class Bucket:
    """What a register may still do, as the one instant at which it may do everything again."""


@cython.final
cdef class Pace:
    """A bucket a register. `clock_ns`: None for the clock of the meters."""

    def __init__(self, int64_t calls_per_s, clock_ns=None):
        self.call_ns = <int64_t>NS // calls_per_s
        self.burst_ns = <int64_t>BURST_S * <int64_t>NS - self.call_ns
        self.clock_ns = clock_ns
        self.buckets = {}

    cpdef int take(self, scope) except -1:
        """Count a call. Raises CallRefused when there are too many."""
        cdef int64_t at_ns = now_ns() if self.clock_ns is None else self.clock_ns()
        cdef Bucket bucket = <Bucket>self.buckets.get(scope)
        if bucket is None:
            bucket = self.buckets[scope] = Bucket.__new__(Bucket)
            bucket.full_at_ns = at_ns
        bucket.full_at_ns = max(bucket.full_at_ns, at_ns)
        if bucket.full_at_ns - at_ns > self.burst_ns:
            raise CallRefused(
                "RESOURCE_EXHAUSTED", "RATE_LIMITED", "", "too many calls of this register; wait a second"
            )
        bucket.full_at_ns += self.call_ns
        return 0
