"""Counters of many subjects, which lie in pages, against a plain model; what of it is in a snapshot."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import apply_effects, read_counter
from tests.core.ledger.test_snapshot import sealed

DAY_US = 86_400_000_000
TODAY = 20_000
NOW = TODAY * DAY_US
PENDING, POSTED, VOIDED = 1, 2, 3
DAY, ALWAYS = 1, 5
HEAD = SnapshotHead(1, 1, 1, 1, bytes(32))
# Neighbours and strangers, cards without a customer, and numbers that no page has.
SUBJECTS = [
    *range(1, 150), *range(1_000, 400_000, 4_001), *range(-70, 0), 2**45 - 1, 2**45, -(2**45), -(2**45) - 1, 2**62, 0,
]  # fmt: skip
AMOUNTS = (1, 2, 500, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, 10**14)
Key = tuple[str, int, int, int, int, int]


def key(name: str, subject: int, window: int = ALWAYS) -> Key:
    return name, 2, 1, window, subject, TODAY if window == DAY else 0


def snapshotted(book: Book) -> Book:
    return load_snapshot(b"".join(write_snapshot(book, Operations(), HEAD)))[1]


def compare(book: Book, used: dict[Key, int], held: dict[Key, int]) -> None:
    for one in {*used, *held}:
        assert read_counter(book, one) == (used[one], held[one])


@pytest.mark.parametrize("seed", range(4))
def test_counters_of_many_subjects_equal_a_plain_model_over_holds_and_snapshots(seed: int) -> None:
    rng, book = random.Random(seed), Book()
    used: dict[Key, int] = defaultdict(int)
    held: dict[Key, int] = defaultdict(int)
    holds: dict[bytes, tuple[Key, int]] = {}
    for step in range(700):
        keys = [key(rng.choice("ab"), subject, rng.choice((DAY, ALWAYS))) for subject in rng.sample(SUBJECTS, 3)]
        changes = [(one, rng.choice((rng.choice(AMOUNTS), -used[one])) or 1) for one in keys]
        apply_effects(book, NOW, counters=changes)
        for one, amount in changes:
            used[one] += amount
        if rng.random() < 0.5:
            hold_id, one, amount = step.to_bytes(16, "big"), rng.choice(keys), rng.choice(AMOUNTS)
            apply_effects(book, NOW, holds=[(hold_id, PENDING, 0, NOW + 9, b"", [("counter", amount, one)])])
            holds[hold_id] = one, amount
            held[one] += amount
        elif holds:
            hold_id = rng.choice(sorted(holds))
            one, amount = holds.pop(hold_id)
            posted = rng.random() < 0.5
            apply_effects(
                book,
                NOW,
                holds=[(hold_id, POSTED if posted else VOIDED, 0, 0, b"", [])],
                counters=[(one, amount)] if posted else [],
            )
            held[one] -= amount
            used[one] += amount if posted else 0
        if step % 100 == 99:
            compare(book, used, held)
            again = snapshotted(book)
            assert state_digest(again) == state_digest(book)
            book = again if rng.random() < 0.5 else book
    compare(book, used, held)
    compare(snapshotted(book), used, held)
    gone = [(one, -amount) for one, amount in used.items() if amount]
    for at in range(0, len(gone), 500):
        apply_effects(book, NOW, counters=gone[at : at + 500])
    for one in used:
        assert read_counter(book, one) == (0, held[one])


def test_counters_that_pass_the_first_page_in_one_plan_are_all_counted() -> None:
    book = Book()
    apply_effects(book, NOW, counters=[(key("a", subject), subject) for subject in range(1, 500)])
    apply_effects(book, NOW, counters=[(key("a", subject), 70_000) for subject in range(300, 800)])
    for subject in range(1, 800):
        assert read_counter(book, key("a", subject))[0] == subject * (subject < 500) + 70_000 * (subject >= 300)


def test_counters_of_all_subjects_take_few_bytes_however_they_came() -> None:
    book, subjects, groups = Book(), 20_000, [key(name, 0, window) for name in "abc" for window in (DAY, ALWAYS)]
    before = book.bytes_used
    for subject in random.Random(1).sample(range(1, subjects + 1), subjects):
        changes = [((*one[:4], subject, one[5]), 3 if n % 2 else 90_000) for n, one in enumerate(groups)]
        apply_effects(book, NOW, counters=changes)
    assert (book.bytes_used - before) / subjects / len(groups) < 9
    again = snapshotted(book)
    assert state_digest(again) == state_digest(book)
    assert (again.bytes_used - Book().bytes_used) / subjects / len(groups) < 9


def test_counters_altered_under_right_checksums_are_refused_or_load_as_others() -> None:
    book, rng = Book(), random.Random(5)
    for name, window in (("a", ALWAYS), ("b", DAY)):
        apply_effects(book, NOW, counters=[(key(name, subject, window), 5) for subject in SUBJECTS if subject != 0])
    blocks = list(write_snapshot(book, Operations(), HEAD))
    places = [n for n, block in enumerate(blocks) if block[6] == 18]
    assert len(places) == 2
    refused = 0
    for _ in range(300):
        altered = [bytearray(block) for block in blocks]
        block = altered[rng.choice(places)]
        at = rng.randrange(48, len(block))
        if rng.random() < 0.4:
            del block[at : at + rng.randrange(1, 64)]
        else:
            block[at] = rng.randrange(256)
        try:
            state_digest(load_snapshot(sealed([bytes(one) for one in altered]))[1])
        except SnapshotDamaged:
            refused += 1
    assert refused > 100
    with pytest.raises(SnapshotDamaged, match="counter"):
        doubled = [*blocks[: places[0]], blocks[places[0]], *blocks[places[0] :]]
        load_snapshot(sealed(doubled))


def test_counters_of_a_former_layout_are_refused_unless_there_are_none() -> None:
    blocks = list(write_snapshot(Book(), Operations(), HEAD))
    block, end = blocks[1], bytearray(blocks[-1])
    end[48:56] = (int.from_bytes(end[48:56], "little") + 1).to_bytes(8, "little")
    for payload, is_sound in ((b"", True), (bytes(40), False)):
        former = block[:6] + (11).to_bytes(2, "little") + block[8:48] + payload
        made = sealed([*blocks[:-1], former, bytes(end)])
        if is_sound:
            assert state_digest(load_snapshot(made)[1]) == state_digest(Book())
        else:
            with pytest.raises(SnapshotDamaged, match="former layout"):
                load_snapshot(made)
