"""A damaged image is refused, whatever the damage."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset, RulesetError

RULES = read_documents(
    load_documents("""
- {asset: bonus}
- {promotion: a, stage: item, when: {coupon: {code: C}}, reward: [{percent: {rate: 10, of: {sku: [x, y]}}}]}
- {promotion: p, reward: [{points: {asset: bonus, percent: 1}}]}
""")
)
IMAGE = compile_ruleset(RULES.promotions, RULES.assets, version=7)


def with_right_hash(image: bytes) -> bytes:
    return image[:16] + hashlib.sha256(image[48:]).digest() + image[48:]


def test_whole_image_tells_its_version_and_hash() -> None:
    ruleset = Ruleset(IMAGE)
    assert (ruleset.version, ruleset.promotions_count, ruleset.rules_count) == (7, 2, 2)
    assert ruleset.sha256 == hashlib.sha256(IMAGE[48:]).hexdigest()


@given(st.integers(0, len(IMAGE) - 1), st.integers(1, 255))
def test_image_with_one_changed_byte_is_refused(place: int, change: int) -> None:
    damaged = bytearray(IMAGE)
    damaged[place] ^= change
    with pytest.raises(RulesetError):
        Ruleset(bytes(damaged))


@given(st.integers(0, len(IMAGE) - 1))
def test_image_cut_short_is_refused(size: int) -> None:
    with pytest.raises(RulesetError):
        Ruleset(IMAGE[:size])


@given(st.binary(max_size=600))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    for candidate in (data, IMAGE + data[:1] + b"x", IMAGE[:48] + data):
        with pytest.raises(RulesetError):
            Ruleset(candidate)


@given(st.integers(0, 14), st.sampled_from([-1, 1 << 40, (1 << 63) - 1, 3]), st.booleans())
def test_section_outside_the_image_is_refused_even_under_a_right_hash(section: int, number: int, count: bool) -> None:
    damaged = bytearray(IMAGE)
    place = 64 + 16 * section + (8 if count else 0)
    damaged[place : place + 8] = (number if not count or number != 3 else 1 << 50).to_bytes(8, "little", signed=True)
    with pytest.raises(RulesetError):
        Ruleset(with_right_hash(bytes(damaged)))
