"""A journal in a database of its own, and records to fill it with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from altyn.core.engine.types import Record
from altyn.infra.database import connect
from altyn.server.journal import Journal, JournalLimits
from altyn.server.journal_queue import JournalQueue
from altyn.server.journal_reader import JournalDoubt, JournalReader

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
SCHEMA = "\n".join((MIGRATIONS / name).read_text("utf-8") for name in ("0002_journal.sql", "0009_originals.sql"))
QUICK = JournalLimits(back_off_first_s=0.005, back_off_max_s=0.05)


def record(
    journal: JournalQueue,
    *,
    op_id: bytes | None = None,
    natural: bytes | None = None,
    receipt: bytes | None = None,
    size: int = 300,
    seq: int | None = None,
) -> Record:
    rng = random.Random(journal.next_seq)
    return Record(
        seq or journal.next_seq,
        op_id or rng.randbytes(16),
        2,
        natural,
        receipt,
        journal.next_seq * 10,
        rng.randbytes(size),
    )


def fill(journal: Journal, count: int, size: int = 300) -> list[Record]:
    records = []
    for _ in range(count):
        records.append(record(journal, size=size))
        journal.append(records[-1])
    return records


@asynccontextmanager
async def opened(dsn: str, name: str = "one", limits: JournalLimits = QUICK) -> AsyncIterator[Journal]:
    journal = await Journal.open(dsn, 0, name, limits=limits)
    try:
        yield journal
    finally:
        with suppress(JournalDoubt):
            await journal.close()


async def admin(dsn: str, query: str, *args: object) -> Any:
    connection = await connect(dsn, name="test")
    try:
        return await connection.fetch(query, *args)
    finally:
        await connection.close()


async def stored(dsn: str) -> list[tuple[int, bytes, bytes]]:
    reader = JournalReader(dsn, 0)
    try:
        return [(row.seq, row.op_id, row.body) async for row in reader.read_from(0)]
    finally:
        await reader.close()


def expected(records: list[Record]) -> list[tuple[int, bytes, bytes]]:
    return [(r.seq, r.op_id, r.body) for r in records]


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))  # type: ignore[arg-type]
