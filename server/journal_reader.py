"""Reading the journal: in order with the chain proven, or operations by their keys.

Used by recovery, the snapshot writer, the projector, verification, and by the server before admission. Invariants: a
row is handed on only after its hash, its seq and its epoch were proven against the row before it; nothing here writes
or takes part in ownership. A break raises JournalDoubt with the seq; it is never skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from altyn.core.engine.types import WAITING_MAX, Known, Lookup
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


class _Stored(NamedTuple):
    """An operation and the keys it is found by."""

    row: JournalRow
    receipt_key: bytes | None
    natural_key: bytes | None


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
_STORED_COLUMNS = f"o.receipt_key, o.natural_key, o.seq AS archived_seq, o.shard AS archived_shard, {_COLUMNS}"
_STORED = f"""
SELECT {_STORED_COLUMNS}
  FROM (SELECT * FROM operations WHERE op_id = ANY ($1::uuid[])
        UNION SELECT * FROM operations WHERE receipt_key = ANY ($2::uuid[])) o
  LEFT JOIN journal j ON j.shard = o.shard AND j.seq = o.seq ORDER BY o.seq
"""
_TAKINGS = f"""
SELECT asked.place, asked.waits, {_STORED_COLUMNS}
  FROM (SELECT back.place, false AS waits, o.*
          FROM unnest($1::int[], $2::uuid[], $3::bigint[]) AS back (place, key, sale_seq)
         CROSS JOIN LATERAL (SELECT * FROM operations WHERE original_key = back.key AND seq > back.sale_seq
                              ORDER BY seq DESC LIMIT 1) o
        UNION ALL
        SELECT wait.place, true, o.*
          FROM unnest($4::int[], $5::uuid[], $6::bigint[]) AS wait (place, key, sale_seq)
         CROSS JOIN LATERAL (SELECT * FROM operations WHERE original_key = wait.key AND seq < wait.sale_seq
                              ORDER BY seq LIMIT $7) o) asked
  JOIN operations o ON o.op_id = asked.op_id
  LEFT JOIN journal j ON j.shard = o.shard AND j.seq = o.seq ORDER BY o.seq
"""
_SEQ_MAX = (1 << 63) - 1
# Operations asked for in one question: their records are in memory together.
LOOKUPS_A_QUESTION_MAX = 64
COMMIT = 2  # altyn.pos.v1.OperationKind


async def read_tail(connection: asyncpg.Connection[Any], shard: int) -> JournalTail:
    row = await connection.fetchrow(_TAIL, shard)
    return JournalTail(0, 0, ORIGIN) if row is None else JournalTail(row["seq"], row["epoch"], row["hash"])


class _Asker:
    """Keys that somebody asks for, and what is known of them."""

    __slots__ = ("asked", "known")

    def __init__(self, asked: Sequence[Lookup]) -> None:
        self.asked = asked
        self.known: list[Known] | None = None


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
        self.questions_count = 0
        self._connection: asyncpg.Connection[Any] | None = None
        # A connection does one thing at a time, and many calls may look something up at once.
        self._turn = asyncio.Lock()
        self._askers: list[_Asker] = []
        self._asking = asyncio.Lock()

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

    async def find(self, asked: Sequence[Lookup]) -> list[Known]:
        """What the journal holds under the keys of each, in the order asked.

        Two questions, however many are asked; what several ask for while a question is under way is asked together
        after it. JournalUnavailable.
        """
        mine = _Asker(asked)
        self._askers.append(mine)
        async with self._asking:
            while mine.known is None:
                now = self._next_askers()
                try:
                    known = iter(await self._find([one for asker in now for one in asker.asked]))
                except BaseException:
                    self._askers[:0] = [asker for asker in now if asker is not mine]  # they ask for themselves
                    raise
                for asker in now:
                    asker.known = [next(known) for _ in asker.asked]
        return mine.known

    def _next_askers(self) -> list[_Asker]:
        """Those whose turn it is: the first, and who fits beside it."""
        count = lookups = 0
        for asker in self._askers:
            lookups += len(asker.asked)
            if count and lookups > LOOKUPS_A_QUESTION_MAX:
                break
            count += 1
        now, self._askers = self._askers[:count], self._askers[count:]
        return now

    async def _find(self, asked: Sequence[Lookup]) -> list[Known]:
        ops = {op_id for one in asked for op_id in (one.op_id, one.original_op_id) if op_id is not None}
        receipts = {key for one in asked for key in (one.receipt_key, one.original_key) if key is not None}
        by_op: dict[bytes, _Stored] = {}
        by_natural: dict[tuple[bytes, bytes], _Stored] = {}
        sales: dict[bytes, _Stored] = {}
        for found in await self._fetch(_STORED, _uuids(ops), _uuids(receipts)):
            row = _Stored(self._present(found), _bytes(found["receipt_key"]), _bytes(found["natural_key"]))
            by_op[row.row.op_id] = row
            if row.receipt_key is not None:
                if row.natural_key is not None:
                    by_natural[row.receipt_key, row.natural_key] = row
                if row.row.kind == COMMIT:
                    sales.setdefault(row.receipt_key, row)
        named = [_sale_of(one, by_op, sales) for one in asked]
        takings = await self._takings(asked, named)
        return [
            Known(
                _body(by_op.get(one.op_id)),
                _body(by_natural.get((one.receipt_key or b"", one.natural_key or b""))),
                _body(sale),
                taken_back,
                waiting,
            )
            for one, sale, (taken_back, waiting) in zip(asked, named, takings, strict=True)
        ]

    async def _takings(
        self, asked: Sequence[Lookup], sales: Sequence[_Stored | None]
    ) -> list[tuple[bytes | None, tuple[bytes, ...]]]:
        """Of each: the latest that took something of its sale back, and the returns that came before it."""
        backs = [(place, sale.receipt_key, sale.row.seq) for place, sale in enumerate(sales) if sale is not None]
        waits = [
            (place, key, sale.row.seq if sale else _SEQ_MAX)
            for place, (one, sale) in enumerate(zip(asked, sales, strict=True))
            if one.original_key is not None
            for key in {sale.receipt_key if sale else one.original_key, sale and sale.row.op_id, one.original_op_id}
            if key is not None
        ]
        taken_back: list[bytes | None] = [None] * len(asked)
        waiting: list[list[bytes]] = [[] for _ in asked]
        if backs or waits:
            for found in await self._fetch(_TAKINGS, *_columns(backs), *_columns(waits), WAITING_MAX):
                body = self._present(found).body
                if not found["waits"]:
                    taken_back[found["place"]] = body
                elif len(waiting[found["place"]]) < WAITING_MAX:
                    waiting[found["place"]].append(body)
        return [(back, tuple(bodies)) for back, bodies in zip(taken_back, waiting, strict=True)]

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
            self.questions_count += 1
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


def _sale_of(one: Lookup, by_op: Mapping[bytes, _Stored], sales: Mapping[bytes, _Stored]) -> _Stored | None:
    """The sale with this Commit's op_id, else that of this receipt."""
    if one.original_key is None:
        return None
    named = by_op.get(one.original_op_id or b"")
    return named if named is not None and named.row.kind == COMMIT else sales.get(one.original_key)


def _body(stored: _Stored | None) -> bytes | None:
    return stored.row.body if stored is not None else None


def _bytes(key: UUID | None) -> bytes | None:
    return key.bytes if key is not None else None


def _uuids(keys: Iterable[bytes]) -> list[UUID]:
    return [UUID(bytes=key) for key in keys]


def _columns(rows: Sequence[tuple[int, bytes | None, int]]) -> tuple[list[int], list[UUID], list[int]]:
    return [place for place, _, _ in rows], _uuids(key for _, key, _ in rows if key), [seq for _, _, seq in rows]


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
