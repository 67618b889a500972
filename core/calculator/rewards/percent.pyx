"""The percent reward (semantics §6.4, §6.11.6).

Decides the discount of each calc group: rounded once there, then shared over its units; what a floor refuses is lost.
Must never redistribute between units or groups.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.multipliers cimport rate_in
from altyn.core.calculator.spread cimport spread_refusing
from altyn.core.calculator.targets cimport Members, first_in_set, next_in_set
from altyn.core.calculator.work cimport CalcGroup
from altyn.core.money cimport rate_of
from altyn.core.rules.image cimport SetRow


cdef int64_t give_percent(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply the rule to every target; what it gave."""
    cdef const SetRow* products = &work.rules.sets[rule.targets]
    cdef CalcGroup* group
    cdef int64_t given = 0, amount
    cdef Members left
    cdef int32_t i = first_in_set(work, products, &left)
    while i < work.groups_count:
        group = &work.groups[i]
        if group.target and group.running_minor > 0 and (work.only_winner < 0 or group.winner == work.only_winner):
            amount = rate_of(group.running_minor, rate_in(work, rule, group))
            if amount > 0:
                given += spread_refusing(work, group, amount)
        i = next_in_set(work, products, &left)
    return given
