"""`python -m altyn.server.history`: reads a part of the journal for accumulations that begin, beside the server.

An order comes on standard input: {"after_seq", "until_seq", "names": [[number, name], …]}; each line of the answer is
a whole part of history: {"through_seq", "rows": [[number, account_id, day, store, difference], …]}. It owns nothing and
may be killed at any time; it must never write to the journal.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import IO

from altyn.core.engine import BACKFILL_ROWS_MAX, Tally
from altyn.core.rules.compile import compile_accumulations
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.settings import Settings
from altyn.server.journal_archive import JournalArchive
from altyn.server.journal_reader import JournalReader

NICENESS = 10
SHARD = 0


async def read_history(reader: JournalReader, order: dict[str, object], sink: IO[bytes]) -> None:
    """Answer one order."""
    names: list[tuple[int, str]] = [(number, name) for number, name in order["names"]]  # type: ignore[attr-defined]
    until_seq = int(order["until_seq"])  # type: ignore[call-overload]
    tally = Tally(Ruleset(compile_accumulations(name for _, name in names)), [number for number, _ in names])
    async for row in reader.read_from(int(order["after_seq"])):  # type: ignore[call-overload]
        tally.take(row.body)
        if len(tally) >= BACKFILL_ROWS_MAX or row.seq == until_seq:
            rows = [(number, account, day, store.decode(), sum_) for number, account, day, store, sum_ in tally.drain()]
            sink.write(json.dumps({"through_seq": row.seq, "rows": rows}).encode() + b"\n")
            sink.flush()
        if row.seq == until_seq:
            return


async def run(order: dict[str, object], sink: IO[bytes]) -> None:
    settings = Settings()
    archive = JournalArchive(settings.var / "archive")
    reader = JournalReader(settings.postgres_dsn, SHARD, name="altyn-history", archive=archive)
    try:
        await read_history(reader, order, sink)
    finally:
        await reader.close()


if __name__ == "__main__":
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not get between the answers
    asyncio.run(run(json.loads(sys.stdin.readline()), answers))
