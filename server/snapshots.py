"""Snapshot files: written whole or not at all, the newest that proves sound is used.

A folder holds the last three, named by the seq they were taken at. Invariants: a file appears under its name only
after its bytes are on the disk; loading proves every byte (core/ledger/snapshot); a damaged file is passed over for an
older one and kept for whoever wants to know why. Losing every snapshot costs time, never data: the journal is the
truth.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import re
from pathlib import Path
from typing import NamedTuple

from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot, write_snapshot

KEPT_COUNT = 3
_NAME = re.compile(r"(\d{19})\.snapshot")

log = logging.getLogger(__name__)


class LoadedSnapshot(NamedTuple):
    """A state and the place in the journal it belongs to; `head.seq` is 0 when there was no sound snapshot."""

    head: SnapshotHead
    book: Book
    operations: Operations


class SnapshotFile(NamedTuple):
    """A finished file: the seq in its name, and when it was written."""

    seq: int
    written_at_s: float


EMPTY_HEAD = SnapshotHead(seq=0, epoch=0, instant_us=0, complete_since_seq=1, chain_hash=bytes(32))


class Snapshots:
    """The folder `VAR/snapshots` of one shard. One writer at a time; readers at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paths(self) -> list[Path]:
        """Finished snapshots, the newest first."""
        if not self._folder.is_dir():
            return []
        return sorted((path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)

    def newest(self) -> SnapshotFile | None:
        """The newest finished snapshot, by its name; not proven."""
        for path in self.paths():
            with contextlib.suppress(FileNotFoundError):  # removed by the writer meanwhile
                return SnapshotFile(int(path.name[:19]), path.stat().st_mtime)
        return None

    def write(self, book: Book, operations: Operations, head: SnapshotHead) -> Path:
        """Write the state after `head.seq`, then remove all but the newest three.

        OSError leaves the older ones alone.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{head.seq:019d}.snapshot"
        draft = path.with_suffix(".draft")
        try:
            with draft.open("wb") as file:
                for block in write_snapshot(book, operations, head):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._sync_folder()
        for old in self.paths()[KEPT_COUNT:]:
            old.unlink(missing_ok=True)
        return path

    def load(self, *, seed: int = 0) -> LoadedSnapshot:
        """The newest sound snapshot, or an empty state. `seed` is for the seen-before index."""
        for path in self.paths():
            try:
                return LoadedSnapshot(*_load(path, seed))
            except (SnapshotDamaged, OSError) as error:
                log.error("snapshot %s is passed over: %s", path.name, error)
        return LoadedSnapshot(EMPTY_HEAD, Book(), Operations(seed=seed))

    def _sync_folder(self) -> None:
        """A rename is on the disk when its folder is."""
        with contextlib.suppress(PermissionError):  # some systems do not open folders
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _load(path: Path, seed: int) -> tuple[SnapshotHead, Book, Operations]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise SnapshotDamaged("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            loaded = load_snapshot(data, seed=seed)
    if loaded[0].seq != int(path.name[:19]):
        raise SnapshotDamaged(f"it is of seq {loaded[0].seq}, not of the seq in its name")
    return loaded
