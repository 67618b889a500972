"""Texts that leave a gap, and coupon series nobody issues or takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.known import Known
from altyn.core.rules.condition import AllOf, AnyOf, Condition, CouponIs, Quantity, ReceiptSum, SeriesIs
from altyn.core.rules.definition import Rules
from altyn.core.rules.promotion import Amount, IssueCoupon, Notice, Percent, Points, Promotion
from altyn.core.rules.read.conditions import walk
from altyn.core.rules.words import Stage

_PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")


def texts_of(promotion: Promotion, assets_count: int) -> Iterator[Remark]:
    """Placeholders nothing is ever put into. `assets_count` is that of all assets in the documents."""
    gives_points = any(isinstance(one, Points) for one in promotion.rewards)
    gives_money = promotion.stage < Stage.EXTERNAL
    empty = set()
    if not gives_points:
        empty.add("points")
        if assets_count != 1:
            empty.add("balance")
    if not gives_money:
        empty.add("discount")
    for place, text in _said(promotion):
        for language, words in text.items():
            names = set(_PLACEHOLDER.findall(words))
            for name in sorted(names & empty):
                yield remark(promotion.promotion_id, f"{place}.{language}", "TEXT_NEVER_FILLED", name=name)
            if "promotion" in names and language not in promotion.title:
                shown = next(iter(sorted(promotion.title.items())), ("", promotion.promotion_id))[1]
                details = {"language": language, "shown": shown}
                yield remark(promotion.promotion_id, f"title.{language}", "TITLE_MISSING", **details)


def nudge_of(promotion: Promotion) -> Iterator[Remark]:
    """A nudge of a promotion without a threshold that could be missing."""
    tiers = any(isinstance(one, Percent | Amount | Points) and one.tiers is not None for one in promotion.rewards)
    if promotion.nudge and not tiers and not (promotion.when and _can_be_missing(promotion.when)):
        yield remark(promotion.promotion_id, "messages.nudge", "NUDGE_NEVER_TOLD")


def _can_be_missing(condition: Condition) -> bool:
    """Has it a threshold from below, outside of `none`."""
    if isinstance(condition, AllOf | AnyOf):
        return any(_can_be_missing(part) for part in condition.conditions)
    if isinstance(condition, ReceiptSum):
        return bool(condition.from_minor)
    return isinstance(condition, Quantity) and bool(condition.from_milli)


def _said(promotion: Promotion) -> Iterator[tuple[str, Mapping[str, str]]]:
    for channel, text in promotion.messages.items():
        yield f"messages.{channel.name.lower()}", text
    if promotion.nudge:
        yield "messages.nudge", promotion.nudge
    for reward in promotion.rewards:
        if isinstance(reward, Notice):
            yield f"{reward.path}.text", reward.text


def coupons(rules: Rules, known: Known) -> Iterator[Remark]:
    """Stage coupon without a coupon; series asked for and issued."""
    taken: dict[str, tuple[str, str]] = {}
    issued: dict[str, tuple[str, str]] = {}
    for promotion in rules.promotions:
        conditions = [condition for when in promotion.conditions for condition in walk(when)]
        if promotion.stage is Stage.COUPON and not any(isinstance(one, CouponIs | SeriesIs) for one in conditions):
            yield remark(promotion.promotion_id, "stage", "NO_COUPON")
        for condition in conditions:
            if isinstance(condition, SeriesIs):
                taken.setdefault(condition.series, (promotion.promotion_id, f"{condition.path}.series"))
        for reward in promotion.rewards:
            if isinstance(reward, IssueCoupon):
                issued.setdefault(reward.series, (promotion.promotion_id, f"{reward.path}.series"))
    yield from _series(taken, issued, known)


def _series(
    taken: Mapping[str, tuple[str, str]], issued: Mapping[str, tuple[str, str]], known: Known
) -> Iterator[Remark]:
    for series, place in taken.items():
        if known.series is not None and series not in known.series:
            yield remark(*place, "UNKNOWN_SERIES", series=series)
        elif known.series is None and series not in issued:
            yield remark(*place, "SERIES_NOT_ISSUED", series=series)
    for series, place in issued.items():
        if known.series is not None and series not in known.series:
            yield remark(*place, "UNKNOWN_SERIES", series=series)
        elif series not in taken:
            yield remark(*place, "SERIES_NOT_TAKEN", series=series)


def assets_named(rules: Rules) -> Sequence[str]:
    """Assets that the ruleset will know: declared, or named by a reward or a payment rule."""
    names = [asset.asset for asset in rules.assets]
    names += [one.asset for promotion in rules.promotions for one in promotion.rewards if isinstance(one, Points)]
    names += [rule.asset for limit in rules.limits for rule in limit.payment]
    return tuple(dict.fromkeys(names))
