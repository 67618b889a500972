"""Coupons against dictionaries: series, codes, and what a code is at an instant."""

from __future__ import annotations

import hashlib
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
    COUPON_SHARED,
    COUPON_UNIQUE,
    NEVER_US,
    SERIES_NO_MAX,
    CodeFact,
    CodeResolution,
    SeriesFact,
)

UNKNOWN = CodeResolution(CODE_UNKNOWN, 0, 0)
FROM_US, TO_US = 1_000, 2_000


def keyed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def series_of(number: int, *, is_blocked: bool = False) -> SeriesFact:
    return SeriesFact(number, f"spring {number}", COUPON_UNIQUE, is_blocked, FROM_US, TO_US, 1)


# Hashes of one page and one home, that differ in their last byte, and others.
HASHES = [bytes(15) + bytes([i]) for i in range(24)] + [keyed(str(i)) for i in range(8)]


class CouponsMachine(RuleBasedStateMachine):
    """Any order of changes leaves what a plain model holds."""

    def __init__(self) -> None:
        super().__init__()
        self.coupons = Coupons()
        self.series: dict[int, SeriesFact] = {}
        self.codes: dict[bytes, CodeFact] = {}

    @rule(number=st.integers(1, 3), is_blocked=st.booleans())
    def upsert_series(self, number: int, is_blocked: bool) -> None:
        self.series[number] = series_of(number, is_blocked=is_blocked)
        self.coupons.upsert_series(self.series[number])

    @rule(number=st.integers(1, 3))
    def remove_series(self, number: int) -> None:
        assert self.coupons.remove_series(number) == (self.series.pop(number, None) is not None)

    @rule(
        hashes=st.lists(st.sampled_from(HASHES), max_size=12),
        code_id=st.integers(1, 2**40 - 1),
        number=st.integers(1, 3),
        is_blocked=st.booleans(),
    )
    def upsert_codes(self, hashes: list[bytes], code_id: int, number: int, is_blocked: bool) -> None:
        for code_hash in hashes:
            code = CodeFact(code_hash, code_id, number, is_blocked)
            self.coupons.upsert_code(code)
            self.codes[code_hash] = code

    @rule(code_hash=st.sampled_from(HASHES))
    def remove_code(self, code_hash: bytes) -> None:
        assert self.coupons.remove_code(code_hash) == (self.codes.pop(code_hash, None) is not None)

    @invariant()
    def coupons_equal_the_model(self) -> None:
        coupons = self.coupons
        assert (coupons.codes_count, coupons.series_count) == (len(self.codes), len(self.series))
        for number in range(5):
            assert coupons.series(number) == self.series.get(number)
        for code_hash in HASHES:
            code = self.codes.get(code_hash)
            series = self.series.get(code.series_no) if code else None
            if code is None or series is None:
                assert coupons.resolve(code_hash, FROM_US) == UNKNOWN
            else:
                result = CODE_BLOCKED if code.is_blocked or series.is_blocked else CODE_FOUND
                assert coupons.resolve(code_hash, FROM_US) == (result, code.series_no, code.code_id)


CouponsMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_coupons_after_any_changes_equal_a_model = CouponsMachine.TestCase


def test_code_is_valid_from_the_first_instant_to_before_the_last() -> None:
    coupons = Coupons()
    coupons.upsert_series(series_of(7))
    coupons.upsert_code(CodeFact(keyed("a"), 5, 7))
    told = {at: coupons.resolve(keyed("a"), at).result for at in (0, 999, 1_000, 1_999, 2_000, 2**62)}
    assert told == {
        0: CODE_TOO_EARLY,
        999: CODE_TOO_EARLY,
        1_000: CODE_FOUND,
        1_999: CODE_FOUND,
        2_000: CODE_TOO_LATE,
        2**62: CODE_TOO_LATE,
    }
    assert coupons.resolve(keyed("a"), 0)[1:] == (7, 5)


def test_code_blocked_is_told_so_also_outside_its_time() -> None:
    coupons = Coupons()
    coupons.upsert_series(series_of(7))
    coupons.upsert_code(CodeFact(keyed("a"), 5, 7, True))
    assert coupons.resolve(keyed("a"), 0) == (CODE_BLOCKED, 7, 5)


def test_coupons_of_many_find_each_code_in_31_bytes_a_code() -> None:
    coupons = Coupons()
    empty_bytes = coupons.allocated_bytes
    coupons.upsert_series(series_of(1))
    for number in range(1, 200_001):
        coupons.upsert_code(CodeFact(keyed(str(number)), number, 1))
    for number in range(1, 200_001):
        assert coupons.resolve(keyed(str(number)), FROM_US) == (CODE_FOUND, 1, number)
    assert coupons.resolve(keyed("0"), FROM_US) == UNKNOWN
    assert coupons.codes_count == 200_000
    # A page of some fifty codes keeps eight more slots than the share that a full one keeps.
    assert (coupons.allocated_bytes - empty_bytes) / 200_000 < 36


def test_code_identity_of_40_bits_is_kept_whole() -> None:
    coupons = Coupons()
    coupons.upsert_series(series_of(SERIES_NO_MAX))
    coupons.upsert_code(CodeFact(keyed("a"), 2**40 - 1, SERIES_NO_MAX))
    assert coupons.resolve(keyed("a"), FROM_US) == (CODE_FOUND, SERIES_NO_MAX, 2**40 - 1)


@pytest.mark.parametrize(
    "wrong",
    [
        series_of(0),
        series_of(SERIES_NO_MAX + 1),
        series_of(1)._replace(series=""),
        series_of(1)._replace(series="x" * 65),
        series_of(1)._replace(kind=3),
        series_of(1)._replace(ends_at_us=FROM_US),
        series_of(1)._replace(uses_max=-1),
        series_of(1)._replace(grace_days=-1),
        series_of(1)._replace(grace_days=3_651),
        series_of(1)._replace(template="S-#######?", is_serial=True),
        series_of(1)._replace(template="#############", is_serial=True),
        series_of(1)._replace(template="########", is_serial=True, uses_max=2),
        series_of(1)._replace(template="########", is_serial=True, kind=COUPON_SHARED),
    ],
)
def test_series_out_of_range_is_refused(wrong: SeriesFact) -> None:
    coupons = Coupons()
    with pytest.raises(ValueError, match=r"series|kind"):
        coupons.upsert_series(wrong)
    assert coupons.series_count == 0


@pytest.mark.parametrize(
    "wrong",
    [CodeFact(keyed("a"), 0, 1), CodeFact(keyed("a"), 2**40, 1), CodeFact(keyed("a"), 1, 0), CodeFact(b"short", 1, 1)],
)
def test_code_out_of_range_is_refused(wrong: CodeFact) -> None:
    coupons = Coupons()
    with pytest.raises(ValueError, match="code_"):
        coupons.upsert_code(wrong)
    assert coupons.codes_count == 0


def copied(*rows: tuple[bytes | None, ...]) -> CopyRows:
    """Rows as PostgreSQL's binary COPY sends them."""
    told = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    for row in rows:
        told += struct.pack("!h", len(row))
        for field in row:
            told += struct.pack("!i", -1) if field is None else struct.pack("!i", len(field)) + field
    stream = CopyRows()
    stream.append(told + b"\xff\xff")
    return stream


def series_row(
    number: int, *, ends_at_us: int | None = TO_US, is_serial: bool = False, deleted: bool = False
) -> tuple[bytes | None, ...]:
    end = None if ends_at_us is None else struct.pack("!q", ends_at_us)
    kind, uses_max = (COUPON_UNIQUE, 1) if is_serial else (COUPON_SHARED, 0)
    numbers = struct.pack("!i", number), b"welcome", struct.pack("!h", kind), b"\0", struct.pack("!q", FROM_US)
    policy = bytes([is_serial]), b"\1", struct.pack("!i", 14), bytes([deleted])
    return (*numbers, end, struct.pack("!i", uses_max), b"W-##########?", *policy)


def code_row(text: str, code_id: int, *, is_blocked: bool = False, deleted: bool = False) -> tuple[bytes, ...]:
    return keyed(text)[:16], struct.pack("!q", code_id), struct.pack("!i", 7), bytes([is_blocked]), bytes([deleted])


def test_rows_of_a_copy_are_applied_in_slices_with_their_tombstones() -> None:
    coupons = Coupons()
    assert coupons.load_series(copied(series_row(7, ends_at_us=None)), 10) == 1
    assert coupons.series(7) == SeriesFact(
        7, "welcome", COUPON_SHARED, False, FROM_US, NEVER_US, 0, "W-##########?", False, True, 14
    )
    rows = copied(code_row("a", 1), code_row("b", 2, is_blocked=True), code_row("a", 1, deleted=True))
    assert [coupons.load_codes(rows, 2), coupons.load_codes(rows, 2)] == [2, 1]
    assert coupons.resolve(keyed("a"), FROM_US) == UNKNOWN
    assert coupons.resolve(keyed("b"), FROM_US) == (CODE_BLOCKED, 7, 2)
    assert coupons.load_series(copied(series_row(7, deleted=True)), 10) == 1
    assert coupons.resolve(keyed("b"), FROM_US) == UNKNOWN


@pytest.mark.parametrize("row", [series_row(0), series_row(70_000), (b"", *series_row(7)[1:])])
def test_series_row_of_another_shape_is_refused(row: tuple[bytes | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"series_no|COPY field"):
        Coupons().load_series(copied(row), 10)


def test_code_row_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="code_hash of 5 bytes"):
        Coupons().load_codes(copied((b"short", *code_row("a", 1)[1:])), 10)
