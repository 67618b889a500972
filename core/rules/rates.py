"""Which promotions multiply the rates of which.

Decides whose factors a promotion has beside its own. Invariants: a named promotion is there and has rates; a promotion
has at most FACTORS_MAX factors, its own among them. Must never decide an order: factors stand as their promotions do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from altyn.core.rules.promotion import Notice, Percent, Points, Promotion, RateMultiplier, is_progressive

FACTORS_MAX = 16


class Factor(NamedTuple):
    """A reward `multiplier` of `owner`, whose place in the order of all rules is `rule`."""

    owner: Promotion
    reward: RateMultiplier
    rule: int


class MultiplyError(ValueError):
    """A multiplier of what cannot be multiplied."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.code = code
        self.message = message


def factors_of(promotions: Sequence[Promotion]) -> dict[str, list[Factor]]:
    """Factors by the id of the promotion they multiply; `promotions` in order of evaluation. Raises MultiplyError."""
    found: dict[str, list[Factor]] = {}
    rule, first_rules = 0, []
    for promotion in promotions:
        first_rules.append(rule)
        rule += len(promotion.rewards)
    multiplying = [(p, first) for p, first in zip(promotions, first_rules, strict=True) if names_others(p)]
    if not multiplying:
        return found
    by_id = {promotion.promotion_id: promotion for promotion in promotions}
    for owner, first in multiplying:
        for number, reward in enumerate(owner.rewards):
            if isinstance(reward, RateMultiplier):
                target = by_id.get(reward.promotion)
                _check(owner, reward, target)
                factors = found.setdefault(reward.promotion, [])
                factors.append(Factor(owner, reward, first + number))
                if target is not None and len(target.multipliers) + len(factors) > FACTORS_MAX:
                    message = f"{reward.promotion} has more than {FACTORS_MAX} multipliers, its own among them"
                    raise MultiplyError(f"{owner.promotion_id}:{reward.path}", "TOO_MANY_MULTIPLIERS", message)
    return found


def names_others(promotion: Promotion) -> bool:
    return any(isinstance(reward, RateMultiplier) for reward in promotion.rewards)


def has_rate(promotion: Promotion) -> bool:
    """Can all that it gives be multiplied."""
    giving = [one for one in promotion.rewards if not isinstance(one, Notice)]
    return bool(giving) and all(isinstance(one, Percent | Points) for one in giving)


def _check(owner: Promotion, reward: RateMultiplier, target: Promotion | None) -> None:
    place = f"{owner.promotion_id}:{reward.path}"
    if target is None:
        message = f"there is no promotion {reward.promotion} in these documents"
        raise MultiplyError(f"{place}.promotion", "UNKNOWN_PROMOTION", message)
    if not has_rate(target):
        message = f"{reward.promotion} gives no rate: only percent and points are multiplied"
        raise MultiplyError(f"{place}.promotion", "NOTHING_TO_MULTIPLY", message)
    whole = any(is_progressive(one) or (isinstance(one, Points) and one.is_fixed) for one in target.rewards)
    if whole and not reward.of.is_all:
        message = f"{reward.promotion} has fixed points or progressive tiers, which are of the receipt: leave `of` out"
        raise MultiplyError(f"{place}.of", "SET_NOT_ALLOWED", message)
