"""Promotions, conditions and steps that never do anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.conjunctions import Alternative, Literal, alternatives, find_conflict
from altyn.core.rules.checks.goods import PRICE_MINOR_MAX, QTY_MILLI_MAX, UNITS_MAX, most_sum_minor
from altyn.core.rules.checks.known import Known
from altyn.core.rules.checks.schedules import first_moment, is_over
from altyn.core.rules.condition import AnyOf, Condition, Quantity, ReceiptSum, Schedule
from altyn.core.rules.promotion import (
    Amount,
    Asset,
    Bundle,
    FixedPrice,
    IssueCoupon,
    Percent,
    Points,
    Promotion,
    Reward,
    Tiers,
)
from altyn.core.rules.read.conditions import walk
from altyn.core.rules.read.dates import date_text
from altyn.core.rules.read.forms import decimal_text
from altyn.core.rules.words import CountBy


def dead_conditions(promotion: Promotion, known: Known) -> Iterator[Remark]:
    """Schedules and thresholds one by one, then what contradicts what."""
    when = promotion.when
    if when is None:
        return
    owner, empty = promotion.promotion_id, False
    for condition in walk(when):
        if isinstance(condition, Schedule) and first_moment([condition]) is None:
            empty = True
            yield remark(owner, condition.path, "SCHEDULE_EMPTY")
        elif isinstance(condition, ReceiptSum | Quantity):
            yield from _out_of_reach(owner, condition)
    if empty:
        return
    ways = alternatives(when)
    conflicts = [find_conflict(way) for way in ways]
    if ways and all(conflicts):
        first, second = conflicts[0] or ("", "")
        yield remark(owner, "when", "NEVER_HOLDS", first=first, second=second)
        return
    yield from _dead_branches(owner, when)
    yield from _over(owner, [way for way, conflict in zip(ways, conflicts, strict=True) if not conflict], known)


def _out_of_reach(owner: str, condition: ReceiptSum | Quantity) -> Iterator[Remark]:
    place = f"{condition.path}.from"
    if isinstance(condition, ReceiptSum):
        most = most_sum_minor(condition.of)
        if (condition.from_minor or 0) > most:
            wanted = decimal_text(condition.from_minor or 0, 2)
            yield remark(owner, place, "OUT_OF_REACH", wanted=wanted, most=decimal_text(most, 2))
        return
    most = QTY_MILLI_MAX if condition.count_by is CountBy.WEIGHT else UNITS_MAX * 1000
    if (condition.from_milli or 0) > most:
        wanted = decimal_text(condition.from_milli or 0, 3)
        yield remark(owner, place, "OUT_OF_REACH", wanted=wanted, most=decimal_text(most, 3))


def _dead_branches(owner: str, when: Condition) -> Iterator[Remark]:
    for condition in walk(when):
        if isinstance(condition, AnyOf):
            for number, branch in enumerate(condition.conditions):
                ways = alternatives(branch)
                if all(find_conflict(way) for way in ways):
                    yield remark(owner, f"{condition.path}[{number}]", "DEAD_BRANCH")


def _over(owner: str, ways: list[Alternative], known: Known) -> Iterator[Remark]:
    if known.today is None:
        return
    schedules = [[one.leaf for one in way if one.holds and isinstance(one.leaf, Schedule)] for way in ways]
    if schedules and all(schedules) and all(is_over(one, known.today) for one in schedules):
        yield remark(owner, schedules[0][0].path, "SCHEDULE_OVER", at=date_text(known.today))


def dead_rewards(promotion: Promotion, assets: Mapping[str, Asset], known: Known) -> Iterator[Remark]:
    owner = promotion.promotion_id
    if promotion.max_rate_ppm is not None and not promotion.multipliers:
        yield remark(owner, "max_rate", "RATE_NEVER_MULTIPLIED")
    for reward in promotion.rewards:
        if isinstance(reward, Points):
            yield from _points(owner, reward, assets)
        if isinstance(reward, Points | IssueCoupon):
            date = reward.expiry.date
            if date is not None and known.today is not None and date < known.today:
                place = f"{reward.path}.expires.date"
                yield remark(owner, place, "ALREADY_EXPIRED", date=date_text(date), at=date_text(known.today))
        if isinstance(reward, Percent | Amount | Points) and reward.tiers is not None:
            yield from _tiers(promotion, reward.path, reward.tiers)
        yield from _unreachable(owner, reward)
        yield from _own_floor(promotion, reward)


def _points(owner: str, reward: Points, assets: Mapping[str, Asset]) -> Iterator[Remark]:
    asset = assets.get(reward.asset)
    if asset is None:
        yield remark(owner, f"{reward.path}.asset", "UNDECLARED_ASSET", asset=reward.asset)
    elif reward.fixed_points is not None and reward.fixed_points < asset.step_points:
        yield remark(owner, f"{reward.path}.fixed", "BELOW_STEP")


def _unreachable(owner: str, reward: Reward) -> Iterator[Remark]:
    if isinstance(reward, Bundle):
        units = sum(part.quantity for part in reward.parts)
        if units > UNITS_MAX:
            yield remark(owner, f"{reward.path}.parts", "OUT_OF_REACH", wanted=units, most=UNITS_MAX)
    elif isinstance(reward, FixedPrice):
        highest = PRICE_MINOR_MAX if reward.of.price_to_minor is None else reward.of.price_to_minor
        if reward.price_minor >= highest:
            wanted, most = decimal_text(reward.price_minor, 2), decimal_text(highest, 2)
            yield remark(owner, f"{reward.path}.price", "OUT_OF_REACH", wanted=wanted, most=most)


def _tiers(promotion: Promotion, path: str, tiers: Tiers) -> Iterator[Remark]:
    owner, before = promotion.promotion_id, 0
    most = most_sum_minor(tiers.over)
    ways = [way for way in alternatives(promotion.when) if find_conflict(way) is None]
    for number, step in enumerate(tiers.steps):
        place, wanted = f"{path}.tiers[{number}]", decimal_text(step.from_minor, 2)
        reached = Literal(ReceiptSum(f"{place}.from", step.from_minor, None, tiers.base, tiers.over))
        conflicts = [find_conflict((*way, reached)) for way in ways]
        if step.from_minor > most:
            yield remark(owner, f"{place}.from", "OUT_OF_REACH", wanted=wanted, most=decimal_text(most, 2))
        elif conflicts and all(conflicts):
            other = next(leaf for leaf in conflicts[0] or () if not leaf.startswith(place))
            yield remark(owner, f"{place}.from", "TIER_OUT_OF_REACH", wanted=wanted, other=other)
        elif step.value <= before:
            yield remark(owner, place, "TIER_NOT_BETTER", wanted=wanted)
        before = step.value


def _own_floor(promotion: Promotion, reward: Reward) -> Iterator[Remark]:
    """The floor a promotion sets itself against what it wants to give."""
    rate = promotion.floor.rate_ppm
    place = "floor.percent"
    if rate == 1_000_000:
        yield remark(promotion.promotion_id, place, "FLOOR_REFUSES_ALL")
    elif (
        rate is not None
        and isinstance(reward, Percent)
        and reward.rate_ppm is not None
        and not promotion.multipliers
        and reward.rate_ppm > 1_000_000 - rate
    ):
        most, wanted = _percent(1_000_000 - rate), _percent(reward.rate_ppm)
        yield remark(promotion.promotion_id, place, "FLOOR_CUTS", most=most, wanted=wanted)
    price = promotion.floor.price_minor
    if price is not None and isinstance(reward, FixedPrice) and reward.price_minor < price:
        most, wanted = decimal_text(price, 2), decimal_text(reward.price_minor, 2)
        yield remark(promotion.promotion_id, "floor.price", "FLOOR_CUTS", most=most, wanted=wanted)


def _percent(rate_ppm: int) -> str:
    return decimal_text(rate_ppm, 4).rstrip("0").rstrip(".") + " %"
