"""Reading the journal: in order with the chain proven, or operations by their keys.

Used by recovery, the snapshot writer, the projector, verification, and by the server before admission. Invariants: a
row is handed on only after its hash, its seq and its epoch were proven against the row before it; nothing here writes
or takes part in ownership. A break raises JournalDoubt with the seq; it is never skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

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


class JournalTail(NamedTuple):
    """The end of a shard's journal: seq 0 and 32 zero bytes when it is empty."""

    seq: int
    epoch: int
    hash: bytes


COMMIT = 2  # altyn.pos.v1.OperationKind
# As what a row was found.
_SAME_ID, _SAME_NATURAL, _OF_RECEIPT, _TAKEN_BACK = "INRB"

_COLUMNS = "j.seq, j.epoch, j.op_id, j.kind, j.instant_us, j.body, j.hash"
_PAGE = f"SELECT {_COLUMNS} FROM journal j WHERE j.shard = $1 AND j.seq > $2 ORDER BY j.seq LIMIT $3"
_SEQ = f"SELECT {_COLUMNS} FROM journal j WHERE j.shard = $1 AND j.seq = $2"
_TAIL = "SELECT seq, epoch, hash FROM journal WHERE shard = $1 ORDER BY seq DESC LIMIT 1"
_FIRST = "SELECT seq FROM journal WHERE shard = $1 ORDER BY seq LIMIT 1"
# What many calls ask for, together: each the operation itself, and of its original the Commits of every receipt that is
# meant and the last operation that took something of it back. Keys are told as text, which costs a fraction of what
# arrays of UUIDs do. An operation whose row is not in the journal is in an archived partition.
_FIND = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::text::uuid[], $5::text::uuid[])
             WITH ORDINALITY AS asked (op_id, receipt_key, natural_key, original_key, original_op_id, place)
), named AS MATERIALIZED (
    SELECT place, original_key AS key FROM asked WHERE original_key IS NOT NULL
    UNION
    SELECT asked.place, o.receipt_key FROM asked JOIN operations o ON o.op_id = asked.original_op_id
)
SELECT found.*, j.kind, j.body
  FROM (SELECT asked.place, '{_SAME_ID}' AS part, NULL::uuid AS key, o.op_id, o.seq, o.shard
          FROM asked JOIN operations o ON o.op_id = asked.op_id
        UNION ALL
        SELECT asked.place, '{_SAME_NATURAL}', NULL, o.op_id, o.seq, o.shard
          FROM asked JOIN operations o ON o.receipt_key = asked.receipt_key AND o.natural_key = asked.natural_key
        UNION ALL
        SELECT named.place, '{_OF_RECEIPT}', named.key, o.op_id, o.seq, o.shard
          FROM named JOIN operations o ON o.receipt_key = named.key
        UNION ALL
        SELECT named.place, '{_TAKEN_BACK}', named.key, o.op_id, o.seq, o.shard
          FROM named CROSS JOIN LATERAL (SELECT * FROM operations WHERE original_key = named.key
                                          ORDER BY seq DESC LIMIT 1) o) found
  LEFT JOIN journal j ON j.shard = found.shard AND j.seq = found.seq
 WHERE found.part <> '{_OF_RECEIPT}' OR j.kind = {COMMIT} OR j.kind IS NULL
"""
# The first returns that name a sale, by its receipt or by the op_id of its Commit, and came before it.
_WAITING = """
SELECT asked.place, o.seq, o.shard, j.body
  FROM unnest($1::text::bigint[], $2::text::uuid[], $3::text::bigint[]) AS asked (place, key, before_seq)
 CROSS JOIN LATERAL (SELECT * FROM operations WHERE original_key = asked.key AND seq < asked.before_seq
                      ORDER BY seq LIMIT $4) o
  LEFT JOIN journal j ON j.shard = o.shard AND j.seq = o.seq ORDER BY o.seq
"""
_SEQ_MAX = (1 << 63) - 1
# Operations asked for in one question: their records are in memory together.
LOOKUPS_A_QUESTION_MAX = 64


async def read_tail(connection: asyncpg.Connection[Any], shard: int) -> JournalTail:
    row = await connection.fetchrow(_TAIL, shard)
    return JournalTail(0, 0, ORIGIN) if row is None else JournalTail(row["seq"], row["epoch"], row["hash"])


class _Asker(NamedTuple):
    """What somebody asks for, and to whom the answer goes."""

    asked: Sequence[Lookup]
    answer: asyncio.Future[list[Known]]


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
        self._answering: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Whoever asks is refused; who asks later is answered again."""
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        left, self._askers = self._askers, []
        _refuse(left, JournalUnavailable("the journal is not read any more"))
        self._disconnect()

    def _disconnect(self) -> None:
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

        What is asked for while a question is under way goes into the next one, together. JournalUnavailable.
        """
        loop = asyncio.get_running_loop()
        asker = _Asker(asked, loop.create_future())
        self._askers.append(asker)
        if self._answering is None:
            self._answering = loop.create_task(self._answer())
        return await asker.answer

    async def _answer(self) -> None:
        """Ask for all who wait, as many at a time as fit, until nobody does."""
        while self._askers:
            now = self._next_askers()
            try:
                known = iter(await self._find([one for asker in now for one in asker.asked]))
            except Exception as error:  # for whoever asked, whatever it is
                _refuse(now, error)
            else:
                for asker in now:
                    _tell(asker, [next(known) for _ in asker.asked])
            del self._askers[: len(now)]
        self._answering = None

    def _next_askers(self) -> list[_Asker]:
        """Those whose turn it is: the first, and who fits beside it."""
        count = lookups = 0
        for asker in self._askers:
            lookups += len(asker.asked)
            if count and lookups > LOOKUPS_A_QUESTION_MAX:
                break
            count += 1
        return self._askers[:count]

    async def _find(self, asked: Sequence[Lookup]) -> list[Known | JournalUnavailable]:
        """Of each what is known, or why that cannot be told."""
        rows: list[list[Mapping[str, Any]]] = [[] for _ in asked]
        for row in await self._fetch(
            _FIND,
            _uuids(None if one.is_new else one.op_id for one in asked),
            _uuids(None if one.is_new else one.receipt_key for one in asked),
            _uuids(one.natural_key for one in asked),
            _uuids(one.original_key for one in asked),
            _uuids(one.original_op_id for one in asked),
        ):
            rows[row["place"] - 1].append(row)
        known: list[Known | JournalUnavailable] = []
        waiting: list[tuple[int, bytes, int]] = []
        for place, one in enumerate(asked):
            try:
                told, sale = self._known(one, rows[place])
                known.append(told)
            except JournalUnavailable as unknown:
                known.append(unknown)
                continue
            if one.waiting and one.original_key is not None:
                names = {sale["key"].bytes, sale["op_id"].bytes} if sale else {one.original_key}
                seq = sale["seq"] if sale else _SEQ_MAX
                waiting += [(place, name, seq) for name in names | {one.original_op_id} if name is not None]
        if waiting:
            await self._add_waiting(known, waiting)
        return known

    def _known(self, one: Lookup, rows: Iterable[Mapping[str, Any]]) -> tuple[Known, Mapping[str, Any] | None]:
        """What one look-up is told, and the sale it found."""
        of_part: dict[str, bytes | None] = {}
        sales, takings = [], {}
        for row in rows:
            part = row["part"]
            if part == _OF_RECEIPT:
                sales.append(row)
            elif part == _TAKEN_BACK:
                takings[row["key"]] = row
            else:
                of_part[part] = self._body(row)
        sale = self._sale(one, sales)
        sold = taken_back = None
        if sale is not None:
            sold = self._body(sale)
            last = takings.get(sale["key"])
            if last is not None and last["seq"] > sale["seq"]:
                taken_back = self._body(last)
        known = Known(of_part.get(_SAME_ID), of_part.get(_SAME_NATURAL), sold, taken_back, after_seq=one.after_seq)
        return known, sale

    def _sale(self, one: Lookup, rows: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The Commit with this op_id, else the first of this receipt."""
        of_receipt = None
        for row in sorted(rows, key=_seq) if len(rows) > 1 else rows:
            if row["kind"] is None and self._archived_row(row).kind != COMMIT:
                continue
            if row["op_id"].bytes == one.original_op_id:
                return row
            if of_receipt is None and row["key"].bytes == one.original_key:
                of_receipt = row
        return of_receipt

    async def _add_waiting(
        self, known: list[Known | JournalUnavailable], asked: Sequence[tuple[int, bytes, int]]
    ) -> None:
        """The returns that came before the sales of some look-ups: (place, name of the sale, its seq) of each."""
        places, names, seqs = zip(*asked, strict=True)
        for row in await self._fetch(_WAITING, _numbers(places), _uuids(names), _numbers(seqs), WAITING_MAX):
            told = known[row["place"]]
            if isinstance(told, Known) and len(told.waiting) < WAITING_MAX:
                try:
                    known[row["place"]] = told._replace(waiting=(*told.waiting, self._body(row)))
                except JournalUnavailable as unknown:
                    known[row["place"]] = unknown

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

    def _body(self, found: Mapping[str, Any]) -> bytes:
        """The record of an operation that is known to be. JournalUnavailable: its partition's file is not here."""
        body: bytes | None = found["body"]
        return body if body is not None else self._archived_row(found).body

    def _archived_row(self, found: Mapping[str, Any]) -> JournalRow:
        seq = found["seq"]
        try:
            row = self._find_archived(found["shard"], seq)
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
                    self._disconnect()
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


def _tell(asker: _Asker, known: Sequence[Known | JournalUnavailable]) -> None:
    answer: list[Known] = []
    for one in known:
        if isinstance(one, JournalUnavailable):
            _refuse([asker], one)
            return
        answer.append(one)
    if not asker.answer.done():
        asker.answer.set_result(answer)


def _refuse(askers: Iterable[_Asker], error: Exception) -> None:
    for asker in askers:
        if not asker.answer.done():
            asker.answer.set_exception(error)


def _seq(found: Mapping[str, Any]) -> int:
    seq: int = found["seq"]
    return seq


def _uuids(keys: Iterable[bytes | None]) -> str:
    """A uuid[] as text."""
    return f"{{{','.join(['NULL' if key is None else key.hex() for key in keys])}}}"


def _numbers(numbers: Iterable[int]) -> str:
    """A bigint[] as text."""
    return f"{{{','.join(map(str, numbers))}}}"


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
