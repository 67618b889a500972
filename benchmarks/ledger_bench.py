"""What the ledger costs: memory and warm start of the book, and durable commits against one transaction per commit.

`run` makes a PostgreSQL of its own in a temporary folder and measures both ways of committing on it in turns, so that
the ratio holds on any machine. A commit here is a decision's effects written to the book, the seen-before index, and a
journal record of about 2 kB, answered when durable; 64 are in flight. The rival stores the same record with the same
unique keys by the fastest one-transaction-per-commit statement found, at 16 and 64 connections. Client and PostgreSQL
share the machine in both.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psutil
import uvloop

from altyn.core.engine.types import Record
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.core.ledger.view import apply_effects
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.server.journal import Journal
from altyn.server.snapshots import Snapshots

IN_FLIGHT = 64
BODY_BYTES = 2_000
ROUNDS = 3
ROUND_S = 4.0
WARM_S = 1.0
LOTS_PER_ACCOUNT = 3
_FILL_LOT = 1 << 48  # above the lots that commits open

_RIVAL_TABLE = """
CREATE TABLE rival (seq bigserial PRIMARY KEY, op_id uuid UNIQUE, natural_key uuid UNIQUE, body bytea NOT NULL)
WITH (toast_tuple_target = 8160);
ALTER TABLE rival ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE rival_balance (account_id bigint PRIMARY KEY, points bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO rival_balance SELECT n, 0 FROM generate_series(0, 9999) n;
"""
_RIVALS = {
    "insert": "INSERT INTO rival (op_id, natural_key, body) VALUES ($1, $2, $3)",
    "insert and balance": """
        WITH stored AS (INSERT INTO rival (op_id, natural_key, body) VALUES ($1, $2, $3))
        UPDATE rival_balance SET points = points + 1 WHERE account_id = abs(hashtext($1::text)) % 10000
    """,
}


def run(accounts: int = 1_000_000) -> dict[str, Any]:
    """The figures of `altyn bench ledger`. Takes about a minute and a half at a million accounts."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    try:
        memory = _measure_book(accounts, folder / "snapshots")
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            commits = uvloop.run(_measure_commits(server.dsn("postgres")))
        finally:
            server.stop(immediately=True)
        return {"accounts": accounts, **memory, **commits}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# THE BOOK


def fill_book(book: Book, accounts: int) -> None:
    """Accounts 1 … with three lots each, of three assets, by the same verb as in service."""
    assets = range(LOTS_PER_ACCOUNT)
    for account in range(1, accounts + 1):
        lots = [(_FILL_LOT + account * 256 + asset, account, asset, 5_000, 0, 0) for asset in assets]
        postings = [(account, asset, 5_000, _FILL_LOT + account * 256 + asset) for asset in assets]
        apply_effects(book, 1, lots=lots, entries=[(1, postings + [(-1, asset, -5_000, 0) for asset in assets])])


def _measure_book(accounts: int, folder: Path) -> dict[str, Any]:
    """Memory by the operating system's account, and the warm start from a snapshot file."""
    process = psutil.Process()
    before = process.memory_info().rss
    book = Book()
    fill_book(book, accounts)
    used = max(process.memory_info().rss - before, book.bytes_used)
    snapshots = Snapshots(folder)
    snapshots.write(book, Operations(), SnapshotHead(accounts, 1, 1, 1, bytes(32)))
    del book
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        loaded = snapshots.load()
        times.append(time.perf_counter() - started)
        assert loaded.book.accounts_count == accounts
        del loaded
    shutil.rmtree(folder)
    return {
        "bytes_per_account": round(used / accounts, 1),
        "accounts_loaded_per_s": round(accounts / statistics.median(times)),
    }


# COMMITS


async def _measure_commits(dsn: str) -> dict[str, Any]:
    """Medians over rounds in which every way has its turn."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(files("altyn.migrations").joinpath("0002_journal.sql").read_text("utf-8"))
    await connection.execute(_RIVAL_TABLE)
    await connection.close()
    ours = _Commits(await Journal.open(dsn, 0, "bench"))
    rates: dict[object, list[float]] = {}
    latencies: list[list[float]] = []
    for _ in range(ROUNDS):
        rate, times = await ours.round()
        rates.setdefault("ours", []).append(rate)
        latencies.append(times)
        for name, query in _RIVALS.items():
            for count in (16, 64):
                rates.setdefault((name, count), []).append(await _measure_rival(dsn, query, count))
    await ours.journal.close()
    medians = {key: statistics.median(values) for key, values in rates.items()}
    best = max((key for key in medians if key != "ours"), key=lambda key: medians[key])
    return {
        "commit_per_s": round(medians["ours"]),
        "commit_p50_ms": round(statistics.median(_at(times, 50) for times in latencies), 2),
        "commit_p99_ms": round(statistics.median(_at(times, 99) for times in latencies), 2),
        "one_tx_per_commit_per_s": round(medians[best]),
        "one_tx_per_commit_variant": f"{best[0]}, {best[1]} connections" if isinstance(best, tuple) else "",
        "ratio_to_one_tx_per_commit": round(medians["ours"] / medians[best], 2),
    }


def _at(times: list[float], percent: int) -> float:
    return sorted(times)[len(times) * percent // 100] * 1e3


class _Commits:
    """64 commits in flight through book, index and journal: an answer starts the next one."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._book = Book()
        fill_book(self._book, 10_000)
        self._operations = Operations()
        self._random = random.Random(1)
        self._bodies = [self._random.randbytes(BODY_BYTES) for _ in range(64)]
        self._started: dict[int, float] = {}
        self._times: list[float] = []
        self._until = 0.0
        self._waiting = 0
        self._is_coming = False
        self._answered = journal.durable_seq
        journal.on_durable(self._answer)

    async def round(self) -> tuple[float, list[float]]:
        """(commits per second, seconds each took)."""
        for duration in (WARM_S, ROUND_S):
            self._times = []
            started = time.perf_counter()
            self._until = started + duration
            for _ in range(IN_FLIGHT):
                self._commit()
            await asyncio.sleep(duration)
            rate = len(self._times) / (time.perf_counter() - started)
            await self.journal.durable(self.journal.next_seq - 1)
        return rate, self._times

    def _commit(self) -> None:
        seq = self.journal.next_seq
        self._started[seq] = time.perf_counter()
        op_id, receipt, natural = (self._random.randbytes(16) for _ in range(3))
        lot = (seq * 256, self._random.randrange(1, 10_001), 0, 100, 0, 0)
        entry = (1, [(lot[1], 0, 100, lot[0]), (-1, 0, -100, 0)])
        apply_effects(self._book, seq, lots=[lot], entries=[entry])
        self._operations.remember(op_id, seq, seq, op_id, natural_key=natural, receipt_key=receipt, receipt_state=2)
        self.journal.append(Record(seq, op_id, 2, natural, receipt, seq, self._bodies[seq % 64]))

    def _answer(self, durable_seq: int) -> None:
        now = time.perf_counter()
        for seq in range(self._answered + 1, durable_seq + 1):
            self._times.append(now - self._started.pop(seq))
            if now < self._until:
                self._waiting += 1
        self._answered = durable_seq
        if self._waiting and not self._is_coming:
            self._is_coming = True
            asyncio.get_running_loop().call_soon(self._come)

    def _come(self) -> None:
        """One request per turn of the loop, as from a socket: the journal's own socket is served in between."""
        self._waiting -= 1
        self._commit()
        self._is_coming = self._waiting > 0
        if self._is_coming:
            asyncio.get_running_loop().call_soon(self._come)


async def _measure_rival(dsn: str, query: str, count: int) -> float:
    """Commits per second of so many connections, each committing one record after the other."""
    rng = random.Random(count)
    bodies = [rng.randbytes(BODY_BYTES) for _ in range(64)]
    connections = [await asyncpg.connect(dsn) for _ in range(count)]

    async def commit_until(connection: asyncpg.Connection[Any], until: float) -> int:
        statement = await connection.prepare(query)
        done = 0
        while time.perf_counter() < until:
            await statement.fetch(uuid4(), uuid4(), bodies[done % 64])
            done += 1
        return done

    rate = 0.0
    for duration in (WARM_S, ROUND_S):
        started = time.perf_counter()
        done = await asyncio.gather(*(commit_until(connection, started + duration) for connection in connections))
        rate = sum(done) / (time.perf_counter() - started)
    for connection in connections:
        await connection.close()
    return rate
