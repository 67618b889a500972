"""Tills at a call table, without a socket: each has one call in flight, and an answer starts its next one.

Compiled, because what asks costs the process that answers: in Python it took a tenth of a commit. Requests come as from
sockets that are readable at a time, a few in a turn of the loop, so that the journal's own socket is served in between.
Never here: what a request says, what is done with the times.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from libc.string cimport memcmp

import asyncio
from collections import deque

from altyn.server.meters cimport now_ns
from altyn.server.slots cimport PendingReply

cdef enum:
    AT_A_TIME = 8


class NotAnswered(Exception):
    """A call was answered with something else than was expected."""


@cython.final
cdef class TableLoad:
    """As many tills as there are `scopes`. A reply begins with `expected`."""

    cdef list tills
    cdef bytes expected
    cdef object call
    cdef object ready
    cdef list latencies_s
    cdef object loop
    cdef object ended
    cdef bint is_coming
    cdef Py_ssize_t busy_count

    def __init__(self, scopes not None, bytes expected not None):
        self.tills = [Till(self, scope) for scope in scopes]
        self.expected = expected
        self.ready = deque()

    async def run(self, call, requests):
        """Latencies in seconds of all calls. `requests`: a list for each till, which is used up. NotAnswered."""
        cdef Till till
        cdef list latencies_s = []
        self.call, self.latencies_s = call, latencies_s
        self.loop = asyncio.get_running_loop()
        self.ended = self.loop.create_future()
        self.busy_count = len(self.tills)
        for till, of_till in zip(self.tills, requests, strict=True):
            till.requests = of_till
            self.come_again(till)
        await self.ended
        return latencies_s

    cdef int come_again(self, Till till) except -1:
        if not till.requests:
            self.busy_count -= 1
            if self.busy_count == 0 and not self.ended.done():
                self.ended.set_result(None)
            return 0
        self.ready.append(till)
        if not self.is_coming:
            self.is_coming = True
            self.loop.call_soon(self.come)
        return 0

    def come(self):
        """The next few."""
        cdef Till till
        cdef int left = AT_A_TIME
        while self.ready and left > 0:
            till = self.ready.popleft()
            try:
                till.ask()
            except Exception as error:
                self.fail(error)
                return
            left -= 1
        self.is_coming = bool(self.ready)
        if self.is_coming:
            self.loop.call_soon(self.come)

    cdef int fail(self, error) except -1:
        if not self.ended.done():
            self.ended.set_exception(error)
        return 0


@cython.final
cdef class Till:
    """One of them; called with what it waited for."""

    cdef TableLoad load
    cdef object scope
    cdef list requests
    cdef int64_t asked_ns

    def __init__(self, TableLoad load not None, scope):
        self.load = load
        self.scope = scope

    cdef int ask(self) except -1:
        self.asked_ns = now_ns()
        reply = self.load.call(self.requests.pop(), self.scope)
        if type(reply) is not PendingReply:
            reply = asyncio.ensure_future(reply)
        reply.add_done_callback(self)
        return 0

    def __call__(self, future):
        cdef bytes reply
        cdef bytes expected = self.load.expected
        self.load.latencies_s.append((now_ns() - self.asked_ns) * 1e-9)
        try:
            reply = future.result()
        except Exception as error:
            self.load.fail(error)
            return
        if PyBytes_GET_SIZE(reply) < PyBytes_GET_SIZE(expected) or memcmp(
            PyBytes_AS_STRING(reply), PyBytes_AS_STRING(expected), <size_t>PyBytes_GET_SIZE(expected)
        ) != 0:
            self.load.fail(NotAnswered(f"a reply begins with {reply[:16]!r}"))
            return
        self.load.come_again(self)
