"""SHA-256 and its HMAC against the standard library, in pieces, with and without the processor's instructions."""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.sha256 import hmac_sha256, sha256

PORTABLE = pytest.mark.parametrize("portable", [False, True])


@PORTABLE
def test_sha256_of_every_size_around_the_blocks_equals_the_standard_library(portable: bool) -> None:
    for size in range(200):
        message = bytes(i * 7 & 0xFF for i in range(size))
        assert sha256(message, portable=portable) == hashlib.sha256(message).digest()


@PORTABLE
@given(message=st.binary(max_size=5_000), cuts=st.lists(st.integers(0, 5_000), max_size=6))
def test_sha256_in_pieces_equals_whole(portable: bool, message: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    pieces = [message[a:b] for a, b in pairwise(places)]
    assert sha256(*pieces, portable=portable) == hashlib.sha256(message).digest()


@given(key=st.binary(max_size=200), pieces=st.lists(st.binary(max_size=150), max_size=3))
def test_hmac_equals_the_standard_library_for_keys_of_every_size(key: bytes, pieces: list[bytes]) -> None:
    assert hmac_sha256(key, *pieces) == hmac.digest(key, b"".join(pieces), "sha256")
