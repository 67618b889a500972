"""Vectors of semantics §6.1 and properties of the split."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .numbers import exact, largest_remainder, minor, per_measure, ppm_of_percent, round_half_up

MEMBERS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), max_size=8)


@pytest.mark.parametrize(
    ("total", "weights", "caps", "shares"),
    [
        (10000, [33333, 33333, 33334], None, [3333, 3333, 3334]),
        (1000, [10000, 10000, 10000], None, [334, 333, 333]),
        (30000, [50000, 30000, 20000], [50000, 4000, 20000], [18571, 4000, 7429]),
        (3, [1, 1, 1, 1], None, [1, 1, 1, 0]),
        (2, [1, 3], None, [0, 2]),
        (10, [0, 5], [10, 5], [0, 5]),
        (7, [0, 0], None, [0, 0]),
    ],
)
def test_largest_remainder_vectors_6_1_5(
    total: int, weights: list[int], caps: list[int] | None, shares: list[int]
) -> None:  # fmt: skip
    assert largest_remainder(total, weights, caps) == shares


@given(st.integers(0, 200), MEMBERS)
def test_largest_remainder_with_caps_sums_to_what_fits(total: int, members: list[tuple[int, int]]) -> None:
    """§6.1.5: Σ result = min(total, Σ caps of members with weight > 0); nobody passes its cap."""
    weights, caps = [weight for weight, _ in members], [cap for _, cap in members]
    shares = largest_remainder(total, weights, caps)
    assert sum(shares) == min(total, sum(cap for weight, cap in members if weight))
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if not weight)


@given(st.integers(0, 200), st.lists(st.integers(0, 50), max_size=8))
def test_largest_remainder_without_caps_stays_within_one_of_exact(total: int, weights: list[int]) -> None:
    shares = largest_remainder(total, weights)
    for share, weight in zip(shares, weights, strict=True):
        assert not weight or abs(share - Fraction(total * weight, sum(weights))) < 1


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(1, 2, 1), (5, 10, 1), (49, 100, 0), (3, 2, 2), (1, 3, 0), (2, 3, 1)]
)
def test_round_half_up_at_halves_goes_up_6_1_2(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_up(numerator, denominator) == rounded


def test_line_gross_of_weighted_goods_is_rounded_6_11_16() -> None:
    assert per_measure(39990, 1234) == 49348


def test_decimals_are_read_exactly_and_floats_refused() -> None:
    assert minor("300.00") == minor(300) == minor(Decimal("300.0")) == 30000
    assert ppm_of_percent("33.3333") == 333333
    with pytest.raises(TypeError):
        exact(0.5)  # type: ignore[arg-type]
