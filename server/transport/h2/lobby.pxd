"""What the connections of one door have in common: see the body."""

cimport cython
from libc.stdint cimport int64_t, uint8_t

from altyn.server.meters cimport CallMeter
from altyn.server.transport.h2.stream cimport Front

cdef enum MethodKind:
    CALL
    HEALTH_CHECK
    HEALTH_WATCH
    TRACED_CALL  # its `authenticate` wants to know of the trace, too


@cython.final
cdef class Method:
    cdef int kind
    cdef object call
    cdef object authenticate
    cdef CallMeter meter


@cython.final
cdef class Lobby:
    cdef Front front
    cdef list methods            # by index of path
    cdef list path_texts         # what front.paths points to
    cdef object buffer           # every read of every connection goes here
    cdef const uint8_t* start
    cdef object plain            # what TLS has opened of it goes here
    cdef const uint8_t* plain_start
    cdef object refusals
    cdef dict serving            # service → status of the health service
    cdef list dirty              # connections with something to send
    cdef readonly set connections
    cdef dict origins            # peer's address → its connections, handshakes included
    cdef readonly int64_t entered_count
    cdef int ends_left           # connections that this turn may still end
    cdef readonly dict sent_away # why → connections
    cdef readonly int64_t connections_max
    cdef readonly int64_t connections_of_address_max
    cdef int64_t idle_ns
    cdef int64_t handshake_ns
    cdef int64_t request_ns
    cdef int64_t answer_ns
    cdef int64_t grace_ns
    cdef int64_t ping_interval_ns
    cdef readonly int64_t age_ns
    cdef int64_t turn_ns_max     # of a turn, beyond which its calls are refused
    cdef int64_t turn            # in which each connection is read once
    cdef const void* connection_read  # the last one
    cdef int64_t turn_calls      # since the last turn that was watched
    cdef int64_t turn_began_ns   # of the one that is watched; 0: none

    cdef int admit(self, int64_t now_ns, const void* connection, int64_t* turn) except -1
    cdef bint may_end(self) noexcept
    cdef int flush_soon(self, connection) except -1
    cpdef int count_sent_away(self, str reason) except -1
