"""Rounding and the largest remainder of semantics §6.1, against fractions and a plain reading of the rule."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.money import largest_remainder, multiply_floor, multiply_half_up, multiply_times, share_exactly

AMOUNTS = st.integers(0, (1 << 53) - 1)
WEIGHTS = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 1 << 40)), min_size=1, max_size=60)


def plain_largest_remainder(total: int, weights: list[int], caps: list[int] | None = None) -> list[int]:
    """§6.1.5 as written: fix at the cap, redistribute, repeat; then floor and hand out spare kopecks one by one."""
    limits = caps if caps is not None else [total] * len(weights)
    fixed: dict[int, int] = {}
    left = min(total, sum(cap for cap, weight in zip(limits, weights, strict=True) if weight > 0))
    while True:
        free = [index for index in range(len(weights)) if index not in fixed and weights[index] > 0]
        rest = left - sum(fixed.values())
        weight = sum(weights[index] for index in free)
        exact = {index: Fraction(rest * weights[index], weight) for index in free}
        over = [index for index in free if exact[index] > limits[index]]
        if not over:
            break
        fixed |= {index: limits[index] for index in over}
    shares = [fixed.get(index, int(exact.get(index, 0))) for index in range(len(weights))]
    spare = left - sum(shares) if free else 0
    ranked = sorted(free, key=lambda index: (int(exact[index]) - exact[index], -weights[index], index))
    for index in ranked[:spare]:
        shares[index] += 1
    return shares


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
def test_largest_remainder_on_the_vectors_gives_their_shares(
    total: int, weights: list[int], caps: list[int] | None, shares: list[int]
) -> None:
    assert largest_remainder(total, weights, caps) == shares


@given(st.integers(0, 1 << 45), WEIGHTS)
def test_largest_remainder_without_caps_equals_the_plain_reading(total: int, weights: list[int]) -> None:
    assert largest_remainder(total, weights) == plain_largest_remainder(total if any(weights) else 0, weights)


@given(st.data(), st.integers(0, 1000))
def test_largest_remainder_with_caps_equals_the_plain_reading(data: st.DataObject, total: int) -> None:
    weights = data.draw(st.lists(st.integers(0, 300), min_size=1, max_size=50))
    caps = data.draw(st.lists(st.integers(0, 100), min_size=len(weights), max_size=len(weights)))
    assert largest_remainder(total, weights, caps) == plain_largest_remainder(total, weights, caps)


@given(st.data(), st.integers(0, 10_000))
def test_largest_remainder_of_runs_equals_that_of_their_units(data: st.DataObject, total: int) -> None:
    runs = data.draw(
        st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=12)
    )
    by_unit = [(weight, cap) for weight, cap, count in runs for _ in range(count)]
    expected = largest_remainder(total, [weight for weight, _ in by_unit], [cap for _, cap in by_unit])
    assert largest_remainder(total, *map(list, zip(*runs, strict=True))) == expected


@given(st.integers(0, 1 << 45), WEIGHTS)
def test_largest_remainder_loses_and_makes_no_kopeck(total: int, weights: list[int]) -> None:
    caps = [weight // 2 for weight in weights]
    shares = largest_remainder(total, weights, caps)
    assert sum(shares) == min(total, sum(caps))
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))


@given(AMOUNTS, st.integers(0, 10**10), st.integers(1, 10**10))
def test_products_are_exact_in_128_bits(amount: int, numerator: int, divisor: int) -> None:
    exact = Fraction(amount * numerator, divisor)
    if exact < 1 << 62:
        assert multiply_floor(amount, numerator, divisor) == exact.__floor__()
        assert multiply_half_up(amount, numerator, divisor) == (exact + Fraction(1, 2)).__floor__()


def test_largest_remainder_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        largest_remainder(-1, [1])
    with pytest.raises(ValueError, match="length"):
        largest_remainder(1, [1], [1, 2])


@given(AMOUNTS, st.lists(st.integers(1, 1_000_000), max_size=16), st.integers(0, (1 << 53) - 1))
def test_times_are_multiplied_exactly_and_rounded_once(value: int, times: list[int], most: int) -> None:
    product = Fraction(value)
    for one in times:
        product *= Fraction(one, 10_000)
    assert multiply_times(value, times, most) == min(int(product + Fraction(1, 2)), most)


def test_times_of_a_rate_of_percent_and_the_largest_there_are() -> None:
    assert multiply_times(30_000, [15_000, 12_500], 1_000_000) == 56_250
    assert multiply_times(33_300, [13_333, 13_333], 1_000_000) == 59_197
    assert multiply_times(1, [5_000], 10) == 1
    assert multiply_times(1, [4_999], 10) == 0
    assert multiply_times((1 << 53) - 1, [1_000_000] * 16, (1 << 53) - 1) == (1 << 53) - 1


BASES = st.lists(st.one_of(st.integers(0, 5), st.integers(0, (1 << 53) // 60)), min_size=1, max_size=60)
RATES = st.one_of(st.integers(0, 3), st.integers(0, 100_000_000))


@given(st.integers(0, 1 << 61), BASES, st.data())
def test_shares_by_base_and_rate_are_exact_beyond_one_word(total: int, bases: list[int], data: st.DataObject) -> None:
    rates = data.draw(st.lists(RATES, min_size=len(bases), max_size=len(bases)))
    weights = [base * rate for base, rate in zip(bases, rates, strict=True)]
    wanted = plain_largest_remainder(total, weights) if any(weights) else [0] * len(bases)
    assert share_exactly(total, bases, rates) == wanted


def test_equal_remainders_beyond_one_word_go_to_the_larger_weight_then_the_smaller_number() -> None:
    # Of 4 a half is left over four times, of 3 a fraction of 3/8 on the small weights.
    base, rate = (1 << 53) // 8, 100_000_000
    assert share_exactly(4, [base, 3 * base, base, 3 * base], [rate] * 4) == [0, 2, 0, 2]
    assert share_exactly(3, [base, 3 * base, base, 3 * base], [rate] * 4) == [1, 1, 0, 1]
