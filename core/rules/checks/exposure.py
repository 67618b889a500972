"""What a promotion may cost when nobody watches: goods for nothing, codes and points without limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from altyn.core.money import multiply_floor
from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.conjunctions import alternatives, find_conflict
from altyn.core.rules.condition import CouponIs, ReceiptSum
from altyn.core.rules.promotion import (
    Amount,
    Bundle,
    BuyGet,
    FixedPrice,
    Gift,
    IssueCoupon,
    Ladder,
    Limit,
    Percent,
    Points,
    Promotion,
    Reward,
    SetDiscount,
)
from altyn.core.rules.read.conditions import walk
from altyn.core.rules.read.forms import decimal_text
from altyn.core.rules.words import AfterLast, AllocateTo, AmountSpread, DiscountBy, LimitMeasure, LimitPer, Stage

WHOLE_PPM = 1_000_000
# From here on a discount without limit is worth a look.
DEEP_PPM = 500_000


def exposure(promotion: Promotion) -> Iterator[Remark]:
    """Remarks on one promotion of discounts or points."""
    owner = promotion.promotion_id
    for reward in promotion.rewards:
        given_away = _given_away(promotion, reward)
        if given_away:
            if not promotion.limits:
                code = "FREE_GOODS" if promotion.when is None else "FREE_GOODS_IF"
                yield remark(owner, given_away, code, price="0.00" if promotion.allow_free else "0.01")
        elif not _has_floor(promotion):
            yield from _nearly_free(promotion, reward)
        if not promotion.limits and not given_away:
            yield from _unlimited(promotion, reward)
    yield from _shared_code(promotion)
    yield from _budget_for_one(promotion)


def _nearly_free(promotion: Promotion, reward: Reward) -> Iterator[Remark]:
    """Rewards that leave nothing to pay on some receipts."""
    owner = promotion.promotion_id
    if isinstance(reward, Ladder) and reward.by is DiscountBy.PERCENT and reward.after_last is AfterLast.CLAMP:
        if reward.rungs[-1] == WHOLE_PPM:
            yield remark(owner, f"{reward.path}.rungs", "FREE_AFTER_LAST")
    elif isinstance(reward, Amount) and reward.spread is AmountSpread.RECEIPT:
        off = reward.off_minor
        if off is not None and _least_sum(promotion) <= off:
            yield remark(owner, f"{reward.path}.off", "AMOUNT_WITHOUT_SUM", off=decimal_text(off, 2))


def _has_floor(promotion: Promotion) -> bool:
    floor = promotion.floor
    return promotion.cost_floor or floor.price_minor is not None or floor.rate_ppm is not None


def _given_away(promotion: Promotion, reward: Reward) -> str:
    """The place of a number that leaves nothing to pay for every unit it meets; "" when there is none.

    What has to be bought first (multi-buy, consumed qualifiers) is paid for.
    """
    if _has_floor(promotion) or promotion.multipliers or promotion.max_rate_ppm is not None:
        return ""
    if isinstance(reward, Percent) and reward.rate_ppm == WHOLE_PPM:
        return f"{reward.path}.rate"
    if isinstance(reward, FixedPrice) and reward.price_minor <= 1:
        return f"{reward.path}.price"
    if isinstance(reward, Bundle) and _is_whole(reward.discount):
        paid = reward.allocate_to is AllocateTo.TARGETS and not all(part.target for part in reward.parts)
        return "" if paid else f"{reward.path}.{reward.discount.by.name.lower()}"
    if isinstance(reward, BuyGet) and _is_whole(reward.discount) and reward.get_quantity is None:
        return f"{reward.path}.get.quantity"
    return ""


def _is_whole(discount: SetDiscount) -> bool:
    if discount.by is DiscountBy.PERCENT:
        return discount.value == WHOLE_PPM
    return discount.by is DiscountBy.PRICE and discount.value <= 1


def _least_sum(promotion: Promotion) -> int:
    """The smallest receipt on which the conditions can hold, as far as sums say."""
    least = []
    for way in alternatives(promotion.when):
        if find_conflict(way) is None:
            sums = [one.leaf for one in way if one.holds and isinstance(one.leaf, ReceiptSum)]
            least.append(max((one.from_minor or 0 for one in sums), default=0))
    return min(least, default=0)


def _unlimited(promotion: Promotion, reward: Reward) -> Iterator[Remark]:
    owner = promotion.promotion_id
    if isinstance(reward, IssueCoupon):
        if promotion.when is None and promotion.stage is Stage.MESSAGE:
            yield remark(owner, reward.path, "CODE_FOR_ALL", series=reward.series)
    elif isinstance(reward, Gift):
        if promotion.when is None and promotion.stage is Stage.MESSAGE and not promotion.limits:
            yield remark(owner, reward.path, "GIFT_FOR_ALL")
    elif isinstance(reward, Points) and reward.is_fixed and reward.fixed_points is not None:
        if _least_sum(promotion) == 0 and reward.of.is_all:
            yield remark(owner, f"{reward.path}.fixed", "POINTS_WITHOUT_SUM")
    elif isinstance(reward, Percent) and reward.rate_ppm is not None and reward.rate_ppm >= DEEP_PPM:
        rate = decimal_text(reward.rate_ppm, 4).rstrip("0").rstrip(".")
        if reward.of.is_all and not _has_floor(promotion):
            yield remark(owner, f"{reward.path}.rate", "DEEP_FOR_ALL", rate=rate)


def _shared_code(promotion: Promotion) -> Iterator[Remark]:
    """A code that everybody may know, and no limit that counts."""
    if promotion.when is None or any(limit.per is not LimitPer.RECEIPT for limit in promotion.limits):
        return
    if promotion.stage is Stage.MESSAGE:
        return
    for condition in walk(promotion.when):
        if isinstance(condition, CouponIs):
            yield remark(promotion.promotion_id, f"{condition.path}.code", "SHARED_CODE_UNLIMITED", code=condition.code)
            return


def _budget_for_one(promotion: Promotion) -> Iterator[Remark]:
    budgets = [
        one for one in promotion.limits if one.per is LimitPer.PROMOTION and one.measure is not LimitMeasure.TIMES
    ]
    if budgets and not any(one.per is not LimitPer.PROMOTION for one in promotion.limits):
        cap = budgets[0].cap
        text = decimal_text(cap, 3 if budgets[0].measure is LimitMeasure.QUANTITY else 2)
        yield remark(promotion.promotion_id, budgets[0].path, "BUDGET_FOR_ONE", budget=text)


def points_worth(promotions: Iterable[Promotion], limits: Iterable[Limit]) -> Iterator[Remark]:
    """Percents of points that pay for all they were earned with."""
    point_ppm: dict[str, int] = {}
    for limit in limits:
        for rule in limit.payment:
            point_ppm[rule.asset] = max(rule.point_ppm, point_ppm.get(rule.asset, 0))
    for promotion in promotions:
        for reward in promotion.rewards:
            if not isinstance(reward, Points) or reward.rate_ppm is None or reward.asset not in point_ppm:
                continue
            worth_ppm = multiply_floor(reward.rate_ppm, point_ppm[reward.asset], WHOLE_PPM)
            if worth_ppm >= WHOLE_PPM:
                worth = decimal_text(worth_ppm, 4).rstrip("0").rstrip(".")
                yield remark(promotion.promotion_id, f"{reward.path}.percent", "POINTS_WORTH_PRICE", worth=worth)
