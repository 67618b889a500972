"""Layout of the call meters, for doors that are compiled too."""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from * nogil:
    """
    #include <stdint.h>
    /* 2**63 times 2**(1/8), 2**(2/8) …, rounded up. */
    static const uint64_t altyn_eighths[7] = {
        0x8b95c1e3ea8bd6e7u, 0x9837f0518db8a970u, 0xa5fed6a9b15138ebu, 0xb504f333f9de6485u,
        0xc5672a115506dadeu, 0xd744fccad69d6af5u, 0xeac0c6e7dd24392fu};
    """
    int __builtin_clzll(unsigned long long x)
    const uint64_t altyn_eighths[7]


cdef enum:
    # Buckets of Prometheus's native histograms of schema 3, eight a doubling, from 2**-16 s (15.3 µs) to 2**4 s (16 s);
    # the first holds what is below, the last what is above.
    SCHEMA = 3
    OCTAVE_FIRST = -16
    OCTAVE_LAST = 4
    BUCKETS = 162


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
    """Which bucket a time falls into: its doubling is a shift, its eighth three comparisons."""
    cdef uint64_t scaled
    cdef int zeros, eighth
    if elapsed_ns < 15_259:
        return 0
    if elapsed_ns >= <int64_t>16 * 1_000_000_000:
        return BUCKETS - 1
    # In units of 2**-34 s: × 2**34 / 10**9.
    scaled = (<uint64_t>elapsed_ns * 576_460_752u) >> 25
    zeros = __builtin_clzll(scaled)
    scaled <<= zeros
    eighth = 4 if scaled >= altyn_eighths[3] else 0
    eighth += 2 if scaled >= altyn_eighths[eighth + 1] else 0
    eighth += 1 if scaled >= altyn_eighths[eighth] else 0
    return 1 + (63 - 34 - zeros - OCTAVE_FIRST) * 8 + eighth


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
