"""The keyed permutation: a bijection on every number of bits, turned round, and equal to a plain one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.permutation import permute, unpermute
from altyn.core.siphash import siphash128
from tests.reference import permutation as plain

KEY = bytes(range(16))
ROUNDS = 10
# (bits, rounds, value): made by tests/reference/permutation.py.
VECTORS = {
    (2, 8, 1): 2,
    (9, 10, 0): 257,
    (40, 10, 1): 426_739_127_706,
    (45, 10, 1): 9_809_199_735_543,
    (45, 10, 2): 26_669_483_731_355,
    (45, 10, 10_000_000): 19_265_379_048_531,
    (45, 8, 10_000_000): 4_865_402_825_781,
    (50, 10, (1 << 49) + 7): 531_226_112_696_946,
    (60, 10, 999_999_999): 1_052_688_653_597_799_069,
    (60, 8, (1 << 60) - 1): 317_120_553_367_142_995,
}


@pytest.mark.parametrize("bits", range(2, 15))
@pytest.mark.parametrize("rounds", [8, ROUNDS])
def test_permutation_of_few_bits_gives_every_number_once(bits: int, rounds: int) -> None:
    made = [permute(KEY, bits, rounds, value) for value in range(1 << bits)]
    assert sorted(made) == list(range(1 << bits))
    assert [unpermute(KEY, bits, rounds, one) for one in made] == list(range(1 << bits))


@given(st.binary(min_size=16, max_size=16), st.integers(2, 60), st.integers(1, 20), st.data())
def test_permutation_of_many_bits_is_turned_round_both_ways(
    key: bytes, bits: int, rounds: int, data: st.DataObject
) -> None:
    value = data.draw(st.integers(0, (1 << bits) - 1))
    made = permute(key, bits, rounds, value)
    assert made >> bits == 0
    assert unpermute(key, bits, rounds, made) == value
    assert permute(key, bits, rounds, unpermute(key, bits, rounds, value)) == value
    assert made == plain.permute(key, bits, rounds, value)


def test_permutation_known_answers_hold() -> None:
    assert {asked: permute(KEY, *asked) for asked in VECTORS} == VECTORS
    assert {asked: plain.permute(KEY, *asked) for asked in VECTORS} == VECTORS


@given(st.binary(max_size=40))
def test_plain_siphash_equals_the_published_one(message: bytes) -> None:
    assert plain.siphash(KEY, message) == siphash128(KEY, message)


@pytest.mark.parametrize("bits", [40, 45, 60])
def test_permutation_of_neighbours_differs_in_half_of_the_bits(bits: int) -> None:
    flipped = [(permute(KEY, bits, ROUNDS, n) ^ permute(KEY, bits, ROUNDS, n + 1)).bit_count() for n in range(2_000)]
    assert abs(sum(flipped) / len(flipped) - bits / 2) < 0.5


def test_permutation_of_another_key_or_width_is_another() -> None:
    made = [permute(KEY, 45, ROUNDS, n) for n in range(1_000)]
    for key, bits in ((KEY[::-1], 45), (KEY, 46)):
        assert not set(made) & {permute(key, bits, ROUNDS, n) for n in range(1_000)}


@pytest.mark.parametrize(
    ("key", "bits", "rounds", "value"),
    [
        (KEY[:15], 45, 10, 1),
        (KEY, 1, 10, 1),
        (KEY, 61, 10, 1),
        (KEY, 45, 0, 1),
        (KEY, 45, 256, 1),
        (KEY, 45, 10, 1 << 45),
    ],
)
def test_permutation_out_of_range_is_refused(key: bytes, bits: int, rounds: int, value: int) -> None:
    for act in (permute, unpermute):
        with pytest.raises(ValueError, match="16 bytes"):
            act(key, bits, rounds, value)
