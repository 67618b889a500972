"""SipHash-2-4-128 against the published vectors, and in pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.siphash import siphash128

KEY = bytes(range(16))
VECTORS = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
}


def test_siphash_published_vectors_hold() -> None:
    assert {size: siphash128(KEY, bytes(range(size))).hex() for size in VECTORS} == VECTORS


@given(st.binary(max_size=64), st.lists(st.integers(0, 64), max_size=4))
def test_siphash_in_pieces_equals_whole(message: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    pieces = [message[a:b] for a, b in pairwise(places)]
    assert siphash128(KEY, *pieces) == siphash128(KEY, message)
