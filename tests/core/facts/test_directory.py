"""The directory against dictionaries: cards, customers, phones, segments."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from altyn.core.facts import CopyRows, Directory
from altyn.core.facts.directory import (
    CARD_ACTIVE,
    CARD_FINISHED,
    CARD_NEW,
    PHONE_NOT_UNIQUE,
    SEGMENTS_MAX,
    CardFact,
    CustomerFact,
)


def keyed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


PHONES = st.sampled_from([b"", keyed("1"), keyed("2"), keyed("3")])
# Hashes that fall on one place of the index, and differ only in their last byte.
NUMBERS = st.sampled_from([bytes(15) + bytes([i]) for i in range(6)] + [keyed(str(i)) for i in range(6)])
CUSTOMERS = st.integers(1, 6)
SEGMENTS = st.sampled_from(["vip", "new", "a", "ab", "я", "z" * 64, *[f"s{i}" for i in range(40)]])


class DirectoryMachine(RuleBasedStateMachine):
    """Any order of changes leaves what a plain model holds."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Directory()
        self.cards: dict[bytes, CardFact] = {}
        self.customers: dict[int, CustomerFact] = {}
        self.segments: dict[int, set[str]] = {}

    @rule(
        number=NUMBERS,
        card_id=st.integers(1, 2**62),
        customer_id=st.integers(0, 2**62),
        card_type=st.sampled_from(["", "gold", "staff"]),
        state=st.integers(CARD_NEW, CARD_FINISHED),
        last4=st.sampled_from(["", "7", "1234"]),
        virtual=st.booleans(),
    )
    def upsert_card(
        self, number: bytes, card_id: int, customer_id: int, card_type: str, state: int, last4: str, virtual: bool
    ) -> None:
        card = CardFact(number, card_id, card_id, customer_id, card_type, state, last4, virtual)
        self.directory.upsert_card(card)
        self.cards[number[:16]] = card._replace(number_hash=number[:16])

    @rule(number=NUMBERS)
    def remove_card(self, number: bytes) -> None:
        assert self.directory.remove_card(number) == (self.cards.pop(number[:16], None) is not None)

    @rule(
        customer_id=CUSTOMERS,
        account_id=st.integers(1, 2**62),
        phone=PHONES,
        birthday=st.sampled_from([0, 101, 229, 1231]),
        favourites=st.lists(SEGMENTS, max_size=32).map(tuple),
    )
    def upsert_customer(
        self, customer_id: int, account_id: int, phone: bytes, birthday: int, favourites: tuple[str, ...]
    ) -> None:
        customer = CustomerFact(customer_id, account_id, phone, birthday, favourites)
        self.directory.upsert_customer(customer)
        self.customers[customer_id] = customer._replace(phone_hash=phone[:16])

    @rule(customer_id=CUSTOMERS)
    def remove_customer(self, customer_id: int) -> None:
        assert self.directory.remove_customer(customer_id) == (self.customers.pop(customer_id, None) is not None)

    @rule(customer_id=CUSTOMERS, segments=st.lists(SEGMENTS, max_size=12))
    def add_segments(self, customer_id: int, segments: list[str]) -> None:
        for segment in segments:
            self.directory.add_segment(customer_id, segment)
            self.segments.setdefault(customer_id, set()).add(segment)

    @rule(customer_id=CUSTOMERS, segment=SEGMENTS)
    def remove_segment(self, customer_id: int, segment: str) -> None:
        self.directory.remove_segment(customer_id, segment)
        self.segments.get(customer_id, set()).discard(segment)

    @invariant()
    def directory_equals_the_model(self) -> None:
        directory = self.directory
        assert (directory.cards_count, directory.customers_count) == (len(self.cards), len(self.customers))
        for number in [bytes(15) + bytes([i]) for i in range(6)]:
            assert directory.card(number) == self.cards.get(number)
        for customer_id in range(1, 7):
            customer = self.customers.get(customer_id)
            assert directory.customer(customer_id) == customer
            expected = sorted(self.segments.get(customer_id, ()), key=str.encode) if customer else []
            assert directory.segments(customer_id) == expected
        for phone in (keyed("1"), keyed("2"), keyed("3")):
            owners = [c.customer_id for c in self.customers.values() if c.phone_hash == phone[:16]]
            expected_owner = 0 if not owners else owners[0] if len(owners) == 1 else PHONE_NOT_UNIQUE
            assert directory.customer_by_phone(phone) == expected_owner


DirectoryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_directory_after_any_changes_equals_a_model = DirectoryMachine.TestCase


def test_directory_of_many_finds_each_card_and_phone() -> None:
    directory = Directory()
    for number in range(1, 20_001):
        directory.upsert_card(CardFact(keyed(f"card {number}"), number, number, 0, "", CARD_ACTIVE, ""))
        directory.upsert_customer(CustomerFact(number, number, keyed(f"phone {number}")))
    for number in range(1, 20_001):
        card = directory.card(keyed(f"card {number}"))
        assert card is not None
        assert card.card_id == number
        assert directory.customer_by_phone(keyed(f"phone {number}")) == number
    assert directory.card(keyed("card 0")) is None
    assert directory.customer_by_phone(keyed("phone 0")) == 0


def test_virtual_card_costs_an_entry_of_its_own_index_and_a_plastic_one_nothing() -> None:
    def grown(virtual: bool) -> float:
        directory = Directory()
        empty_bytes = directory.allocated_bytes
        for number in range(1, 10_001):
            directory.upsert_card(CardFact(keyed(f"{number}"), number, number, 0, "", CARD_ACTIVE, "", virtual))
        return (directory.allocated_bytes - empty_bytes) / 10_000

    assert 8 <= grown(True) - grown(False) <= 32


@given(st.permutations([f"{number:03d}" for number in range(150)]))
@settings(max_examples=20, deadline=None)
def test_segments_of_neighbours_never_mix_while_their_runs_grow(names: list[str]) -> None:
    directory = Directory()
    for customer_id in (1, 2, 3):
        directory.upsert_customer(CustomerFact(customer_id, customer_id))
    for place, name in enumerate(names):
        directory.add_segment(1 + place % 3, name)
    for customer_id in (1, 2, 3):
        assert directory.segments(customer_id) == sorted(names[customer_id - 1 :: 3])
    for name in names[::3]:
        directory.remove_segment(1, name)
    assert directory.segments(1) == []
    assert directory.segments(2) == sorted(names[1::3])


def test_segments_beyond_the_limit_are_counted_and_left_out() -> None:
    directory = Directory()
    directory.upsert_customer(CustomerFact(1, 1))
    names = [f"{number:05d}" for number in range(SEGMENTS_MAX + 3)]
    for name in names:
        directory.add_segment(1, name)
    assert directory.memberships_left_out == 3
    assert directory.segments(1) == names[:SEGMENTS_MAX]
    directory.add_segment(1, names[0])
    assert directory.memberships_left_out == 3


def fields(*values: bytes | None) -> bytes:
    body = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    return struct.pack("!h", len(values)) + body


def stream(*rows: bytes) -> CopyRows:
    copy = CopyRows()
    copy.append(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + struct.pack("!h", -1))
    return copy


def long(value: int) -> bytes:
    return struct.pack("!q", value)


def test_load_reads_cards_customers_and_segments_with_their_nulls() -> None:
    directory = Directory()
    number, phone = keyed("n"), keyed("p")
    cards = stream(
        fields(number, long(5), long(6), None, b"gold", struct.pack("!h", CARD_ACTIVE), b"4321", b"\0", b"\0"),
        fields(keyed("app"), long(6), long(6), None, b"app", struct.pack("!h", CARD_ACTIVE), b"", b"\0", b"\1"),
        fields(keyed("gone"), long(7), long(8), long(9), b"", struct.pack("!h", CARD_NEW), b"", b"\1", b"\0"),
    )
    customers = stream(
        fields(long(9), long(8), phone, b"\0", struct.pack("!h", 229), "coffee\nчай".encode()),
        fields(long(10), long(11), None, b"\0", struct.pack("!h", 0), b""),
    )
    segments = stream(fields(long(9), b"vip", b"\0"), fields(long(9), b"new", b"\0"), fields(long(9), b"vip", b"\1"))
    assert directory.load_segments(segments, 100) == 3  # memberships may come before their customers
    assert directory.segments(9) == []
    assert (directory.load_cards(cards, 1), directory.load_cards(cards, 100)) == (1, 2)
    assert directory.load_customers(customers, 100) == 2
    assert directory.card(number) == CardFact(number[:16], 5, 6, 0, "gold", CARD_ACTIVE, "4321")
    assert directory.card(keyed("app")) == CardFact(keyed("app")[:16], 6, 6, 0, "app", CARD_ACTIVE, "", True)
    assert directory.customer(9) == CustomerFact(9, 8, phone[:16], 229, ("coffee", "чай"))
    assert directory.customer(10) == CustomerFact(10, 11)
    assert directory.segments(9) == ["new"]


@pytest.mark.parametrize(
    "row",
    [
        fields(b"short", long(5), long(6), None, b"", struct.pack("!h", 2), b"", b"\0", b"\0"),
        fields(keyed("n"), long(0), long(6), None, b"", struct.pack("!h", 2), b"", b"\0", b"\0"),
        fields(keyed("n"), long(5), long(6), long(-1), b"", struct.pack("!h", 2), b"", b"\0", b"\0"),
        fields(keyed("n"), long(5), long(6), None, b"", struct.pack("!h", 6), b"", b"\0", b"\0"),
        fields(keyed("n"), long(5), long(6), None, b"", struct.pack("!h", 258), b"", b"\0", b"\0"),
        fields(keyed("n"), long(5), None, None, b"", struct.pack("!h", 2), b"", b"\0", b"\0"),
        fields(keyed("n"), long(5), long(6), None, b"", struct.pack("!h", 2), b"12345", b"\0", b"\0"),
    ],
)
def test_load_given_a_bad_card_refuses_it(row: bytes) -> None:
    directory = Directory()
    with pytest.raises(ValueError, match=r"\d"):
        directory.load_cards(stream(row), 10)
    assert directory.cards_count == 0


@pytest.mark.parametrize(
    ("birthday", "favourites"), [(1301, b""), (100, b""), (132, b""), (-101, b""), (0, b"a\n"), (0, b"x" * 65)]
)
def test_load_given_a_customer_with_impossible_facts_refuses_them(birthday: int, favourites: bytes) -> None:
    directory = Directory()
    with pytest.raises(ValueError, match=r"birthday_mmdd|favourite"):
        directory.load_customers(
            stream(fields(long(9), long(8), None, b"\0", struct.pack("!h", birthday), favourites)), 10
        )
    assert directory.customers_count == 0


def test_favourites_beyond_those_there_is_room_for_are_left_out_and_counted() -> None:
    directory = Directory()
    directory.upsert_customer(CustomerFact(1, 1, favourites=tuple(f"c{number}" for number in range(40))))
    kept = directory.customer(1)
    assert kept is not None
    assert kept.favourites == tuple(f"c{number}" for number in range(32))
    assert directory.favourites_left_out == 8


def test_customer_that_was_removed_has_no_birthday_and_favourites_when_he_comes_back() -> None:
    directory = Directory()
    directory.upsert_customer(CustomerFact(1, 1, b"", 517, ("coffee",)))
    directory.remove_customer(1)
    directory.upsert_customer(CustomerFact(1, 1))
    assert directory.customer(1) == CustomerFact(1, 1)


def test_favourites_that_change_for_ever_take_no_more_memory() -> None:
    directory = Directory()
    for number in range(20_000):
        few = tuple(f"c{one}" for one in range(number % 33))
        directory.upsert_customer(CustomerFact(number % 50 + 1, 1, favourites=few))
        if number == 5_000:
            spent = directory.allocated_bytes
    assert directory.allocated_bytes == spent
