"""How fast the projector makes people's tables of the journal.

`run` makes a PostgreSQL of its own, lets the call table commit receipts of 20 lines as `ledger_bench` does, and then
lets the projector catch up, in rounds: the journal grows, the lag is asked, the projector takes its turns until nothing
is behind. What it catches up with it sustains; the processor time per receipt, of this process and of PostgreSQL, tells
what a core can do whatever else runs on the machine.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, cast

import asyncpg
import uvloop

from altyn.admin_api.projector import ROWS_PER_TURN_MAX, Projector
from altyn.benchmarks import front_world as world
from altyn.benchmarks.ledger_bench import IN_FLIGHT, Meter, open_commits
from altyn.core.ledger.book import Book
from altyn.infra.database import create_pool
from altyn.infra.embedded.postgres import EmbeddedPostgres

ROUNDS = 5
ROUND_RECEIPTS = 8_192


class CatchUp(NamedTuple):
    """One round. Times in microseconds of processor time per receipt."""

    behind: int
    per_s: float
    mine_us: float
    postgres_us: float
    turn_ms: float


def run() -> dict[str, Any]:
    """The figures of `altyn bench projector`. Takes about half a minute."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    try:
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            return uvloop.run(_measure(server.dsn("postgres"), Meter(server.pid)))
        finally:
            server.stop(immediately=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(dsn: str, meter: Meter) -> dict[str, Any]:
    await world.prepare(dsn, IN_FLIGHT, world.MEMBERS)
    commits = await open_commits(dsn, world.MEMBERS, book=Book())
    pool = await create_pool(dsn, name="altyn bench")
    projector = Projector(pool)
    rounds = []
    for number in range(1 + ROUNDS):
        await commits.round(meter, ROUND_RECEIPTS)
        caught_up = await _catch_up(projector, pool, meter)
        if number > 0:
            rounds.append(caught_up)
    await commits.journal.close()
    lines = await pool.fetchval("SELECT count(*) FROM receipt_lines")
    discounts = await pool.fetchval("SELECT count(*) FROM receipt_discounts")
    receipts = (1 + ROUNDS) * ROUND_RECEIPTS
    await pool.close()
    return {
        "projected_per_s": round(statistics.median(one.per_s for one in rounds)),
        "projector_us": round(statistics.median(one.mine_us for one in rounds), 1),
        "projector_postgres_us": round(statistics.median(one.postgres_us for one in rounds), 1),
        "projector_turn_ms": round(statistics.median(one.turn_ms for one in rounds), 1),
        "lag_rows_before": max(one.behind for one in rounds),
        "lag_rows_after": 0,
        "lines_per_receipt": round(lines / receipts, 1),
        "discounts_per_receipt": round(discounts / receipts, 1),
        "rounds": ROUNDS,
    }


async def _catch_up(projector: Projector, pool: asyncpg.Pool[Any], meter: Meter) -> CatchUp:
    """Turns until nothing is behind."""
    async with pool.acquire() as connection:
        behind = (await projector.lag(cast(Any, connection))).rows_count
    turns = []
    meter.start()
    started = time.perf_counter()
    while True:
        begun = time.perf_counter()
        count = await projector.turn()
        turns.append(time.perf_counter() - begun)
        if count < ROWS_PER_TURN_MAX:
            break
    elapsed = time.perf_counter() - started
    spent = meter.spent(behind)
    async with pool.acquire() as connection:
        assert (await projector.lag(cast(Any, connection))).rows_count == 0
    return CatchUp(behind, behind / elapsed, *spent, statistics.median(turns) * 1e3)
