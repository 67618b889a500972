"""What the connections of one door have in common: methods, health, limits, the buffer they read into.

Invariants: methods are added before the first connection is made; the buffers are filled and taken from within one
turn of the loop, so that a connection at rest holds none. Never here: one connection's state.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

import asyncio

cimport altyn.server.transport.h2.stream as streams
from altyn.server.meters cimport CallMeter

from altyn.core.engine import CallRefused
from altyn.server.meters import monotonic_ns

cdef enum:
    READ_BYTES = 64 << 10
    RECORD_BYTES = 16 << 10  # of TLS: one that was cut short before comes with a read
    # What ends takes its time, and those who came together end together: the others are served in between.
    ENDS_PER_TICK_MAX = 4
    # Only then a turn is watched, so that few calls pay for it.
    CALLS_PER_TURN_MIN = 64


@cython.final
cdef class Method:
    """One path: what it calls, who may, where it is counted."""

    def __init__(self, call, authenticate, CallMeter meter not None, bint is_traced=False):
        self.kind = TRACED_CALL if is_traced else CALL
        self.call = call
        self.authenticate = authenticate
        self.meter = meter


@cython.final
cdef class Lobby:
    """What the connections of one door have in common: methods, health, limits, the buffer they read into."""

    def __init__(
        self, *, refusals, int64_t idle_ns, int64_t age_ns, int64_t grace_ns, int64_t handshake_ns, int64_t request_ns,
        int64_t answer_ns, int64_t ping_interval_ns, int64_t connections_max, int64_t connections_of_address_max,
        int64_t request_bytes_max, int64_t turn_ns_max
    ):
        memset(&self.front, 0, sizeof(streams.Front))
        self.front.request_bytes_max = request_bytes_max
        self.methods = []
        self.path_texts = []
        buffer = bytearray(READ_BYTES)
        self.start = <const uint8_t*>PyByteArray_AS_STRING(buffer)
        self.buffer = memoryview(buffer)
        plain = bytearray(READ_BYTES + RECORD_BYTES)
        self.plain_start = <const uint8_t*>PyByteArray_AS_STRING(plain)
        self.plain = memoryview(plain)
        self.refusals = refusals
        self.serving = {}
        self.dirty = []
        self.connections = set()
        self.origins = {}
        self.sent_away = {}
        self.idle_ns = idle_ns
        self.age_ns = age_ns
        self.grace_ns = grace_ns
        self.handshake_ns = handshake_ns
        self.request_ns = request_ns
        self.answer_ns = answer_ns
        self.ping_interval_ns = ping_interval_ns
        self.connections_max = connections_max
        self.connections_of_address_max = connections_of_address_max
        self.turn_ns_max = turn_ns_max
        self.turn = 1
        for name, kind in (("Check", HEALTH_CHECK), ("Watch", HEALTH_WATCH)):
            method = Method(None, None, CallMeter("grpc.health.v1.Health", name))
            (<Method>method).kind = kind
            self.add(f"/grpc.health.v1.Health/{name}", method)

    @property
    def streams_count(self):
        return self.front.streams_count

    @property
    def request_bytes(self):
        """In buffers of all connections."""
        return self.front.request_bytes

    def add(self, str path not None, Method method not None):
        """Calls of `path` go to `method`."""
        cdef bytes text = path.encode()
        if self.front.paths_count == streams.PATHS_MAX:
            raise ValueError("a door has at most 64 methods")
        self.path_texts.append(text)
        self.methods.append(method)
        self.front.keeps_traces |= method.kind == TRACED_CALL
        self.front.paths[self.front.paths_count].text = PyBytes_AS_STRING(text)
        self.front.paths[self.front.paths_count].size = <size_t>PyBytes_GET_SIZE(text)
        self.front.paths_count += 1

    def enter(self, str origin not None):
        """Count somebody who comes from `origin`, an address; empty: from this machine. False: there is no room."""
        cdef int64_t known = self.origins.get(origin, 0)
        if self.entered_count >= self.connections_max:
            self.count_sent_away("too_many_connections")
            return False
        if origin and known >= self.connections_of_address_max:
            self.count_sent_away("too_many_connections_of_address")
            return False
        self.entered_count += 1
        self.origins[origin] = known + 1
        return True

    def leave(self, str origin not None):
        """Whoever entered is gone."""
        cdef int64_t known = self.origins[origin]
        self.entered_count -= 1
        if known == 1:
            del self.origins[origin]
        else:
            self.origins[origin] = known - 1

    def say(self, str service not None, int status):
        """The health service says so from now on, also to those who watch."""
        self.serving[service] = status
        for connection in list(self.connections):
            connection.say(service, status)

    def tick(self):
        """What time brings: deadlines, idle and old connections, peers that do not read. True: some must wait for more."""
        cdef int64_t now_ns = monotonic_ns()
        self.ends_left = ENDS_PER_TICK_MAX
        for connection in list(self.connections):
            try:
                connection.tick(now_ns)
            except Exception as error:
                connection.break_off(error)
        return self.ends_left == 0

    cdef int admit(self, int64_t now_ns, const void* connection, int64_t* turn) except -1:
        """CallRefused when this turn takes too long: who is read now has waited as long, and so will the next.

        `turn`: the one in which the connection was last read.
        """
        if connection != self.connection_read:
            self.connection_read = connection
            # Of very many the loop reads some, looks again, and so on: whoever is read anew has waited since then only.
            if turn[0] == self.turn:
                self.turn += 1
                self.turn_began_ns = now_ns if self.turn_began_ns != 0 else 0
            turn[0] = self.turn
        self.turn_calls += 1
        if self.turn_calls < CALLS_PER_TURN_MIN:
            return 0
        if self.turn_began_ns == 0:
            self.turn_began_ns = now_ns
            asyncio.get_running_loop().call_soon(self.end_turn)
        elif now_ns - self.turn_began_ns > self.turn_ns_max:
            raise CallRefused("UNAVAILABLE", "OVERLOADED", "", "the server has too much to do; send it again")
        return 0

    def end_turn(self):
        """What was readable has been read."""
        self.turn += 1
        self.turn_calls = self.turn_began_ns = 0

    cdef bint may_end(self) noexcept:
        """Whether this turn has room for one more end, which is taken."""
        if self.ends_left == 0:
            return False
        self.ends_left -= 1
        return True

    def drain(self):
        """Take no more calls; connections close when theirs have ended."""
        cdef int64_t now_ns = monotonic_ns()
        for connection in list(self.connections):
            connection.drain(now_ns)

    def abandon(self):
        """Refuse what still runs, and close."""
        for connection in list(self.connections):
            connection.abandon()

    cdef int flush_soon(self, connection) except -1:
        """Each connection once a turn: it knows whether it waits already."""
        self.dirty.append(connection)
        if len(self.dirty) == 1:
            asyncio.get_running_loop().call_soon(self.flush_dirty)
        return 0

    def flush_dirty(self):
        """Everyone who was answered since the last turn gets it."""
        cdef list dirty = self.dirty
        self.dirty = []
        for connection in dirty:
            try:
                connection.flush_now()
            except Exception as error:
                connection.break_off(error)

    cpdef int count_sent_away(self, str reason) except -1:
        self.sent_away[reason] = self.sent_away.get(reason, 0) + 1
        return 0
