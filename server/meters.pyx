"""Counts and latencies of calls, kept where the calls are: a few increments of C integers each, no lock, no label look-up.

Whoever scrapes reads them later (server/metrics.py). Invariants: one thread writes, the loop's; numbers only grow; the
answered and the refused calls together are the ones in the histogram. Never here: what a metric is called.
"""

import cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

cdef enum:
    STATUS_TAG = 0x08  # field 1, varint
    REASON_TAG = 0x10  # field 2, varint
    STATUS_OK = 1


def monotonic_ns() -> int:
    """The clock of every meter."""
    return now_ns()


def clock_us() -> int:
    """The server's clock, UTC microseconds."""
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1_000_000 + now.tv_nsec // 1_000


def time_scale() -> tuple[int, int, int]:
    """Of every histogram here: schema, and the powers of two, of a second, its buckets begin and end with."""
    return SCHEMA, OCTAVE_FIRST, OCTAVE_LAST


cdef inline int read_verdict(bytes reply, int* reason) noexcept:
    """The status that a reply begins with; STATUS_OK where it begins with none."""
    cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(reply)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(reply)
    if size < 2 or at[0] != STATUS_TAG or at[1] == STATUS_OK:
        return STATUS_OK
    if size >= 4 and at[2] == REASON_TAG:
        reason[0] = at[3] & 0x7F
        if at[3] >= 0x80 and size >= 5:
            reason[0] |= (at[4] & 0x7F) << 7
    return at[1]


def verdict_of(bytes reply not None) -> tuple[int, int]:
    """Status and reason of a reply, 0 for no reason."""
    cdef int reason = 0
    cdef int status = read_verdict(reply, &reason)
    return status, reason


cdef list counts_of(const Histogram* histogram):
    return [histogram.counts[i] for i in range(BUCKETS)]


@cython.final
cdef class TimeMeter:
    """How long something took, again and again."""

    def __cinit__(self):
        memset(&self.histogram, 0, sizeof(Histogram))

    cpdef void observe(self, int64_t elapsed_ns) noexcept:
        observe(&self.histogram, elapsed_ns)

    @property
    def counts(self):
        """Observations by bucket."""
        return counts_of(&self.histogram)

    @property
    def sum_ns(self):
        return self.histogram.sum_ns


@cython.final
cdef class CallMeter:
    """One method of one door."""

    def __cinit__(self, str service, str method):
        memset(&self.histogram, 0, sizeof(Histogram))
        self.service = service
        self.method = method
        self.refused_counts = {}
        self.status_counts = {}

    cpdef int64_t begin(self) noexcept:
        """A call has come; its begin, to be handed back."""
        self.started_count += 1
        return now_ns()

    cpdef void answered(self, int64_t begun_ns, bytes reply):
        """It was answered with these bytes."""
        cdef int status, reason = 0
        observe(&self.histogram, now_ns() - begun_ns)
        self.ok_count += 1
        status = read_verdict(reply, &reason)
        if status != STATUS_OK:
            self.count_status(status, reason)

    cpdef void refused(self, int64_t begun_ns, str code, str reason):
        """It could not be answered: the gRPC code and the reason, both bounded sets of names."""
        observe(&self.histogram, now_ns() - begun_ns)
        key = (code, reason)
        self.refused_counts[key] = self.refused_counts.get(key, 0) + 1

    cdef void count_status(self, int status, int reason):
        key = (status, reason)
        self.status_counts[key] = self.status_counts.get(key, 0) + 1

    @property
    def counts(self):
        """Calls by bucket of their latency."""
        return counts_of(&self.histogram)

    @property
    def sum_ns(self):
        return self.histogram.sum_ns
