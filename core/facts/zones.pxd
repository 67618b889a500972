"""Wall clocks of IANA zones, from tables of offset changes given as plain numbers.

The tables come from the pinned time-zone data, read outside the core, and span 2015 to 2045; before the first change the
first offset holds, after the last change the last. Invariant: a zone's number never changes and its table is given once.
It must never ask the system for the time or for its own zone.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t

cdef enum:
    ZONES_MAX = 1_024
    CHANGES_MAX = 4_096          # offset changes of one zone

cdef struct Zone:
    int64_t* changes_us          # UTC instants, ascending
    int64_t* offsets_us          # one more than changes: offsets_us[i] holds before changes_us[i]
    int32_t changes_count

@cython.final
cdef class Zones:
    cdef Zone _zones[ZONES_MAX]
    cdef int32_t _zones_count
    cdef dict _numbers
    cdef list _names             # as bytes, by number; kept as long as the zones

    # QUERIES; `zone` is a number that `define` gave
    cdef int32_t _changes_until(self, int32_t zone, int64_t instant_us) noexcept nogil
    cdef int _check(self, int32_t zone) except -1
    cdef int64_t offset_us(self, int32_t zone, int64_t instant_us) noexcept nogil
    # The wall clock at an instant, and the forward jump nearest to it within two days, if any: wall times in
    # [gap_from_wall_us, gap_from_wall_us + gap_us) do not exist (semantics §6.11.27). gap_us = 0: none.
    cdef void wall_clock(self, int32_t zone, int64_t instant_us, int64_t* wall_us, int64_t* gap_from_wall_us,
                         int64_t* gap_us) noexcept nogil
    # The instant at which the wall clock shows `wall_us`: the first of two passes; inside a gap the moment moved forward
    # by the gap.
    cdef int64_t instant_us(self, int32_t zone, int64_t wall_us) noexcept nogil

    cpdef str name(self, int32_t zone)
    cdef bytes name_bytes(self, int32_t zone)
    cpdef object wall_clock_at(self, int32_t zone, int64_t instant)
