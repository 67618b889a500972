"""Can conditions hold, alone and together?

A condition is taken apart into alternatives, each a list of leaves that must hold or fail. Invariants: a conflict that
is found is certain; what is not understood is no conflict. The number of alternatives is bounded, and what goes
beyond the bound counts as no condition at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from altyn.core.rules.checks.goods import covers
from altyn.core.rules.checks.schedules import first_moment
from altyn.core.rules.condition import (
    AllOf,
    AnyOf,
    Balance,
    Birthday,
    Condition,
    CustomerIs,
    Leaf,
    NoneOf,
    Personal,
    Purchases,
    Quantity,
    ReceiptSum,
    Schedule,
    StoreIs,
    Turnover,
)
from altyn.core.rules.words import SumBase

ALTERNATIVES_MAX = 64
SINGLE_VALUED = ("card_type", "id", "tier")
# A sum of a later base is at most that of an earlier one, over the same goods.
BASE_RANK = {SumBase.GROSS: 3, SumBase.STAGE_ENTRY: 2, SumBase.RUNNING: 1, SumBase.NET: 0}


@dataclass(frozen=True, slots=True)
class Literal:
    """A leaf that must hold, or must fail."""

    leaf: Leaf
    holds: bool = True


Alternative = tuple[Literal, ...]
Conflict = tuple[str, str]


def alternatives(condition: Condition | None) -> list[Alternative]:
    """Ways in which the condition may hold; an empty one is "always"."""
    return [()] if condition is None else _expand(condition, True)


def _expand(condition: Condition, holds: bool) -> list[Alternative]:
    if isinstance(condition, NoneOf):
        return _every([(part, not holds) for part in condition.conditions], holds)
    if isinstance(condition, AllOf | AnyOf):
        every = isinstance(condition, AllOf) == holds
        return _every([(part, holds) for part in condition.conditions], every)
    if not holds:
        negated = negation(condition)
        return [(Literal(condition, False) if negated is None else Literal(negated),)]
    return [(Literal(condition),)]


def _every(parts: Sequence[tuple[Condition, bool]], every: bool) -> list[Alternative]:
    """Alternatives in which all of the parts are so, or in which one of them is."""
    if not every:
        found = [way for part, holds in parts for way in _expand(part, holds)]
        return found if len(found) <= ALTERNATIVES_MAX else [()]
    ways: list[Alternative] = [()]
    for part, holds in parts:
        more = _expand(part, holds)
        if len(ways) * len(more) <= ALTERNATIVES_MAX:
            ways = [way + other for way in ways for other in more]
    return ways


def negation(leaf: Leaf) -> Leaf | None:
    """The leaf that holds exactly when this one fails, if there is one."""
    if isinstance(leaf, StoreIs) and leaf.choice.any_of is not None and not leaf.choice.none_of:
        return replace(leaf, choice=replace(leaf.choice, any_of=None, none_of=leaf.choice.any_of))
    if isinstance(leaf, CustomerIs) and leaf.flag is not None:
        return replace(leaf, flag=not leaf.flag)
    if isinstance(leaf, ReceiptSum):
        if leaf.below_minor is None:
            return replace(leaf, from_minor=None, below_minor=leaf.from_minor)
        return None if leaf.from_minor is not None else replace(leaf, from_minor=leaf.below_minor, below_minor=None)
    if isinstance(leaf, Quantity):
        if leaf.below_milli is None:
            return replace(leaf, from_milli=None, below_milli=leaf.from_milli)
        return None if leaf.from_milli is not None else replace(leaf, from_milli=leaf.below_milli, below_milli=None)
    return None


def find_conflict(way: Iterable[Literal]) -> Conflict | None:
    """Paths of two leaves that cannot be so together; None when nothing speaks against it."""
    way = tuple(way)
    positive = [literal.leaf for literal in way if literal.holds]
    return (
        _opposites(way, positive)
        or _stores([leaf for leaf in positive if isinstance(leaf, StoreIs)])
        or _nobody(positive)
        or _customers([leaf for leaf in positive if isinstance(leaf, CustomerIs)])
        or _sums([leaf for leaf in positive if isinstance(leaf, ReceiptSum)])
        or _quantities([leaf for leaf in positive if isinstance(leaf, Quantity)])
        or _histories([leaf for leaf in positive if isinstance(leaf, Purchases | Turnover)])
        or _schedules([leaf for leaf in positive if isinstance(leaf, Schedule)])
    )


def compatible(left: Sequence[Alternative], right: Sequence[Alternative]) -> bool:
    """Can conditions with these alternatives hold at once, as far as can be told."""
    return any(find_conflict(one + other) is None for one in left for other in right)


def _opposites(way: Sequence[Literal], positive: Sequence[Leaf]) -> Conflict | None:
    for literal in way:
        if literal.holds:
            continue
        for leaf in positive:
            if type(leaf) is type(literal.leaf) and replace(leaf, path=literal.leaf.path) == literal.leaf:
                return leaf.path, literal.leaf.path
    return None


def _stores(leaves: Sequence[StoreIs]) -> Conflict | None:
    allowed: dict[str, tuple[set[str], str]] = {}
    for leaf in leaves:
        if leaf.choice.any_of is not None:
            values = set(leaf.choice.any_of)
            if leaf.attribute in allowed:
                values &= allowed[leaf.attribute][0]
                if not values:
                    return allowed[leaf.attribute][1], leaf.path
            allowed[leaf.attribute] = values, leaf.path
    for leaf in leaves:
        if leaf.choice.none_of and leaf.attribute in allowed:
            values, path = allowed[leaf.attribute]
            values -= set(leaf.choice.none_of)
            if not values:
                return path, leaf.path
    return None


def _nobody(leaves: Sequence[Leaf]) -> Conflict | None:
    """Who presents no card has no birthday, no grants and no balance."""
    nobody = next((leaf for leaf in leaves if isinstance(leaf, CustomerIs) and leaf.flag is False), None)
    somebody = next((leaf for leaf in leaves if isinstance(leaf, Birthday | Personal | Balance)), None)
    return None if nobody is None or somebody is None else (nobody.path, somebody.path)


def _customers(leaves: Sequence[CustomerIs]) -> Conflict | None:
    """Without a card the customer is nobody; a card has one type and one owner, who may be in many segments."""
    nobody = next((leaf for leaf in leaves if leaf.flag is False), None)
    somebody = next((leaf for leaf in leaves if leaf.flag is not False), None)
    if nobody is not None and somebody is not None:
        return nobody.path, somebody.path
    for attribute in SINGLE_VALUED:
        given = [leaf for leaf in leaves if leaf.attribute == attribute and leaf.choice is not None]
        if found := _stores([StoreIs(leaf.path, attribute, leaf.choice) for leaf in given if leaf.choice]):
            return found
    segments = [leaf for leaf in leaves if leaf.attribute == "segment" and leaf.choice is not None]
    shut = [(set(leaf.choice.none_of), leaf.path) for leaf in segments if leaf.choice and leaf.choice.none_of]
    for leaf in segments:
        if leaf.choice and leaf.choice.any_of is not None and shut:
            values = set(leaf.choice.any_of)
            for closed, path in shut:
                values -= closed
                if not values:
                    return leaf.path, path
    return None


def _sums(leaves: Sequence[ReceiptSum]) -> Conflict | None:
    for low in leaves:
        for high in leaves:
            if low.from_minor is None or high.below_minor is None or low.from_minor < high.below_minor:
                continue
            if BASE_RANK[low.base] <= BASE_RANK[high.base] and covers(high.of, low.of):
                return low.path, high.path
    return None


def _quantities(leaves: Sequence[Quantity]) -> Conflict | None:
    for low in leaves:
        for high in leaves:
            if low.from_milli is None or high.below_milli is None or low.from_milli < high.below_milli:
                continue
            if low.count_by is high.count_by and covers(high.of, low.of):
                return low.path, high.path
    return None


def _histories(leaves: Sequence[Purchases | Turnover]) -> Conflict | None:
    """At least so much and less than so much of the same."""
    for low in leaves:
        for high in leaves:
            least, most = _edges(low)[0], _edges(high)[1]
            if least is not None and most is not None and least >= most and _asked(low) == _asked(high):
                return low.path, high.path
    return None


def _edges(leaf: Purchases | Turnover) -> tuple[int | None, int | None]:
    if isinstance(leaf, Turnover):
        return leaf.from_minor, leaf.below_minor
    return leaf.from_milli, leaf.below_milli


def _asked(leaf: Purchases | Turnover) -> object:
    return leaf.earlier, leaf.include_current if isinstance(leaf, Turnover) else leaf.count_by


def _schedules(leaves: Sequence[Schedule]) -> Conflict | None:
    if len(leaves) > 1 and first_moment(leaves) is None:
        return leaves[0].path, leaves[-1].path
    return None
