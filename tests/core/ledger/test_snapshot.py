"""Digest, snapshot and back; damaged bytes are refused and never crash the loader."""

from __future__ import annotations

import hashlib
import random
import struct
from hashlib import sha256

import pytest

from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import apply_effects, read_lots
from tests.core.ledger.walk import Walk

HEAD = SnapshotHead(900, 3, 5_000, 1, bytes(range(32)))


def some_operations(count: int = 300) -> Operations:
    operations = Operations(entries_max=200)
    for seq in range(1, count + 1):
        operations.remember(
            key(seq),
            seq,
            seq,
            sha256(b"%d" % seq).digest(),
            natural_key=key(seq, b"n"),
            receipt_key=key(seq % 40, b"r"),
            receipt_state=1 + seq % 3,
            register_key=key(seq % 5, b"t"),
            register_seq=seq,
            shift_number=1,
            receipt_number=seq,
        )
    return operations


def key(number: int, salt: bytes = b"o") -> bytes:
    return sha256(salt + b"%d" % number).digest()[:16]


def walked(seed: int, steps: int = 300) -> Walk:
    walk = Walk(seed)
    for _ in range(steps):
        walk.step()
    return walk


def written(book: Book, operations: Operations | None = None) -> bytes:
    return b"".join(write_snapshot(book, operations or Operations(), HEAD))


def test_digest_of_an_empty_book_is_that_of_nothing() -> None:
    assert state_digest(Book()) == sha256().digest()


@pytest.mark.parametrize("seed", range(4))
def test_digest_of_the_same_operations_is_equal_and_of_one_more_differs(seed: int) -> None:
    first, second = walked(seed), walked(seed)
    assert state_digest(first.book) == state_digest(second.book)
    first.accrue(1, 0)
    assert state_digest(first.book) != state_digest(second.book)


def test_digest_does_not_depend_on_the_order_of_independent_operations() -> None:
    digests = set()
    for seed in range(3):
        numbers = list(range(1, 500))
        random.Random(seed).shuffle(numbers)
        book = Book()
        for n in numbers:
            lots = [(n * 256, n, 0, n, 0, 0), (n * 256 + 1, n, 0, n, 0, 9)]
            apply_effects(book, 1, lots=lots, entries=[(1, [(n, 0, n, n * 256), (-1, 0, -n, 0)])])
        digests.add(state_digest(book))
    assert len(digests) == 1


@pytest.mark.parametrize("seed", range(6))
def test_snapshot_round_trip_gives_an_equal_book_that_goes_on_equally(seed: int) -> None:
    walk = walked(seed)
    head, book, _ = load_snapshot(written(walk.book))
    assert head == HEAD
    assert state_digest(book) == state_digest(walk.book)
    walk.book = book
    walk.compare_all()
    for _ in range(100):
        walk.step()
        walk.compare_one()
    walk.compare_all()


def test_snapshot_keeps_what_the_seen_before_index_knows() -> None:
    operations = some_operations()
    _, _, loaded = load_snapshot(written(Book(), operations), entries_max=200)
    assert len(loaded) == len(operations)
    assert loaded.complete_since_seq == operations.complete_since_seq == 101
    for seq in range(1, 301):
        assert loaded.read_operation(key(seq)) == operations.read_operation(key(seq))
        assert loaded.read_natural(key(seq, b"n")) == operations.read_natural(key(seq, b"n"))
    assert operations.read_operation(key(101)) is not None and operations.read_operation(key(100)) is None
    for n in range(40):
        assert loaded.read_receipt(key(n, b"r")) == operations.read_receipt(key(n, b"r")) is not None
    for n in range(5):
        assert loaded.read_register(key(n, b"t")) == operations.read_register(key(n, b"t")) is not None
    assert not loaded.read_is_new_receipt(key(0, b"t"), 1, 300) and loaded.read_is_new_receipt(key(0, b"t"), 1, 301)


def test_snapshot_of_before_accounts_were_merged_has_no_such_block_and_loads() -> None:
    walk = walked(4)
    blocks = [block for block in write_snapshot(walk.book, Operations(), HEAD) if block[6] != 13]
    end = bytearray(blocks[-1])
    end[48:56] = (len(blocks) - 1).to_bytes(8, "little")
    _, book, _ = load_snapshot(sealed([*blocks[:-1], bytes(end)]))
    assert read_lots(book, 1) == read_lots(walk.book, 1)


@pytest.mark.parametrize(
    "rows", [[(9, 9)], [(0, 9)], [(9, 0)], [(9, 8), (9, 7)], [(9, 8), (8, 7)], [(8, 7), (9, 8)], [(1, 9)]]
)
def test_snapshot_whose_merged_accounts_lead_on_or_have_lots_is_refused(rows: list[tuple[int, int]]) -> None:
    book = Book()
    apply_effects(book, 1, lots=[(256, 1, 0, 5, 0, 0)], entries=[(1, [(1, 0, 5, 256), (-1, 0, -5, 0)])])
    blocks = list(write_snapshot(book, Operations(), HEAD))
    at = next(n for n, block in enumerate(blocks) if block[6] == 13)
    blocks[at] = blocks[at][:48] + b"".join(
        account.to_bytes(8, "little") + to.to_bytes(8, "little") for account, to in rows
    )
    with pytest.raises(SnapshotDamaged, match="merged account"):
        load_snapshot(sealed(blocks))


def test_snapshot_cut_at_any_place_is_refused() -> None:
    whole = written(walked(1, 60).book, some_operations(20))
    for size in range(0, len(whole), 7):
        with pytest.raises(SnapshotDamaged):
            load_snapshot(whole[:size])


def test_snapshot_with_any_byte_flipped_is_refused() -> None:
    whole = written(walked(2, 60).book, some_operations(20))
    for at in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        with pytest.raises(SnapshotDamaged):
            load_snapshot(damaged)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_sound_snapshot_of_another_version_is_refused_by_its_version(version: int) -> None:
    made, former = b"", bytes(32)
    for one in write_snapshot(walked(4, 60).book, some_operations(20), HEAD):
        magic, kind_version, size = struct.unpack_from("<IIQ", one)
        head = struct.pack("<IIQ", magic, kind_version & ~0xFFFF | version, size)
        former = hashlib.sha256(former + head + one[48:]).digest()
        made += head + former + one[48:]
    with pytest.raises(SnapshotDamaged, match="is not a block of version 1"):
        load_snapshot(made)


def test_snapshot_with_blocks_missing_doubled_or_swapped_is_refused() -> None:
    blocks = list(write_snapshot(walked(3, 60).book, some_operations(20), HEAD))
    assert load_snapshot(b"".join(blocks))[0] == HEAD
    for at in range(len(blocks)):
        for wrong in (
            blocks[:at] + blocks[at + 1 :],
            [*blocks[: at + 1], *blocks[at:]],
            [*blocks[:at], *reversed(blocks[at : at + 2]), *blocks[at + 2 :]] if at + 1 < len(blocks) else blocks * 2,
        ):
            with pytest.raises(SnapshotDamaged):
                load_snapshot(b"".join(wrong))


def sealed(blocks: list[bytes]) -> bytes:
    """The blocks with checksums made right again: what a bug, not a bad disk, would leave."""
    former = bytes(32)
    made = []
    for block in blocks:
        former = sha256(former + block[:8] + len(block[48:]).to_bytes(8, "little") + block[48:]).digest()
        made.append(block[:8] + len(block[48:]).to_bytes(8, "little") + former + block[48:])
    return b"".join(made)


@pytest.mark.parametrize("seed", range(3))
def test_snapshot_altered_under_right_checksums_is_refused_or_loads_a_sound_book(seed: int) -> None:
    rng = random.Random(seed)
    blocks = list(write_snapshot(walked(seed + 10, 80).book, some_operations(20), HEAD))
    assert sealed(blocks) == b"".join(blocks)
    refused = 0
    for _ in range(600):
        altered = [bytearray(block) for block in blocks]
        block = rng.choice([b for b in altered if len(b) > 56])
        at = rng.randrange(48, len(block))
        if rng.random() < 0.3:
            del block[at : at + rng.randrange(1, 64)]
        else:
            block[at] = rng.randrange(256)
        try:
            _, book, _ = load_snapshot(sealed([bytes(b) for b in altered]))
        except SnapshotDamaged:
            refused += 1
            continue
        state_digest(book)
        for account in range(1, 13):
            for _, _, initial, remaining, held, _, _ in read_lots(book, account):
                assert remaining < 0 == initial or 0 <= held <= remaining <= initial
    assert refused > 150


def test_memory_of_an_account_with_three_assets_stays_within_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    book = Book()
    count = 60_000
    for account in range(1, count + 1):
        lots = [(account * 256 + asset, account, asset, 100, 0, 0) for asset in range(3)]
        postings = [(account, asset, 100, lot[0]) for asset, lot in enumerate(lots)]
        postings += [(-1, asset, -100, 0) for asset in range(3)]
        apply_effects(book, 1, lots=lots, entries=[(1, postings)])
    per_account = book.bytes_used / count
    with capsys.disabled():
        print(f"\nbytes per account, 3 lots of 3 assets, {count} accounts: {per_account:.0f}")
    assert per_account <= 150
