"""COPYs of batches, each as one stream: its statement prepared before, the batch's own messages sent as they lie.

A batch is sent as often as PostgreSQL can take one, so what is paid per statement counts: PostgreSQL does not parse the
COPY again, and nothing is copied or awaited here but the end. PostgreSQL rests from its answer until it has something of
the next batch, so what there is of that is sent while the one before is under way; its end goes out from where the answer
is read, and whoever adds records looks for it meanwhile and sends the first batch itself: else it would lie until the loop
has served everybody who is readable. The connection is asyncpg's, which opened it; during a chain of batches its socket
speaks to a CopyExchange. Invariants: a batch is either confirmed by ReadyForQuery without an error, or the chain ends
with an exception; the end of a batch, without which nothing of it is stored, goes out after the one before was confirmed;
what the server says besides, asyncpg is told afterwards. Never here: what an error means.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

import asyncio

import asyncpg

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT, MSG_NOSIGNAL
    ssize_t receive_bytes "recv"(int socket, void* data, size_t size, int flags)
    ssize_t send_bytes "send"(int socket, const void* data, size_t size, int flags)

cdef enum:
    HEAD_BYTES = 5  # of a message: its type, and its length without the type
    ANSWER_BYTES = 4_096
    PIECE_BYTES = 16 << 10  # worth a system call of its own

# Portal "" of a statement without parameters; what follows its name. Then: run the portal.
cdef bytes BIND_REST = bytes(2 + 2 + 2)
cdef bytes EXECUTE = b"E" + (4 + 1 + 4).to_bytes(4, "big") + bytes(1 + 4)
# Of a COPY that was begun early.
cdef bytes FAIL_AND_SYNC = b"f" + (4 + 1).to_bytes(4, "big") + b"\0" + b"S" + (4).to_bytes(4, "big")


cdef inline Py_ssize_t message_bytes(const uint8_t* head) noexcept nogil:
    """Of the message that begins there, its type included."""
    return 1 + (<uint32_t>head[1] << 24 | <uint32_t>head[2] << 16 | <uint32_t>head[3] << 8 | <uint32_t>head[4])


cdef class CopyExchange:
    """COPYs over one connection, one at a time."""

    def __init__(self, connection not None):
        self.connection = connection
        self.owner = connection._protocol
        self.transport = connection._transport
        self.table = ""
        self.answer = bytearray()
        self.told = b""
        plain = self.transport.get_extra_info("socket")
        is_plain = plain is not None and self.transport.get_extra_info("ssl_object") is None
        self.socket = plain.fileno() if is_plain else -1

    async def prepare(self, table, columns):
        """Say where `send` copies to."""
        query = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
        self.statement = await self.connection.prepare(query)
        name = self.statement.get_name().encode()
        bind = b"\0" + name + b"\0" + BIND_REST
        self.head = b"B" + (4 + len(bind)).to_bytes(4, "big") + bind + EXECUTE
        self.table = table

    async def send(self, CopyRows batch not None, double patience_s, confirmed=None):
        """Copy a closed batch, which must not change meanwhile, and those that follow it, until `end`.

        `confirmed(batch)` is called for each as soon as it is durable, from wherever that is found out, and says what is
        copied next: what was sent early, if anything was. None: nothing yet; `go_on_with` says when. Without `confirmed`
        one batch is all.
        asyncpg.PostgresError: the one under way was refused, nothing of it was stored. OSError: the connection is gone;
        TimeoutError: no answer came for so long. Its outcome is then unknown and the connection of no more use, as after a
        cancellation.
        """
        if self.transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self.loop = asyncio.get_running_loop()
        self.patience_s, self.confirmed = patience_s, confirmed
        self.is_ending = confirmed is None
        self.waiter = self.loop.create_future()
        self.early = self.refused = None
        self.answer.clear()
        self.transport.set_protocol(self)
        try:
            self.begin(batch)
            await self.waiter
        finally:
            self.put_off()
            self.waiter = self.confirmed = self.batch = self.early = None
            self.transport.set_protocol(self.owner)
        self.pass_on()
        if self.error is not None:
            raise self.error

    @property
    def is_resting(self):
        """A chain is not over, and nothing is under way."""
        return self.rests()

    cdef bint rests(self) except -1:
        return self.batch is None and self.waiter is not None and not self.waiter.done()

    def go_on_with(self, CopyRows batch not None):
        """Of a chain that rests. What fails, `send` raises."""
        try:
            self.begin(batch)
        except Exception as error:
            self.settle(error)

    def end(self):
        """The chain ends with the batch under way, or now when it rests."""
        self.is_ending = True
        if self.batch is None:
            self.settle(None)

    cdef int put_off(self) except -1:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return 0

    cdef int begin(self, CopyRows batch) except -1:
        cdef Py_ssize_t sent = 0
        self.batch = batch
        self.error = None
        if self.transport.is_closing():
            return self.settle(ConnectionResetError("the connection is closed"))
        self.put_off()
        self.timer = self.loop.call_later(self.patience_s, self.give_up)
        if self.early is None:
            self.deliver(<const uint8_t*>PyBytes_AS_STRING(self.head), PyBytes_GET_SIZE(self.head))
        else:
            assert self.early is batch, "what was begun early comes next"
            self.early, sent = None, self.early_used
        return self.deliver(batch.data + sent, batch.used - sent)

    cpdef int send_early(self, CopyRows batch) except -1:
        """Send what there is of the batch that is still open and comes next, for PostgreSQL to go on with at once."""
        cdef Py_ssize_t sent = 0 if self.early is None else self.early_used
        if batch.used - sent < PIECE_BYTES or self.batch is None or self.is_ending or self.refused is not None:
            return 0
        if self.waiter.done() or not self.goes_straight() or self.transport.is_closing():
            return 0
        if self.early is None:
            self.early = batch
            self.deliver(<const uint8_t*>PyBytes_AS_STRING(self.head), PyBytes_GET_SIZE(self.head))
        assert self.early is batch, "one batch comes next"
        self.early_used = batch.used
        return self.deliver(batch.data + sent, batch.used - sent)

    cdef bint goes_straight(self) except -1:
        """The transport has nothing to send that would have to go first."""
        if self.is_queued:
            self.is_queued = self.transport.get_write_buffer_size() > 0
        return self.socket >= 0 and not self.is_queued

    cdef int deliver(self, const uint8_t* start, Py_ssize_t size) except -1:
        """Straight to the socket while the transport has nothing to send: it would wait for the end of the loop's turn."""
        cdef ssize_t sent = 0
        if self.goes_straight():
            sent = max(<ssize_t>0, send_bytes(self.socket, start, <size_t>size, MSG_DONTWAIT | MSG_NOSIGNAL))
        if sent < size:
            self.is_queued = True
            self.transport.write(PyBytes_FromStringAndSize(<const char*>start + sent, size - sent))
        return 0

    # WHAT HAS COME

    cdef int look(self) except -1:
        """Take the answer if it has come, though the loop has not said so."""
        cdef char[ANSWER_BYTES] come
        cdef ssize_t size
        if self.batch is None or self.waiter.done() or self.socket < 0 or self.transport.is_closing():
            return 0
        size = receive_bytes(self.socket, come, ANSWER_BYTES, MSG_DONTWAIT)
        if size > 0:  # its end, or what is wrong with it, the loop finds out
            self.data_received(PyBytes_FromStringAndSize(come, size))
        return 0

    def data_received(self, bytes data not None):
        if self.waiter is None or self.waiter.done():
            self.told += data  # after the last batch; of one that was given up nobody wants to hear
            return
        self.answer += data
        try:
            if self.is_ready():
                self.go_on()
        except Exception as error:
            self.settle(error)

    cdef int is_ready(self) except -1:
        """Whether PostgreSQL has said all there is to say of the batch; what is said besides is put aside."""
        cdef bytearray answer = self.answer
        cdef Py_ssize_t come = len(answer)
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t size
        cdef const uint8_t* message
        cdef bint is_over = False
        while not is_over and come - at >= HEAD_BYTES:
            message = <const uint8_t*>PyByteArray_AS_STRING(answer) + at
            size = message_bytes(message)
            if come - at < size:
                break
            if message[0] == c"Z":
                is_over = True
            elif message[0] == c"E":
                self.error = error_of(bytes(answer[at + HEAD_BYTES : at + size]))
            elif message[0] == c"S" or message[0] == c"N":
                self.told += bytes(answer[at : at + size])
            at += size
        if is_over and self.early is None:
            self.told += bytes(answer[at:])
            at = come
        if at > 0:
            del answer[:at]
        return is_over

    cdef int go_on(self) except -1:
        """The batch is over: with the next one, unless it was refused."""
        cdef CopyRows following = None
        self.pass_on()
        if self.early is not None and self.error is not None:  # PostgreSQL has begun the next one: it is taken back first
            self.early, self.refused = None, self.error
            return self.deliver(<const uint8_t*>PyBytes_AS_STRING(FAIL_AND_SYNC), PyBytes_GET_SIZE(FAIL_AND_SYNC))
        if self.refused is not None:
            self.error = self.refused
        if self.error is None and self.confirmed is not None:
            following = self.confirmed(self.batch)
        if following is not None:
            return self.begin(following)
        assert self.early is None, "what was begun early comes next"
        self.batch = None
        self.put_off()
        return self.settle(None) if self.is_ending or self.error is not None else 0

    cdef int pass_on(self) except -1:
        cdef bytes told = self.told
        if told:
            self.told = b""
            self.owner.data_received(told)
        return 0

    def connection_lost(self, error):
        self.owner.connection_lost(error)
        self.settle(error or self.error or ConnectionResetError("PostgreSQL closed the connection"))

    def give_up(self):
        """The patience is over."""
        self.settle(TimeoutError(f"PostgreSQL was silent for {self.patience_s} s"))

    def eof_received(self):
        return False

    def pause_writing(self):
        self.owner.pause_writing()

    def resume_writing(self):
        self.owner.resume_writing()

    cdef int settle(self, error) except -1:
        if self.waiter is not None and not self.waiter.done():
            if error is None:
                self.waiter.set_result(None)
            else:
                self.waiter.set_exception(error)
        return 0


cdef object error_of(bytes fields):
    """The exception that stands for an ErrorResponse: fields of one letter and a text each."""
    told = {chr(field[0]): field[1:].decode("utf-8", "replace") for field in fields.split(b"\0") if field}
    return asyncpg.PostgresError.new(told)
