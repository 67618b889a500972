"""The journal's writer: ownership of a shard, one open batch, one batch in flight, and what is durable.

Decides when a record counts as durable, and when the process must stop. Invariants: seqs are written without gaps,
each batch by one COPY whose guard proves the epoch in the same transaction; at most one batch's end is under way;
`durable_seq` only rises, and only after a commit was seen. A lost connection, a slow or a frozen PostgreSQL is not
doubt: the batch is settled by reading the tail, and sent again as it was when it is not there. A refused fence or a
tail that is neither before nor at the batch is doubt: JournalDoubt, from which only a restart through recovery helps.

It never batches by a timer: what arrives while a batch is in flight is the next batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from altyn.core.engine.types import Known, Lookup
from altyn.infra.database import connect, require_durability
from altyn.server.copy_exchange import CopyExchange
from altyn.server.copy_rows import COLUMNS, CopyRows
from altyn.server.journal_archive import JournalArchive
from altyn.server.journal_queue import JournalQueue, Overloaded
from altyn.server.journal_reader import (
    COMMAND_TIMEOUT_S,
    LOST,
    JournalDoubt,
    JournalReader,
    JournalTail,
    JournalUnavailable,
    read_tail,
)
from altyn.server.meters import TimeMeter, monotonic_ns

PARTITION_ROWS = 4_194_304
PARTITIONS_AHEAD = 3
BATCH_POWERS = 15  # records of a batch are counted by powers of two, up to 16,384
FENCE_SQLSTATE = "AL001"

_TAKE = """
INSERT INTO shard_owner AS owner (shard, epoch, instance_id, pid) VALUES ($1, 1, $2, pg_backend_pid())
ON CONFLICT (shard) DO UPDATE
    SET epoch = owner.epoch + 1, instance_id = $2, pid = pg_backend_pid(), since = clock_timestamp()
RETURNING epoch, last_seq
"""
# Also the commit that proves an earlier one durable: WAL is linear, so its success covers what was written before.
_KEEP = """
UPDATE shard_owner SET pid = pg_backend_pid() WHERE shard = $1 AND epoch = $2 AND instance_id = $3 RETURNING last_seq
"""
_MAKE_PARTITIONS = "SELECT journal_make_partition(number) FROM generate_series($1::bigint, $2::bigint) number"
_END_OWNER = """
SELECT pg_terminate_backend(a.pid, 2000) FROM shard_owner o JOIN pg_stat_activity a ON a.pid = o.pid
WHERE o.shard = $1 AND a.application_name = $2 AND a.pid <> pg_backend_pid() AND ($3::bigint IS NULL OR o.epoch = $3)
"""

__all__ = ["Journal", "JournalLimits", "JournalMeters", "Overloaded"]

log = logging.getLogger(__name__)


class JournalMeters:
    """What the writer has written, for whoever scrapes it."""

    def __init__(self) -> None:
        self.rows_count = 0
        self.bytes_count = 0
        self.flush = TimeMeter()
        self.batch_bounds = [float(1 << power) for power in range(BATCH_POWERS)]
        self.batch_counts = [0] * (BATCH_POWERS + 1)

    def wrote(self, rows_count: int, bytes_count: int, elapsed_ns: int) -> None:
        """One batch became durable."""
        self.rows_count += rows_count
        self.bytes_count += bytes_count
        self.flush.observe(elapsed_ns)
        self.batch_counts[min((rows_count - 1).bit_length(), BATCH_POWERS)] += 1


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """Bounds of the writer. `write_patience_s`: after so long without an answer the connection is given up.
    `wait_max_s`: what would wait longer is not taken, for a till waits 300 ms, and for more than the journal.
    """

    batch_rows_max: int = 1_024
    batch_bytes_max: int = 4 << 20
    queue_rows_max: int = 20_000
    queue_bytes_max: int = 256 << 20
    wait_max_s: float = 0.2
    write_patience_s: float = 3.0
    connect_patience_s: float = 3.0
    back_off_first_s: float = 0.02
    back_off_max_s: float = 1.0


class Journal(JournalQueue):
    """One shard's journal, owned. Made by `open`; `append` and the properties are for the loop it was opened on."""

    _under_way: CopyRows | None

    def __init__(
        self,
        dsn: str,
        shard: int,
        instance_id: str,
        limits: JournalLimits,
        connection: asyncpg.Connection[Any],
        epoch: int,
        tail: JournalTail,
        archive: JournalArchive | None = None,
    ) -> None:
        super().__init__(
            shard,
            epoch,
            tail.seq,
            tail.hash,
            rows_max=limits.queue_rows_max,
            bytes_max=limits.queue_bytes_max,
            batch_rows_max=limits.batch_rows_max,
            batch_bytes_max=limits.batch_bytes_max,
            partition_rows=PARTITION_ROWS,
            wait_ns_max=int(limits.wait_max_s * 1e9),
        )
        self.instance_id = instance_id
        self.tail_at_open = tail
        self.durable_seq = tail.seq
        self.batches_count = 0
        self.reconnects_count = 0
        self.is_degraded = False
        self.meters = JournalMeters()
        self.reader = JournalReader(dsn, shard, archive=archive)
        self._dsn = dsn
        self._limits = limits
        self._connection: asyncpg.Connection[Any] | None = connection
        self._durable_hash = tail.hash
        self._arrived = asyncio.Event()
        self._moved = asyncio.Event()
        self._on_durable: list[Callable[[int], None]] = []
        self._partition_ready = tail.seq // PARTITION_ROWS + PARTITIONS_AHEAD
        self._ahead: asyncio.Task[None] | None = None
        self._begun_ns = 0  # when the batch under way went out
        self._writer = asyncio.get_running_loop().create_task(self._write_for_ever(), name=f"journal-{shard}")

    @classmethod
    async def open(
        cls,
        dsn: str,
        shard: int,
        instance_id: str,
        *,
        limits: JournalLimits | None = None,
        unsafe: bool = False,
        archive: JournalArchive | None = None,
    ) -> Self:
        """Take the shard over: end the former owner's connection, raise the epoch, read where the journal ends.

        `unsafe` accepts a PostgreSQL that may lose commits; `archive` is where old rows may be read.
        Raises OSError, TimeoutError, asyncpg.PostgresError,
        altyn.infra.database.NotDurable, and JournalDoubt when rows are missing at the end.
        """
        limits = limits or JournalLimits()
        connection = await _connect(dsn, shard, limits)
        try:
            await require_durability(connection, unsafe=unsafe)
            await connection.execute(_END_OWNER, shard, _name(shard), None)
            owner = await connection.fetchrow(_TAKE, shard, instance_id)
            assert owner is not None
            tail = await read_tail(connection, shard)
            if tail.seq != owner["last_seq"]:
                raise JournalDoubt(f"shard {shard} ends at seq {tail.seq}, but {owner['last_seq']} was written")
            number = tail.seq // PARTITION_ROWS
            await connection.execute(_MAKE_PARTITIONS, number, number + PARTITIONS_AHEAD)
        except BaseException:
            connection.terminate()
            raise
        return cls(dsn, shard, instance_id, limits, connection, owner["epoch"], tail, archive)

    # WHAT THE ENGINE'S SIDE CALLS

    @property
    def partitions_ahead(self) -> int:
        """Partitions known to be there beyond the one in use."""
        return self._partition_ready - self._seq // PARTITION_ROWS

    def on_durable(self, call: Callable[[int], None]) -> None:
        """Have `call(durable_seq)` called each time it has risen. It must neither block nor raise."""
        self._on_durable.append(call)

    async def durable(self, seq: int) -> None:
        """Return when `seq` is durable. JournalDoubt when the writer has stopped before."""
        while self.durable_seq < seq:
            if self._writer.done():
                self._writer.result()
                raise JournalDoubt("the journal is closed")
            self._moved.clear()
            await self._moved.wait()

    async def watch(self) -> None:
        """Return after `close`; raise JournalDoubt when the writer stopped by itself: the process must then end."""
        await asyncio.shield(self._writer)

    async def close(self, patience_s: float = 10.0) -> None:
        """Write what was appended, then give up the connection. TimeoutError when that took too long."""
        self._ending = True
        self._arrived.set()
        self._end_chain()
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.shield(self._writer)
        finally:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, JournalDoubt):
                await self._writer
            await self.reader.close()

    async def find(self, asked: Sequence[Lookup]) -> list[Known]:
        """What the journal holds under the keys of each, once its `after_seq` is durable: nothing else is waited for.

        JournalUnavailable when it cannot be asked.
        """
        if self.is_degraded:
            raise JournalUnavailable("PostgreSQL does not answer")
        await self.durable(max([one.after_seq for one in asked]))
        return await self.reader.find(asked)

    # THE WRITER

    async def _write_for_ever(self) -> None:
        try:
            while True:
                batch = self.take_batch()
                if batch is None:
                    if self._ending:
                        return
                    self._arrived.clear()
                    self._wake = self._arrived.set
                    await self._arrived.wait()
                    continue
                self._begin(batch)
                await self._write()
        except JournalDoubt as doubt:
            log.critical("journal of shard %d stops: %s", self.shard, doubt)
            raise
        finally:
            self._ending = True
            if self._ahead is not None:
                self._ahead.cancel()
            self._drop_connection()
            self._moved.set()

    def _begin(self, batch: CopyRows) -> None:
        self._under_way, self._begun_ns = batch, monotonic_ns()
        self._goes_on = batch.last_seq % PARTITION_ROWS != 0 and not self._wants_partitions(batch)

    def _go_on(self, batch: CopyRows) -> CopyRows | None:
        """The batch under way is durable: which one goes out at once? None: none, or it wants something first."""
        self._settled(batch)
        if not self._goes_on:
            self._end_chain()
            return None
        following = self.take_batch()
        if following is not None:
            self._begin(following)
        elif self._ending:
            self._end_chain()
        else:
            self._wake = self._start_soon
        return following

    def _start_soon(self) -> None:
        """A record has come, and nothing is under way: with what else comes in this turn, unless it is a long one."""
        asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        if self._exchange is None or not self._exchange.is_resting:
            return
        batch = self.take_batch()
        if batch is not None:
            self._begin(batch)
            self._exchange.go_on_with(batch)

    def _end_chain(self) -> None:
        """The connection is wanted for something else than batches, or no more."""
        if self._exchange is not None:
            self._exchange.end()

    def _settled(self, batch: CopyRows) -> None:
        """The batch under way is durable: tell everyone."""
        elapsed_ns = monotonic_ns() - self._begun_ns
        self.meters.wrote(batch.count, len(batch), elapsed_ns)
        self.batches_count += 1
        was_away, self.is_degraded = self.is_degraded, False
        self._under_way = None
        self.durable_seq = seq = batch.last_seq
        self._durable_hash = batch.last_hash
        self.settle(batch, 0 if was_away else elapsed_ns)
        for call in self._on_durable:
            call(seq)
        self._moved.set()

    async def _write(self) -> None:
        """Make the batch under way durable and those that follow at once, however often PostgreSQL goes away meanwhile.

        JournalDoubt.
        """
        failed: CopyRows | None = None
        back_off = self._limits.back_off_first_s
        while (batch := self._under_way) is not None:
            try:
                if self._connection is None:
                    await self._reconnect()
                    if failed is batch and await self._has_landed(batch):
                        self._settled(batch)
                        return
                await self._copy(batch)
                return
            except (*LOST, asyncpg.PostgresError) as error:
                if (batch := self._under_way) is None:  # lost while it rested: whatever comes next opens another
                    self._drop_connection()
                    return
                if isinstance(error, asyncpg.PostgresError) and await self._landed_though_refused(error, batch):
                    self._settled(batch)
                    return
                self._degrade(error)
            if failed is not batch:
                failed, back_off = batch, self._limits.back_off_first_s
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, self._limits.back_off_max_s)

    async def _landed_though_refused(self, error: asyncpg.PostgresError, batch: CopyRows) -> bool:
        """True: what was refused is in the journal already. False: PostgreSQL could not take it now. JournalDoubt."""
        if error.sqlstate == FENCE_SQLSTATE:
            if not await self._landed_after_all(batch):
                raise JournalDoubt(f"refused by the guard: {error}") from error
            return True
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            if not await self._landed_after_all(batch):
                raise JournalDoubt(f"seqs {batch.first_seq} to {batch.last_seq}: {error}") from error
            return True
        if isinstance(error, asyncpg.DataError | asyncpg.SyntaxOrAccessError):
            raise JournalDoubt(f"the journal's tables are not as they should be: {error}") from error
        return False

    async def _copy(self, batch: CopyRows) -> None:
        """One COPY, one transaction; and one each for what follows it.

        TimeoutError when PostgreSQL is silent for too long; the outcome is then unknown.
        """
        connection = self._connection
        assert connection is not None
        number = _partition_of(batch)
        if number > self._partition_ready:
            await self._patiently(connection.execute(_MAKE_PARTITIONS, number, number))
            self._partition_ready = number
        if self._wants_partitions(batch):
            self._ahead = asyncio.get_running_loop().create_task(self._make_ahead(number + PARTITIONS_AHEAD))
        exchange, table = self._exchange, f"journal_{number:06d}"
        if exchange is None:
            exchange = self._exchange = CopyExchange(connection)
        if exchange.table != table:
            await self._patiently(exchange.prepare(table, COLUMNS))
        await exchange.send(batch, self._limits.write_patience_s, self._go_on)

    def _wants_partitions(self, batch: CopyRows) -> bool:
        """Partitions should be made while those that are ready are being filled."""
        ahead = self._ahead is None or self._ahead.done()
        return ahead and _partition_of(batch) + PARTITIONS_AHEAD > self._partition_ready

    async def _make_ahead(self, number: int) -> None:
        """Make partitions up to `number` while this one is being filled. When it fails a later batch tries again."""
        try:
            connection = await _connect(self._dsn, self.shard, self._limits)
            try:
                await connection.execute(_MAKE_PARTITIONS, self._partition_ready + 1, number, timeout=COMMAND_TIMEOUT_S)
            finally:
                connection.terminate()
            self._partition_ready = number
        except (*LOST, asyncpg.PostgresError) as error:
            log.warning("journal partition %d could not be made ahead: %s", number, error)

    async def _patiently(self, call: Any) -> None:
        """Await a database call; past the patience end the connection at once, for a polite close could hang too."""
        task = asyncio.ensure_future(call)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._limits.write_patience_s)
            if done:
                task.result()
                return
        finally:
            if not task.done():
                self._drop_connection()
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)
                if task.done() and not task.cancelled():
                    task.exception()
        raise TimeoutError(f"PostgreSQL was silent for {self._limits.write_patience_s} s")

    async def _reconnect(self) -> None:
        """A new connection of the same owner.

        JournalDoubt when the shard has another owner by now, or lost durable rows.
        """
        connection = await _connect(self._dsn, self.shard, self._limits)
        self._connection = connection
        self.reconnects_count += 1
        await self._patiently(connection.execute(_END_OWNER, self.shard, _name(self.shard), self.epoch))
        last_seq = await self._keep()
        if last_seq < self.durable_seq:
            raise JournalDoubt(f"seq {self.durable_seq} was durable, but the journal ends at {last_seq}")

    async def _keep(self) -> int:
        """Renew the owner's row by a synchronous commit; the answer is the last seq written.

        JournalDoubt: not the owner.
        """
        assert self._connection is not None
        rows: list[Any] = []

        async def ask() -> None:
            assert self._connection is not None
            rows.extend(await self._connection.fetch(_KEEP, self.shard, self.epoch, self.instance_id))

        await self._patiently(ask())
        if not rows:
            raise JournalDoubt(f"shard {self.shard} has another owner than epoch {self.epoch}")
        return int(rows[0]["last_seq"])

    async def _has_landed(self, batch: CopyRows) -> bool:
        """Whether the batch of unknown outcome is in the journal, decided by seq and hash.

        JournalDoubt: neither before nor at it.
        """
        assert self._connection is not None
        tails: list[JournalTail] = []

        async def ask() -> None:
            assert self._connection is not None
            tails.append(await read_tail(self._connection, self.shard))

        await self._patiently(ask())
        seq, _, hash_ = tails[0]
        if (seq, hash_) == (batch.last_seq, batch.last_hash):
            await self._keep()
            return True
        if (seq, hash_) == (self.durable_seq, self._durable_hash):
            return False
        raise JournalDoubt(f"the journal ends at seq {seq}, not before or at seqs {batch.first_seq}-{batch.last_seq}")

    async def _landed_after_all(self, batch: CopyRows) -> bool:
        """After a refusal: was it because the same batch, sent over a lost connection, came through in between?"""
        try:
            return await self._has_landed(batch)
        except (*LOST, asyncpg.PostgresError) as error:
            raise JournalDoubt(f"refused, and the journal cannot be asked why: {error}") from error

    def _degrade(self, error: BaseException) -> None:
        if not self.is_degraded:
            log.warning("journal of shard %d waits for PostgreSQL: %s", self.shard, error)
        self.is_degraded = True
        self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            connection.terminate()


def _partition_of(batch: CopyRows) -> int:
    return (batch.first_seq - 1) // PARTITION_ROWS


def _name(shard: int) -> str:
    return f"altyn-journal-{shard}"


async def _connect(dsn: str, shard: int, limits: JournalLimits) -> asyncpg.Connection[Any]:
    """A writing connection.

    No lock limit, for a batch waits for whoever takes over; and no command limit, for it has its own.
    """
    async with asyncio.timeout(limits.connect_patience_s):
        connection = await connect(
            dsn, name=_name(shard), command_timeout_s=None, lock_timeout_ms=0, idle_in_transaction_ms=2_000
        )
    try:
        async with asyncio.timeout(limits.connect_patience_s):
            await connection.execute("SELECT set_config('altyn.shard', $1, false)", str(shard))
    except BaseException:
        connection.terminate()
        raise
    return connection
