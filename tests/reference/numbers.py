"""Rounding, exact decimals and the largest-remainder split of semantics §6.1.

Decides how an exact figure becomes whole kopecks or points. Everything is `int` or `Fraction`; a float is refused.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

MILLION = 1_000_000


def round_half_up(numerator: int, denominator: int) -> int:
    """The one rounding of §6.1.2: non-negative `numerator / denominator`, halves upwards."""
    assert numerator >= 0 and denominator > 0
    return (2 * numerator + denominator) // (2 * denominator)


def exact(value: str | int | Decimal) -> Fraction:
    """A decimal of a document (text, whole number or Decimal), exactly."""
    if isinstance(value, float):
        raise TypeError(f"a float is not exact: {value!r}")
    return Fraction(value)


def whole(value: Fraction) -> int:
    """A figure that must already be whole."""
    if value.denominator != 1:
        raise ValueError(f"not a whole number: {value}")
    return value.numerator


def minor(value: str | int | Decimal) -> int:
    """Roubles of a document in kopecks."""
    return whole(exact(value) * 100)


def ppm_of_percent(value: str | int | Decimal) -> int:
    """A percentage of a document in millionths: 5 % is 50 000."""
    return whole(exact(value) * 10_000)


def per_measure(amount_minor: int, qty_milli: int) -> int:
    """An amount given per 1.000 of measure, for `qty_milli` of it (§6.11.16)."""
    return round_half_up(amount_minor * qty_milli, 1000)


def largest_remainder(total: int, weights: Sequence[int], caps: Sequence[int] | None = None) -> list[int]:
    """`LR(total, weights, caps)` of §6.1.5: shares in whole units, their sum is min(total, Σ caps of weights > 0)."""
    shares = [0] * len(weights)
    free = [index for index, weight in enumerate(weights) if weight > 0]
    rest = total
    if caps is not None:
        rest, free = _fix_at_caps(rest, free, weights, caps, shares)
    weight_sum = sum(weights[index] for index in free)
    if not weight_sum:
        return shares
    for index in free:
        shares[index] = rest * weights[index] // weight_sum
    spare = rest - sum(shares[index] for index in free)
    if spare:
        free.sort(key=lambda index: (-(rest * weights[index] % weight_sum), -weights[index], index))
        for index in free[:spare]:
            shares[index] += 1
    return shares


def _fix_at_caps(
    rest: int, free: list[int], weights: Sequence[int], caps: Sequence[int], shares: list[int]
) -> tuple[int, list[int]]:
    """Fix at its cap every member whose exact share exceeds it, again and again; what is left, and for whom."""
    while True:
        weight_sum = sum(weights[index] for index in free)
        over = {index for index in free if rest * weights[index] > caps[index] * weight_sum}
        if not over:
            return rest, free
        for index in over:
            shares[index] = caps[index]
            rest -= caps[index]
        free = [index for index in free if index not in over]
