"""Promotions that multiply the rates of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.definition import Rules
from altyn.core.rules.promotion import Multiplier, Promotion, RateMultiplier
from altyn.core.rules.rates import has_rate


def with_factors(rules: Rules) -> Rules:
    """The documents of promotions that take off or give, each with all that multiplies it as its own."""
    factors: dict[str, list[Multiplier]] = defaultdict(list)
    for owner in rules.promotions:
        for reward in owner.rewards:
            if isinstance(reward, RateMultiplier):
                factors[reward.promotion].append(Multiplier(reward.path, reward.times, owner.when, reward.of))
    if not factors:
        return rules
    giving = []
    for promotion in rules.promotions:
        others = factors.get(promotion.promotion_id)
        own = [one for one in promotion.rewards if not isinstance(one, RateMultiplier)]
        if len(own) == len(promotion.rewards):
            giving.append(replace(promotion, multipliers=(*promotion.multipliers, *others)) if others else promotion)
    return replace(rules, promotions=tuple(giving))


def nothing_multiplied(promotions: Sequence[Promotion]) -> Iterator[Remark]:
    """Names of promotions that are not here, or give no rate."""
    rated = {promotion.promotion_id for promotion in promotions if has_rate(promotion)}
    for owner in promotions:
        for reward in owner.rewards:
            if isinstance(reward, RateMultiplier) and reward.promotion not in rated:
                place = f"{reward.path}.promotion"
                yield remark(owner.promotion_id, place, "NOTHING_MULTIPLIED", other=reward.promotion)
