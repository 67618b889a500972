"""What multiplies the rate of a promotion (semantics §6.4, §6.11.17; promotion-document «multiplier»).

Decides the rate of a rule on each calc group, and which multipliers had a part in it. Changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .conditions import Answer, Condition, Situation, read_condition
from .goods import Line, ProductSet, read_product_set
from .numbers import MILLION, exact, ppm_of_percent, round_half_up

MULTIPLIED = ("percent", "progressive", "points_percent", "points_fixed")


@dataclass(frozen=True)
class Multiplier:
    """Multiplies by `times` on the lines of `goods`, when its condition holds."""

    times: Fraction
    condition: Condition
    goods: ProductSet
    # The promotion and reward it stands in, if that is another promotion's.
    owner: tuple[str, int] | None = None


@dataclass(frozen=True)
class Multipliers:
    """All that multiply one promotion, and how far they go; most promotions have none."""

    members: tuple[Multiplier, ...] = ()
    max_ppm: int | None = None


@dataclass(frozen=True)
class Multiplied:
    """What the multipliers of a promotion say at its turn, each with the answer of its condition."""

    said: tuple[tuple[Multiplier, Answer], ...] = ()
    max_ppm: int | None = None

    def number(self, number: int, kind: str, line: Line) -> int:
        """A rate or fixed points on the goods of a line: the product rounded once, then bounded."""
        if kind not in MULTIPLIED:
            return number
        product = Fraction(number)
        for member, answer in self.said:
            if answer.failure is None and member.goods(line):
                product *= member.times
        rounded = round_half_up(product.numerator, product.denominator)
        if kind == "points_fixed":
            return rounded
        bounds = [MILLION * (100 if kind == "points_percent" else 1)]
        if self.max_ppm is not None:
            bounds.append(self.max_ppm)
        return min(rounded, *bounds)

    def codes(self, lines: Iterable[Line]) -> list[frozenset[str]]:
        """The codes each of those held by that changed the rate of one of these lines."""
        targets = list(lines)
        return [
            answer.codes
            for member, answer in self.said
            if answer.codes and member.times != 1 and any(map(member.goods, targets))
        ]


UNCHANGED = Multiplied()


def read_multipliers(document: dict[str, Any]) -> Multipliers:
    """`multiplier` and `max_rate` of a promotion."""
    members = tuple(
        Multiplier(exact(one["times"]), read_condition(one.get("when")), read_product_set(one.get("of")))
        for one in document.get("multiplier") or ()
    )
    return Multipliers(members, ppm_of_percent(document["max_rate"]) if "max_rate" in document else None)


def ask(multipliers: Multipliers, situation: Situation) -> Multiplied:
    """Every multiplier's condition, tested here and now."""
    if not multipliers.members and multipliers.max_ppm is None:
        return UNCHANGED
    said = tuple((member, member.condition(situation)) for member in multipliers.members)
    return Multiplied(said, multipliers.max_ppm)
