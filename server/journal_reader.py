"""Reading the journal: in order with the chain proven, or one operation by its keys.

Used by recovery, the snapshot writer, the projector, verification, and by the server before admission. Invariants: a
row is handed on only after its hash, its seq and its epoch were proven against the row before it; nothing here writes
or takes part in ownership. A break raises JournalDoubt with the seq; it is never skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.infra.database import connect
from altyn.server.journal_archive import ArchiveDamaged, ArchivedRow, JournalArchive

PAGE_ROWS = 500
COMMAND_TIMEOUT_S = 30.0
# How a lost connection shows itself. asyncpg tells of some losses in mid COPY as an error of its own state machine.
LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class JournalDoubt(Exception):
    """Memory and journal may disagree, or the journal is not what it was.

    The process must end; recovery is the only repair.
    """


class JournalUnavailable(Exception):
    """PostgreSQL could not be asked. Nothing is known; the same question may be put again."""


class JournalRow(NamedTuple):
    """One operation as it was journalled. `body` is an altyn.journal.v1.Record."""

    seq: int
    epoch: int
    op_id: bytes
    kind: int
    instant_us: int
    body: bytes
    hash: bytes


class Original(NamedTuple):
    """A sale, the latest record that took something of it back, and the returns that came before it: record bodies."""

    sale: bytes | None
    taken_back: bytes | None
    waiting: tuple[bytes, ...]


class JournalTail(NamedTuple):
    """The end of a shard's journal: seq 0 and 32 zero bytes when it is empty."""

    seq: int
    epoch: int
    hash: bytes


_COLUMNS = "j.seq, j.epoch, j.op_id, j.kind, j.instant_us, j.body, j.hash"
_PAGE = f"SELECT {_COLUMNS} FROM journal j WHERE j.shard = $1 AND j.seq > $2 ORDER BY j.seq LIMIT $3"
_SEQ = f"SELECT {_COLUMNS} FROM journal j WHERE j.shard = $1 AND j.seq = $2"
_TAIL = "SELECT seq, epoch, hash FROM journal WHERE shard = $1 ORDER BY seq DESC LIMIT 1"
_FIRST = "SELECT seq FROM journal WHERE shard = $1 ORDER BY seq LIMIT 1"
# An operation whose row is not in the journal is in an archived partition.
_JOINED = f"""
SELECT o.seq AS archived_seq, o.shard AS archived_shard, {_COLUMNS}
  FROM operations o LEFT JOIN journal j ON j.shard = o.shard AND j.seq = o.seq"""
_OPERATION = f"{_JOINED} WHERE o.op_id = $1"
_NATURAL = f"{_JOINED} WHERE o.receipt_key = $1 AND o.natural_key = $2"
_RECEIPT = f"{_JOINED} WHERE o.receipt_key = $1 ORDER BY o.seq"
_RECEIPT_KEY = "SELECT receipt_key FROM operations WHERE op_id = $1"
_TAKEN_BACK = f"{_JOINED} WHERE o.original_key = $1 AND o.seq > $2 ORDER BY o.seq DESC LIMIT 1"
_WAITING = f"{_JOINED} WHERE o.original_key = ANY ($1::uuid[]) AND o.seq < $2 ORDER BY o.seq LIMIT $3"
_SEQ_MAX = (1 << 63) - 1
COMMIT = 2  # altyn.pos.v1.OperationKind


async def read_tail(connection: asyncpg.Connection[Any], shard: int) -> JournalTail:
    row = await connection.fetchrow(_TAIL, shard)
    return JournalTail(0, 0, ORIGIN) if row is None else JournalTail(row["seq"], row["epoch"], row["hash"])


class JournalReader:
    """One shard's journal, read over a connection of its own: opened when needed, and again when it was lost."""

    def __init__(
        self, dsn: str, shard: int, *, name: str = "altyn-journal-reader", archive: JournalArchive | None = None
    ) -> None:
        """`archive`: where rows are looked for whose partition has left the database."""
        self._archive = archive
        self._dsn = dsn
        self._shard = shard
        self._name = name
        self._connection: asyncpg.Connection[Any] | None = None
        # A connection does one thing at a time, and many calls may look something up at once.
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def read_from(self, after_seq: int, after_hash: bytes | None = None) -> AsyncIterator[JournalRow]:
        """Every row after `after_seq` that is there now, in order.

        The row `after_seq` itself must exist, with `after_hash` when that is given: a snapshot proves in this way that
        it belongs to this journal. Raises JournalDoubt at the first row that breaks the chain, JournalUnavailable when
        PostgreSQL is away.
        """
        tail = await self._start(after_seq, after_hash)
        async for row in self._read_archived(tail.seq):
            tail = _follow(tail, row)
            yield row
        while True:
            page = await self._fetch(_PAGE, self._shard, tail.seq, PAGE_ROWS)
            for found in page:
                row = _row(found)
                tail = _follow(tail, row)
                yield row
            if len(page) < PAGE_ROWS:
                return

    async def tail(self) -> JournalTail:
        """The end of the journal as it is now, unproven."""
        rows = await self._fetch(_TAIL, self._shard)
        return JournalTail(rows[0]["seq"], rows[0]["epoch"], rows[0]["hash"]) if rows else JournalTail(0, 0, ORIGIN)

    async def find_operation(self, op_id: bytes) -> JournalRow | None:
        """The operation with this id, whatever its shard."""
        return self._one_of(await self._fetch(_OPERATION, UUID(bytes=op_id)))

    async def find_natural(self, receipt_key: bytes, natural_key: bytes) -> JournalRow | None:
        """The operation that took the natural key; `receipt_key` is that of the same receipt."""
        return self._one_of(await self._fetch(_NATURAL, UUID(bytes=receipt_key), UUID(bytes=natural_key)))

    async def find_receipt(self, receipt_key: bytes) -> list[JournalRow]:
        """Every operation on a receipt, in order."""
        return [self._present(found) for found in await self._fetch(_RECEIPT, UUID(bytes=receipt_key))]

    async def find_original(self, receipt_key: bytes, op_id: bytes | None, waiting_max: int) -> Original:
        """The sale with this Commit's op_id, else that of this receipt, and what was taken back of it."""
        sale = await self.find_operation(op_id) if op_id is not None else None
        if sale is not None and sale.kind == COMMIT:
            keys = await self._fetch(_RECEIPT_KEY, UUID(bytes=sale.op_id))
            receipt_key = keys[0]["receipt_key"].bytes
        else:
            sale = next((row for row in await self.find_receipt(receipt_key) if row.kind == COMMIT), None)
        key = UUID(bytes=receipt_key)
        back = self._one_of(await self._fetch(_TAKEN_BACK, key, sale.seq)) if sale is not None else None
        names = [key] + [UUID(bytes=name) for name in (sale.op_id if sale else None, op_id) if name is not None]
        waiting = await self._fetch(_WAITING, names, sale.seq if sale is not None else _SEQ_MAX, waiting_max)
        return Original(sale and sale.body, back and back.body, tuple(self._present(found).body for found in waiting))

    async def _start(self, after_seq: int, after_hash: bytes | None) -> JournalTail:
        if after_seq == 0:
            return JournalTail(0, 0, ORIGIN)
        row = _one(await self._fetch(_SEQ, self._shard, after_seq)) or self._find_archived(self._shard, after_seq)
        if row is None:
            raise JournalDoubt(f"seq {after_seq} is not in the journal of shard {self._shard}")
        if after_hash is not None and row.hash != after_hash:
            raise JournalDoubt(f"seq {after_seq} is not the record that was there before: its hash differs")
        return JournalTail(row.seq, row.epoch, row.hash)

    async def _read_archived(self, after_seq: int) -> AsyncIterator[JournalRow]:
        """Rows after `after_seq` that have left the database, from files."""
        if self._archive is None or not any(head.last_seq > after_seq for head in self._archive.heads()):
            return
        first = await self._fetch(_FIRST, self._shard)
        for found in self._archive.rows(self._shard, after_seq, first[0]["seq"] if first else None):
            yield _archived(found)

    def _find_archived(self, shard: int, seq: int) -> JournalRow | None:
        found = self._archive.find(shard, seq) if self._archive else None
        return _archived(found) if found else None

    def _one_of(self, found: list[Mapping[str, Any]]) -> JournalRow | None:
        return self._present(found[0]) if found else None

    def _present(self, found: Mapping[str, Any]) -> JournalRow:
        """A row of an operation that is known to be. JournalUnavailable: its partition's file is not here."""
        if found["seq"] is not None:
            return _row(found)
        seq = found["archived_seq"]
        try:
            row = self._find_archived(found["archived_shard"], seq)
        except (OSError, ArchiveDamaged) as error:
            raise JournalUnavailable(f"seq {seq} is archived, and its file cannot be read: {error}") from error
        if row is None:
            raise JournalUnavailable(f"seq {seq} is archived, and its file is not here")
        return row

    async def _fetch(self, query: str, *args: object) -> list[Mapping[str, Any]]:
        """Ask in turn; once more over a new connection when the old one turns out to be dead."""
        async with self._turn:
            for last in (False, True):
                try:
                    return await self._ask(query, *args)
                except (*LOST, asyncpg.PostgresError) as error:
                    await self.close()
                    if last or isinstance(error, asyncpg.SyntaxOrAccessError):
                        raise JournalUnavailable(f"the journal cannot be read: {error}") from error
        raise AssertionError("unreachable")

    async def _ask(self, query: str, *args: object) -> list[Mapping[str, Any]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, name=self._name, command_timeout_s=COMMAND_TIMEOUT_S)
        rows: list[Mapping[str, Any]] = await self._connection.fetch(query, *args)
        return rows


def _row(found: Mapping[str, Any]) -> JournalRow:
    return JournalRow(
        found["seq"],
        found["epoch"],
        found["op_id"].bytes,
        found["kind"],
        found["instant_us"],
        found["body"],
        found["hash"],
    )


def _archived(row: ArchivedRow) -> JournalRow:
    return JournalRow(row.seq, row.epoch, row.op_id, row.kind, row.instant_us, row.body, row.hash)


def _one(found: list[Mapping[str, Any]]) -> JournalRow | None:
    return _row(found[0]) if found else None


def _follow(tail: JournalTail, row: JournalRow) -> JournalTail:
    """The tail with one more row, or JournalDoubt when the row does not go on where the tail ended."""
    if row.seq != tail.seq + 1:
        raise JournalDoubt(f"seq {tail.seq + 1} is missing: the journal goes on with {row.seq}")
    if row.epoch < tail.epoch:
        raise JournalDoubt(f"seq {row.seq} is of epoch {row.epoch}, after one of epoch {tail.epoch}")
    if row.hash != chain_hash(tail.hash, row.seq, row.epoch, row.body):
        raise JournalDoubt(f"seq {row.seq} was altered: its hash does not follow from seq {tail.seq}")
    return JournalTail(row.seq, row.epoch, row.hash)
