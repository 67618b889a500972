"""Remarks on documents that can be read but hardly mean what was wanted.

Only what is certain from the documents alone; nothing here refuses a document. Pure: no clock, so nothing is said about
dates that have passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from altyn.core.rules.definition import Rules, default_document
from altyn.core.rules.promotion import CouponIs, GroupMode, Percent, Points, Promotion, SeriesIs, Stage
from altyn.core.rules.read.conditions import walk


@dataclass(frozen=True, slots=True)
class Remark:
    """`path` is the promotion's id and the place in its document, as in `Problem`."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.code}: {self.message}"


def remarks(rules: Rules) -> list[Remark]:
    """All remarks, in order of the promotions' ids."""
    found = [*_equal_priorities(rules), *_never_best(rules), *_points(rules), *_coupons(rules.promotions)]
    return sorted(found, key=lambda remark: (remark.path, remark.code))


def _groups(promotions: Iterable[Promotion]) -> dict[str, list[Promotion]]:
    """Members of the named groups of more than one, by (priority, id)."""
    named: dict[str, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if promotion.group is not None:
            named[promotion.group.name].append(promotion)
    return {
        name: sorted(members, key=lambda member: (member.priority, member.promotion_id.encode()))
        for name, members in named.items()
        if len(members) > 1
    }


def _equal_priorities(rules: Rules) -> Iterator[Remark]:
    for name, members in _groups(rules.promotions).items():
        for first, second in pairwise(members):
            if first.priority == second.priority:
                yield Remark(
                    f"{second.promotion_id}: priority",
                    "EQUAL_PRIORITY",
                    f'"{first.promotion_id}" of group "{name}" has priority {first.priority} too: the id decides',
                )


def _never_best(rules: Rules) -> Iterator[Remark]:
    """In a BEST group a smaller percent of the same goods under the same condition can never win."""
    for name, members in _groups(rules.promotions).items():
        if not any(member.group and member.group.mode is GroupMode.BEST for member in members):
            continue
        rivals: dict[str, list[Promotion]] = defaultdict(list)
        for member in members:
            reward = member.rewards[0]
            if len(member.rewards) == 1 and isinstance(reward, Percent) and reward.rate_ppm is not None:
                rivals[repr(_alike(member, reward))].append(member)
        for alike in rivals.values():
            winner = max(alike, key=_rate)  # the first of equals, who wins a tie
            for loser in alike:
                if loser is not winner:
                    yield Remark(
                        f"{loser.promotion_id}: reward[0].percent.rate",
                        "NEVER_BEST",
                        f'"{winner.promotion_id}" of group "{name}" always gives at least as much on the same goods',
                    )


def _alike(promotion: Promotion, reward: Percent) -> dict[str, object]:
    """What two promotions must share to give on the same receipts and goods, whatever their rates."""
    made = default_document(replace(promotion, rewards=(replace(reward, rate_ppm=10_000),)))
    alike = ("stage", "when", "reward", "allow_free", "floor", "cost_floor", "skip_discounted", "limits")
    return {key: made.get(key) for key in alike}


def _rate(promotion: Promotion) -> int:
    reward = promotion.rewards[0]
    return (isinstance(reward, Percent) and reward.rate_ppm) or 0


def _points(rules: Rules) -> Iterator[Remark]:
    assets = {asset.asset: asset for asset in rules.assets}
    for promotion in rules.promotions:
        for reward in promotion.rewards:
            if not isinstance(reward, Points):
                continue
            path = f"{promotion.promotion_id}: {reward.path}"
            asset = assets.get(reward.asset)
            if asset is None:
                yield Remark(
                    f"{path}.asset", "UNDECLARED_ASSET", f'no document declares "{reward.asset}": scale 2 is taken'
                )
            elif reward.fixed_points is not None and reward.fixed_points < asset.step_points:
                yield Remark(f"{path}.fixed", "BELOW_STEP", "less than the asset's step: rounded down to nothing")


def _coupons(promotions: Iterable[Promotion]) -> Iterator[Remark]:
    for promotion in promotions:
        conditions = walk(promotion.when) if promotion.when else []
        if promotion.stage is Stage.COUPON and not any(isinstance(one, CouponIs | SeriesIs) for one in conditions):
            yield Remark(
                f"{promotion.promotion_id}: stage", "NO_COUPON", "stage coupon, and no condition asks for a coupon"
            )
