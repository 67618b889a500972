"""Snapshot files: whole, newest first, older on damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.server.snapshots import KEPT_COUNT, Snapshots
from tests.core.ledger.walk import Walk


def head(seq: int) -> SnapshotHead:
    return SnapshotHead(seq, 1, seq, 1, bytes(32))


def written(folder: Path, count: int) -> tuple[Snapshots, dict[int, bytes]]:
    """So many snapshots of one growing book; the digest at each seq."""
    snapshots = Snapshots(folder)
    walk = Walk(1)
    digests = {}
    for seq in range(100, 100 + count):
        for _ in range(20):
            walk.step()
        snapshots.write(walk.book, Operations(), head(seq))
        digests[seq] = state_digest(walk.book)
    return snapshots, digests


def test_empty_folder_gives_an_empty_state(tmp_path: Path) -> None:
    loaded = Snapshots(tmp_path / "none").load()
    assert (loaded.head.seq, loaded.head.chain_hash, loaded.book.lots_count) == (0, bytes(32), 0)


def test_newest_snapshot_is_loaded_and_three_are_kept(tmp_path: Path) -> None:
    snapshots, digests = written(tmp_path, 5)
    assert [path.name for path in snapshots.paths()] == [f"{seq:019d}.snapshot" for seq in (104, 103, 102)]
    assert KEPT_COUNT == 3 == len(list(tmp_path.iterdir()))
    loaded = snapshots.load()
    assert loaded.head == head(104)
    assert state_digest(loaded.book) == digests[104]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_damaged_newest_snapshot_is_passed_over_for_an_older_one(tmp_path: Path, damage: str) -> None:
    snapshots, digests = written(tmp_path, 3)
    newest = snapshots.paths()[0]
    data = bytearray(newest.read_bytes())
    if damage == "cut":
        data = data[:-9]
    elif damage == "flip":
        data[len(data) // 2] ^= 4
    elif damage == "empty":
        data.clear()
    else:
        data = bytearray(snapshots.paths()[2].read_bytes())
    newest.write_bytes(data)
    loaded = snapshots.load()
    assert loaded.head.seq == 101
    assert state_digest(loaded.book) == digests[101]
    assert newest.exists()


def test_all_snapshots_damaged_gives_an_empty_state(tmp_path: Path) -> None:
    snapshots, _ = written(tmp_path, 3)
    for path in snapshots.paths():
        path.write_bytes(b"no snapshot")
    assert snapshots.load().head.seq == 0


def test_draft_of_a_writer_that_died_is_never_loaded(tmp_path: Path) -> None:
    snapshots, digests = written(tmp_path, 1)
    (tmp_path / f"{999:019d}.draft").write_bytes(snapshots.paths()[0].read_bytes()[:50])
    assert state_digest(snapshots.load().book) == digests[100]


def test_failed_write_leaves_the_older_snapshots_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots, digests = written(tmp_path, 1)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        snapshots.write(Walk(2).book, Operations(), head(200))
    assert [path.name for path in tmp_path.iterdir()] == [f"{100:019d}.snapshot"]
    assert state_digest(snapshots.load().book) == digests[100]
