"""Keyed hashes against the standard library's HMAC: what the back office stored must be found for ever."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine.identity import card_hash, coupon_hash, keyed_hash, phone_hash

PEPPER = bytes(range(32))


@given(key=st.binary(min_size=1, max_size=200), text=st.binary(max_size=200))
def test_keyed_hash_equals_hmac_for_keys_of_every_size(key: bytes, text: bytes) -> None:
    assert keyed_hash(key, text) == hmac.digest(key, text, "sha256") == keyed_hash(key, text)


def test_hashes_of_what_a_person_presents_are_told_apart_by_kind() -> None:
    assert card_hash(PEPPER, "22-00 a") == hmac.digest(PEPPER, b"card:2200A", "sha256")
    assert phone_hash(PEPPER, "8 (999) 000-00-08") == hmac.digest(PEPPER, b"phone:79990000008", "sha256")
    assert coupon_hash(PEPPER, "HELLO") == "#" + hmac.digest(PEPPER, b"coupon:HELLO", "sha256").hex()[:16]
