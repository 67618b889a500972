"""Computed codes: equal to plain ones, one for each serial, and back to it; nobody's without the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.facts.coupon_codes import ALPHABET, is_code_of
from altyn.core.facts.serial_codes import SERIALS_MAX, serial_codes, serial_of_code
from tests.reference import permutation as plain

PEPPER = bytes(range(32))
TEMPLATE = "S-####-#####?"
# (tenant, series_no, template, serial): made by tests/reference/permutation.py.
VECTORS = {
    ("shop", 1, "########", 1): "H9XZXMYK",
    ("shop", 1, "########", 2): "R6AAXGRF",
    ("shop", 2, "S-####-#####?", 1): "S-VN8X-K19Y6C",
    ("shop", 2, "S-####-#####?", 10_000_000): "S-J7N6-ABZN0T",
    ("shop", 65535, "LOYAL############?", 1_000_000_000): "LOYAL1K05FPR7X7SPT",
    ("магазин", 7, "##########", 123_456_789): "QMZG4D7PHX",
}

tenants = st.text("abcdefgh", min_size=1, max_size=8)
numbers = st.integers(1, 65_535)
templates = st.builds(
    lambda count, prefix, cut, check: (
        prefix + "#" * min(cut, count) + "-" + "#" * (count - min(cut, count)) + "?" * check
    ),
    st.integers(8, 12),
    st.text("ABILOU019-", max_size=8),
    st.integers(0, 12),
    st.booleans(),
)


def code_of(series_no: int, template: str, serial: int, *, pepper: bytes = PEPPER, tenant: str = "shop") -> str:
    return serial_codes(pepper, tenant, series_no, template, serial, 1).decode().removesuffix("\n")


@given(st.binary(min_size=1, max_size=80), tenants, numbers, templates, st.integers(1, SERIALS_MAX))
def test_code_equals_the_plain_one_and_leads_back_to_its_serial(
    pepper: bytes, tenant: str, series_no: int, template: str, serial: int
) -> None:
    code = code_of(series_no, template, serial, pepper=pepper, tenant=tenant)
    assert code == plain.serial_code(pepper, tenant, series_no, template, serial)
    assert is_code_of(template, code)
    assert serial_of_code(pepper, tenant, series_no, template, f" {code.lower()}\t") == serial


def test_codes_known_answers_hold() -> None:
    assert {asked: code_of(asked[1], asked[2], asked[3], tenant=asked[0]) for asked in VECTORS} == VECTORS
    assert {asked: plain.serial_code(PEPPER, *asked) for asked in VECTORS} == VECTORS


def test_codes_of_a_batch_are_as_many_different_lines_of_the_form() -> None:
    made = b"".join(serial_codes(PEPPER, "shop", 3, TEMPLATE, first, 50_000) for first in (1, 50_001))
    codes = made.decode().splitlines()
    assert len(made) == 100_000 * (len(TEMPLATE) + 1)
    assert len(set(codes)) == len(codes) == 100_000
    assert codes[77_776] == code_of(3, TEMPLATE, 77_777)
    assert all(is_code_of(TEMPLATE, code) for code in codes[::997])


def test_code_of_another_key_tenant_or_series_is_another() -> None:
    code = code_of(3, TEMPLATE, 7)
    others = (
        code_of(4, TEMPLATE, 7),
        code_of(3, TEMPLATE, 7, tenant="shop2"),
        code_of(3, TEMPLATE, 7, pepper=PEPPER * 2),
    )
    assert len({code, *others}) == 4
    for told in others:
        assert serial_of_code(PEPPER, "shop", 3, TEMPLATE, told) != 7


@given(st.text(ALPHABET, min_size=9, max_size=9))
def test_guess_is_below_ten_million_once_in_a_million_times(body: str) -> None:
    """Of 2^45 bodies 10^7 are serials of that many codes: five hundred guesses do not hit one."""
    code = f"S-{body[:4]}-{body[4:]}"
    assert not 0 < serial_of_code(PEPPER, "shop", 3, TEMPLATE, code + plain.check_symbol(code)) <= 10_000_000


@given(st.integers(1, SERIALS_MAX), st.integers(0, 12), st.sampled_from([*ALPHABET, "I", "?", "#", "Ё", "\x00"]))
def test_code_with_one_wrong_character_is_nobodys(serial: int, place: int, other: str) -> None:
    code = code_of(3, TEMPLATE, serial)
    wrong = code[:place] + other + code[place + 1 :]
    if {other, code[place]} not in ({other}, {"0", "Z"}):
        assert serial_of_code(PEPPER, "shop", 3, TEMPLATE, wrong) == 0
    assert serial_of_code(PEPPER, "shop", 3, TEMPLATE, code[:-1]) == 0


@pytest.mark.parametrize(
    ("template", "first", "count"),
    [
        ("#######", 1, 1),
        ("#############", 1, 1),
        ("#" * 8 + "A" * 57, 1, 1),
        (TEMPLATE, 0, 1),
        (TEMPLATE, 1, 0),
        (TEMPLATE, 1, 65_537),
        (TEMPLATE, SERIALS_MAX, 2),
    ],
)
def test_codes_out_of_range_are_refused(template: str, first: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"serials|template"):
        serial_codes(PEPPER, "shop", 3, template, first, count)
