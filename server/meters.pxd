"""Layout of the call meters, for doors that are compiled too."""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from * nogil:
    int __builtin_clzll(unsigned long long x)


cdef enum:
    BUCKETS = 42  # below 16 µs; two a doubling up to 2**24 µs; above
    OCTAVE_FIRST = 4
    OCTAVE_LAST = 24


cdef struct Histogram:
    int64_t counts[BUCKETS]
    int64_t sum_ns
    int64_t count


cdef inline int64_t now_ns() noexcept nogil:
    """The clock of every meter."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef inline int bucket_of(int64_t elapsed_ns) noexcept nogil:
    """Which bucket a time falls into: log-linear, so that finding it takes a shift and no search."""
    cdef uint64_t us
    cdef int octave
    if elapsed_ns < 16_000:
        return 0
    us = <uint64_t>elapsed_ns // 1000
    octave = 63 - __builtin_clzll(us)
    if octave >= OCTAVE_LAST:
        return BUCKETS - 1
    return 1 + (octave - OCTAVE_FIRST) * 2 + <int>((us >> (octave - 1)) & 1)


cdef inline void observe(Histogram* histogram, int64_t elapsed_ns) noexcept nogil:
    histogram.counts[bucket_of(elapsed_ns)] += 1
    histogram.sum_ns += elapsed_ns
    histogram.count += 1


cdef list counts_of(const Histogram* histogram)


cdef class TimeMeter:
    cdef Histogram histogram
    cpdef void observe(self, int64_t elapsed_ns) noexcept


cdef class CallMeter:
    cdef Histogram histogram
    cdef readonly str service
    cdef readonly str method
    cdef readonly int64_t started_count
    cdef readonly int64_t ok_count
    cdef readonly dict refused_counts
    cdef readonly dict status_counts
    cpdef int64_t begin(self) noexcept
    cpdef void answered(self, int64_t begun_ns, bytes reply)
    cpdef void refused(self, int64_t begun_ns, str code, str reason)
    cdef void count_status(self, int status, int reason)
