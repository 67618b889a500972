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
from altyn.core.rules.checks.schedules import DAY_MINUTES
from altyn.core.rules.compile import Lane, order_lanes
from altyn.core.rules.condition import Attribute, ProductSet, Schedule, word_of
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
    """A way in which a promotion may hold: what it asks besides time, and its hours on each of the days. ``asks`` is
    the same number for all that ask the same, 0 for those that ask nothing.
    """

    rest: Alternative
    hours: tuple[Ranges, ...]
    asks: int


@dataclass(frozen=True, slots=True)
class Goods:
    """A set of goods, made ready to be compared with many: the names it gives by the attribute, the set at any price,
    and whether names are all there is to it.
    """

    of: ProductSet
    named: dict[str, frozenset[str]]
    priceless: ProductSet
    is_named: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A promotion with its place in the order of turns."""

    promotion: Promotion
    lane: Lane
    sets: tuple[Goods, ...]
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
    members, pairs = [], Pairs(days, catalogue or {})
    for lane in order_lanes([one for one in promotions if one.stage < Stage.MESSAGE]):
        for promotion in lane.members:
            begins = (since or {}).get(promotion.promotion_id, 0)
            ways = [pairs.way(way, begins) for way in ways_under(promotion, given)]
            going = tuple(way for way in ways if any(way.hours))
            if going and (sets := tuple(map(_goods, targets(promotion)))):
                members.append(Member(promotion, lane, sets, going))
    for number, first in enumerate(members):
        for second in members[number + 1 :]:
            if of in ("", first.promotion.promotion_id, second.promotion.promotion_id):
                found = pairs.meeting(first, second)
                if found is not None:
                    yield found


class Pairs:
    """Promotions beside one another on some days. What many of them share is worked out once: the hours of those
    without a schedule, and whether two ways can be so together.
    """

    def __init__(self, days: range, catalogue: Mapping[str, Product]) -> None:
        self._days, self._catalogue = days, catalogue
        self._always = tuple(hours_of([()], day) for day in days)
        self._asked: dict[str, int] = {}
        self._together: dict[tuple[int, int], bool] = {}

    def way(self, way: Alternative, begins: int) -> Way:
        """``begins``: minutes since 1970-01-01 before which it is not in force."""
        rest = tuple(literal for literal in way if not isinstance(literal.leaf, Schedule))
        if len(rest) == len(way) and begins <= self._days.start * DAY_MINUTES:
            hours = self._always
        else:
            hours = tuple(hours_of([way], day, begins) for day in self._days)
        told = repr([(replace(one.leaf, path=""), one.holds) for one in rest])
        return Way(rest, hours, self._asked.setdefault(told, len(self._asked) + 1) if rest else 0)

    def meeting(self, first: Member, second: Member) -> Overlap | None:
        shared = self._shared(first.sets, second.sets)
        if shared is None:
            return None
        met = [
            day
            for one in first.ways
            for other in second.ways
            if (day := self._first_day(one, other)) is not None and self._can_both(one, other)
        ]
        if not met:
            return None
        verdict, why = judge(first, second)
        names = (first.promotion.promotion_id, second.promotion.promotion_id)
        return Overlap(*names, verdict, why, min(met), *shared)

    def _shared(self, mine: Sequence[Goods], others: Sequence[Goods]) -> tuple[str, str] | None:
        """A SKU and a category of the first two sets that may share goods."""
        for left in mine:
            for right in others:
                if not _apart(left, right) and (sku := _shared_sku(left, right, self._catalogue)) is not None:
                    return sku, _common(left.of, right.of, Attribute.CATEGORY)
        return None

    def _can_both(self, one: Way, other: Way) -> bool:
        """Each of the two can be so by itself."""
        if not one.asks or not other.asks:
            return True
        key = one.asks, other.asks
        found = self._together.get(key)
        if found is None:
            found = self._together[key] = find_conflict(one.rest + other.rest) is None
        return found

    def _first_day(self, one: Way, other: Way) -> int | None:
        if one.hours is self._always and other.hours is self._always:
            return self._days.start
        for day, left, right in zip(self._days, one.hours, other.hours, strict=True):
            if any(start < later_end and later < end for start, end in left for later, later_end in right):
                return day
        return None


def _goods(of: ProductSet) -> Goods:
    named = {word_of(member): frozenset(texts) for member, texts in of.members.items()}
    priceless = replace(of, price_from_minor=None, price_to_minor=None)
    is_named = of.price_from_minor is None and of.price_to_minor is None and not of.excepted
    return Goods(of, named, priceless, is_named)


def _apart(left: Goods, right: Goods) -> bool:
    """As ``disjoint`` of the two sets."""
    for attribute, texts in left.named.items():
        named = right.named.get(attribute)
        if named is not None and texts.isdisjoint(named):
            return True
    return not (left.is_named and right.is_named) and disjoint(left.of, right.of)


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


def _shared_sku(left: Goods, right: Goods, catalogue: Mapping[str, Product]) -> str | None:
    """A SKU of both sets, empty when neither names any; None: by the catalogue there is none."""
    skus = left.of.members.get(Attribute.SKU) or right.of.members.get(Attribute.SKU)
    if not skus:
        return ""
    both = (left.priceless, right.priceless)
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
