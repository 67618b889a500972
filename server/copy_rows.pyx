"""One batch of journal rows as bytes for ``COPY … (FORMAT binary)``.

A row is laid out once, as it is appended; nothing is built per row in Python. The order of columns is COLUMNS. The batch is
sent again as it is when a commit's outcome is unknown, so nothing may be added after it was closed.
"""
cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

COLUMNS = ("seq", "epoch", "instant_us", "shard", "kind", "op_id", "receipt_key", "natural_key", "hash", "body", "original_key")

cdef bytes HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
cdef bytes TRAILER = b"\xff\xff"
# 2 for the column count, 11 × 4 for the sizes, and the numbers and keys themselves.
cdef enum:
    ROW_BYTES = 2 + 11 * 4 + 8 * 3 + 2 * 2 + 16 * 4 + 32


@cython.final
cdef class CopyRows:
    """A growing batch; a buffer once closed. `last_hash` is the chain hash of its last row."""

    def __cinit__(self, Py_ssize_t room=65536):
        self.make_room(max(room, 4096))
        self.put(PyBytes_AS_STRING(HEADER), len(HEADER))

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

    def add(self, int64_t seq, int64_t epoch, int64_t instant_us, int shard, int kind, bytes op_id not None,
            bytes receipt_key, bytes natural_key, bytes hash not None, bytes body not None, bytes original_key=None):
        """One row. op_id and the three keys are 16 bytes, a key may be None; hash is 32 bytes."""
        cdef Py_ssize_t size = len(body)
        assert not self.is_closed and self.exports == 0, "a closed batch is never changed"
        if len(op_id) != 16 or len(hash) != 32 or size > 0x3FFFFFFF:
            raise ValueError("op_id must be 16 bytes, hash 32 bytes, body below 1 GiB")
        for key in (receipt_key, natural_key, original_key):
            if key is not None and len(key) != 16:
                raise ValueError("a key is 16 bytes or None")
        self.make_room(ROW_BYTES + size + len(TRAILER))
        self.put_number(11, 2)
        for value, width in ((seq, 8), (epoch, 8), (instant_us, 8), (shard, 2), (kind, 2)):
            self.put_number(width, 4)
            self.put_number(value, width)
        for key in (op_id, receipt_key, natural_key, hash, body, original_key):
            if key is None:
                self.put_number(-1, 4)
            else:
                self.put_number(len(key), 4)
                self.put(PyBytes_AS_STRING(key), len(key))
        if self.count == 0:
            self.first_seq = seq
        self.last_seq = seq
        self.last_hash = hash
        self.count += 1

    def close(self):
        """End the batch; further calls change nothing."""
        if not self.is_closed:
            self.make_room(len(TRAILER))
            self.put(PyBytes_AS_STRING(TRAILER), len(TRAILER))
            self.is_closed = True

    def __len__(self):
        """Bytes so far."""
        return self.used

    def __getbuffer__(self, Py_buffer* view, int flags):
        assert self.is_closed, "only a closed batch is read"
        PyBuffer_FillInfo(view, self, self.data, self.used, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1
