"""TLS of one connection, over bytes in memory: the connection reads and sends, here they are opened and sealed.

asyncio's own TLS reads on until there is an exception, keeps what is sealed until everybody has been read, and has a
transport of its own between; that costs a call more than the cryptography. Here a read is opened record by record as
long as there are bytes, and what there is to say is sealed at once. Settings, certificates and hands are Python's
`ssl`, as before. Invariants: what raises SSLError has left an alert to be sent and is of no use any more; nothing is
sealed before hands are shaken. Never here: the socket, who the peer is.
"""

cimport cython
from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t

from ssl import MemoryBIO, SSLError, SSLWantReadError

cdef enum:
    RECORD_BYTES = 16 << 10


@cython.final
cdef class Secured:
    """The server's side. `context`: an ssl.SSLContext."""

    def __init__(self, context):
        self.incoming, self.outgoing = MemoryBIO(), MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    cdef int take(self, came) except -1:
        """Bytes of the peer."""
        self.incoming.write(came)
        return 0

    cdef bint shake(self) except -1:
        """Go on shaking hands; True when they are shaken. SSLError: they never will be."""
        try:
            self.session.do_handshake()
        except SSLWantReadError:
            return False
        return True

    cdef Py_ssize_t open(self, into) except -2:
        """Open what came into a view that has room for a read and a record: how many bytes; -1: the peer has ended.

        SSLError: it is not what the peer has sealed.
        """
        cdef Py_ssize_t used = 0, size
        # A record that is cut short is kept by the session: what it has taken does not wait here.
        while self.incoming.pending:
            try:
                size = self.session.read(RECORD_BYTES, into[used:] if used else into)
            except SSLWantReadError:
                break
            if size == 0:
                return used or -1
            used += size
        return used

    cdef bytes seal(self, const uint8_t* start, Py_ssize_t size):
        """These bytes, and whatever TLS itself has to say."""
        view = PyMemoryView_FromMemory(<char*>start, size, PyBUF_READ)
        cdef Py_ssize_t done = self.session.write(view)
        while done < size:
            done += self.session.write(view[done:])
        return self.outgoing.read()

    cdef bytes to_send(self):
        """What TLS itself has to say; empty: nothing."""
        return self.outgoing.read() if self.outgoing.pending else b""

    cdef bytes farewell(self):
        """That nothing more will come from us."""
        try:
            self.session.unwrap()
        except SSLError:
            pass  # it has not said the same yet, or still says something else
        return self.outgoing.read()
