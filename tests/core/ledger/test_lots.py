"""Lots that take little memory and lots that take more, and the ways from one to the other."""

from __future__ import annotations

import itertools

import pytest

from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import apply_effects, read_balances, read_due_lots, read_lots

MINUTE_US = 60_000_000
NOW = 30_000_000 * MINUTE_US
ACCRUAL, REDEMPTION, EXPIRY = 1, 2, 4
ISSUED, REDEEMED, EXPIRED = -1, -2, -3
PENDING, VOIDED = 1, 3
POINTS = (5, 2**32 - 1, 2**32, 10**14)
EXPIRES = (0, NOW + MINUTE_US, NOW + MINUTE_US + 1, (2**32 - 1) * MINUTE_US, 2**32 * MINUTE_US)
LOT_IDS = (256, 2**55 - 1, 2**55, 2**62)


def snapshotted(book: Book) -> Book:
    blocks = b"".join(write_snapshot(book, Operations(), SnapshotHead(1, 1, 1, 1, bytes(32))))
    return load_snapshot(blocks)[1]


@pytest.mark.parametrize(("points", "expires", "lot_id"), list(itertools.product(POINTS, EXPIRES, LOT_IDS)))
def test_lot_is_told_as_it_was_opened_through_hold_use_and_snapshot(points: int, expires: int, lot_id: int) -> None:
    book, asset = Book(), 255
    neighbours = [(lot_id - 1, 7, asset, 9, NOW - 3, expires), (lot_id + 1, 7, asset, 9, NOW - 1, expires)]
    lots = [*neighbours, (lot_id, 7, asset, points, NOW - 2, expires)]
    entry = [(7, asset, lot[3], lot[0]) for lot in lots]
    apply_effects(book, NOW, lots=lots, entries=[(ACCRUAL, [*entry, (ISSUED, asset, -18 - points, 0)])])

    def told(remaining: int, held: int) -> None:
        for one in (book, snapshotted(book)):
            row = (lot_id, asset, points, remaining, held, NOW - 2, expires)
            assert read_lots(one, 7)[1 if remaining else 2] == row
            assert one.lots_count == 3
        assert state_digest(snapshotted(book)) == state_digest(book)

    told(points, 0)
    hold = (b"h" * 16, PENDING, 7, NOW + 9, b"", [(asset, 4, lot_id)])
    apply_effects(book, NOW, holds=[hold])
    told(points, 4)
    apply_effects(book, NOW, holds=[(b"h" * 16, VOIDED, 0, 0, b"", [])])
    told(points, 0)
    apply_effects(book, NOW, entries=[(REDEMPTION, [(7, asset, -points, lot_id), (REDEEMED, asset, points, 0)])])
    told(0, 0)
    apply_effects(book, NOW, entries=[(REDEMPTION, [(7, asset, 3, lot_id), (REDEEMED, asset, -3, 0)])])
    told(3, 0)
    assert read_balances(book, 7, NOW)[asset][0] == 21


def test_due_lots_of_many_accounts_are_told_once_each_in_turns() -> None:
    book, accounts = Book(), range(1, 2_001)
    for account in accounts:
        lots = [(account * 256 + n, account, 1, 5, 0, NOW if n else 0) for n in range(3)]
        entry = [(account, 1, 5, lot[0]) for lot in lots]
        apply_effects(book, NOW, lots=lots, entries=[(ACCRUAL, [*entry, (ISSUED, 1, -15, 0)])])
    assert read_due_lots(book, 0, NOW - 1, 1 << 20) == (0, [])
    cursor, told, turns = 0, [], 0
    while turns == 0 or cursor:
        cursor, due = read_due_lots(book, cursor, NOW, 300)
        assert len(due) <= 200 + 2
        for account, asset, points, lot_id in due:
            postings = [(account, asset, -points, lot_id), (EXPIRED, asset, points, 0)]
            apply_effects(book, NOW, entries=[(EXPIRY, postings)])
        told += [lot_id for *_, lot_id in due]
        turns += 1
    assert turns >= 20
    assert sorted(told) == [account * 256 + n for account in accounts for n in (1, 2)]
    assert book.lots_count == len(accounts)
