"""Which partitions of the journal there are: in use, made ahead, moved to files. Reads the catalogue, changes nothing.

A partition's number stands in its name, `journal_000003`; numbers follow one another. This is storage, not business:
what rows mean is known elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import asyncpg

AHEAD_WANTED = 2

_LISTED = """
SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds, i.inhdetachpending AS leaving,
       pg_total_relation_size(c.oid) AS bytes
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = to_regclass('journal') ORDER BY 1
"""
_LAST_SEQ = "SELECT coalesce(max(last_seq), 0) FROM shard_owner"
_ARCHIVED = "SELECT count(*) FROM journal_archive"
_NAME = re.compile(r"journal_(\d+)")
_BOUNDS = re.compile(r"FROM \('(\d+)'\) TO \('(\d+)'\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition in the database: it takes seqs from `seq_from` to before `seq_to`."""

    number: int
    seq_from: int
    seq_to: int
    bytes_count: int
    is_leaving: bool

    @property
    def table(self) -> str:
        return table_of(self.number)


@dataclass(frozen=True, slots=True)
class Partitions:
    """All of them, and where the journal is."""

    attached: tuple[Partition, ...]
    last_seq: int
    archived_count: int

    @property
    def ahead_count(self) -> int:
        """Those beyond the one that the next record goes to."""
        return sum(part.seq_from > self.last_seq + 1 for part in self.attached)

    @property
    def full(self) -> tuple[Partition, ...]:
        """Those that take no more records."""
        return tuple(part for part in self.attached if part.seq_to <= self.last_seq + 1)

    @property
    def has_room(self) -> bool:
        """Whether the next record has a partition."""
        return any(part.seq_from <= self.last_seq + 1 < part.seq_to for part in self.attached)


def table_of(number: int) -> str:
    """The name of a partition's table."""
    return f"journal_{number:06d}"


async def read_partitions(connection: asyncpg.Connection[Any]) -> Partitions:
    """What the catalogue says now."""
    attached = []
    for row in await connection.fetch(_LISTED):
        name, bounds = _NAME.fullmatch(row["name"]), _BOUNDS.search(row["bounds"] or "")
        if name and bounds:
            attached.append(Partition(int(name[1]), int(bounds[1]), int(bounds[2]), row["bytes"], row["leaving"]))
    has_archive = await connection.fetchval("SELECT to_regclass('journal_archive') IS NOT NULL")
    return Partitions(
        tuple(sorted(attached, key=lambda part: part.number)),
        await connection.fetchval(_LAST_SEQ),
        await connection.fetchval(_ARCHIVED) if has_archive else 0,
    )
