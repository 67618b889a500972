"""External and manual discounts (semantics §6.11.21).

Decides how much of the register's own and the cashier's discount fits above the floors. Invariants: a line with one
is a calc group of its own; what does not fit of an external discount is reported, never lost silently. Must never
touch a no_discount line.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.calculator.selected cimport amount_selected, percent_selected
from altyn.core.calculator.spread cimport spread_filling, spread_refusing
from altyn.core.calculator.work cimport CalcGroup, EXTERNAL_RULE, MANUAL_RULE, SHUT_ALL
from altyn.core.money cimport rate_of
from altyn.core.receipt cimport Line

cdef enum:
    STAGE_EXTERNAL = 7


cdef void give_manual_selected(Work* work) noexcept nogil:
    """Manual discounts, but not on units that an exclusive promotion closed."""
    cdef CalcGroup* group
    cdef const Line* line
    cdef int32_t i
    work.shut = SHUT_ALL
    for i in range(work.groups_count):
        group = &work.groups[i]
        line = &work.receipt.lines[group.line]
        if not group.target or group.running_minor <= 0:
            continue
        if line.manual_ppm > 0:
            percent_selected(work, group, line.manual_ppm)
        elif line.manual_minor > 0:
            amount_selected(work, group, line.manual_minor)


cdef void give_external(Work* work) noexcept nogil:
    """External discounts of all lines as given up to the floors, then the manual ones."""
    cdef CalcGroup* group
    cdef const Line* line
    cdef bint manual = False
    cdef int64_t taken
    cdef int32_t i
    if not work.own_discounts:
        return
    work.floors.least_minor = 1
    work.floors.price_minor = work.floors.rate_ppm = -1
    work.floors.cost = work.floors.given = False
    work.stage = STAGE_EXTERNAL
    work.rule = EXTERNAL_RULE
    for i in range(work.groups_count):
        group = &work.groups[i]
        line = &work.receipt.lines[group.line]
        manual = manual or line.manual_ppm > 0 or line.manual_minor > 0
        if line.external_minor > 0:
            taken = 0
            if group.target and group.running_minor > 0:
                taken = spread_filling(work, group, line.external_minor)
            work.external_excess_minor += line.external_minor - taken
    if not manual:
        return
    if work.all_shut_by >= 0:
        return
    work.rule = MANUAL_RULE
    if work.noted:
        give_manual_selected(work)
        return
    for i in range(work.groups_count):
        group = &work.groups[i]
        line = &work.receipt.lines[group.line]
        if not group.target or group.running_minor <= 0:
            continue
        if line.manual_ppm > 0:
            taken = rate_of(group.running_minor, line.manual_ppm)
            if taken > 0:
                spread_refusing(work, group, taken)
        elif line.manual_minor > 0:
            spread_filling(work, group, line.manual_minor)
