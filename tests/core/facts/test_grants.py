"""Grants against a plain list of them, and against streams."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import CopyRows, Grants
from altyn.core.facts.grants import GrantRow

CUSTOMERS = st.integers(1, 4)
PROMOTIONS = st.sampled_from(["a", "b", "c", "д", "x" * 64])
GOODS = st.lists(st.sampled_from(["milk", "bread", "кофе", "y" * 64]), max_size=16, unique=True).map(tuple)
TIMES = st.sampled_from([None, -5, 0, 10, 20])


@st.composite
def rows(draw: st.DrawFn) -> GrantRow:
    start, end = draw(TIMES), draw(TIMES)
    if start is not None and end is not None and start >= end:
        end = None
    return GrantRow(draw(CUSTOMERS), draw(PROMOTIONS), start, end, draw(GOODS), draw(GOODS))


def in_force(row: GrantRow, instant_us: int) -> bool:
    after = row.starts_at_us is None or row.starts_at_us <= instant_us
    return after and (row.ends_at_us is None or instant_us < row.ends_at_us)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), rows()), max_size=60))
def test_grants_after_any_changes_are_those_of_a_plain_list(changes: list[tuple[bool, GrantRow]]) -> None:
    grants, model = Grants(), {}
    for is_removed, row in changes:
        key = (row.customer_id, row.promotion_id)
        if is_removed:
            assert grants.remove(*key) == (model.pop(key, None) is not None)
        else:
            grants.upsert(row)
            model[key] = row
    assert len(grants) == len(model)
    for customer_id in range(1, 6):
        for instant_us in (-6, 0, 9, 10, 20):
            held = [row for key, row in model.items() if key[0] == customer_id and in_force(row, instant_us)]
            expected = sorted(held, key=lambda row: row.promotion_id.encode())
            found = grants.of(customer_id, instant_us)
            assert found == [row._replace(starts_at_us=None, ends_at_us=None) for row in expected]


def test_customer_has_sixty_four_grants_and_what_was_taken_back_makes_room() -> None:
    grants = Grants()
    for number in range(70):
        grants.upsert(GrantRow(1, f"p{number:02}"))
    assert (len(grants), grants.left_out) == (64, 6)
    grants.remove(1, "p07")
    grants.upsert(GrantRow(1, "p99"))
    grants.upsert(GrantRow(1, "p01", skus=("milk",)))
    found = grants.of(1, 0)
    assert [row.promotion_id for row in found] == [f"p{n:02}" for n in range(64) if n != 7] + ["p99"]
    assert (found[1].skus, grants.left_out) == (("milk",), 6)


def test_many_customers_find_each_their_own_while_it_grows() -> None:
    grants = Grants()
    for number in range(1, 5_000):
        grants.upsert(GrantRow(number, f"p{number % 7}", skus=(f"s{number % 100}",)))
        probe = number * 7919 % number + 1
        assert grants.of(probe, 0) == [GrantRow(probe, f"p{probe % 7}", skus=(f"s{probe % 100}",))]
    for number in range(1, 5_000):
        grants.remove(number, f"p{number % 7}")
    spent = grants.allocated_bytes
    for week in range(4):
        for number in range(1, 5_000):
            grants.upsert(GrantRow(number, f"week-{week}", skus=(f"s{number % 100}",)))
            grants.remove(number, f"week-{week}")
    assert grants.allocated_bytes <= spent


def field(value: str | int | bool | None) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    if isinstance(value, bool):
        body = struct.pack("!?", value)
    else:
        body = value.to_bytes(8, "big", signed=True) if isinstance(value, int) else value.encode()
    return struct.pack("!i", len(body)) + body


def stream(*many: tuple[str | int | bool | None, ...]) -> bytes:
    packed = b"".join(struct.pack("!h", len(one)) + b"".join(map(field, one)) for one in many)
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + packed + struct.pack("!h", -1)


def load(body: bytes) -> Grants:
    read, grants = CopyRows(), Grants()
    read.append(body)
    while grants.load(read, 2):
        pass
    assert read.finished
    return grants


def test_stream_of_grants_is_taken_row_by_row() -> None:
    grants = load(
        stream(
            (7, "spring", 10, None, "milk\nbread", "pets", False),
            (7, "gone", None, None, "", "", False),
            (8, "spring", None, 20, "", "", False),
            (7, "gone", None, None, "", "", True),
        )
    )
    assert grants.of(7, 9) == []
    assert grants.of(7, 10) == [GrantRow(7, "spring", skus=("milk", "bread"), categories=("pets",))]
    assert (len(grants.of(8, 19)), len(grants.of(8, 20)), len(grants)) == (1, 0, 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, "p", None, None, "", "", False), "customer_id is 0"),
        ((1, "", None, None, "", "", False), "promotion_id has 0 bytes"),
        ((1, "p", 5, 5, "", "", False), "ends before it starts"),
        ((1, "p", None, None, "x" * 65, "", False), "of 65 bytes"),
        ((1, "p", None, None, "a\n\nb", "", False), "of 0 bytes"),
        (
            (1, "p", None, None, "\n".join("abc" for _ in range(17)), "\n".join("d" for _ in range(16)), False),
            "more than 32",
        ),
        ((1, "p", None, None, "", False), "of 6 fields, expected 7"),
    ],
)
def test_grants_given_a_bad_row_refuse_it_by_name(row: tuple[str | int | bool | None, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(stream(row))
