"""One batch of journal rows as the messages of ``COPY … (FORMAT binary)`` that a client sends: a CopyData each, then CopyDone and Sync.

A row is chained and laid out once, as it is appended; nothing is built per row in Python. A message per row, for PostgreSQL reads a
message whole: small ones stay in its memory's hot part. The order of columns is COLUMNS. The batch is sent again as it is when a
commit's outcome is unknown, so nothing may be added after it was closed.
"""
cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from altyn.core.engine.answers cimport Record
from altyn.core.ledger.chain cimport chain_bytes

COLUMNS = ("seq", "epoch", "instant_us", "shard", "kind", "op_id", "receipt_key", "natural_key", "hash", "body", "original_key")

cdef bytes HEADER = b"d" + (4 + 19).to_bytes(4, "big") + b"PGCOPY\n\xff\r\n\x00" + bytes(8)
cdef bytes TRAILER = b"d" + (4 + 2).to_bytes(4, "big") + b"\xff\xff" + b"c" + (4).to_bytes(4, "big") + b"S" + (4).to_bytes(4, "big")
# 5 for the message, 2 for the column count, 11 × 4 for the sizes, and the numbers and keys themselves.
cdef enum:
    COLUMNS_COUNT = 11
    KEY_BYTES = 16
    HASH_BYTES = 32
    HEADER_BYTES = 24
    TRAILER_BYTES = 17
    MESSAGE_BYTES = 5
    ROW_BYTES = MESSAGE_BYTES + 2 + COLUMNS_COUNT * 4 + 8 * 3 + 2 * 2 + KEY_BYTES * 4 + HASH_BYTES


cdef int check_key(bytes key) except -1:
    if key is not None and len(key) != KEY_BYTES:
        raise ValueError("a key is 16 bytes or None")
    return 0


@cython.final
cdef class CopyRows:
    """A growing batch; a buffer once closed. `last_hash` is the chain hash of its last row."""

    def __cinit__(self, Py_ssize_t room=65536):
        self.make_room(max(room, 4096))
        self.put(PyBytes_AS_STRING(HEADER), HEADER_BYTES)

    def __dealloc__(self):
        free(self.data)

    cdef int make_room(self, Py_ssize_t extra) except -1:
        cdef Py_ssize_t room = self.room
        cdef uint8_t* grown
        if self.used + extra > room:
            room = 2 * room + extra
            grown = <uint8_t*>realloc(self.data, <size_t>room)
            if grown == NULL:
                raise MemoryError
            self.data = grown
            self.room = room
        return 0

    cdef void put(self, const void* data, Py_ssize_t size) noexcept nogil:
        memcpy(self.data + self.used, data, <size_t>size)
        self.used += size

    cdef void put_number(self, int64_t value, int size) noexcept nogil:
        """A number of so many bytes, big-endian."""
        cdef int i
        for i in range(size):
            self.data[self.used + i] = <uint8_t>((value >> (8 * (size - 1 - i))) & 0xFF)
        self.used += size

    cdef void put_message(self, Py_ssize_t begun) noexcept nogil:
        """The head of the CopyData that begins there and ends here."""
        cdef Py_ssize_t end = self.used
        self.used = begun
        self.put(b"d", 1)
        self.put_number(end - begun - 1, 4)
        self.used = end

    cdef void put_key(self, bytes key) noexcept:
        """16 bytes, or NULL for None."""
        if key is None:
            self.put_number(-1, 4)
        else:
            self.put_number(KEY_BYTES, 4)
            self.put(PyBytes_AS_STRING(key), KEY_BYTES)

    def add(self, Record record not None, int64_t epoch, int shard, bytes previous not None):
        """One row; `previous` is the chain hash of the row before, the answer that of this one.

        ValueError: a key has not 16 bytes, or the body has a gigabyte; nothing was added.
        """
        return self.add_row(record, epoch, shard, previous)

    cdef bytes add_row(self, Record record, int64_t epoch, int shard, bytes previous):
        cdef Py_ssize_t size = len(record.body)
        cdef Py_ssize_t begun
        cdef uint8_t chained[HASH_BYTES]
        assert not self.is_closed and self.exports == 0, "a closed batch is never changed"
        check_key(record.op_id)
        check_key(record.receipt_key)
        check_key(record.natural_key)
        check_key(record.original_key)
        if record.op_id is None or len(previous) != HASH_BYTES or size > 0x3FFFFFFF:
            raise ValueError("op_id must be 16 bytes, hash 32 bytes, body below 1 GiB")
        self.make_room(ROW_BYTES + size + TRAILER_BYTES)
        chain_bytes(<const uint8_t*>PyBytes_AS_STRING(previous), record.seq, epoch, PyBytes_AS_STRING(record.body), <size_t>size, chained)
        begun = self.used
        self.used += MESSAGE_BYTES
        self.put_number(COLUMNS_COUNT, 2)
        self.put_number(8, 4)
        self.put_number(record.seq, 8)
        self.put_number(8, 4)
        self.put_number(epoch, 8)
        self.put_number(8, 4)
        self.put_number(record.instant_us, 8)
        self.put_number(2, 4)
        self.put_number(shard, 2)
        self.put_number(2, 4)
        self.put_number(record.kind, 2)
        self.put_key(record.op_id)
        self.put_key(record.receipt_key)
        self.put_key(record.natural_key)
        self.put_number(HASH_BYTES, 4)
        self.put(chained, HASH_BYTES)
        self.put_number(size, 4)
        self.put(PyBytes_AS_STRING(record.body), size)
        self.put_key(record.original_key)
        self.put_message(begun)
        if self.count == 0:
            self.first_seq = record.seq
        self.last_seq = record.seq
        self.last_hash = PyBytes_FromStringAndSize(<char*>chained, HASH_BYTES)
        self.count += 1
        return self.last_hash

    def close(self):
        """End the batch; further calls change nothing."""
        if not self.is_closed:
            self.make_room(TRAILER_BYTES)
            self.put(PyBytes_AS_STRING(TRAILER), TRAILER_BYTES)
            self.is_closed = True

    cdef Py_ssize_t end_bytes(self) noexcept:
        """How many of its bytes closing has added."""
        return TRAILER_BYTES if self.is_closed else 0

    cdef bint clear(self) noexcept:
        """Empty and open again, in the same memory. False, and unchanged, while somebody reads it."""
        if self.exports > 0:
            return False
        self.used = HEADER_BYTES
        self.count = 0
        self.is_closed = False
        return True

    def __len__(self):
        """Bytes so far."""
        return self.used

    def __getbuffer__(self, Py_buffer* view, int flags):
        assert self.is_closed, "only a closed batch is read"
        PyBuffer_FillInfo(view, self, self.data, self.used, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1
