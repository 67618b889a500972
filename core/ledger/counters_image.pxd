"""The counters as bytes, in one order only: equal books give equal bytes, wherever each counter lies."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from altyn.core.ledger.counters cimport Counters

cdef struct WindowImage:
    # Then its groups.
    int64_t window_day
    int32_t window
    int32_t zero

cdef struct GroupImage:
    # By digest; then so many pairs of subject and used (8 + 8 bytes), by subject. What is held is not in it: the holds say so.
    uint64_t digest
    int64_t count

# The next window from the `window`-th on that has anything used; empty when there are no more.
cdef bytes counters_image(const Counters* counters, uint32_t* window)
# False: the bytes are not such an image. MemoryError. Counters come before the holds, which count into them.
cdef bint load_counters(Counters* counters, const uint8_t* data, int64_t size) except -1
