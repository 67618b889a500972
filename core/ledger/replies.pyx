"""Body of the ring of recent replies. Decides nothing; a reply that does not fit is simply not kept."""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from altyn.core.ledger.key_table cimport KeySlot, keys_find, keys_free, keys_put, keys_remove, keys_start


cdef inline int64_t whole(int64_t size) noexcept nogil:
    """Bytes a reply takes, its head among them; a multiple of 32, so that a head always fits before the end."""
    return (<int64_t>sizeof(Reply) + size + 31) & ~(<int64_t>31)


@cython.final
cdef class Replies:
    """bytes_max: size of the ring; kept_us: how long a reply is kept at most; seed: any number, kept from strangers."""

    def __cinit__(self, *, int64_t bytes_max=64 << 20, int64_t kept_us=15 * 60_000_000, uint64_t seed=0):
        if bytes_max < 4096:
            raise ValueError("bytes_max must be at least 4096")
        self.bytes_max = bytes_max & ~(<int64_t>31)
        self.kept_us = kept_us
        self.ring = <uint8_t*>malloc(<size_t>self.bytes_max)
        keys_start(&self.by_op_id, seed)
        if self.ring == NULL:
            raise MemoryError

    def __dealloc__(self):
        keys_free(&self.by_op_id)
        free(self.ring)

    cdef void drop_oldest(self) noexcept nogil:
        cdef Reply* oldest = <Reply*>(self.ring + self.first)
        cdef KeySlot* slot
        cdef int64_t size = self.bytes_max - self.first if oldest.size < 0 else whole(oldest.size)
        if oldest.size >= 0:
            slot = keys_find(&self.by_op_id, oldest.op_id)
            if slot != NULL and <int64_t>slot.first == self.first:
                keys_remove(&self.by_op_id, oldest.op_id)
        self.used -= size
        self.first += size
        if self.first == self.bytes_max:
            self.first = 0

    cdef const uint8_t* find(self, const uint8_t* op_id, int64_t* size) noexcept nogil:
        """The reply's bytes, or NULL. Valid until the next keep."""
        cdef KeySlot* slot = keys_find(&self.by_op_id, op_id)
        if slot == NULL:
            return NULL
        cdef Reply* reply = <Reply*>(self.ring + <int64_t>slot.first)
        size[0] = reply.size
        return <const uint8_t*>(reply + 1)

    cdef bint keep(self, const uint8_t* op_id, int64_t instant_us, const uint8_t* data, int64_t size) noexcept nogil:
        """Keep a reply; False when it is larger than an eighth of the ring, or memory is short."""
        cdef int64_t wanted = whole(size)
        cdef int64_t at
        cdef Reply* reply
        if size < 0 or wanted > self.bytes_max >> 3:
            return False
        while self.used > 0 and (<Reply*>(self.ring + self.first)).instant_us <= instant_us - self.kept_us:
            self.drop_oldest()
        at = self.first + self.used
        if at >= self.bytes_max:
            at -= self.bytes_max
        if at + wanted > self.bytes_max:
            while self.used > 0 and self.bytes_max - self.used < self.bytes_max - at + wanted:
                self.drop_oldest()
            reply = <Reply*>(self.ring + at)
            reply.size = -1
            reply.instant_us = instant_us
            self.used += self.bytes_max - at
            at = 0
        while self.bytes_max - self.used < wanted:
            self.drop_oldest()
        if not keys_put(&self.by_op_id, op_id, <uint64_t>at, 0):
            return False
        reply = <Reply*>(self.ring + at)
        memcpy(reply.op_id, op_id, 16)
        reply.instant_us = instant_us
        reply.size = size
        memcpy(reply + 1, data, <size_t>size)
        self.used += wanted
        return True

    def put(self, bytes op_id, int64_t instant_us, bytes reply):
        """`keep` for tools and tests."""
        if len(op_id) != 16:
            raise ValueError("op_id must be 16 bytes")
        return bool(self.keep(<const uint8_t*>PyBytes_AS_STRING(op_id), instant_us,
                              <const uint8_t*>PyBytes_AS_STRING(reply), len(reply)))

    def get(self, bytes op_id):
        """The reply's bytes, or None when it is no longer here."""
        cdef int64_t size = 0
        if len(op_id) != 16:
            raise ValueError("op_id must be 16 bytes")
        cdef const uint8_t* found = self.find(<const uint8_t*>PyBytes_AS_STRING(op_id), &size)
        return None if found == NULL else PyBytes_FromStringAndSize(<const char*>found, <Py_ssize_t>size)

    def __len__(self):
        return self.by_op_id.count
