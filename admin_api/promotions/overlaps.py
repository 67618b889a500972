"""Which promotions may be in force at the same time and give on the same goods, and what then becomes of the two.

Read from documents alone, on the safe side: two that are left out certainly do not meet in these days; two that are
told may. What is asked of the receipt is taken for possible, and goods are compared by what their sets name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from altyn.admin_api.promotions.circumstances import ANY, Circumstances, Ranges, hours_of, ways_under
from altyn.core.rules.checks.conjunctions import Alternative, find_conflict
from altyn.core.rules.checks.goods import Product, contains, disjoint
from altyn.core.rules.checks.rivals import targets
from altyn.core.rules.compile import Lane, order_lanes
from altyn.core.rules.condition import Attribute, ProductSet, Schedule
from altyn.core.rules.promotion import Bundle, BuyGet, Ladder, MultiBuy, Promotion
from altyn.core.rules.words import ExclusiveOver, GroupMode, Stage


class Verdict(StrEnum):
    """What becomes of two that meet on the same goods."""

    COMPETE = "COMPETE"  # their group takes one of them
    EXCLUDED = "EXCLUDED"  # goods the earlier one gave on are closed to the later one
    STACK = "STACK"  # both give


@dataclass(frozen=True, slots=True)
class Overlap:
    """``first`` has its turn before ``second``; ``why`` is the reason of the verdict: group, exclusive, skip, units,
    points, turns. ``day``: the first one on which they meet, in days since 1970-01-01. ``sku`` and ``category`` are
    goods both give on, as far as documents name any; empty otherwise.
    """

    first: str
    second: str
    verdict: Verdict
    why: str
    day: int
    sku: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a promotion may hold: what it asks besides time, and its hours on each of the days."""

    rest: Alternative
    hours: tuple[Ranges, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A promotion with its place in the order of turns."""

    promotion: Promotion
    lane: Lane
    sets: tuple[ProductSet, ...]
    ways: tuple[Way, ...]


def find_overlaps(
    promotions: Sequence[Promotion],
    days: range,
    *,
    of: str = "",
    given: Circumstances = ANY,
    since: Mapping[str, int] | None = None,
    catalogue: Mapping[str, Product] | None = None,
) -> Iterator[Overlap]:
    """In the order of turns; with ``of`` those of one promotion. ``since``: minutes since 1970-01-01 before which some
    are not in force. ``catalogue``: of the SKUs that documents name, those it has. Raises CompileError when the groups
    of the promotions contradict one another. For a thread.
    """
    members = []
    for lane in order_lanes([one for one in promotions if one.stage < Stage.MESSAGE]):
        for promotion in lane.members:
            begins = (since or {}).get(promotion.promotion_id, 0)
            ways = [_way(way, days, begins) for way in ways_under(promotion, given)]
            going = tuple(way for way in ways if any(way.hours))
            if going and (sets := tuple(targets(promotion))):
                members.append(Member(promotion, lane, sets, going))
    for number, first in enumerate(members):
        for second in members[number + 1 :]:
            if of in ("", first.promotion.promotion_id, second.promotion.promotion_id):
                found = _meeting(first, second, days, catalogue or {})
                if found is not None:
                    yield found


def _way(way: Alternative, days: range, begins: int) -> Way:
    rest = tuple(literal for literal in way if not isinstance(literal.leaf, Schedule))
    return Way(rest, tuple(hours_of([way], day, begins) for day in days))


def _meeting(first: Member, second: Member, days: range, catalogue: Mapping[str, Product]) -> Overlap | None:
    shared = next(
        (
            (sku, _common(left, right, Attribute.CATEGORY))
            for left in first.sets
            for right in second.sets
            if not disjoint(left, right) and (sku := _shared_sku(left, right, catalogue)) is not None
        ),
        None,
    )
    if shared is None:
        return None
    met = [
        day
        for one in first.ways
        for other in second.ways
        if (day := _first_day(one, other, days)) is not None and find_conflict(one.rest + other.rest) is None
    ]
    if not met:
        return None
    verdict, why = judge(first, second)
    names = (first.promotion.promotion_id, second.promotion.promotion_id)
    return Overlap(*names, verdict, why, min(met), *shared)


def _first_day(one: Way, other: Way, days: range) -> int | None:
    for day, left, right in zip(days, one.hours, other.hours, strict=True):
        if any(start < later_end and later < end for start, end in left for later, later_end in right):
            return day
    return None


def judge(first: Member, second: Member) -> tuple[Verdict, str]:
    """By the rules of semantics: groups, then what is closed, then what sets use up."""
    earlier, later = first.promotion, second.promotion
    if first.lane is second.lane and first.lane.mode not in (GroupMode.CASCADE, GroupMode.ADD):
        return Verdict.COMPETE, "group"
    is_discount = earlier.stage < Stage.EXTERNAL and later.stage < Stage.EXTERNAL
    if not is_discount:
        return Verdict.STACK, "points"
    over = earlier.exclusive.over if earlier.exclusive else None
    if over is ExclusiveOver.ALL or (over is ExclusiveOver.STAGE and earlier.stage == later.stage):
        return Verdict.EXCLUDED, "exclusive"
    if later.skip_discounted:
        return Verdict.EXCLUDED, "skip"
    if earlier.stage == later.stage and _uses_up(earlier) and _uses_up(later) and not _shares(later):
        return Verdict.EXCLUDED, "units"
    return Verdict.STACK, "turns"


def _uses_up(promotion: Promotion) -> bool:
    return any(isinstance(one, MultiBuy | Bundle | BuyGet | Ladder) for one in promotion.rewards)


def _shares(promotion: Promotion) -> bool:
    return all(getattr(one, "share_units", True) for one in promotion.rewards)


def skus_named(promotions: Iterable[Promotion]) -> Iterator[str]:
    """SKUs of the goods promotions give on, some of them again."""
    for promotion in promotions:
        for of in targets(promotion):
            yield from of.members.get(Attribute.SKU, ())


def _shared_sku(left: ProductSet, right: ProductSet, catalogue: Mapping[str, Product]) -> str | None:
    """A SKU of both sets, empty when neither names any; None: by the catalogue there is none."""
    skus = left.members.get(Attribute.SKU) or right.members.get(Attribute.SKU)
    if not skus:
        return ""
    both = [replace(of, price_from_minor=None, price_to_minor=None) for of in (left, right)]
    for sku in skus:
        product = catalogue.get(sku)
        if _may_name(both, sku) if product is None else all(contains(of, product) for of in both):
            return sku
    return None


def _may_name(sets: Sequence[ProductSet], sku: str) -> bool:
    """Nothing is known of the SKU: it is out only where the SKUs that are named are others."""
    return all(sku in of.members.get(Attribute.SKU, (sku,)) for of in sets)


def _common(left: ProductSet, right: ProductSet, attribute: Attribute) -> str:
    """A value both sets have, or the one that names any has."""
    mine, others = left.members.get(attribute), right.members.get(attribute)
    both = [one for one in mine if one in others] if mine and others else mine or others
    return both[0] if both else ""
