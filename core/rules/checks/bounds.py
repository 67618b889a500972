"""Limits, caps, payment rules and roundings that never come into play."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.conjunctions import Alternative, Literal
from altyn.core.rules.checks.goods import covers
from altyn.core.rules.condition import CustomerIs
from altyn.core.rules.promotion import Amount, Cap, Limit, Notice, Points, Promotion, Rounding, UsageLimit
from altyn.core.rules.words import LimitMeasure, LimitPer, LimitWindow

# How many whole or begun windows of one kind lie in one of another.
WINDOWS_IN = {
    (LimitWindow.DAY, LimitWindow.WEEK): 7,
    (LimitWindow.DAY, LimitWindow.MONTH): 31,
    (LimitWindow.DAY, LimitWindow.YEAR): 366,
    (LimitWindow.WEEK, LimitWindow.MONTH): 6,
    (LimitWindow.WEEK, LimitWindow.YEAR): 54,
    (LimitWindow.MONTH, LimitWindow.YEAR): 12,
}
# Who is counted within whom: a receipt is one of a customer's, and a customer one of everybody.
WIDER = {LimitPer.CUSTOMER: 1, LimitPer.CARD: 1, LimitPer.PROMOTION: 2}


def limits_of(promotion: Promotion, ways: Sequence[Alternative]) -> Iterator[Remark]:
    """Limits another one keeps from being reached, and those that count for nobody."""
    for limit in promotion.limits:
        other = next((one for one in promotion.limits if one is not limit and _stops_before(one, limit)), None)
        if other is not None:
            yield remark(promotion.promotion_id, limit.path, "LIMIT_NEVER_BINDS", other=other.path)
        elif _exceeds_reward(promotion, limit):
            yield remark(promotion.promotion_id, limit.path, "LIMIT_NEVER_BINDS", other="reward")
    personal = [limit for limit in promotion.limits if limit.per in (LimitPer.CUSTOMER, LimitPer.CARD)]
    if personal and not all(any(_asks_for_card(literal) for literal in way) for way in ways):
        yield remark(promotion.promotion_id, f"{personal[0].path}.per", "LIMIT_NEEDS_CARD")


def _asks_for_card(literal: Literal) -> bool:
    return literal.holds and isinstance(literal.leaf, CustomerIs) and literal.leaf.flag is not False


def _stops_before(other: UsageLimit, limit: UsageLimit) -> bool:
    """Does `other` always stop the promotion at or before `limit`; of equal ones neither does."""
    if other.measure is not limit.measure:
        return False
    if other.per is limit.per:
        times = WINDOWS_IN.get((other.window, limit.window))
        return times is not None and other.cap * times <= limit.cap
    if LimitPer.RECEIPT in (other.per, limit.per):
        # One receipt never takes more than any limit leaves.
        return limit.per is LimitPer.RECEIPT and other.cap <= limit.cap
    wider = WIDER[other.per] > WIDER[limit.per]
    return wider and other.cap <= limit.cap and _holds_for(other.window, limit.window)


def _holds_for(outer: LimitWindow, inner: LimitWindow) -> bool:
    """Does the outer window hold the whole inner one."""
    whole = (inner, outer) in WINDOWS_IN and inner is not LimitWindow.WEEK
    return whole or outer is inner or outer is LimitWindow.ALWAYS


def _exceeds_reward(promotion: Promotion, limit: UsageLimit) -> bool:
    """A limit per receipt above what the one reward can give."""
    giving = [one for one in promotion.rewards if not isinstance(one, Notice)]
    if limit.per is not LimitPer.RECEIPT or len(giving) != 1:
        return False
    reward = giving[0]
    if limit.measure is LimitMeasure.AMOUNT and isinstance(reward, Amount) and reward.spread.name == "RECEIPT":
        most = max(step.value for step in reward.tiers.steps) if reward.tiers else reward.off_minor
        return most is not None and most <= limit.cap
    return isinstance(reward, Points) and reward.fixed_points is not None and reward.fixed_points <= limit.cap


def limit_documents(limits: Sequence[Limit]) -> Iterator[Remark]:
    """Caps below other caps, and payment rules behind one that always holds. Caps are few: pairs are looked at."""
    ordered = sorted(limits, key=lambda limit: (limit.priority, limit.limit_id.encode()))
    caps = [(limit.limit_id, limit.cap) for limit in ordered if limit.cap is not None]
    for owner, cap in caps:
        if cap.rate_ppm == 1_000_000:
            yield remark(owner, "cap.percent", "CAP_NEVER_BINDS")
            continue
        for other_owner, other in caps:
            if other is cap or not _is_within(other, cap):
                continue
            if _is_within(cap, other) and owner < other_owner:
                continue  # of two equal ones the later is told
            yield remark(owner, "cap", "CAP_SHADOWED", other=other_owner)
            break
    always: dict[str, str] = {}
    for limit in ordered:
        for rule in limit.payment:
            if rule.asset in always:
                details = {"other": always[rule.asset], "asset": rule.asset}
                yield remark(limit.limit_id, rule.path, "PAYMENT_SHADOWED", **details)
            elif rule.when is None:
                always[rule.asset] = limit.limit_id


def rounding_documents(roundings: Sequence[Rounding]) -> Iterator[Remark]:
    """Roundings behind one that always holds."""
    always: str | None = None
    for rounding in sorted(roundings, key=lambda one: (one.priority, one.rounding_id.encode())):
        if always is not None:
            yield remark(rounding.rounding_id, "when", "ROUNDING_SHADOWED", other=always)
        elif rounding.when is None:
            always = rounding.rounding_id


def _is_within(tight: Cap, loose: Cap) -> bool:
    """Do discounts within `tight` surely stay within `loose`."""
    if loose.include_points and not tight.include_points:
        return False
    if not covers(tight.of, loose.of) or (loose.by_line and not tight.by_line and tight.amount_minor is None):
        return False
    if tight.amount_minor is not None and loose.amount_minor is not None:
        return tight.amount_minor <= loose.amount_minor and (loose.by_line or not tight.by_line)
    if tight.rate_ppm is None or loose.rate_ppm is None or tight.rate_ppm > loose.rate_ppm:
        return False
    # A share of a wider set says nothing of a part of it, unless every line keeps to it.
    return tight.by_line or covers(loose.of, tight.of)
