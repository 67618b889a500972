"""The journal as the checks read it: page after page, each row decoded once, damaged ones too.

Everything comes from one read-only snapshot of the database, so that a live system does not move under the checks.
Nothing is proven here: that is what the checks are for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import asyncpg
from google.protobuf.message import DecodeError

from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.journal_archive import ArchivedRow, JournalArchive

PAGE_ROWS = 200
RESERVE = pos.OPERATION_KIND_RESERVE
COMMIT = pos.OPERATION_KIND_COMMIT
DECIDE = pos.OPERATION_KIND_DECIDE
REPLIES: dict[int, Any] = {RESERVE: pos.ReserveReceiptResponse, COMMIT: pos.CommitReceiptResponse}

_ROWS = """
SELECT seq, epoch, kind, instant_us, op_id, receipt_key, natural_key, hash, body
  FROM journal WHERE shard = $1 ORDER BY seq
"""
_OWNER = """
SELECT epoch, last_seq, (extract(epoch FROM since) * 1000000)::bigint AS since_us FROM shard_owner WHERE shard = $1
"""


class Entry(NamedTuple):
    """One journal row. `record` is None when the body cannot be read; `reply` also when the kind has no outcome."""

    seq: int
    epoch: int
    kind: int
    instant_us: int
    op_id: bytes
    receipt_key: bytes | None
    natural_key: bytes | None
    hash: bytes
    body: bytes
    record: Any
    reply: Any


Page = list[Entry]


class Source(NamedTuple):
    """Where checks read what pages do not hold: a connection inside the snapshot, and what it said at the start."""

    connection: asyncpg.Connection[Any]
    shard: int
    projected_seq: int
    owner_epoch: int
    owner_last_seq: int
    owner_since_us: int
    archive: JournalArchive | None = None
    first_seq: int = 1

    @property
    def archived_seq(self) -> int:
        """The last seq that is in files only."""
        return self.first_seq - 1


class Check(Protocol):
    """One group of invariants: sees every page, then ends."""

    async def take(self, page: Page, source: Source) -> None: ...

    async def end(self, source: Source) -> None: ...


async def open_source(connection: asyncpg.Connection[Any], shard: int, archive: JournalArchive | None = None) -> Source:
    owner = await connection.fetchrow(_OWNER, shard)
    projected = 0
    if await connection.fetchval("SELECT to_regclass('projector_checkpoint') IS NOT NULL"):
        projected = await connection.fetchval("SELECT seq FROM projector_checkpoint WHERE projection = 'receipts'") or 0
    epoch, last_seq, since_us = (owner["epoch"], owner["last_seq"], owner["since_us"]) if owner else (0, 0, 0)
    first_seq = await connection.fetchval("SELECT seq FROM journal WHERE shard = $1 ORDER BY seq LIMIT 1", shard)
    return Source(connection, shard, projected, epoch, last_seq, since_us, archive, first_seq or 1)


async def read_pages(source: Source) -> AsyncIterator[Page]:
    """Every row of the shard in order of seq: from files what has left the database, then the rest."""
    if source.archive is not None and source.archived_seq:
        rows_of_files = source.archive.rows(source.shard, 0, source.first_seq)
        while page := [entry_of(_columns(row)) for row in islice(rows_of_files, PAGE_ROWS)]:
            yield page
    cursor = await source.connection.cursor(_ROWS, source.shard)
    while rows := await cursor.fetch(PAGE_ROWS):
        yield [entry_of(row) for row in rows]


def _columns(row: ArchivedRow) -> dict[str, Any]:
    """As PostgreSQL gives them."""
    columns: dict[str, Any] = row._asdict()
    for name in ("op_id", "receipt_key", "natural_key"):
        columns[name] = columns[name] and UUID(bytes=columns[name])
    return columns


def sale_of(record: Any) -> Any:
    """The sale that a return or a void takes back, with what had been decided about it; the one a decision is about."""
    sale = journal.Record.FromString(record.evidence.original.sale)
    decided = record.evidence.original.before.decided
    sale.effects.entries.extend(decided.entries)
    sale.effects.coupons.extend(decided.coupons)
    return sale


def entry_of(row: Any) -> Entry:
    record = reply = None
    try:
        record = journal.Record.FromString(row["body"])
        reply_type = REPLIES.get(record.kind)
        reply = reply_type.FromString(record.reply) if reply_type else None
    except DecodeError:
        pass
    receipt_key, natural_key = row["receipt_key"], row["natural_key"]
    return Entry(
        row["seq"],
        row["epoch"],
        row["kind"],
        row["instant_us"],
        row["op_id"].bytes,
        receipt_key and receipt_key.bytes,
        natural_key and natural_key.bytes,
        row["hash"],
        row["body"],
        record,
        reply,
    )
