"""Promotions beside one another: whose turn only the id decides, who can never win, who gives the same twice.

Pairs are found by an index over the goods they name and are bounded, so the time grows with the documents, not with
their square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.conjunctions import Alternative, alternatives, compatible
from altyn.core.rules.checks.goods import EVERYTHING, Key, covers, keys, meet
from altyn.core.rules.condition import ALL_GOODS, ProductSet
from altyn.core.rules.promotion import (
    Amount,
    Bundle,
    BuyGet,
    FixedPrice,
    Floor,
    Notice,
    Percent,
    Points,
    Promotion,
    Reward,
)
from altyn.core.rules.words import GroupMode, Stage

# Rivals looked at for one promotion.
RIVALS_MAX = 32
SHARE_MIN_PPM = 10_000
ONE_WINNER = (GroupMode.BEST, GroupMode.FIRST, GroupMode.MIN)


def rivals(promotions: Sequence[Promotion]) -> Iterator[Remark]:
    """All remarks on promotions beside one another."""
    ways = Ways()
    groups = _groups(promotions)
    for name, members in groups.items():
        mode = _mode(members)
        yield from _equal_priorities(name, members, ways)
        if mode is GroupMode.BEST:
            yield from _never_best(name, members)
        elif mode is GroupMode.FIRST:
            yield from _never_first(name, members)
    yield from _equal_group_priorities(promotions, groups, ways)
    yield from _same_rewards(promotions, groups, ways)


class Ways:
    """Alternatives of the conditions, worked out once for each promotion."""

    def __init__(self) -> None:
        self.known: dict[str, list[Alternative]] = {}

    def of(self, promotion: Promotion) -> list[Alternative]:
        found = self.known.get(promotion.promotion_id)
        if found is None:
            found = self.known[promotion.promotion_id] = alternatives(promotion.when)
        return found

    def compatible(self, left: Promotion, right: Promotion) -> bool:
        return left.when is None or right.when is None or compatible(self.of(left), self.of(right))


class Nearby:
    """Promotions by the goods they give on; finds those that may share goods with another one, the latest first."""

    def __init__(self) -> None:
        self.by_key: dict[Key, list[Promotion]] = defaultdict(list)

    def add(self, promotion: Promotion) -> None:
        for key in dict.fromkeys(key for of in targets(promotion) for key in keys(of)):
            self.by_key[key].append(promotion)

    def near(self, promotion: Promotion) -> Iterator[Promotion]:
        """Up to RIVALS_MAX of them."""
        seen: set[str] = set()
        for of in targets(promotion):
            for key in (*keys(of), EVERYTHING):
                for other in self.by_key.get(key, ())[-RIVALS_MAX:]:
                    if other.promotion_id not in seen:
                        seen.add(other.promotion_id)
                        yield other
                    if len(seen) >= RIVALS_MAX:
                        return


def targets(promotion: Promotion) -> list[ProductSet]:
    """Sets a promotion gives on."""
    found: list[ProductSet] = []
    for reward in promotion.rewards:
        if isinstance(reward, Bundle):
            found += [part.of for part in reward.parts]
        elif isinstance(reward, BuyGet):
            found.append(reward.get_of)
        elif not isinstance(reward, Notice):
            found.append(reward.of)
    return found


def share_goods(left: Promotion, right: Promotion) -> bool:
    return any(meet(one, other) for one in targets(left) for other in targets(right))


def _groups(promotions: Iterable[Promotion]) -> dict[str, list[Promotion]]:
    """Members of the named groups, by (priority, id)."""
    named: dict[str, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if promotion.group is not None:
            named[promotion.group.name].append(promotion)
    return {name: sorted(members, key=_turn) for name, members in named.items()}


def _turn(promotion: Promotion) -> tuple[int, bytes]:
    return promotion.priority, promotion.promotion_id.encode()


def _mode(members: Sequence[Promotion]) -> GroupMode:
    declared = (member.group.mode for member in members if member.group)
    return next((mode for mode in declared if mode is not None), GroupMode.CASCADE)


def _equal_priorities(name: str, members: Sequence[Promotion], ways: Ways) -> Iterator[Remark]:
    nearby, priority = Nearby(), -1
    for member in members:
        if member.priority != priority:
            nearby, priority = Nearby(), member.priority
        for rival in nearby.near(member):
            if share_goods(member, rival) and ways.compatible(member, rival):
                details = {"rival": rival.promotion_id, "group": name, "priority": priority}
                yield remark(member.promotion_id, "priority", "EQUAL_PRIORITY", **details)
                break
        nearby.add(member)


def _equal_group_priorities(
    promotions: Sequence[Promotion], groups: dict[str, list[Promotion]], ways: Ways
) -> Iterator[Remark]:
    """Groups of one stage and priority whose members see one another's prices; percents alone commute."""
    lanes = [[promotion] for promotion in promotions if promotion.group is None] + list(groups.values())
    turns: dict[tuple[Stage, int], list[list[Promotion]]] = defaultdict(list)
    for members in lanes:
        if members[0].stage < Stage.EXTERNAL:
            turns[members[0].stage, _group_priority(members)].append(members)
    for (stage, priority), tied in turns.items():
        if len(tied) < 2:
            continue
        nearby = Nearby()
        for members in sorted(tied, key=_lane_name):
            for member in members:
                for rival in nearby.near(member):
                    if _only_percents(member) and _only_percents(rival):
                        continue
                    if share_goods(member, rival) and ways.compatible(member, rival):
                        details = {"rival": rival.promotion_id, "priority": priority, "stage": stage.name.lower()}
                        yield remark(member.promotion_id, "priority", "EQUAL_GROUP_PRIORITY", **details)
                        break
            for member in members:
                nearby.add(member)


def _group_priority(members: Sequence[Promotion]) -> int:
    declared = [member.group.priority for member in members if member.group and member.group.priority is not None]
    return declared[0] if declared else min(member.priority for member in members)


def _lane_name(members: Sequence[Promotion]) -> bytes:
    return (members[0].group.name if members[0].group else members[0].promotion_id).encode()


def _only_percents(promotion: Promotion) -> bool:
    return all(isinstance(one, Percent | Notice) for one in promotion.rewards)


# --- who can never win


_NAMES: dict[type, tuple[str, ...]] = {}


def plain(value: Any) -> Hashable:
    """A value without its places in the document, fit to be a key."""
    kind = type(value)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(one.name for one in fields(value) if one.name != "path") if is_dataclass(value) else ()
    if names := _NAMES[kind]:
        return kind, *[plain(getattr(value, name)) for name in names]
    if kind is dict:
        return tuple([(key, plain(inner)) for key, inner in value.items()])
    if kind is tuple or kind is list:
        return tuple([plain(inner) for inner in value])
    return value  # type: ignore[no-any-return]


def _number(reward: Reward) -> int | None:
    """What may be compared: the greater, the more is given."""
    if isinstance(reward, Percent):
        return reward.rate_ppm
    if isinstance(reward, Amount):
        return reward.off_minor
    if isinstance(reward, FixedPrice):
        return -reward.price_minor
    if isinstance(reward, Points):
        return reward.fixed_points if reward.is_fixed else reward.rate_ppm
    return None


def _without_number(reward: Reward) -> Reward | None:
    """The reward with its number and goods taken out; None when there is nothing to compare."""
    if _number(reward) is None:
        return None
    if isinstance(reward, Percent):
        return replace(reward, rate_ppm=0, of=ALL_GOODS)
    if isinstance(reward, Amount):
        return replace(reward, off_minor=0, of=ALL_GOODS)
    if isinstance(reward, FixedPrice):
        return replace(reward, price_minor=0, of=ALL_GOODS)
    assert isinstance(reward, Points)
    if reward.is_fixed:
        return replace(reward, fixed_points=0)
    return replace(reward, rate_ppm=0, of=ALL_GOODS)


def _bounds(promotion: Promotion) -> Hashable:
    """Everything but goods, numbers and order that decides what a promotion gives in a competition."""
    floors = (promotion.allow_free, promotion.floor, promotion.cost_floor)
    rates = (promotion.multipliers, promotion.max_rate_ppm)
    return plain((promotion.when, floors, promotion.skip_discounted, promotion.limits, rates))


def _giving(promotion: Promotion) -> list[Reward]:
    return [one for one in promotion.rewards if not isinstance(one, Notice)]


def _never_best(name: str, members: Sequence[Promotion]) -> Iterator[Remark]:
    """A smaller number of the same kind on goods another covers under the same condition can never win."""
    alike: dict[Hashable, list[Promotion]] = defaultdict(list)
    for member in members:
        giving = _giving(member)
        bare = _without_number(giving[0]) if len(giving) == 1 else None
        if bare is not None:
            alike[_bounds(member), plain(bare)].append(member)
    for same in alike.values():
        # In order of what they give; of equals the first in turn wins.
        strongest = sorted(same, key=lambda member: (-(_number(_giving(member)[0]) or 0), _turn(member)))
        for place, loser in enumerate(strongest):
            of = _of(loser)
            winner = next((one for one in strongest[:place][:RIVALS_MAX] if covers(_of(one), of)), None)
            if winner is not None:
                path = f"{_giving(loser)[0].path}.{_number_key(_giving(loser)[0])}"
                yield remark(loser.promotion_id, path, "NEVER_BEST", winner=winner.promotion_id, group=name)


def _of(promotion: Promotion) -> ProductSet:
    reward = _giving(promotion)[0]
    assert isinstance(reward, Percent | Amount | FixedPrice | Points)
    return reward.of


def _number_key(reward: Reward) -> str:
    if isinstance(reward, Points):
        return "fixed" if reward.is_fixed else "percent"
    return {Percent: "rate", Amount: "off", FixedPrice: "price"}[type(reward)]


def _never_first(name: str, members: Sequence[Promotion]) -> Iterator[Remark]:
    """Who stands behind one that gives on all of its goods whenever it could."""
    before: dict[Hashable, list[Promotion]] = defaultdict(list)
    for member in members:
        bounds = plain(member.when)
        goods = targets(member)
        for winner in (*before[bounds], *(before[plain(None)] if member.when is not None else ())):
            if all(covers(_of(winner), of) for of in goods):
                yield remark(member.promotion_id, "priority", "NEVER_FIRST", winner=winner.promotion_id, group=name)
                break
        if _surely_gives(member) and len(before[bounds]) < RIVALS_MAX:
            before[bounds].append(member)


def _surely_gives(promotion: Promotion) -> bool:
    """Does it give on its goods whenever they cost enough for a share of them to be a kopeck."""
    giving = _giving(promotion)
    if len(giving) != 1 or not isinstance(giving[0], Percent) or (giving[0].rate_ppm or 0) < SHARE_MIN_PPM:
        return False
    floors = promotion.cost_floor or promotion.floor != Floor()
    return not (floors or promotion.limits or promotion.skip_discounted)


def _same_rewards(promotions: Sequence[Promotion], groups: dict[str, list[Promotion]], ways: Ways) -> Iterator[Remark]:
    """Equal rewards on equal goods that can hold at once and do not compete."""
    modes = {name: _mode(members) for name, members in groups.items()}
    near: dict[Hashable, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if giving := _giving(promotion):
            first = [next(keys(of)) for of in targets(promotion)]
            near[promotion.stage, tuple(map(type, giving)), tuple(first)].append(promotion)
    alike: dict[Hashable, list[Promotion]] = defaultdict(list)
    for number, found in enumerate(near.values()):
        for promotion in found if len(found) > 1 else ():
            alike[number, plain(_giving(promotion))].append(promotion)
    for same in alike.values():
        for place, promotion in enumerate(same):
            for rival in same[max(0, place - RIVALS_MAX) : place]:
                group = promotion.group.name if promotion.group else None
                compete = rival.group is not None and rival.group.name == group and modes[group or ""] in ONE_WINNER
                if not compete and ways.compatible(promotion, rival):
                    yield remark(promotion.promotion_id, "reward", "SAME_REWARD", rival=rival.promotion_id)
                    break
