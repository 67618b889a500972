"""Reply slots: see the body."""
cimport cython
from libc.stdint cimport int64_t

from altyn.server.meters cimport TimeMeter

cdef class ReplySlots

@cython.final
cdef class PendingReply:
    cdef ReplySlots slots
    cdef int64_t seq
    cdef int64_t held_ns
    cdef bytes reply
    cdef object error              # set instead of a reply: it was cancelled, or the process is about to stop
    cdef bint is_settled
    cdef object callback           # the first, and mostly the only one, with the context it runs in
    cdef object context
    cdef list more                 # (callback, context) of the others
    cdef public bint _asyncio_future_blocking

    cdef int settle(self, bytes reply, object error) except -1
    cdef int call_back(self) except -1

@cython.final
cdef class ReplySlots:
    cdef readonly int64_t slots_max
    cdef readonly TimeMeter wait   # from decided to durable
    cdef object waiting            # deque of PendingReply, ascending seqs
    cdef int64_t durable_seq
    cdef object loop
    cdef list due                  # settled, their callbacks not called yet

    cdef bint has_no_room(self) except -1
    cdef object held(self, int64_t seq, bytes reply)
    cdef int put_due(self, PendingReply pending) except -1
    cdef int run(self, callback, context, PendingReply pending) except -1
