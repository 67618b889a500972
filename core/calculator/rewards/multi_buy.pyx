"""The multi-buy reward (semantics §6.4, §6.11.12): of every `take` units only `pay` are paid.

Decides which units make a block and which of them are free. An incomplete block gets nothing; what floors refuse of a block
is lost. Weighted goods join only when lines are counted, each as one unit. Must never move a discount from block to block.
"""
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from altyn.core.calculator.set_units cimport (
    Wanted, fitting, is_even, list_units, listed_units, milli_of_picks, most, off_pick, pick, pick_cheapest, price_of_pick,
    repeat_picks, repeats, share_over_picks, take_picks, unpick,
)
from altyn.core.outcome cimport ROLE_TARGET
from altyn.core.rules.image cimport COUNT_LINES, GLOBAL_CHEAPEST, ON_FREE, SetRewardRow


cdef int64_t price_of_last(const Work* work, int32_t many) noexcept nogil:
    """Price of the `many` units picked last."""
    cdef int64_t price = 0
    cdef int32_t i = work.picks_count - 1, count
    while many > 0:
        count = work.picks[i].count if work.picks[i].count < many else many
        price += price_of_pick(work, i) * count
        many -= count
        i -= 1
    return price


cdef int64_t off_free(Work* work, int32_t begin) noexcept nogil:
    """The whole discount stays on the free units, the picks from `begin`; what was placed."""
    cdef int64_t placed = 0
    cdef int32_t i
    for i in range(begin, work.picks_count):
        placed += off_pick(work, i, price_of_pick(work, i))
    return placed


cdef int64_t give_blocks(Work* work, const SetRewardRow* reward) noexcept nogil:
    """Blocks from the dearest down, in each the cheapest are free."""
    cdef int32_t free = reward.take - reward.pay, blocks = listed_units(work) // reward.take, cursor = 0, times, begin
    cdef int32_t limit = most(work, reward)
    cdef int64_t given = 0, placed, milli, left_milli = work.quantity_left
    blocks = blocks if blocks < limit else limit
    while blocks > 0:
        work.picks_count = 0
        if reward.flags & ON_FREE:
            pick(work, 1, 0, ROLE_TARGET, reward.pay, &cursor)
            begin = work.picks_count
            pick(work, 1, 0, ROLE_TARGET, free, &cursor)
            placed = off_free(work, begin)
        else:
            pick(work, 1, 0, ROLE_TARGET, reward.take, &cursor)
            placed = share_over_picks(work, 0, price_of_last(work, free))
        milli = milli_of_picks(work, 0)
        if milli > left_milli:
            return given
        times = repeats(work, 0, fitting(left_milli, milli, blocks) if is_even(work, 0) else 1)
        repeat_picks(work, 0, times)
        given += take_picks(work, 0, work.picks_count, placed > 0)
        blocks -= times
        work.formed_count += times
        left_milli -= milli * times if left_milli != INT64_MAX else 0
    return given


cdef int32_t pick_ends(Work* work, const SetRewardRow* reward, int32_t blocks) noexcept nogil:
    """Pick the dearest units that so many blocks pay for, and the cheapest, which are free; the first pick of these."""
    cdef int32_t cursor = 0, begin
    pick(work, 1, 0, ROLE_TARGET, blocks * reward.pay, &cursor)
    begin = work.picks_count
    pick_cheapest(work, ROLE_TARGET, blocks * (reward.take - reward.pay))
    return begin


cdef int64_t give_cheapest(Work* work, const SetRewardRow* reward) noexcept nogil:
    """As many free units as all blocks have, the cheapest of all; the middle stays out."""
    cdef int32_t blocks = listed_units(work) // reward.take, free, begin
    cdef int32_t limit = most(work, reward)
    cdef int64_t placed
    blocks = blocks if blocks < limit else limit
    begin = pick_ends(work, reward, blocks)
    while milli_of_picks(work, 0) > work.quantity_left:
        unpick(work, 0)
        blocks -= 1
        begin = pick_ends(work, reward, blocks)
    work.formed_count += blocks
    free = blocks * (reward.take - reward.pay)
    placed = off_free(work, begin) if reward.flags & ON_FREE else share_over_picks(work, 0, price_of_last(work, free))
    return take_picks(work, 0, work.picks_count, placed > 0)


cdef int64_t give_multi_buy(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule to its targets; what it gave."""
    cdef const SetRewardRow* reward = &work.rules.set_rewards[rule.detail]
    cdef Wanted wanted
    wanted.products = rule.targets
    wanted.role = ROLE_TARGET
    list_units(work, reward, &wanted, 1, not reward.flags & COUNT_LINES)
    return give_cheapest(work, reward) if reward.flags & GLOBAL_CHEAPEST else give_blocks(work, reward)
