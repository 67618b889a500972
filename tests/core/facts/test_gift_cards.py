"""Gift cards against a plain dict of them, and against streams."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import CopyRows, GiftCards
from altyn.core.facts.gift_cards import GiftCardFact, GiftSeriesFact

NUMBERS = st.integers(0, 5).map(lambda number: bytes([number]) * 4 + bytes(12))
CARDS = st.builds(
    GiftCardFact,
    NUMBERS,
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from(["", "1", "1234"]),
    st.sampled_from([b"", b"p" * 16]),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), CARDS), max_size=60))
def test_cards_after_any_changes_are_those_of_a_plain_dict(changes: list[tuple[bool, GiftCardFact]]) -> None:
    cards, model = GiftCards(), {}
    for is_removed, card in changes:
        if is_removed:
            assert cards.remove(card.number_hash) == (model.pop(card.number_hash, None) is not None)
        else:
            cards.upsert(card)
            model[card.number_hash] = card
    assert len(cards) == len(model)
    for number in range(6):
        hashed = bytes([number]) * 4 + bytes(12)
        assert cards.card(hashed) == model.get(hashed)
        assert cards.card(hashed[:15] + b"x") is None


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (GiftCardFact(b"short", 1, 1, 1), "a hash of 5 bytes"),
        (GiftCardFact(bytes(16), 0, 1, 1), "gift_card_id 0"),
        (GiftCardFact(bytes(16), 1, 0, 1), "account_id 0"),
        (GiftCardFact(bytes(16), 1, 1, 0), "must be above 0"),
        (GiftCardFact(bytes(16), 1, 1, 1, "12345"), "last4 of 5 bytes"),
        (GiftCardFact(bytes(16), 1, 1, 1, "", b"pin"), "a hash of 3 bytes"),
    ],
)
def test_card_out_of_range_is_refused_and_nothing_is_kept(card: GiftCardFact, message: str) -> None:
    cards = GiftCards()
    with pytest.raises(ValueError, match=message):
        cards.upsert(card)
    assert len(cards) == 0


def field(value: str | int | bool | bytes | None) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    if isinstance(value, bool):
        body = struct.pack("!?", value)
    elif isinstance(value, int):
        body = value.to_bytes(8, "big", signed=True)
    else:
        body = value.encode() if isinstance(value, str) else value
    return struct.pack("!i", len(body)) + body


def rows(*many: tuple[str | int | bool | bytes | None, ...]) -> CopyRows:
    packed = b"".join(struct.pack("!h", len(one)) + b"".join(map(field, one)) for one in many)
    read = CopyRows()
    read.append(b"PGCOPY\n\xff\r\n\0" + bytes(8) + packed + struct.pack("!h", -1))
    return read


def test_streams_of_series_and_cards_are_taken_row_by_row() -> None:
    cards = GiftCards()
    series = rows((1, "gift", "money", "RUB", 30, False, False), (2, "old", "money", "RUB", 0, True, False))
    assert cards.load_series(series, 100) == 2
    assert cards.load_series(rows((2, "old", "money", "RUB", 0, True, True)), 100) == 1
    assert (cards.series(1), cards.series(2)) == (GiftSeriesFact(1, "gift", "money", "RUB", 30), None)
    one, two = b"1" * 32, b"2" * 32
    told = rows(
        (one, 7, 70, 1, "0001", None, False, False),
        (two, 8, 80, 1, "0002", b"p" * 32, True, False),
        (one, 7, 70, 1, "0001", None, False, True),
    )
    while cards.load(told, 2):
        pass
    assert told.finished
    assert (cards.card(one), len(cards)) == (None, 1)
    assert cards.card(two) == GiftCardFact(two[:16], 8, 80, 1, "0002", b"p" * 16, True)


def test_row_without_a_whole_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="number_hash of 4 bytes"):
        GiftCards().load(rows((b"1234", 7, 70, 1, "", None, False, False)), 1)
    with pytest.raises(ValueError, match="pin_hash of 3"):
        GiftCards().load(rows((b"1" * 16, 7, 70, 1, "", b"pin", False, False)), 1)
