"""The records that wait for PostgreSQL, as batches ready to be sent: the part of the journal that every call passes.

A record is chained and laid out as it is appended. Invariants: seqs have no gap; a batch stays within its bounds and inside
one partition; what is taken is never changed, and counts as waiting until it is settled; there is no room for what would
wait longer than a caller does, judged by how long the last batches took. Never here: PostgreSQL, or when something is
durable.
"""
from libc.stdint cimport int64_t

from altyn.core.engine.answers cimport Record
from altyn.server.copy_rows cimport CopyRows
from altyn.server.meters cimport now_ns

cdef enum:
    SPARE_BYTES_MAX = 1 << 20
    # So much may always wait: without batches of some size nobody would know that PostgreSQL is well again.
    PROMPT_BYTES = 1 << 20
    TELLING_BYTES = 256 << 10
    LOOK_NS = 50_000


class Overloaded(Exception):
    """The queue is full; nothing was appended. Check `has_room` before applying anything."""


cdef class JournalQueue:
    """Batches hold at most `batch_rows_max` rows and little more than `batch_bytes_max` bytes; `seq` and `hash` end what is stored."""

    def __init__(self, int shard, int64_t epoch, int64_t seq, bytes hash not None, *, int64_t rows_max, int64_t bytes_max,
                 int64_t batch_rows_max, int64_t batch_bytes_max, int64_t partition_rows,
                 int64_t wait_ns_max):
        self.shard = shard
        self.epoch = epoch
        self._seq = seq
        self.hash = hash
        self.closed = []
        self.rows_max = rows_max
        self.bytes_max = bytes_max
        self.batch_rows_max = batch_rows_max
        self.batch_bytes_max = batch_bytes_max
        self.partition_rows = partition_rows
        self.wait_ns_max = wait_ns_max

    @property
    def next_seq(self):
        """The seq the next record must have."""
        return self._seq + 1

    @property
    def has_room(self):
        """False: shed before anything is applied."""
        return (
            self.rows < self.rows_max and self.bytes_used < self.bytes_max and not self._ending
            and (self.bytes_used <= PROMPT_BYTES or (self.bytes_used >> 10) * self.kib_ns <= self.wait_ns_max)
        )

    @property
    def queue_bytes(self):
        """What waits for PostgreSQL."""
        return self.bytes_used

    def append(self, Record record not None):
        """Put a record in the open batch. Overloaded when there is no room, ValueError when it is not `next_seq`."""
        cdef CopyRows batch = self.open
        cdef int64_t size
        if self.rows >= self.rows_max or self.bytes_used >= self.bytes_max or self._ending:
            raise Overloaded(f"{self.rows} records wait for PostgreSQL")
        if record.seq != self._seq + 1:
            raise ValueError(f"record has seq {record.seq}, the journal goes on with {self._seq + 1}")
        if batch is not None and (
            batch.count >= self.batch_rows_max or batch.used >= self.batch_bytes_max or self._seq % self.partition_rows == 0
        ):
            self.closed.insert(0, batch)
            batch = self.open = None
        if batch is None:
            batch, self.spare = self.spare, None
            if batch is None:
                batch = CopyRows()
        size = batch.used if batch.count > 0 else 0
        self.hash = batch.add_row(record, self.epoch, self.shard, self.hash)
        self.open = batch
        self._seq = record.seq
        self.rows += 1
        self.bytes_used += batch.used - size
        if self._wake is not None:
            wake, self._wake = self._wake, None
            wake()
            self.looked_ns = now_ns()
        elif self._exchange is not None:
            self.look()

    cdef int look(self) except -1:
        """PostgreSQL may have answered since the loop's turn began, and wait for the next batch."""
        cdef int64_t looked_ns = now_ns()
        if looked_ns - self.looked_ns > LOOK_NS:
            self.looked_ns = looked_ns
            if self._exchange.rests():
                self._start()
            else:
                self._exchange.look()
                if self._goes_on and self.open is not None and not self.closed:
                    self._exchange.send_early(self.open)
        return 0

    def _start(self):
        """Send what waits, when nothing is under way: the writer's."""
        raise NotImplementedError

    def take_batch(self):
        """The oldest batch, closed; None when nothing waits."""
        cdef CopyRows batch
        if self.closed:
            batch = self.closed.pop()
        else:
            batch, self.open = self.open, None
        if batch is not None:
            batch.close()
        return batch

    def settle(self, CopyRows batch not None, int64_t elapsed_ns):
        """A batch that was taken waits no more; its memory serves another, so nobody may look at it from here on.

        `elapsed_ns`: what PostgreSQL took for it; 0 when that tells nothing of the next.
        """
        cdef int64_t kib_ns = (elapsed_ns << 10) // max(<int64_t>batch.used, <int64_t>1)
        # A small batch is mostly waiting for the disk: it can tell that PostgreSQL is fast, not that it is slow.
        if elapsed_ns > 0 and (batch.used >= TELLING_BYTES or kib_ns < self.kib_ns):
            self.kib_ns = kib_ns if self.kib_ns == 0 else (self.kib_ns + kib_ns) // 2
        self.rows -= batch.count
        self.bytes_used -= batch.used - batch.end_bytes()
        if batch.room <= SPARE_BYTES_MAX and batch.clear():
            self.spare = batch
