"""How deep a draft cuts: what guard rails ask of a replay, and how far each receipt moves from what was decided."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.backtest.items cimport Item
from altyn.core.outcome cimport Outcome
from altyn.core.rules.ruleset cimport Ruleset

cdef enum:
    STEPS_COUNT = 13           # of the histogram
    WORST_MAX = 20

cdef struct Deep:
    int64_t seq
    int64_t ppm

@cython.final
cdef class Depths:
    # Of one file, begun anew with each.
    cdef int64_t receipt_max_ppm
    cdef int64_t floor_ppm
    cdef Ruleset ruleset
    cdef dict hours                # hour since 1970 → one sum a promotion of the draft
    cdef int64_t steps[STEPS_COUNT]
    cdef int64_t deep_count
    cdef int64_t deepest_ppm
    cdef int64_t low_count
    cdef int64_t lowest_ppm
    cdef int64_t first_us
    cdef int64_t last_us
    cdef Deep worst[WORST_MAX]
    cdef int32_t worst_count

    cdef int begin(self, Ruleset ruleset) except -1
    cdef int look(self, const Item* item, const Outcome* outcome, int64_t business_time_us) except -1
    cdef int keep_worst(self, int64_t seq, int64_t ppm) noexcept
    cdef int spend(self, const Item* item, const Outcome* outcome, int64_t hour) except -1
