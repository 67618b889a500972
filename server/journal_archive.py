"""Partitions of the journal as files: written once, proven, read like the table they were.

A folder holds three files a partition: `journal_000003.copy`, a PostgreSQL binary COPY of all columns in order of seq,
which any PostgreSQL takes back; `.places`, where each row begins (8 bytes a row), so that one row is found by its seq;
`.json`, the head: seqs, hashes, sizes, SHA-256. Invariants: the head is written last, so a partition without one is no
archive; a file is believed only after its chain was followed from the row before it to its last; nothing here changes
the database or an existing archive.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import asyncpg

from altyn.core.ledger.chain import chain_hash
from altyn.infra.errors import Trouble
from altyn.infra.partitions import table_of
from altyn.server.copy_rows import COLUMNS

FORMAT = 1
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
ROW_BYTES_MAX = 1 << 30
READ_BYTES = 1 << 20
_PLACE = struct.Struct(">Q")
_COUNT = struct.Struct(">h")
_SIZE = struct.Struct(">i")
_FIXED = (struct.Struct(">q"), struct.Struct(">q"), struct.Struct(">q"), struct.Struct(">h"), struct.Struct(">h"))


class ArchiveDamaged(Trouble):
    """A file is not what its head says, or its rows do not follow one another. The text names file and seq."""


class ArchivedRow(NamedTuple):
    """A row of the journal, its columns in the order of the table's COPY."""

    seq: int
    epoch: int
    instant_us: int
    shard: int
    kind: int
    op_id: bytes
    receipt_key: bytes | None
    natural_key: bytes | None
    hash: bytes
    body: bytes
    original_key: bytes | None


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """What a partition's file holds. Hashes in hexadecimal; `hash_before` is that of the row before `first_seq`."""

    number: int
    shard: int
    first_seq: int
    last_seq: int
    hash_before: str
    hash_last: str
    bytes: int
    sha256: str
    places_sha256: str
    last_instant_us: int
    format: int = FORMAT

    @property
    def name(self) -> str:
        return table_of(self.number)


class JournalArchive:
    """A folder of archived partitions. Reading needs no database; a folder that is not there is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def heads(self) -> list[ArchiveHead]:
        """Every finished archive, by number. ArchiveDamaged: a head that cannot be read."""
        found = []
        for path in sorted(self.folder.glob("journal_*.json")) if self.folder.is_dir() else ():
            try:
                found.append(ArchiveHead(**json.loads(path.read_bytes())))
            except (ValueError, TypeError) as error:
                raise ArchiveDamaged(f"{path}: not the head of an archived partition: {error}") from error
        return sorted(found, key=lambda head: head.number)

    def head(self, number: int) -> ArchiveHead:
        """One partition's head. Trouble when it is not here."""
        for head in self.heads():
            if head.number == number:
                return head
        raise Trouble(f"there is no {table_of(number)}.json in {self.folder}")

    def find(self, shard: int, seq: int) -> ArchivedRow | None:
        """One row by its seq, or None when no file here holds it."""
        for head in self.heads():
            if head.shard == shard and head.first_seq <= seq <= head.last_seq:
                with self._path(head, "places").open("rb") as places, self._path(head, "copy").open("rb") as rows:
                    places.seek((seq - head.first_seq) * _PLACE.size)
                    rows.seek(_PLACE.unpack(places.read(_PLACE.size))[0])
                    row = _read_row(rows)
                if row is None or row.seq != seq:
                    raise ArchiveDamaged(f"{head.name}.copy: seq {seq} is not where .places says")
                return row
        return None

    def rows(self, shard: int, after_seq: int = 0, before_seq: int | None = None) -> Iterator[ArchivedRow]:
        """Rows after `after_seq` and before `before_seq` that are here, in order; gaps are the reader's to notice."""
        for head in self.heads():
            if head.shard != shard or head.last_seq <= after_seq:
                continue
            for row in self.rows_of(head, max(after_seq + 1, head.first_seq)):
                if before_seq is not None and row.seq >= before_seq:
                    return
                yield row

    def rows_of(self, head: ArchiveHead, from_seq: int | None = None) -> Iterator[ArchivedRow]:
        """The rows of one partition, from a seq on."""
        with self._path(head, "copy").open("rb", buffering=READ_BYTES) as file:
            if from_seq is None or from_seq == head.first_seq:
                if file.read(len(HEADER)) != HEADER:
                    raise ArchiveDamaged(f"{head.name}.copy is no PostgreSQL binary COPY")
            else:
                with self._path(head, "places").open("rb") as places:
                    places.seek((from_seq - head.first_seq) * _PLACE.size)
                    file.seek(_PLACE.unpack(places.read(_PLACE.size))[0])
            while (row := _read_row(file)) is not None:
                yield row

    def check(self, head: ArchiveHead) -> None:
        """Prove one archive: bytes, hashes, chain, and that every row is where .places says. ArchiveDamaged."""
        copy, places = self._path(head, "copy"), self._path(head, "places")
        for path, expected in ((copy, head.sha256), (places, head.places_sha256)):
            if not path.exists():
                raise ArchiveDamaged(f"{path} is missing")
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected:
                raise ArchiveDamaged(f"{path}: SHA-256 is {found}, its head says {expected}")
        told = _follow(copy, head.shard, head.first_seq, bytes.fromhex(head.hash_before))
        if (told.last_seq, told.hash_last.hex(), told.bytes) != (head.last_seq, head.hash_last, head.bytes):
            raise ArchiveDamaged(f"{copy}: ends with seq {told.last_seq}, its head says {head.last_seq}")
        if hashlib.sha256(told.places).hexdigest() != head.places_sha256:
            raise ArchiveDamaged(f"{places}: rows are elsewhere")

    async def write(
        self, connection: asyncpg.Connection[Any], number: int, shard: int, first_seq: int, hash_before: bytes
    ) -> ArchiveHead:
        """Copy one partition of the database here and prove it. Writing it again replaces what was unfinished.

        ArchiveDamaged: the rows do not go on from `hash_before` at `first_seq`. OSError, asyncpg.PostgresError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = table_of(number)
        copy, draft = self.folder / f"{name}.copy", self.folder / f"{name}.copy.draft"
        digest = hashlib.sha256()
        with draft.open("wb") as file:

            async def take(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            query = f"SELECT {', '.join(COLUMNS)} FROM {name} ORDER BY shard, seq"
            await connection.copy_from_query(query, output=take, format="binary", timeout=None)
            file.flush()
            os.fsync(file.fileno())
        told = _follow(draft, shard, first_seq, hash_before)
        draft.replace(copy)
        _write_synced(self.folder / f"{name}.places", told.places)
        head = ArchiveHead(
            number=number,
            shard=shard,
            first_seq=first_seq,
            last_seq=told.last_seq,
            hash_before=hash_before.hex(),
            hash_last=told.hash_last.hex(),
            bytes=told.bytes,
            sha256=digest.hexdigest(),
            places_sha256=hashlib.sha256(told.places).hexdigest(),
            last_instant_us=told.last_instant_us,
        )
        _write_synced(self.folder / f"{name}.json", json.dumps(asdict(head), indent=1).encode() + b"\n")
        _sync_folder(self.folder)
        return head

    def path_of_copy(self, head: ArchiveHead) -> Path:
        """The file PostgreSQL can take back."""
        return self._path(head, "copy")

    def files_of(self, head: ArchiveHead) -> list[Path]:
        """The three files of a partition."""
        return [self._path(head, kind) for kind in ("copy", "places", "json")]

    def _path(self, head: ArchiveHead, kind: str) -> Path:
        return self.folder / f"{head.name}.{kind}"


class _Told(NamedTuple):
    last_seq: int
    hash_last: bytes
    last_instant_us: int
    places: bytes
    bytes: int


def _follow(path: Path, shard: int, first_seq: int, hash_before: bytes) -> _Told:
    """Read a whole file, proving seqs and chain; where each row begins."""
    places = bytearray()
    seq, last, instant_us = first_seq - 1, hash_before, 0
    with path.open("rb", buffering=READ_BYTES) as file:
        if file.read(len(HEADER)) != HEADER:
            raise ArchiveDamaged(f"{path.name} is no PostgreSQL binary COPY")
        while True:
            place = file.tell()
            row = _read_row(file)
            if row is None:
                break
            if (row.shard, row.seq) != (shard, seq + 1):
                raise ArchiveDamaged(
                    f"{path.name}: seq {row.seq} of shard {row.shard} stands after seq {seq} of {shard}"
                )
            if row.hash != chain_hash(last, row.seq, row.epoch, row.body):
                raise ArchiveDamaged(f"{path.name}: seq {row.seq} does not follow from the row before")
            places += _PLACE.pack(place)
            seq, last, instant_us = row.seq, row.hash, row.instant_us
        size = file.tell()
        if file.read(1):
            raise ArchiveDamaged(f"{path.name} goes on after its end")
    if seq < first_seq:
        raise ArchiveDamaged(f"{path.name} holds no row")
    return _Told(seq, last, instant_us, bytes(places), size)


def _read_row(file: BinaryIO) -> ArchivedRow | None:
    """The row that begins here; None at the end of the copy. ArchiveDamaged."""
    count = _COUNT.unpack(_exactly(file, _COUNT.size))[0]
    if count == -1:
        return None
    if count != len(COLUMNS):
        raise ArchiveDamaged(f"a row of {count} columns, {len(COLUMNS)} were expected")
    values: list[Any] = []
    for place in range(count):
        size = _SIZE.unpack(_exactly(file, _SIZE.size))[0]
        if not -1 <= size <= ROW_BYTES_MAX:
            raise ArchiveDamaged(f"a value of {size} bytes")
        value = None if size == -1 else _exactly(file, size)
        if place < len(_FIXED):
            if value is None or len(value) != _FIXED[place].size:
                raise ArchiveDamaged(f"column {COLUMNS[place]} has {size} bytes")
            values.append(_FIXED[place].unpack(value)[0])
        else:
            values.append(value)
    return ArchivedRow(*values)


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ArchiveDamaged("the file ends in the middle of a row")
    return data


def _write_synced(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
