"""Where a call's time goes: decoding its request, and deciding it. What it then waits for the journal: slots.pyx.

A call of the table is put into a StagedCall, which any door calls in its place. Deciding is all the call does before it
answers or begins to wait; the core has no clock, so that its first part, decoding, is measured apart: of one call in
`SAMPLED_EVERY` the request is decoded once more, before its turn. Invariants: what a call is given, answers and raises
is untouched; a call that is refused is counted by the door and not here. Never here: what a metric is called.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

cimport cython

from altyn.core.limits cimport ARENA_BYTES
from altyn.core.wire.arena cimport arena_close, arena_open, arena_reset
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.server.meters cimport Histogram, counts_of, now_ns, observe

cdef enum:
    SAMPLED_EVERY = 64  # a power of two

KINDS = {"CalculateReceipt": CALCULATE, "ReserveReceipt": RESERVE, "CommitReceipt": COMMIT}


cdef union AnyRequest:
    pos_v1.CalculateReceiptRequest calculate
    pos_v1.ReserveReceiptRequest reserve
    pos_v1.CommitReceiptRequest commit


@cython.final
cdef class Stages:
    """The calls of one table, and memory to decode into."""

    def __cinit__(self):
        arena_open(&self.arena, ARENA_BYTES)
        self.calls = []

    def __dealloc__(self):
        arena_close(&self.arena)

    def over(self, dict table not None):
        """The same table with every call measured."""
        staged = {}
        for method, call in table.items():
            one = StagedCall(self, method, call)
            self.calls.append(one)
            staged[method] = one.take
        return staged


@cython.final
cdef class StagedCall:
    """One method of the table."""

    def __init__(self, Stages stages not None, str method not None, call):
        memset(&self.decided, 0, sizeof(Histogram))
        memset(&self.decoded, 0, sizeof(Histogram))
        self.stages = stages
        self.method = method
        self.call = call
        self.kind = KINDS.get(method, OTHER)

    def take(self, bytes request not None, scope):
        """The call itself."""
        cdef int64_t begun_ns
        self.turn += 1
        if self.kind != OTHER and self.turn & (SAMPLED_EVERY - 1) == 1:
            self.try_decoding(request)
        begun_ns = now_ns()
        reply = self.call(request, scope)
        observe(&self.decided, now_ns() - begun_ns)
        return reply

    cdef int try_decoding(self, bytes request) except -1:
        cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(request)
        cdef const uint8_t* end = start + PyBytes_GET_SIZE(request)
        cdef Arena* arena = &self.stages.arena
        cdef AnyRequest out
        cdef WireError error
        cdef int code
        cdef int64_t begun_ns = now_ns()
        arena_reset(arena)
        memset(&error, 0, sizeof(error))
        if self.kind == CALCULATE:
            code = pos_v1.decode_CalculateReceiptRequest(&out.calculate, start, end, arena, &error)
        elif self.kind == RESERVE:
            code = pos_v1.decode_ReserveReceiptRequest(&out.reserve, start, end, arena, &error)
        else:
            code = pos_v1.decode_CommitReceiptRequest(&out.commit, start, end, arena, &error)
        if code == 0:
            observe(&self.decoded, now_ns() - begun_ns)
        return 0

    @property
    def decided_counts(self):
        """Calls decided, by bucket of the time it took."""
        return counts_of(&self.decided)

    @property
    def decided_sum_ns(self):
        return self.decided.sum_ns

    @property
    def decoded_counts(self):
        """Requests decoded to see how long it takes, by bucket."""
        return counts_of(&self.decoded)

    @property
    def decoded_sum_ns(self):
        return self.decoded.sum_ns
