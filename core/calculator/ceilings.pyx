"""Ceilings of set rules: what multi_buy, bundle and buy_get can give at most, for the search of an OPTIMAL group.

Decides nothing: a ceiling only lets the search leave out what cannot win. Invariant: whatever other rules of the group took
before, a rule gives in at most n applications no more than its n-th ceiling, and ceilings do not fall with n. It holds
because others only take units away and make them cheaper: n applications use n × q different units for a part of q, and
these cost no more than the n × q dearest that were listed. Must never be taken for an amount.
"""
from altyn.core.calculator.set_units cimport BY_AMOUNT, BY_PERCENT, off_unit
from altyn.core.calculator.work cimport Eligible
from altyn.core.money cimport price_times, rate_of
from altyn.core.rules.image cimport BUNDLE, MULTI_BUY, ON_FREE, PartRow, SetRewardRow, TO_TARGETS

cdef enum:
    GET = 2                    # bit of the set of targets of buy_get, as listed


cdef inline int64_t listed_price(const Work* work, int32_t place) noexcept nogil:
    """Of the unit at a place of the ranking, when it was listed; ranked dearest first."""
    return -work.ranking[place].key


cdef void add_prices(
    const Work* work, int32_t sets, int32_t each, int32_t skip, int64_t less, int32_t count, int64_t* ceilings
) noexcept nogil:
    """To every application: the prices of the next `each` dearest units of the sets but for the first `skip`, each
    less `less`."""
    cdef int32_t application = 1, within = 0, i, j
    cdef const Eligible* unit
    cdef int64_t price
    for i in range(work.eligible_count):
        unit = &work.eligible[work.ranking[i].place]
        if not unit.sets & sets:
            continue
        price = listed_price(work, i) - less
        if price <= 0:
            return
        for j in range(unit.listed):
            if application > count:
                return
            if within >= skip:
                ceilings[application] += price
            within += 1
            if within == each:
                within = 0
                application += 1


cdef void of_bundle(const Work* work, const SetRewardRow* reward, int32_t count, int64_t* ceilings) noexcept nogil:
    cdef const PartRow* parts = &work.rules.parts[reward.parts.begin]
    cdef int32_t i
    if reward.discount_by == BY_AMOUNT:
        for i in range(1, count + 1):
            ceilings[i] = reward.value
        return
    for i in range(reward.parts.end - reward.parts.begin):
        if reward.discount_by != BY_PERCENT or not reward.flags & TO_TARGETS or parts[i].is_target:
            add_prices(work, 1 << i, parts[i].quantity, 0, 0, count, ceilings)
    for i in range(1, count + 1):
        if reward.discount_by == BY_PERCENT:
            # Rounded for each set: at most half a kopeck more, as much less above.
            ceilings[i] = rate_of(ceilings[i], reward.value) + 1
        else:
            ceilings[i] = ceilings[i] - reward.value if ceilings[i] > reward.value else 0


cdef void of_buy_get(const Work* work, const SetRewardRow* reward, int32_t count, int64_t* ceilings) noexcept nogil:
    cdef int32_t each = work.rules.parts[reward.parts.begin + 1].quantity, targets = 0, i
    cdef int64_t most_off = 0, least_price = -1, here
    cdef const Eligible* unit
    cdef int64_t qty_milli
    for i in range(work.eligible_count):
        unit = &work.eligible[work.ranking[i].place]
        if unit.sets & GET:
            qty_milli = work.runs[unit.run].qty_milli
            targets += unit.listed
            here = off_unit(reward.discount_by, reward.value, listed_price(work, i), qty_milli)
            most_off = here if here > most_off else most_off
            here = price_times(reward.value, qty_milli)
            least_price = here if least_price < 0 or here < least_price else least_price
    # All targets are one application.
    each = each if each > 0 else targets
    if reward.discount_by == BY_AMOUNT:
        for i in range(1, count + 1):
            ceilings[i] = each * most_off
        return
    add_prices(work, GET, each, 0, 0 if reward.discount_by == BY_PERCENT else least_price, count, ceilings)
    if reward.discount_by == BY_PERCENT:
        for i in range(1, count + 1):
            # Rounded per calc group, of which every unit may be one.
            ceilings[i] = rate_of(ceilings[i], reward.value) + (each >> 1) + 1


cdef void write_ceilings(const Work* work, const RuleRow* rule, int32_t count, int64_t* ceilings) noexcept nogil:
    """ceilings[n] for n applications, 0 … count, of the rule whose units are listed; kept are its floors."""
    cdef const SetRewardRow* reward = &work.rules.set_rewards[rule.detail]
    cdef int32_t i
    for i in range(count + 1):
        ceilings[i] = 0
    if rule.kind == MULTI_BUY:
        # Of every block, in whatever way its free units are chosen, no more than the last of so many dearest ones.
        add_prices(
            work, 1, reward.take, reward.pay, work.floors.least_minor if reward.flags & ON_FREE else 0, count, ceilings
        )
    elif rule.kind == BUNDLE:
        of_bundle(work, reward, count, ceilings)
    else:
        of_buy_get(work, reward, count, ceilings)
    for i in range(count):
        ceilings[i + 1] += ceilings[i]
