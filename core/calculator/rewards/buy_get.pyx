"""The buy-and-get reward (semantics §6.4, §6.11.13): for so many units of one set, so many of another are cheaper.

Decides qualifiers and targets of each application: qualifiers outside the set of targets go first, so that targets are
spared. A percent is rounded per calc group over the targets of all applications. Must never use a unit as both at once.
"""
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from altyn.core.calculator.set_units cimport (
    BY_PERCENT, REUSED, Wanted, add_pick, fitting, list_units, milli_of_picks, most, off_pick, off_unit, order_picks, pick,
    price_of_pick, repeat_picks, repeats, run_of, take_picks,
)
from altyn.core.calculator.spread cimport unit_room
from altyn.core.calculator.work cimport Eligible, Pick
from altyn.core.money cimport Share, rate_of, share_out
from altyn.core.outcome cimport ROLE_QUALIFIER, ROLE_TARGET
from altyn.core.rules.image cimport PartRow, REUSABLE_QUALIFIERS, SetRewardRow

cdef enum:
    BUY = 1                    # bit of the set of qualifiers, as listed
    GET = 2


cdef bint pick_qualifiers(Work* work, int32_t quantity, int32_t* cursors) noexcept nogil:
    """Those outside the set of targets before those in it; False when there are not enough."""
    cdef int32_t found = pick(work, BUY, GET, ROLE_QUALIFIER, quantity, &cursors[0])
    return found + pick(work, BUY, 0, ROLE_QUALIFIER, quantity - found, &cursors[1]) == quantity


cdef bint pick_all(Work* work, int64_t left_milli) noexcept nogil:
    """All targets, the dearest first, but for those that a quantity limit leaves no room for; False when there are none."""
    cdef const Eligible* unit
    cdef int64_t each_milli
    cdef int32_t begin = work.picks_count, i, count
    for i in range(work.eligible_count):
        unit = &work.eligible[work.ranking[i].place]
        if unit.left > 0 and unit.sets & GET:
            each_milli = work.runs[unit.run].qty_milli
            count = fitting(left_milli, each_milli, unit.left)
            if count > 0:
                left_milli -= each_milli * count if left_milli != INT64_MAX else 0
                add_pick(work, work.ranking[i].place, ROLE_TARGET, count)
    return work.picks_count > begin


cdef bint pick_targets(Work* work, int32_t quantity, int64_t left_milli, int32_t* cursor) noexcept nogil:
    """So many, or with 0 all there are; False when there are not enough or their quantity is too much."""
    cdef int32_t begin = work.picks_count
    if quantity == 0:
        return pick_all(work, left_milli)
    return pick(work, GET, 0, ROLE_TARGET, quantity, cursor) == quantity and milli_of_picks(work, begin) <= left_milli


cdef void form_applications(Work* work, const SetRewardRow* reward, int32_t buy, int32_t get) noexcept nogil:
    """Pick all applications; equal ones in a row stand together under one number, from 1.

    Qualifiers that may qualify again are the same for all: the first ones stay in front of every unit that a target can
    be. They are picked once.
    """
    cdef bint reusable = reward.flags & REUSABLE_QUALIFIERS
    cdef int32_t[3] cursors
    cdef int32_t begin, i, times, left = most(work, reward) if get > 0 else 1, application = 1
    cdef int64_t left_milli = work.quantity_left, milli
    cursors[0] = cursors[1] = cursors[2] = 0
    if reusable:
        if not pick_qualifiers(work, buy, cursors):
            work.picks_count = 0
            return
        for i in range(work.picks_count):
            work.eligible[work.picks[i].unit].picked = 0
            work.picks[i].application = REUSED
    while left > 0:
        begin = work.picks_count
        if not ((reusable or pick_qualifiers(work, buy, cursors)) and pick_targets(work, get, left_milli, &cursors[2])):
            work.picks_count = begin
            return
        milli = milli_of_picks(work, begin)
        times = repeats(work, begin, fitting(left_milli, milli, left))
        repeat_picks(work, begin, times)
        for i in range(begin, work.picks_count):
            work.picks[i].application = application
        application += 1
        left -= times
        work.formed_count += times
        left_milli -= milli * times if left_milli != INT64_MAX else 0


cdef void give_in_group(Work* work, int32_t begin, int32_t end, int64_t rate_ppm) noexcept nogil:
    """The percent of pick_order[begin:end], the targets of one calc group; what a floor refuses is lost."""
    cdef int64_t price = 0, amount, room
    cdef const Eligible* unit
    cdef Pick* picked
    cdef Share* share
    cdef int32_t i
    for i in range(begin, end):
        share = &work.unit_shares[i - begin]
        share.weight = price_of_pick(work, work.pick_order[i].place)
        share.count = work.picks[work.pick_order[i].place].count
        price += share.weight * share.count
    amount = rate_of(price, rate_ppm)
    share_out(amount, work.unit_shares, end - begin, False, work.share_order)
    for i in range(begin, end):
        share = &work.unit_shares[i - begin]
        picked = &work.picks[work.pick_order[i].place]
        unit = &work.eligible[picked.unit]
        room = unit_room(work, &work.groups[unit.group], &work.runs[unit.run])
        picked.each = share.amount if share.amount < room else room
        picked.extra = share.extra if share.amount < room else 0


cdef void give_percents(Work* work, int64_t rate_ppm) noexcept nogil:
    cdef int32_t count = order_picks(work, 0), begin = 0, end, group
    while begin < count:
        group = work.eligible[work.picks[work.pick_order[begin].place].unit].group
        end = begin + 1
        while end < count and work.eligible[work.picks[work.pick_order[end].place].unit].group == group:
            end += 1
        give_in_group(work, begin, end, rate_ppm)
        begin = end


cdef void give_each(Work* work, const SetRewardRow* reward) noexcept nogil:
    """An amount off, or a price for, every target."""
    cdef int64_t off
    cdef int32_t i
    for i in range(work.picks_count):
        if work.picks[i].role == ROLE_TARGET:
            off = off_unit(reward.discount_by, reward.value, price_of_pick(work, i), run_of(work, i).qty_milli)
            off_pick(work, i, off)


cdef int32_t count_giving(const Work* work, int32_t begin, int32_t end) noexcept nogil:
    """How many of the equal applications that picks[begin:end] stand for gave something: the first ones did.

    A percent of tiny prices may reach only the first units of a calc group.
    """
    cdef int32_t giving = 0, here, each, i
    cdef const Pick* picked
    for i in range(begin, end):
        picked = &work.picks[i]
        if picked.each > 0:
            return picked.times
        # So many applications as the units with an odd kopeck reach into.
        each = picked.count // picked.times
        here = (<int32_t>picked.extra + each - 1) // each
        giving = here if here > giving else giving
    return giving


cdef void keep_times(Work* work, int32_t begin, int32_t end, int32_t times) noexcept nogil:
    """picks[begin:end] stand for so many equal applications from here on."""
    cdef int32_t i
    for i in range(begin, end):
        work.picks[i].count = work.picks[i].count // work.picks[i].times * times
        work.picks[i].times = times


cdef int64_t take_equal(Work* work, int32_t begin, int32_t end) noexcept nogil:
    """Take from equal applications; those that gave something use their units up."""
    cdef int32_t times = work.picks[begin].times, giving = count_giving(work, begin, end), i
    cdef int64_t taken
    if giving == 0 or giving == times:
        return take_picks(work, begin, end, giving > 0)
    keep_times(work, begin, end, giving)
    taken = take_picks(work, begin, end, True)
    keep_times(work, begin, end, times - giving)
    for i in range(begin, end):
        work.picks[i].extra = 0
    return taken + take_picks(work, begin, end, False)


cdef int64_t take_applications(Work* work) noexcept nogil:
    """Take from all applications in their order; reusable qualifiers took part if one of these gave something."""
    cdef int64_t given = 0
    cdef int32_t begin = 0, end, reusable = 0, i
    while begin < work.picks_count:
        end = begin + 1
        while end < work.picks_count and work.picks[end].application == work.picks[begin].application:
            end += 1
        if work.picks[begin].application != REUSED:
            given += take_equal(work, begin, end)
        else:
            # Cut off, so that targets of the same run lie behind them; not used up.
            take_picks(work, begin, end, False)
            reusable = end
        begin = end
    if given > 0:
        for i in range(reusable):
            work.eligible[work.picks[i].unit].roles |= ROLE_QUALIFIER
    return given


cdef int64_t give_buy_get(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule as often as both sides are there; what it gave."""
    cdef const SetRewardRow* reward = &work.rules.set_rewards[rule.detail]
    cdef const PartRow* parts = &work.rules.parts[reward.parts.begin]
    cdef Wanted[2] wanted
    wanted[0].products = parts[0].targets
    wanted[0].role = ROLE_QUALIFIER
    wanted[1].products = parts[1].targets
    wanted[1].role = ROLE_TARGET
    list_units(work, reward, wanted, 2, False)
    form_applications(work, reward, parts[0].quantity, parts[1].quantity)
    if reward.discount_by == BY_PERCENT:
        give_percents(work, reward.value)
    else:
        give_each(work, reward)
    return take_applications(work)
