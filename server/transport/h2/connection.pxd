"""The connection's side of a call: see the body."""

cimport cython
from libc.stdint cimport int64_t, uint8_t

from altyn.server.transport.h2.lobby cimport Lobby, Method
from altyn.server.transport.h2.peer cimport Peer
from altyn.server.transport.h2.secured cimport Secured
from altyn.server.transport.h2.stream cimport Stream

@cython.final
cdef class Waiting:
    cdef Connection connection
    cdef Stream* stream          # NULL: the caller has left, or was answered
    cdef Method method
    cdef object future
    cdef bytes request
    cdef object scope
    cdef int64_t begun_ns

    cdef int leave(self, str code, str reason) except -1


cdef class Connection:
    cdef Peer peer
    cdef Lobby lobby
    cdef str origin              # where the peer has entered the lobby from
    cdef readonly bint is_made
    cdef object transport
    cdef int socket              # what is sent straight to; -1: all goes through the transport
    cdef object context          # of TLS; None: plaintext
    cdef Secured secured         # None: plaintext, or it was lost
    cdef bint is_open            # HTTP/2 is spoken: there is no TLS, or hands are shaken
    cdef bint is_queued          # the transport was given what the socket had no room for
    cdef bytes authorization     # of the last call, and what authenticate is given for it
    cdef tuple metadata
    cdef object certificate      # the peer's, as TLS has verified it; None: it showed none
    cdef bint is_paused          # the transport has enough to send
    cdef bint is_over            # nothing is read or sent any more
    cdef bint is_draining
    cdef bint is_dirty
    cdef bint has_said_goodbye   # the GOAWAY that names the last call
    cdef int64_t made_ns
    cdef int64_t used_ns         # when the last call began
    cdef int64_t turn            # of the lobby, in which the last call began
    cdef int64_t paused_ns
    cdef int64_t drain_ns
    cdef int64_t over_ns
    cdef int64_t dropped_bytes   # since then
    cdef int64_t ends_ns         # when it has reached its age

    cdef int open(self) except -1
    cdef Py_ssize_t unsealed(self, Py_ssize_t count) except -1
    cdef int answer_ready(self) except -1
    cdef int begin(self, Stream* stream) except -1
    cdef int begin_health(self, Stream* stream, Method method, bytes request) except -1
    cdef tuple metadata_of(self, Stream* stream)
    cdef tuple trace_of(self, Stream* stream)
    cdef int wait_for(self, Stream* stream, Waiting waiting, reply) except -1
    cdef int settle(self, Stream* stream, Waiting waiting, future) except -1
    cdef int answer(self, Stream* stream, bytes reply) except -1
    cdef int fail(self, Stream* stream, Method method, int64_t begun_ns, error, bytes request, scope) except -1
    cdef int count_early(self, Stream* stream) except -1
    cdef int refuse(self, Stream* stream, refused) except -1
    cdef int refuse_plainly(self, Stream* stream, int status, bytes message) except -1
    cdef int flush_soon(self) except -1
    cdef int flush(self) except -1
    cdef int send(self, size_t size) except -1
    cdef int deliver(self, const uint8_t* start, size_t size) except -1
    cdef int pass_on(self, bytes sealed) except -1
    cdef int break_tls(self, str reason) except -1
    cdef int reap(self) except -1
    cdef int drop(self, Stream* stream) except -1
    cdef int give_up(self) except -1
    cdef int close(self) except -1
    cpdef int tick(self, int64_t now_ns) except -1
    cdef int cut(self, str reason) except -1
    cdef int tick_streams(self, int64_t now_ns) except -1
    cpdef int drain(self, int64_t now_ns) except -1
    cpdef int say(self, str service, int status) except -1
    cpdef int abandon(self) except -1
