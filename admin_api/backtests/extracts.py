"""Extracts of the journal: files of a day's sales with all that deciding them again reads, made once and mapped by
whoever replays (docs/decisions/0030).

A file is a head of 64 bytes (magic, format, sizes, SHA-256 of the rest), the items of `core/backtest/items.pxd`, and
names and counts as JSON. A day has as many files as its sales need, each a run of seqs. Invariants: a file is written
beside its place and moved there whole; it is used again only where the journal has the same chain hash at its last
seq; one that may still grow is made anew when the journal did.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import mmap
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from altyn.admin_api.backtests.journal_days import Day, JournalDays
from altyn.core.backtest.extractor import FORMAT, Extractor
from altyn.infra.errors import Trouble

MAGIC = b"ALTYNEXT"
HEAD = struct.Struct("<8sIIqq32s")
RECEIPTS_OF_FILE = 100_000
DRAFT_KEPT_S = 3_600.0
OnProgress = Callable[[int, int], None]


class ExtractDamaged(Trouble):
    """A file is not what its head says; delete it, and it is made anew."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What one file holds. `closed`: no record will be added to its run of seqs."""

    day: str
    number: int
    first_seq: int
    last_seq: int
    hash_last: str
    closed: bool
    receipts: int
    skipped: dict[str, int]
    returns: int
    voids: int
    names: dict[str, list[Any]] = field(repr=False)
    sha256: str = ""
    items_bytes: int = 0

    @property
    def file(self) -> str:
        return f"{self.day}.{self.number:03}.extract"


async def make_extracts(
    journal: JournalDays, days: Sequence[Day], folder: Path, on_progress: OnProgress = lambda done, whole: None
) -> AsyncIterator[Extract]:
    """The files of these days in order, those that are there already used again. Trouble, OSError."""
    await asyncio.to_thread(_sweep, folder)
    whole = sum(day.last_seq - day.first_seq + 1 for day in days)
    done = 0
    for day in days:
        at, number = day.first_seq, 0
        while at <= day.last_seq:
            made = await _usable(journal, day, folder, at, number)
            if made is None:
                before = done

                def tell(seq: int, before: int = before, at: int = at) -> None:
                    on_progress(before + seq - at + 1, whole)

                made = await _write(journal, day, folder, at, number, tell)
            done += made.last_seq - at + 1
            on_progress(done, whole)
            yield made
            at, number = made.last_seq + 1, number + 1


def _sweep(folder: Path) -> None:
    """The folder without what stopped extractions left; one that is at work writes all the time."""
    folder.mkdir(parents=True, exist_ok=True)
    for draft in folder.glob("*.draft"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > DRAFT_KEPT_S:
                draft.unlink()


def read_head(path: Path) -> Extract:
    """What a file says of itself. ExtractDamaged."""
    try:
        with path.open("rb") as file:
            sha256, items_bytes, told = _read_ends(file)
        return Extract(**told, sha256=sha256.hex(), items_bytes=items_bytes)
    except (struct.error, ValueError, TypeError) as error:
        raise ExtractDamaged(f"{path}: not an extract of the journal: {error}") from None


@contextmanager
def mapped_items(path: Path, extract: Extract) -> Iterator[memoryview]:
    """The items, proven by their hash and mapped. ExtractDamaged."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory,
        memoryview(memory) as whole,
        whole[HEAD.size :] as rest,
    ):
        found = hashlib.sha256(rest).hexdigest()
        if found != extract.sha256:
            raise ExtractDamaged(f"{path}: SHA-256 is {found}, its head says {extract.sha256}")
        with rest[: extract.items_bytes] as items:
            yield items


async def _usable(journal: JournalDays, day: Day, folder: Path, at: int, number: int) -> Extract | None:
    """The file that goes on at this seq, if it is here, of this journal, and whole."""
    path = folder / f"{day.date.isoformat()}.{number:03}.extract"
    if not path.exists():
        return None
    try:
        found = read_head(path)
    except ExtractDamaged:
        return None
    if found.first_seq != at or found.last_seq > day.last_seq or not (found.closed or found.last_seq == day.last_seq):
        return None
    return found if await journal.hash_of(found.last_seq) == found.hash_last else None


async def _write(
    journal: JournalDays, day: Day, folder: Path, at: int, number: int, on_seq: Callable[[int], None]
) -> Extract:
    extractor, last_seq = Extractor(), day.last_seq
    path = folder / f"{day.date.isoformat()}.{number:03}.extract"
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with draft.open("wb") as file:
        file.write(bytes(HEAD.size))
        digest = hashlib.sha256()
        async for page in journal.rows(at, day.last_seq):
            items = []
            for seq, body in page:
                item = extractor.take(body)
                if item is not None:
                    items.append(item)
                if extractor.sales_count == RECEIPTS_OF_FILE:
                    last_seq = seq
                    break
            data = b"".join(items)
            digest.update(data)
            file.write(data)
            on_seq(seq)
            if extractor.sales_count == RECEIPTS_OF_FILE:
                break
        made = Extract(
            day=day.date.isoformat(),
            number=number,
            first_seq=at,
            last_seq=last_seq,
            hash_last=await journal.hash_of(last_seq),
            closed=day.over or last_seq < day.last_seq,
            receipts=extractor.sales_count,
            skipped=dict(extractor.skipped),
            returns=extractor.returns_count,
            voids=extractor.voids_count,
            names=extractor.names(),
        )
        items_bytes = file.tell() - HEAD.size
        told = json.dumps(
            {key: value for key, value in asdict(made).items() if key not in ("sha256", "items_bytes")},
            ensure_ascii=False,
        ).encode()
        digest.update(told)
        file.write(told)
        file.seek(0)
        file.write(HEAD.pack(MAGIC, FORMAT, 0, items_bytes, len(told), digest.digest()))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return read_head(path)


def _read_ends(file: BinaryIO) -> tuple[bytes, int, dict[str, Any]]:
    magic, format_, _, items_bytes, told_bytes, sha256 = HEAD.unpack(file.read(HEAD.size))
    if magic != MAGIC:
        raise ValueError("the magic differs")
    if format_ != FORMAT:
        raise ValueError(f"format {format_}, this is format {FORMAT}")
    file.seek(0, os.SEEK_END)
    if file.tell() != HEAD.size + items_bytes + told_bytes:
        raise ValueError("it has another size than it says")
    file.seek(HEAD.size + items_bytes)
    told = json.loads(file.read())
    if not isinstance(told, dict):
        raise ValueError("its end is no head")
    date.fromisoformat(told["day"])
    return sha256, items_bytes, told
