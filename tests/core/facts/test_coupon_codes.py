"""Coupon codes: their comparison, their hash, their check character, their template."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine.identity import coupon_hash
from altyn.core.facts.coupon_codes import (
    ALPHABET,
    check_character,
    code_hash,
    code_of,
    count_of_codes,
    is_code_of,
    normalised_code,
)

PEPPER = bytes(range(32))
TEXTS = st.text(ALPHABET, min_size=1, max_size=12)


@pytest.mark.parametrize(("typed", "code"), [(" spring-7k\t", "SPRING-7K"), ("Ёлка я", "Ёлка я"), ("A B", "A B")])
def test_code_is_compared_trimmed_and_in_ascii_upper_case(typed: str, code: str) -> None:
    assert normalised_code(typed) == code
    assert code_hash(PEPPER, typed) == code_hash(PEPPER, code)


def test_code_hash_begins_with_what_the_journal_keeps_of_an_unknown_code() -> None:
    assert code_hash(PEPPER, "SPRING").hex().startswith(coupon_hash(PEPPER, "SPRING").removeprefix("#"))
    assert len(code_hash(PEPPER, "SPRING")) == 16
    assert code_hash(PEPPER, "SPRING") != code_hash(bytes(32), "SPRING")


@given(TEXTS, st.data())
def test_check_character_tells_every_wrong_character_and_every_swap(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([one for one in ALPHABET if {one, text[at]} not in ({text[at]}, {"0", "Z"})]))
    assert check_character(text[:at] + other + text[at + 1 :]) != check_character(text)
    for first, second in itertools.pairwise(range(len(text))):
        pair = {text[first], text[second]}
        if len(pair) == 2 and pair != {"0", "Z"}:
            swapped = text[:first] + text[second] + text[first] + text[second + 1 :]
            assert check_character(swapped) != check_character(text)


def test_code_of_a_template_has_its_form_and_only_that() -> None:
    drawn = iter("7K0ZQ")
    code = code_of("MAY-##-###?", lambda: next(drawn))
    assert code == "MAY-7K-0ZQ" + check_character("MAY-7K-0ZQ")
    assert is_code_of("MAY-##-###?", code)
    assert not is_code_of("MAY-##-###?", code + "0")
    assert not is_code_of("MAY-##-###?", "JUN" + code[3:])
    assert not is_code_of("MAY-##-###?", code.replace("Q", "U"))
    assert not is_code_of("MAY-##-###?", code.replace("7K", "K7"))
    assert count_of_codes("MAY-##-###?") == 32**5
