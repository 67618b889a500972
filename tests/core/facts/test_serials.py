"""Serial series: forms, ranges of serials, and what the code of a serial is at an instant."""

from __future__ import annotations

import struct

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from altyn.core.facts import CopyRows, Coupons
from altyn.core.facts.coupons import (
    CODE_BLOCKED,
    CODE_FOUND,
    CODE_TOO_EARLY,
    CODE_TOO_LATE,
    CODE_UNKNOWN,
    COUPON_UNIQUE,
    CodeResolution,
    SeriesFact,
)

UNKNOWN = CodeResolution(CODE_UNKNOWN, 0, 0)
FROM_US, TO_US = 1_000, 2_000


def serial_series(number: int, template: str = "S-##########?", *, is_blocked: bool = False) -> SeriesFact:
    return SeriesFact(number, f"s{number}", COUPON_UNIQUE, is_blocked, FROM_US, TO_US, 1, template, True)


class RangesMachine(RuleBasedStateMachine):
    """Any order of batches leaves what a plain model holds; a range that shares a serial with another is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.coupons = Coupons()
        self.coupons.upsert_series(serial_series(5))
        self.ranges: dict[int, tuple[int, bool]] = {}

    @rule(first=st.integers(1, 40), length=st.integers(1, 8), is_blocked=st.booleans())
    def upsert(self, first: int, length: int, is_blocked: bool) -> None:
        last = first + length - 1
        others = [(one, end) for one, (end, _) in self.ranges.items() if (one, end) != (first, last)]
        if any(one <= last and first <= end for one, end in others):
            with pytest.raises(ValueError, match="are given out"):
                self.coupons.upsert_range(5, first, last, is_blocked)
        else:
            self.coupons.upsert_range(5, first, last, is_blocked)
            self.ranges[first] = (last, is_blocked)

    @rule(first=st.integers(1, 40))
    def remove(self, first: int) -> None:
        assert self.coupons.remove_range(5, first) == (self.ranges.pop(first, None) is not None)

    @invariant()
    def every_serial_is_as_its_batch(self) -> None:
        for serial in range(50):
            within = [blocked for first, (last, blocked) in self.ranges.items() if first <= serial <= last]
            told = (CODE_BLOCKED if within[0] else CODE_FOUND, 5, serial) if within else UNKNOWN
            assert self.coupons.resolve_range(5, serial, FROM_US) == told
        assert self.coupons.resolve_range(6, 1, FROM_US) == UNKNOWN


RangesMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_ranges_after_any_changes_equal_a_model = RangesMachine.TestCase


def test_serial_is_worth_what_its_series_is() -> None:
    coupons = Coupons()
    coupons.upsert_range(5, 1, 10)
    assert coupons.resolve_range(5, 1, FROM_US) == UNKNOWN
    coupons.upsert_series(serial_series(5))
    told = [coupons.resolve_range(5, 10, at).result for at in (999, 1_000, 1_999, 2_000)]
    assert told == [CODE_TOO_EARLY, CODE_FOUND, CODE_FOUND, CODE_TOO_LATE]
    coupons.upsert_series(serial_series(5, is_blocked=True))
    assert coupons.resolve_range(5, 10, FROM_US) == (CODE_BLOCKED, 5, 10)
    assert [coupons.resolve_range(number, 1, FROM_US) for number in (-1, 0, 65_536)] == [UNKNOWN] * 3


def test_code_is_of_the_series_whose_form_it_has() -> None:
    coupons = Coupons()
    coupons.upsert_series(serial_series(1, "AB-####-####?"))
    coupons.upsert_series(serial_series(2, "AC-####-####?"))
    coupons.upsert_series(serial_series(3, "########"))
    coupons.upsert_series(serial_series(4)._replace(is_serial=False))
    told = {"AB-0000-0000X": 1, "AC-0000-0000X": 2, "AD-0000-0000X": 0, "AB-0000-00000X": 0, "00000000": 3, "": 0}
    assert {code: coupons.series_of_form(code.encode()) for code in told} == told
    assert coupons.series_of_form("AB-0000-ЁЁ".encode()) == coupons.series_of_form(b"S-0000000000X") == 0


def test_form_follows_its_series() -> None:
    coupons = Coupons()
    coupons.upsert_series(serial_series(1, "AB########"))
    coupons.upsert_series(serial_series(1, "CD########"))
    assert (coupons.series_of_form(b"AB00000000"), coupons.series_of_form(b"CD00000000")) == (0, 1)
    coupons.upsert_series(serial_series(1, "CD########")._replace(is_serial=False))
    assert coupons.series_of_form(b"CD00000000") == 0
    coupons.upsert_series(serial_series(1, "CD########"))
    coupons.remove_series(1)
    assert coupons.series_of_form(b"CD00000000") == 0


def test_shapes_of_templates_are_bounded_and_those_not_used_any_more_do_not_count() -> None:
    coupons = Coupons()
    for number in range(1, 200):
        coupons.upsert_series(serial_series(1, "A" * (number % 50) + "########" + "B" * (number % 6)))
    for number in range(2, 65):
        coupons.upsert_series(serial_series(number, "X" * (number % 32) + "########" + "Y" * (number // 32)))
    with pytest.raises(ValueError, match="more than 64 shapes"):
        coupons.upsert_series(serial_series(65, "########-" + "Z" * 40))


def copied(*rows: tuple[int, int, int, bool, bool]) -> CopyRows:
    told = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    for row in rows:
        told += struct.pack("!hiiiiiii?i?", 5, 4, row[0], 4, row[1], 4, row[2], 1, row[3], 1, row[4])
    stream = CopyRows()
    stream.append(told + b"\xff\xff")
    return stream


def test_range_rows_of_a_copy_are_applied_with_their_tombstones() -> None:
    coupons = Coupons()
    coupons.upsert_series(serial_series(5))
    empty_bytes = coupons.allocated_bytes
    rows = copied((5, 1, 10_000_000, False, False), (5, 10_000_001, 10_000_001, True, False), (5, 1, 1, False, True))
    assert [coupons.load_ranges(rows, 2), coupons.load_ranges(rows, 2)] == [2, 1]
    told = [coupons.resolve_range(5, serial, FROM_US).result for serial in (1, 10_000_000, 10_000_001, 10_000_002)]
    assert told == [CODE_UNKNOWN, CODE_UNKNOWN, CODE_BLOCKED, CODE_UNKNOWN]
    assert coupons.allocated_bytes - empty_bytes < 100


@pytest.mark.parametrize("row", [(0, 1, 2), (65_536, 1, 2), (5, 0, 2), (5, 3, 2), (5, 1, 1_000_000_001)])
def test_range_out_of_range_is_refused(row: tuple[int, int, int]) -> None:
    coupons = Coupons()
    with pytest.raises(ValueError, match="serials"):
        coupons.upsert_range(*row)
    with pytest.raises(ValueError, match="serials"):
        coupons.load_ranges(copied((*row, False, False)), 10)
