"""The journal by days: where each began, and the records of sales in order of seq, from the database and from files.

A day is a day of the programme's zone by the sequencer's instants, which never go back: so a day is one run of seqs.
Reads only; nothing is proven here, that is what ``altyn verify`` is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import asyncpg

from altyn.infra.errors import Trouble
from altyn.infra.zones import EPOCH, MICROSECOND
from altyn.pos.v1 import pos_service_pb2 as pos

PAGE_ROWS = 1_000
DAY = timedelta(days=1)
KINDS = (pos.OPERATION_KIND_COMMIT, pos.OPERATION_KIND_RETURN, pos.OPERATION_KIND_CANCEL)
_ROWS = (
    "SELECT seq, body FROM journal WHERE shard = $1 AND seq BETWEEN $2 AND $3 AND kind = ANY($4) ORDER BY seq LIMIT $5"
)
_ROW = "SELECT instant_us, hash FROM journal WHERE shard = $1 AND seq = $2"
_FIRST = "SELECT seq FROM journal WHERE shard = $1 ORDER BY seq LIMIT 1"


class Day(NamedTuple):
    """A day of the journal: seqs from `first_seq` to `last_seq`. `over`: a later record is there, so no other comes."""

    date: date
    first_seq: int
    last_seq: int
    over: bool


class Archive(Protocol):
    """Partitions that left for files, as ``altyn.server`` reads them."""

    def heads(self) -> Sequence[Any]: ...
    def find(self, shard: int, seq: int) -> Any: ...
    def rows(self, shard: int, after_seq: int, before_seq: int | None) -> Iterator[Any]: ...


class JournalDays:
    """The journal as it stood when this was made. Seqs before `first_seq` are nowhere to be found."""

    def __init__(
        self,
        connection: asyncpg.Connection[Any],
        archive: Archive | None,
        first_seq: int,
        in_database_from: int,
        last_seq: int,
        shard: int = 0,
    ) -> None:
        self._connection = connection
        self._archive = archive
        self._in_database_from = in_database_from
        self._shard = shard
        self.first_seq = first_seq
        self.last_seq = last_seq

    async def last_days(self, count: int, zone: str) -> list[Day]:
        """The newest `count` days up to that of the last record, those without records left out."""
        newest = await self.newest_day(zone)
        return [] if newest is None else await self.days_between(newest - timedelta(days=count - 1), newest, zone)

    async def newest_day(self, zone: str) -> date | None:
        """The day of the last record; None: there is none."""
        if self.last_seq < self.first_seq:
            return None
        return (EPOCH + (await self._instant(self.last_seq)) * MICROSECOND).astimezone(ZoneInfo(zone)).date()

    async def days_between(self, first_day: date, last_day: date, zone: str) -> list[Day]:
        """The days of a period, both ends included, those without records left out."""
        newest, clock = await self.newest_day(zone), ZoneInfo(zone)
        if newest is None or first_day > newest:
            return []
        day, before, days = newest, self.last_seq + 1, list[Day]()
        if last_day < newest:
            day, before = last_day, await self._first_from(instant_of(last_day + DAY, clock), before)
        while day >= first_day and before > self.first_seq:
            first = await self._first_from(instant_of(day, clock), before)
            if first < before:
                days.append(Day(day, first, before - 1, day < newest))
            day, before = day - DAY, first
        return days[::-1]

    async def rows(self, first_seq: int, last_seq: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Pages of (seq, body) of sales, returns and voids."""
        if self._archive is not None and first_seq < self._in_database_from:
            files = self._archive.rows(self._shard, first_seq - 1, min(last_seq + 1, self._in_database_from))
            wanted = ((row.seq, row.body) for row in files if row.kind in KINDS)
            while page := list(islice(wanted, PAGE_ROWS)):
                yield page
        at = max(first_seq, self._in_database_from)
        while at <= last_seq:
            found = await self._connection.fetch(_ROWS, self._shard, at, last_seq, KINDS, PAGE_ROWS)
            if not found:
                return
            yield [(row["seq"], row["body"]) for row in found]
            at = found[-1]["seq"] + 1

    async def hash_of(self, seq: int) -> str:
        """The chain's hash at a seq, in hexadecimal: what makes two journals one."""
        return (await self._row(seq))[1].hex()

    async def _instant(self, seq: int) -> int:
        return (await self._row(seq))[0]

    async def _row(self, seq: int) -> tuple[int, bytes]:
        if seq < self._in_database_from:
            archived = self._archive.find(self._shard, seq) if self._archive is not None else None
            if archived is None:
                raise Trouble(f"seq {seq} of the journal is neither in the database nor in its archive")
            return archived.instant_us, archived.hash
        row = await self._connection.fetchrow(_ROW, self._shard, seq)
        if row is None:
            raise Trouble(f"the journal has no seq {seq}; altyn verify tells more")
        return row["instant_us"], row["hash"]

    async def _first_from(self, instant_us: int, before: int) -> int:
        """The first seq at or after an instant; `before` when there is none before it."""
        low = self.first_seq
        while low < before:
            middle = (low + before) // 2
            if await self._instant(middle) < instant_us:
                low = middle + 1
            else:
                before = middle
        return low


async def open_days(connection: asyncpg.Connection[Any], archive: Archive | None, shard: int = 0) -> JournalDays:
    """The days there are; without an archive only those of the database. Trouble: there is no journal."""
    if await connection.fetchval("SELECT to_regclass('shard_owner') IS NULL"):
        raise Trouble("there is no journal in this database; run altyn migrate")
    last = await connection.fetchval("SELECT last_seq FROM shard_owner WHERE shard = $1", shard) or 0
    first = await connection.fetchval(_FIRST, shard) or last + 1
    in_database_from = first
    for head in reversed(archive.heads() if archive is not None else ()):
        if head.shard == shard and head.last_seq + 1 == first:
            first = head.first_seq
    return JournalDays(connection, archive, first, in_database_from, last, shard)


def instant_of(day: date, clock: ZoneInfo) -> int:
    """When the day begins there, in UTC microseconds."""
    return (datetime.combine(day, time(), clock) - EPOCH) // MICROSECOND
