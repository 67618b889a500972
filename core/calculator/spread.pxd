"""Putting an amount on units: the one place where money changes."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.work cimport CalcGroup, Run, Work
from altyn.core.money cimport price_times, rate_of

cdef inline int64_t unit_floor(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil:
    """The lowest running price of a unit under the rule being applied (semantics §6.4, §6.11.16)."""
    cdef int64_t floor = work.floors.least_minor, other
    if group.min_price_minor > 0:
        if group.below_minimum:
            return run.gross_minor
        other = price_times(group.min_price_minor, run.qty_milli)
        floor = other if other > floor else floor
    if not work.floors.given:
        return run.gross_minor if floor > run.gross_minor else floor
    if work.floors.price_minor >= 0:
        other = price_times(work.floors.price_minor, run.qty_milli)
        floor = other if other > floor else floor
    if work.floors.rate_ppm >= 0:
        other = rate_of(run.gross_minor, work.floors.rate_ppm)
        floor = other if other > floor else floor
    if work.floors.cost and group.cost_minor >= 0:
        other = price_times(group.cost_minor, run.qty_milli)
        floor = other if other > floor else floor
    return run.gross_minor if floor > run.gross_minor else floor

cdef inline int64_t unit_room(const Work* work, const CalcGroup* group, const Run* run) noexcept nogil:
    """What may still be taken from a unit."""
    cdef int64_t room = run.running_minor - unit_floor(work, group, run)
    return room if room > 0 else 0

cdef inline int64_t take_each(Work* work, CalcGroup* group, int32_t number, int64_t amount) noexcept nogil:
    """Take an amount from every unit of a run, as far as there is room; what floors refuse is noted. What was taken."""
    cdef const Run* run = &work.runs[number]
    cdef int64_t room = unit_room(work, group, run)
    if amount > room:
        work.refused_minor += (amount - room) * run.count
        amount = room
    take(work, group, number, amount, 0)
    return amount * run.count

cdef inline int64_t group_room(const Work* work, const CalcGroup* group) noexcept nogil:
    """What may still be taken from the units of a group."""
    cdef int64_t room = 0
    cdef int32_t number = group.first_run
    cdef const Run* run
    while number >= 0:
        run = &work.runs[number]
        room += unit_room(work, group, run) * run.count
        number = run.next
    return room

cdef void keep_state(Work* work, CalcGroup* group, int32_t number) noexcept nogil
cdef void split_run(Work* work, CalcGroup* group, int32_t number, int32_t count) noexcept nogil
cdef void write_applied(Work* work, int32_t number, int64_t amount) noexcept nogil
cdef int64_t settle_refusing(Work* work, CalcGroup* group, int32_t count, int64_t amount) noexcept nogil
cdef int64_t settle_filling(Work* work, CalcGroup* group, int32_t count, int64_t amount) noexcept nogil
cdef void take(Work* work, CalcGroup* group, int32_t run, int64_t each, int64_t extra) noexcept nogil
cdef int64_t spread_refusing(Work* work, CalcGroup* group, int64_t amount) noexcept nogil
cdef int64_t spread_filling(Work* work, CalcGroup* group, int64_t amount) noexcept nogil
cdef int64_t spread_over_groups(Work* work, int64_t amount, int32_t count) noexcept nogil
