"""Start is recovery: snapshot, then the effects of every later record, verified against the hash chain.

The same path serves a first start, a clean stop and a crash. A record that cannot be applied, or a chain that does
not fit, stops the
process: nothing is ever guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from altyn.core.engine import Engine, replay
from altyn.server.journal_reader import JournalReader
from altyn.server.snapshots import Snapshots

YIELD_EVERY = 500


class Recovered(NamedTuple):
    """Where the engine came from: the snapshot's seq (0: none), how many records were applied, and the last hash."""

    snapshot_seq: int
    records_count: int
    last_hash: bytes | None


async def recover(
    engine: Engine, reader: JournalReader, snapshots: Snapshots, progress: Callable[[int], None] = lambda seq: None
) -> Recovered:
    """Bring the engine to the journal's end. `progress(seq)` is called now and then."""
    snapshot = snapshots.load()
    start = snapshot.head.seq
    last_hash = snapshot.head.chain_hash if start else None
    if start:
        engine.restore(snapshot.book, snapshot.operations, start, snapshot.head.instant_us)
    count = 0
    async for row in reader.read_from(start, last_hash):
        replay(engine, row.seq, row.body)
        last_hash = row.hash
        count += 1
        if count % YIELD_EVERY == 0:
            progress(row.seq)
            await asyncio.sleep(0)
    return Recovered(start, count, last_hash)
