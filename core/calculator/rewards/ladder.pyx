"""The ladder reward (semantics §6.4, §6.11.15): the first unit gets the first rung, the next the second, and so on.

Decides which unit stands on which rung; each is rounded by itself, and what its floor refuses is lost. All eligible units
are one application. Must never compare rungs: 0 is a rung like any other.
"""
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from altyn.core.calculator.set_units cimport (
    Wanted, add_pick, fitting, list_units, off_pick, off_unit, price_of_pick, take_picks,
)
from altyn.core.calculator.work cimport Run
from altyn.core.outcome cimport ROLE_TARGET
from altyn.core.rules.image cimport REPEAT_RUNGS, SetRewardRow


cdef inline void stand(Work* work, int32_t unit, int32_t count, int32_t by, int64_t value) noexcept nogil:
    """The next `count` units of a listed run on one rung."""
    cdef const Run* run = &work.runs[work.eligible[unit].run]
    cdef int32_t number = work.picks_count
    add_pick(work, unit, ROLE_TARGET, count)
    off_pick(work, number, off_unit(by, value, price_of_pick(work, number), run.qty_milli))
    if number > 0 and work.picks[number - 1].unit == unit and work.picks[number - 1].each == work.picks[number].each:
        work.picks[number - 1].count += count
        work.picks_count = number


cdef int64_t give_ladder(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule to its targets; what it gave."""
    cdef const SetRewardRow* reward = &work.rules.set_rewards[rule.detail]
    cdef const int64_t* rungs = &work.rules.numbers[reward.rungs.begin]
    cdef int32_t last = reward.rungs.end - reward.rungs.begin - 1, rung = 0, i, unit, count
    cdef int64_t given = 0, left_milli = work.quantity_left, each_milli
    cdef int32_t standing
    cdef Wanted wanted
    wanted.products = rule.targets
    wanted.role = ROLE_TARGET
    list_units(work, reward, &wanted, 1, False)
    for i in range(work.eligible_count):
        unit = work.ranking[i].place
        each_milli = work.runs[work.eligible[unit].run].qty_milli
        standing = fitting(left_milli, each_milli, work.eligible[unit].left)
        left_milli -= each_milli * standing if left_milli != INT64_MAX else 0
        while standing > 0:
            count = standing if rung == last and not reward.flags & REPEAT_RUNGS else 1
            standing -= count
            stand(work, unit, count, reward.discount_by, rungs[rung])
            if rung < last:
                rung += 1
            elif reward.flags & REPEAT_RUNGS:
                rung = 0
    for i in range(work.picks_count):
        given += work.picks[i].each * work.picks[i].count
    return take_picks(work, 0, work.picks_count, True) if given > 0 else 0
