"""From a key's hash to record numbers: open addressing that grows a little at every addition.

An index knows no keys: it yields the numbers of records whose 32-bit hash is equal, and the caller compares keys. One hash
may have many numbers. Invariants: a number once added is always found; a number may be yielded twice (while the index
grows, an entry can lie in both tables), so callers that count matches compare numbers. Nothing is ever removed: a caller
that forgets a key marks its record. Growing costs a few moves per addition and never one long pause.
"""
cimport cython
from libc.stdint cimport int32_t, uint32_t, uint64_t
from altyn.core.facts.memory cimport prefetch

cdef enum:
    INDEX_SLOTS_MIN = 64
    INDEX_MOVES = 8              # old slots moved per addition while growing

cdef struct Slot:
    uint32_t hash
    uint32_t number              # record number + 1; 0: empty

cdef struct Index:
    Slot* slots
    uint64_t mask
    uint64_t count
    Slot* old                    # the former table until all of it is moved, else NULL
    uint64_t old_mask
    uint64_t moved               # old slots below this are in `slots` too

cdef struct Probe:
    const Slot* slots
    uint64_t mask
    uint64_t position
    const Slot* then_slots       # searched next, or NULL
    uint64_t then_mask
    uint32_t hash

cdef inline Probe index_probe(const Index* index, uint32_t hash) noexcept nogil:
    cdef Probe probe
    probe.slots = index.slots
    probe.mask = index.mask
    probe.position = hash & index.mask
    probe.then_slots = index.old
    probe.then_mask = index.old_mask
    probe.hash = hash
    return probe

cdef inline void index_expect(const Index* index, uint32_t hash) noexcept nogil:
    """Have the place fetched where a probe of this hash begins."""
    prefetch(&index.slots[hash & index.mask])

cdef inline bint index_next(Probe* probe, uint32_t* number) noexcept nogil:
    """The next record number of the probe's hash; False when there is none."""
    cdef Slot slot
    while probe.slots != NULL:
        slot = probe.slots[probe.position]
        probe.position = (probe.position + 1) & probe.mask
        if slot.number == 0:
            probe.slots = probe.then_slots
            probe.mask = probe.then_mask
            probe.position = probe.hash & probe.then_mask
            probe.then_slots = NULL
        elif slot.hash == probe.hash:
            number[0] = slot.number - 1
            return True
    return False

cdef void index_init(Index* index) noexcept nogil
cdef int index_add(Index* index, uint32_t hash, uint32_t number) except -1   # MemoryError
cdef void index_free(Index* index) noexcept nogil
cdef size_t index_bytes(const Index* index) noexcept nogil

cdef uint32_t hash_bytes(const char* data, int32_t size) noexcept nogil
@cython.overflowcheck(False)
cdef inline uint32_t hash_number(uint64_t value) noexcept nogil:
    """Hash of a number: every bit of the result depends on every bit of it."""
    value = (value ^ (value >> 30)) * <uint64_t>0xBF58476D1CE4E5B9ULL
    value = (value ^ (value >> 27)) * <uint64_t>0x94D049BB133111EBULL
    return <uint32_t>(value ^ (value >> 31))
