"""Applies one reward by its kind: step (d) and (e) of an application (semantics §6.11.5).

Decides nothing but who does it. Must never ask a condition nor a limit.
"""
from libc.stdint cimport int32_t
from altyn.core.calculator.rewards.amount cimport give_amount
from altyn.core.calculator.rewards.bundle cimport give_bundle
from altyn.core.calculator.rewards.buy_get cimport give_buy_get
from altyn.core.calculator.rewards.fixed_price cimport give_fixed_price
from altyn.core.calculator.rewards.ladder cimport give_ladder
from altyn.core.calculator.rewards.multi_buy cimport give_multi_buy
from altyn.core.calculator.rewards.percent cimport give_percent
from altyn.core.calculator.selected cimport give_selected
from altyn.core.calculator.set_units cimport close_units
from altyn.core.rules.image cimport AMOUNT_RECEIPT, BUNDLE, BUY_GET, FIXED_PRICE, LADDER, MULTI_BUY, PERCENT


cdef int64_t give_set(Work* work, const RuleRow* rule) noexcept nogil:
    """Apply a set reward; what took part in it is noted."""
    cdef int32_t applied_begin = work.applied_count
    cdef int64_t given = 0
    if rule.kind == LADDER:
        given = give_ladder(work, rule)
    elif rule.kind == MULTI_BUY:
        given = give_multi_buy(work, rule)
    elif rule.kind == BUNDLE:
        given = give_bundle(work, rule)
    elif rule.kind == BUY_GET:
        given = give_buy_get(work, rule)
    if given > 0:
        close_units(work, applied_begin)
    return given


cdef int64_t give_by_kind(Work* work, const RuleRow* rule) noexcept nogil:
    if rule.kind == FIXED_PRICE:
        return give_fixed_price(work, rule)
    if rule.kind > AMOUNT_RECEIPT:
        return give_set(work, rule)
    if work.noted:
        return give_selected(work, rule)
    return give_percent(work, rule) if rule.kind == PERCENT else give_amount(work, rule)
