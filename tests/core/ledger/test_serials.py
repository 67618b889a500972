"""Codes known by their serial in the book: two bits each, whatever way they go, through holds and snapshots."""

from __future__ import annotations

import hashlib
import random
import struct

import pytest

from altyn.core.facts.coupon_codes import serial_key
from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import EffectsFlawed, apply_effects, read_coupon, read_hold

NOW = 1_795_000_000_000_000
PENDING, POSTED, VOIDED, EXPIRED = 1, 2, 3, 4
FREE, HELD, USED, CANCELLED = 1, 2, 3, 4
HEAD = SnapshotHead(1, 1, 1, 1, bytes(32))
ENTRY_BYTES = 4_104


def change(book: Book, serial: int, use: int, *, series_no: int = 5, until: int = 0, issued: bool = False) -> None:
    apply_effects(book, NOW, coupons=[(serial_key(series_no, serial), series_no, use, until, issued)])


def hold(book: Book, number: int, *serials: int, state: int = PENDING) -> None:
    parts = [("coupon", 0, serial_key(5, serial)) for serial in serials]
    apply_effects(book, NOW, holds=[(number.to_bytes(16, "big"), state, 0, NOW + 900, b"", parts)])  # type: ignore[list-item]


def use_of(book: Book, serial: int, series_no: int = 5) -> int:
    return read_coupon(book, serial_key(series_no, serial))[0]


def snapshot(book: Book) -> bytes:
    return b"".join(write_snapshot(book, Operations(), HEAD))


def test_serial_goes_its_way_and_no_other() -> None:
    book = Book()
    assert read_coupon(book, serial_key(5, 7)) == (FREE, 5, 0, False)
    hold(book, 1, 7)
    assert [use_of(book, serial) for serial in (6, 7, 8)] == [FREE, HELD, FREE]
    for refused in (lambda: hold(book, 2, 7), lambda: change(book, 7, USED), lambda: change(book, 7, CANCELLED)):
        with pytest.raises(EffectsFlawed):
            refused()
    hold(book, 1, state=VOIDED)
    change(book, 7, USED)
    for refused in (lambda: hold(book, 2, 7), lambda: change(book, 7, USED)):
        with pytest.raises(EffectsFlawed):
            refused()
    assert (use_of(book, 7), use_of(book, 7, series_no=6)) == (USED, FREE)
    change(book, 7, FREE)
    assert use_of(book, 7) == FREE


def test_serial_is_never_issued() -> None:
    book = Book()
    with pytest.raises(EffectsFlawed) as refused:
        change(book, 7, FREE, until=NOW + 1, issued=True)
    assert refused.value.flaw == "COUPON_STATE"


def test_serial_let_go_with_grace_keeps_its_end_through_everything() -> None:
    book = Book()
    change(book, 7, USED)
    change(book, 7, FREE, until=NOW + 50)
    assert read_coupon(book, serial_key(5, 7)) == (FREE, 5, NOW + 50, False)
    hold(book, 1, 7)
    again = load_snapshot(snapshot(book))[1]
    assert state_digest(again) == state_digest(book)
    for one in (book, again):
        assert read_coupon(one, serial_key(5, 7))[::2] == (HELD, NOW + 50)
        apply_effects(
            one,
            NOW,
            holds=[((1).to_bytes(16, "big"), POSTED, 0, 0, b"", [])],
            coupons=[(serial_key(5, 7), 5, USED, 0, False)],
        )
        assert read_coupon(one, serial_key(5, 7))[::2] == (USED, NOW + 50)
    assert state_digest(again) == state_digest(book) == state_digest(load_snapshot(snapshot(book))[1])


def test_code_known_by_its_hash_is_let_go_with_grace_too() -> None:
    book, code = Book(), b"c" * 16
    apply_effects(book, NOW, coupons=[(code, 3, USED, 0, False)])
    apply_effects(book, NOW, coupons=[(code, 3, FREE, NOW + 50, False)])
    assert read_coupon(book, code) == (FREE, 3, NOW + 50, False)
    again = load_snapshot(snapshot(book))[1]
    assert (read_coupon(again, code), state_digest(again)) == (read_coupon(book, code), state_digest(book))


@pytest.mark.parametrize("seed", range(4))
def test_serials_equal_a_plain_model_and_survive_a_snapshot(seed: int) -> None:
    rng = random.Random(seed)
    book = Book()
    uses: dict[int, int] = {}
    holds: dict[int, list[int]] = {}
    # Neighbours in a byte, across pages, and far apart.
    serials = [*range(1, 20), *range(16_380, 16_390), 1_000_000, 999_999_999, 1_000_000_000]
    for step in range(1, 400):
        serial = rng.choice(serials)
        use = uses.get(serial, FREE)
        if use == FREE and rng.random() < 0.5:
            hold(book, step, serial)
            holds[step], uses[serial] = [serial], HELD
        elif use in (FREE, USED):
            change(book, serial, USED if use == FREE else FREE)
            uses[serial] = USED if use == FREE else FREE
        else:
            number = rng.choice(sorted(holds))
            hold(book, number, state=rng.choice([VOIDED, EXPIRED]))
            uses.update(dict.fromkeys(holds.pop(number), FREE))
        assert {one: use_of(book, one) for one in serials} == {one: uses.get(one, FREE) for one in serials}
    again = load_snapshot(snapshot(book))[1]
    assert {one: use_of(again, one) for one in serials} == {one: uses.get(one, FREE) for one in serials}
    assert state_digest(again) == state_digest(book)
    assert all(read_hold(again, number.to_bytes(16, "big")) for number in holds)


def test_book_in_which_every_serial_is_free_again_is_as_one_never_touched() -> None:
    book = Book()
    for serial in (1, 70_000):
        change(book, serial, USED)
        change(book, serial, FREE)
    hold(book, 1, 3)
    hold(book, 1, state=VOIDED)
    assert state_digest(book) == state_digest(Book())
    assert snapshot(book) == snapshot(Book())


def test_ten_million_serials_take_two_and_a_half_million_bytes() -> None:
    book = Book()
    change(book, 1, USED)
    before = book.bytes_used
    for serial in range(2, 10_000_001, 16_384):
        change(book, serial, USED)
    assert 2_490_000 < book.bytes_used - before < 2_530_000


def damaged(*pages: bytes) -> Book:
    """A snapshot whose block of serials is these pages."""
    book = Book()
    change(book, 3, USED)
    change(book, 9, USED)
    change(book, 9, FREE, until=NOW + 1)
    out, former = b"", bytes(32)
    source = snapshot(book)
    at = 0
    while at < len(source):
        head, size = source[at : at + 16], struct.unpack_from("<Q", source, at + 8)[0]
        payload = source[at + 48 : at + 48 + size]
        if struct.unpack_from("<I", head, 4)[0] >> 16 == 14:
            payload = b"".join(pages)
            head = head[:8] + struct.pack("<Q", len(payload))
        checksum = hashlib.sha256(former + head + payload).digest()
        out += head + checksum + payload
        former = checksum
        at += 48 + size
    return load_snapshot(out)[1]


def page(series_no: int, number: int, bits: bytes) -> bytes:
    return struct.pack("<ii", series_no, number) + bits.ljust(ENTRY_BYTES - 8, b"\0")


def test_pages_of_a_snapshot_are_loaded_as_they_say() -> None:
    book = damaged(page(5, 0, b"\x80\x02"), page(7, 61_035, b"\x80"))
    assert [use_of(book, serial) for serial in (3, 4, 5, 9)] == [USED, USED, FREE, FREE]
    assert use_of(book, 61_035 * 16_384 + 3, series_no=7) == USED


@pytest.mark.parametrize(
    "pages",
    [
        [page(0, 0, b"\x80")],
        [page(65_536, 0, b"\x80")],
        [page(5, -1, b"\x80")],
        [page(5, 61_036, b"\x80")],
        [page(5, 0, b"\x02")],  # there is no serial 0
        [page(5, 0, b"\x40")],  # held is the holds' word
        [page(5, 0, b"\xc0")],
        [page(5, 0, b"\0\0\x08")],  # serial 9 lies apart
        [page(5, 0, b"\x80"), page(5, 0, b"\x80")],
        [page(5, 0, b"\x80")[:-1]],
    ],
)
def test_damaged_pages_are_refused(pages: list[bytes]) -> None:
    with pytest.raises(SnapshotDamaged, match=r"coupon|too short"):
        damaged(*pages)
