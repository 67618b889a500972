"""Moving full partitions of the journal to files and back, and the proof that it may be done.

A partition leaves only when nobody needs it in the database: it is full, old enough, projected, behind every kept
snapshot, and its file was proven. Order: file, row in `journal_archive`, detach (CONCURRENTLY: writers and readers go
on), drop. A crash in between leaves the rows in the database, in a proven file, or in both, never in neither; running
it again finishes what was begun.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.infra.errors import Trouble
from altyn.infra.partitions import Partition, Partitions, read_partitions, table_of
from altyn.server.copy_rows import COLUMNS
from altyn.server.journal_archive import ArchiveDamaged, ArchiveHead, JournalArchive
from altyn.server.snapshots import Snapshots

SHARD = 0
DAY_US = 86_400_000_000

_ENTER = """
INSERT INTO journal_archive (number, shard, first_seq, last_seq, hash_before, hash_last, bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (number) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, archived_at = clock_timestamp()
 WHERE journal_archive.hash_last = excluded.hash_last
"""


def archive_folder(var: Path) -> Path:
    """Where partitions go unless told otherwise."""
    return var / "archive"


async def why_not(
    connection: asyncpg.Connection[Any], partitions: Partitions, part: Partition, snapshots: Snapshots, before_us: int
) -> str:
    """Why a partition must stay in the database; empty: it may leave."""
    last_seq = part.seq_to - 1
    if part not in partitions.full:
        return "it is not full"
    others = await connection.fetchval(f"SELECT count(*) FROM {part.table} WHERE shard <> $1", SHARD)
    if others:
        return f"it holds {others} rows of other shards"
    instant_us = await connection.fetchval(
        f"SELECT instant_us FROM {part.table} WHERE shard = $1 AND seq = $2", SHARD, last_seq
    )
    if instant_us is None:
        return f"seq {last_seq} is missing"
    if instant_us >= before_us:
        return "it is not old enough"
    projected = await connection.fetchval("SELECT min(seq) FROM projector_checkpoint")
    if projected is None or projected < last_seq:
        return f"the projector is at seq {projected}"
    kept = [int(path.name[:19]) for path in snapshots.paths()]
    if not kept or min(kept) < last_seq:
        return f"the oldest snapshot is of seq {min(kept, default=0)}: recovery may need these records"
    return ""


async def archive_partition(
    connection: asyncpg.Connection[Any], archive: JournalArchive, part: Partition
) -> ArchiveHead:
    """Write, prove, enter, detach, drop. ArchiveDamaged: the rows are not one chain, and nothing was changed."""
    head = await archive.write(connection, part.number, SHARD, part.seq_from, await hash_before(connection, part))
    if head.last_seq != part.seq_to - 1:
        raise ArchiveDamaged(f"{part.table} ends at seq {head.last_seq}, not at {part.seq_to - 1}")
    await _prove_seam(connection, head)
    archive.check(head)
    entered = await connection.execute(
        _ENTER,
        head.number,
        head.shard,
        head.first_seq,
        head.last_seq,
        bytes.fromhex(head.hash_before),
        bytes.fromhex(head.hash_last),
        head.bytes,
        bytes.fromhex(head.sha256),
    )
    if not entered.endswith(" 1"):
        raise ArchiveDamaged(f"{part.table} was archived before, with other rows")
    await detach(connection, part)
    return head


async def hash_before(connection: asyncpg.Connection[Any], part: Partition) -> bytes:
    """The chain's hash before a partition's first row. Trouble when nobody knows it."""
    if part.seq_from == 1:
        return ORIGIN
    known: bytes | None = await connection.fetchval(
        "SELECT hash FROM journal WHERE shard = $1 AND seq = $2", SHARD, part.seq_from - 1
    )
    if known is None:
        known = await connection.fetchval(
            "SELECT hash_last FROM journal_archive WHERE shard = $1 AND last_seq = $2", SHARD, part.seq_from - 1
        )
    if known is None:
        raise Trouble(f"seq {part.seq_from - 1} is neither in the journal nor in an archive")
    return known


async def detach(connection: asyncpg.Connection[Any], part: Partition) -> None:
    """Take a partition out of the journal and drop it. One that was left half-way is finished."""
    how = "FINALIZE" if part.is_leaving else "CONCURRENTLY"
    await connection.execute(f"ALTER TABLE journal DETACH PARTITION {part.table} {how}", timeout=None)
    await drop(connection, part.number)


async def drop(connection: asyncpg.Connection[Any], number: int) -> None:
    """Remove a detached partition and its guard."""
    async with connection.transaction():
        await connection.execute(f"DROP TABLE IF EXISTS {table_of(number)}")
        await connection.execute(f"DROP FUNCTION IF EXISTS {table_of(number)}_guard()")


async def attach_partition(connection: asyncpg.Connection[Any], archive: JournalArchive, number: int) -> ArchiveHead:
    """Load an archived partition back into the journal, proven before and after. The file stays."""
    head = archive.head(number)
    archive.check(head)
    if any(part.number == number for part in (await read_partitions(connection)).attached):
        raise Trouble(f"{head.name} is in the journal already")
    async with connection.transaction():
        await connection.execute("SELECT journal_make_partition($1)", number)
        # These rows were admitted long ago: the guard is for new ones.
        await connection.execute(f"ALTER TABLE {head.name} DISABLE TRIGGER guard")
        await connection.copy_to_table(
            head.name, source=archive.path_of_copy(head), columns=COLUMNS, format="binary", timeout=None
        )
        await connection.execute(f"ALTER TABLE {head.name} ENABLE TRIGGER guard")
        stored = await connection.fetchrow(
            f"SELECT count(*) AS count, min(seq) AS first, max(seq) AS last FROM {head.name}"
        )
        assert stored is not None
        if tuple(stored) != (head.last_seq - head.first_seq + 1, head.first_seq, head.last_seq):
            raise ArchiveDamaged(f"{head.name}: {stored['count']} rows came back")
        await connection.execute("DELETE FROM journal_archive WHERE number = $1", number)
    return head


async def _prove_seam(connection: asyncpg.Connection[Any], head: ArchiveHead) -> None:
    """The row after the file must follow from its last."""
    row = await connection.fetchrow(
        "SELECT seq, epoch, hash, body FROM journal WHERE shard = $1 AND seq = $2", SHARD, head.last_seq + 1
    )
    if row is not None and row["hash"] != chain_hash(
        bytes.fromhex(head.hash_last), row["seq"], row["epoch"], row["body"]
    ):
        raise ArchiveDamaged(f"seq {row['seq']} does not follow from the last row of {head.name}")
