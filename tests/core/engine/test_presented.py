"""What the engine makes of a presented card or phone is what the back office stored of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine.identity import card_hash, phone_hash
from altyn.core.engine.presented import entered_hash, presented_hash
from altyn.core.facts.coupon_codes import code_hash, normalised_code

PEPPER = bytes(range(32))
SPELLED = st.text("0123456789 -+()abzAZяß", max_size=20) | st.text(max_size=300)


@given(number=SPELLED)
def test_card_number_however_spelled_has_the_hash_of_the_back_office(number: str) -> None:
    assert presented_hash(PEPPER, number.encode(), False) == card_hash(PEPPER, number)


@given(phone=SPELLED | st.from_regex(r"\A8[ (]?\d{3}[) -]?\d{7}\Z"))
def test_phone_however_spelled_has_the_hash_of_the_back_office(phone: str) -> None:
    assert presented_hash(PEPPER, phone.encode(), True) == phone_hash(PEPPER, phone)


@given(code=st.text("ABC019-Ёя# ", min_size=1, max_size=100))
def test_coupon_code_has_the_hash_of_the_back_office(code: str) -> None:
    assert entered_hash(PEPPER, normalised_code(code).encode()) == code_hash(PEPPER, code)
