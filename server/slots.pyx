"""Reply slots: answers that wait for the journal.

A slot is a PendingReply with the seq its answer depends on. Seqs are handed out in order, so the slots form a queue and
releasing them is a walk from its head. Invariants: a slot is freed only here, by the journal's side; a caller that goes
away (deadline, reset) cancels its wait and the operation finishes all the same; a full table refuses before anything
is applied; whoever waits goes on from the loop, never inside the call that released it, and all of a batch in one turn.
"""
cimport cython
from libc.stdint cimport int64_t

from altyn.server.meters cimport TimeMeter, now_ns, observe

import asyncio
from collections import deque


@cython.final
@cython.freelist(256)
cdef class PendingReply:
    """A reply to come. Awaitable; asyncio takes it for a future, of which it has what tasks, wait and gather need."""

    def done(self):
        return self.is_settled

    def cancelled(self):
        return isinstance(self.error, asyncio.CancelledError)

    def get_loop(self):
        return self.slots.loop

    def result(self):
        if self.error is not None:
            raise self.error
        if not self.is_settled:
            raise asyncio.InvalidStateError("the reply is not durable yet")
        return self.reply

    def exception(self):
        if self.cancelled():
            raise self.error
        if not self.is_settled:
            raise asyncio.InvalidStateError("the reply is not durable yet")
        return self.error

    def cancel(self, msg=None):
        """The caller went away; its slot stays taken until the journal has come so far. False: it was answered before."""
        if self.is_settled:
            return False
        self.settle(None, asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))
        return True

    def add_done_callback(self, callback, *, context=None):
        """Have `callback(self)` called from the loop, soon when it is done already."""
        if self.callback is None and not self.is_settled:
            self.callback = callback
            self.context = context
            return
        if self.more is None:
            self.more = []
        self.more.append((callback, context))
        if self.is_settled:
            self.slots.put_due(self)

    def remove_done_callback(self, callback):
        """How many were removed."""
        cdef list others = self.more or []
        kept = [other for other in others if other[0] != callback]
        removed = len(others) - len(kept)
        self.more = kept
        if self.callback is not None and self.callback == callback:
            self.callback = self.context = None
            removed += 1
        return removed

    def __await__(self):
        if not self.is_settled:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    cdef int settle(self, bytes reply, object error) except -1:
        self.reply = reply
        self.error = error
        self.is_settled = True
        if self.callback is not None or self.more is not None:
            self.slots.put_due(self)
        return 0

    cdef int call_back(self) except -1:
        cdef list more = self.more
        callback, context = self.callback, self.context
        self.callback = self.context = self.more = None
        if callback is not None:
            self.slots.run(callback, context, self)
        for callback, context in more or ():
            self.slots.run(callback, context, self)
        return 0


@cython.final
cdef class ReplySlots:
    """At most `slots_max` answers wait at a time."""

    def __init__(self, int64_t slots_max):
        self.slots_max = slots_max
        self.wait = TimeMeter()
        self.waiting = deque()
        self.due = []

    @property
    def is_full(self):
        return self.has_no_room()

    cdef bint has_no_room(self) except -1:
        return len(self.waiting) >= self.slots_max

    @property
    def waiting_count(self):
        return len(self.waiting)

    def hold(self, int64_t seq, bytes reply not None):
        """`reply` at once when everything up to `seq` is durable, else a PendingReply. For the loop of the first."""
        return self.held(seq, reply)

    cdef object held(self, int64_t seq, bytes reply):
        cdef PendingReply pending
        if seq <= self.durable_seq:
            return reply
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        pending = PendingReply.__new__(PendingReply)
        pending.slots = self
        pending.seq = seq
        pending.held_ns = now_ns()
        pending.reply = reply
        self.waiting.append(pending)
        return pending

    def release(self, int64_t durable_seq):
        """The journal says that everything up to `durable_seq` is durable."""
        cdef PendingReply pending
        cdef int64_t released_ns = now_ns()
        self.durable_seq = durable_seq
        while self.waiting:
            pending = self.waiting[0]
            if pending.seq > durable_seq:
                return
            self.waiting.popleft()
            observe(&self.wait.histogram, released_ns - pending.held_ns)
            if not pending.is_settled:
                pending.settle(pending.reply, None)

    def fail(self, error not None):
        """Nothing that waits will be answered: the process is about to stop."""
        cdef PendingReply pending
        while self.waiting:
            pending = self.waiting.popleft()
            if not pending.is_settled:
                pending.settle(None, error)

    cdef int put_due(self, PendingReply pending) except -1:
        self.due.append(pending)
        if len(self.due) == 1:
            self.loop.call_soon(self.call_due)
        return 0

    def call_due(self):
        """Everyone whose reply was settled since the last turn goes on."""
        cdef PendingReply pending
        cdef list due = self.due
        self.due = []
        for pending in due:
            pending.call_back()

    cdef int run(self, callback, context, PendingReply pending) except -1:
        """One that fails concerns nobody else."""
        try:
            if context is None:
                callback(pending)
            else:
                context.run(callback, pending)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.loop.call_exception_handler({"message": "a reply's callback failed", "exception": error, "future": pending})
        return 0
