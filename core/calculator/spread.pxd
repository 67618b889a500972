"""Putting an amount on units: the one place where money changes."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport CalcGroup, Run, Work

cdef int64_t special_floor(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil
cdef int64_t room_of_runs(const Work* work, const CalcGroup* group) noexcept nogil

cdef inline int64_t unit_floor(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil:
    """The lowest running price of a unit under the rule being applied (semantics §6.4, §6.11.16)."""
    cdef int64_t least = work.floors.least_minor
    if group.min_price_minor > 0 or work.floors.given:
        return special_floor(work, group, run)
    return run.gross_minor if least > run.gross_minor else least

cdef inline int64_t unit_room(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil:
    """What may still be taken from a unit."""
    cdef int64_t room = run.running_minor - unit_floor(work, group, run)
    return room if room > 0 else 0

cdef inline int64_t take_each(Work* work, CalcGroup* group, int32_t number, int64_t amount) noexcept nogil:
    """Take an amount from every unit of a run, as far as there is room; what was taken."""
    cdef const Run* run = &work.runs[number]
    cdef int64_t room = unit_room(work, group, run)
    amount = amount if amount < room else room
    take(work, group, number, amount, 0)
    return amount * run.count

cdef inline int64_t group_room(const Work* work, const CalcGroup* group) noexcept nogil:
    """What may still be taken from the units of a group, which has some."""
    cdef const Run* run = &work.runs[group.first_run]
    cdef int64_t room = run.running_minor
    if run.next >= 0 or work.floors.given or group.min_price_minor > 0:
        return room_of_runs(work, group)
    room -= work.floors.least_minor if work.floors.least_minor < run.gross_minor else run.gross_minor
    return room * run.count if room > 0 else 0

cdef void keep_state(Work* work, CalcGroup* group, int32_t number) noexcept nogil
cdef void split_run(Work* work, CalcGroup* group, int32_t number, int32_t count) noexcept nogil
cdef void write_applied(Work* work, int32_t number, int64_t amount) noexcept nogil
cdef int64_t settle_refusing(Work* work, CalcGroup* group, int32_t count, int64_t weights, int64_t amount) noexcept nogil
cdef int64_t settle_filling(Work* work, CalcGroup* group, int32_t count, int64_t amount) noexcept nogil
cdef void take(Work* work, CalcGroup* group, int32_t run, int64_t each, int64_t extra) noexcept nogil
cdef int64_t spread_refusing(Work* work, CalcGroup* group, int64_t amount) noexcept nogil
cdef int64_t spread_filling(Work* work, CalcGroup* group, int64_t amount) noexcept nogil
cdef int64_t spread_over_groups(Work* work, int64_t amount, int64_t weights, int64_t room,
                                int32_t count) noexcept nogil
