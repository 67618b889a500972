"""The bundle reward (semantics §6.4, §6.11.13): distinct goods bought together.

Decides which units make a set: parts in written order, each its dearest free units, without looking back. The discount of a
set is rounded once and shared by its units. Must never form a set that costs no less than its goods.
"""
from libc.stdint cimport INT64_MAX, int32_t
from altyn.core.calculator.set_units cimport (
    BY_AMOUNT, BY_PERCENT, WANTED_MAX, Wanted, fitting, is_even, list_units, milli_of_picks, most, pick, price_of_picks, repeat_picks, repeats,
    share_over_picks, take_picks,
)
from altyn.core.money cimport rate_of
from altyn.core.outcome cimport ROLE_QUALIFIER, ROLE_TARGET
from altyn.core.rules.image cimport PartRow, SetRewardRow, TO_TARGETS


cdef int64_t off_set(const Work* work, const SetRewardRow* reward) noexcept nogil:
    """The discount of the picked set before floors."""
    if reward.discount_by == BY_PERCENT:
        return rate_of(price_of_picks(work, 0, ROLE_TARGET), reward.value)
    if reward.discount_by == BY_AMOUNT:
        return reward.value
    return price_of_picks(work, 0, ROLE_TARGET | ROLE_QUALIFIER) - reward.value


cdef int64_t give_bundle(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule as often as its parts are there; what it gave."""
    cdef const SetRewardRow* reward = &work.rules.set_rewards[rule.detail]
    cdef const PartRow* parts = &work.rules.parts[reward.parts.begin]
    cdef Wanted[WANTED_MAX] wanted
    cdef int32_t[WANTED_MAX] cursors
    cdef int32_t count = reward.parts.end - reward.parts.begin, left = most(work, reward), times, i
    cdef int64_t given = 0, off, milli, left_milli = work.quantity_left
    for i in range(count):
        wanted[i].products = parts[i].targets
        wanted[i].role = ROLE_QUALIFIER if reward.flags & TO_TARGETS and not parts[i].is_target else ROLE_TARGET
        cursors[i] = 0
    list_units(work, reward, wanted, count, False)
    while left > 0:
        work.picks_count = 0
        for i in range(count):
            if pick(work, 1 << i, 0, wanted[i].role, parts[i].quantity, &cursors[i]) < parts[i].quantity:
                return given
        off = off_set(work, reward)
        milli = milli_of_picks(work, 0)
        if off <= 0 or milli > left_milli or share_over_picks(work, 0, off) == 0:
            return given
        times = repeats(work, 0, fitting(left_milli, milli, left) if is_even(work, 0) else 1)
        repeat_picks(work, 0, times)
        given += take_picks(work, 0, work.picks_count, True)
        left -= times
        work.formed_count += times
        left_milli -= milli * times if left_milli != INT64_MAX else 0
    return given
