"""What the ledger costs: memory and warm start of the book, and durable commits against one transaction per commit.

`run` makes a PostgreSQL of its own in a temporary folder and measures both ways of committing on it in turns, so that
the ratio holds on any machine. A commit is a CommitReceipt of 20 lines as bytes, four in five with a member's card,
given to the server's call table: decoded, priced by 1,000 promotions, booked on the accounts loaded before, journalled
and answered when durable. 64 are in flight, one from each register. The rival only stores: the record bodies just
written, with the same unique keys, by the fastest one-transaction-per-commit statement found, at 16 and 64
connections. It decodes and decides nothing, so the ratio is a lower bound. Each way has the machine as suits it best:
ours two processes with a core each, the rival wherever the system puts its many. What neighbours disturb least are the
figures in processor time. A return takes back all lines of a sale, whose record is first read
from the journal; `return_to_commit_ratio` is of the processor time of both processes. Memory and warm start are
`ledger_memory`'s, the midnight at which lots end `expiry_bench`'s.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import psutil
import uvloop

from altyn.benchmarks import front_world as world
from altyn.benchmarks.expiry_bench import measure_expiry
from altyn.benchmarks.front_servers import CORES, on_core
from altyn.benchmarks.ledger_memory import DAY_US, measure_book, measure_buckets
from altyn.benchmarks.table_load import TableLoad
from altyn.core.engine import Engine, Scope
from altyn.core.facts import Facts
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.database import connect
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.zones import ensure_zone
from altyn.server.calls import Call, Calls
from altyn.server.feeds.compiler import compile_document
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from altyn.server.journal import Journal, JournalLimits
from altyn.server.slots import ReplySlots

IN_FLIGHT = 64
ROUNDS = 5
ROUND_COMMITS = 16_384
ROUND_RETURNS = 2_048
RIVAL_S = 2.0
RIVAL_PER_S_MAX = 50_000
WARM_S = 0.5
MEMBERS_MAX = 100_000
STATUS_OK = b"\x08\x01"  # the first field of a reply

_RIVAL_TABLE = """
CREATE TABLE rival (seq bigserial PRIMARY KEY, op_id uuid UNIQUE, natural_key uuid UNIQUE, body bytea NOT NULL)
WITH (toast_tuple_target = 8160);
ALTER TABLE rival ALTER COLUMN body SET STORAGE EXTERNAL;
"""
_RIVAL = "INSERT INTO rival (op_id, natural_key, body) VALUES ($1, $2, $3)"
_RIVAL_CONNECTIONS = (16, 64)


def run(accounts: int = 1_000_000) -> dict[str, Any]:
    """The figures of `altyn bench ledger`. Takes about three minutes at a million accounts."""
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    now_us = time.time_ns() // 1000
    midnight_us = (now_us // DAY_US + 2) * DAY_US
    try:
        book, memory = measure_book(accounts, folder / "snapshots", now_us, midnight_us)
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            meter = Meter(server.pid)
            members = min(accounts, MEMBERS_MAX)
            commits = uvloop.run(_measure_commits(server.dsn("postgres"), book, members, meter, midnight_us))
        finally:
            server.stop(immediately=True)
        return {
            "accounts": accounts,
            **memory,
            "bytes_per_bucket": measure_buckets(min(accounts // 4, 250_000)),
            **commits,
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# COMMITS


class Meter:
    """Processor time of this process, and of PostgreSQL with what else is named."""

    def __init__(self, postgres_pid: int, *others: int) -> None:
        self._postgres = psutil.Process(postgres_pid)
        self._others = [psutil.Process(pid) for pid in others]
        self._before = (0.0, 0.0)

    def start(self) -> None:
        self._before = self._read()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """This process on one core and PostgreSQL on another, that neither waits for the other's turn."""
        with on_core(0):
            self._place({CORES[-1]})
            try:
                yield
            finally:
                self._place(set(CORES))

    def _place(self, cores: set[int]) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.cpu_affinity(sorted(cores))

    def _processes(self) -> list[psutil.Process]:
        return [self._postgres, *self._postgres.children(recursive=True), *self._others]

    def spent(self, calls: int) -> tuple[float, float]:
        """Microseconds per call since `start`: (of this process, of PostgreSQL)."""
        mine, postgres = (after - before for before, after in zip(self._before, self._read(), strict=True))
        return mine / calls * 1e6, postgres / calls * 1e6

    def _read(self) -> tuple[float, float]:
        total = 0.0
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])  # with the children that have ended
        return time.process_time(), total


class Round(NamedTuple):
    """One measurement of one way. Times are in microseconds of processor time per commit."""

    per_s: float
    mine_us: float
    postgres_us: float
    latencies_s: list[float]


async def _measure_commits(dsn: str, book: Book, members: int, meter: Meter, midnight_us: int) -> dict[str, Any]:
    """Medians over rounds in which every way has its turn; the ratio is taken within a round."""
    await world.prepare(dsn, IN_FLIGHT, members)
    connection = await asyncpg.connect(dsn)
    await connection.execute(_RIVAL_TABLE)
    await world.age(connection)
    ours = await open_commits(dsn, members, book=book)
    await ours.round(meter, ROUND_COMMITS // 4)
    bodies = await connection.fetch("SELECT body FROM journal ORDER BY seq DESC LIMIT 1024")
    await connection.close()
    rounds: list[Round] = []
    rivals: dict[int, list[Round]] = {count: [] for count in _RIVAL_CONNECTIONS}
    for _ in range(ROUNDS):
        with meter.apart():
            rounds.append(await ours.round(meter))
        for count, of_rounds in rivals.items():
            of_rounds.append(await _measure_rival(dsn, [body["body"] for body in bodies], count, meter))
    with meter.apart():
        returns = [await ours.returns(meter) for _ in range(ROUNDS)]
    expiry = await measure_expiry(book, ours.engine, ours.journal, ours.calculate, midnight_us)
    await ours.journal.close()
    best = max(rivals, key=lambda count: median(rivals[count], lambda one: one.per_s))
    pairs = zip(rounds, rivals[best], strict=True)
    return {
        "commit_per_s": round(median(rounds, lambda one: one.per_s)),
        "commit_p50_ms": round(median(rounds, lambda one: percentile_ms(one, 50)), 2),
        "commit_p99_ms": round(median(rounds, lambda one: percentile_ms(one, 99)), 2),
        "commit_server_us": round(median(rounds, lambda one: one.mine_us), 1),
        "commit_postgres_us": round(median(rounds, lambda one: one.postgres_us), 1),
        "return_p50_ms": round(median(returns, lambda one: percentile_ms(one, 50)), 2),
        "return_server_us": round(median(returns, lambda one: one.mine_us), 1),
        "return_postgres_us": round(median(returns, lambda one: one.postgres_us), 1),
        "return_to_commit_ratio": round(median(returns, cpu_us) / median(rounds, cpu_us), 2),
        "one_tx_per_commit_per_s": round(median(rivals[best], lambda one: one.per_s)),
        "one_tx_per_commit_client_us": round(median(rivals[best], lambda one: one.mine_us), 1),
        "one_tx_per_commit_postgres_us": round(median(rivals[best], lambda one: one.postgres_us), 1),
        "one_tx_per_commit_variant": f"{best} connections",
        "ratio_to_one_tx_per_commit": round(statistics.median(one.per_s / rival.per_s for one, rival in pairs), 2),
        "record_bytes": round(statistics.mean(len(body["body"]) for body in bodies)),
        "rounds": ROUNDS,
        **expiry,
    }


def median(rounds: list[Round], of: Callable[[Round], float]) -> float:
    return statistics.median(of(one) for one in rounds)


def cpu_us(one: Round) -> float:
    return one.mine_us + one.postgres_us


def percentile_ms(one: Round, percent: int) -> float:
    return sorted(one.latencies_s)[len(one.latencies_s) * percent // 100] * 1e3


async def open_commits(
    dsn: str, members: int, *, book: Book | None = None, shard: int = 0, limits: JournalLimits | None = None
) -> Commits:
    """A server's inside over the prepared database: facts and rules by the feed's own means, the book given."""
    facts = Facts()
    ensure_zone(facts.zones, world.ZONE)
    engine = Engine(tenant=world.TENANT, facts=facts, zone=world.ZONE, token_key=bytes(16), pepper=world.PEPPER)
    connection = await connect(dsn, name="altyn bench", command_timeout_s=None)
    try:
        await FactsFeed(world.TENANT, facts, Credentials()).pull(connection)
        release = await connection.fetchrow("SELECT version, sha256, document FROM rules_release")
    finally:
        await connection.close()
    assert release is not None
    engine.take_ruleset(Ruleset(compile_document(*release.values()).image), release["sha256"], 0)
    if book is not None:
        engine.restore(book, Operations(), 0, 0)
    return Commits(engine, await Journal.open(dsn, shard, "bench", limits=limits), members)


class Commits:
    """64 registers at the call table, one call in flight from each: an answer starts the next one."""

    def __init__(self, engine: Engine, journal: Journal, members: int) -> None:
        self.engine, self.journal = engine, journal
        slots = ReplySlots(IN_FLIGHT)
        journal.on_durable(slots.release)
        calls = Calls(engine, journal, slots).table()
        self.calculate, self._commit, self._return = (
            calls[name] for name in ("CalculateReceipt", "CommitReceipt", "ReturnReceipt")
        )
        self._members = members
        scopes = [Scope(world.TENANT, world.STORE, world.register_id(number)) for number in range(IN_FLIGHT)]
        self._load = TableLoad(scopes, STATUS_OK)

    async def round(self, meter: Meter, count: int = ROUND_COMMITS) -> Round:
        """So many new sales."""
        return await self._run(self._commit, self._sales(count), meter)

    async def returns(self, meter: Meter, count: int = ROUND_RETURNS) -> Round:
        """So many returns of all lines of sales made a moment before."""
        sales = self._sales(count)
        await self._run(self._commit, [list(made) for made in sales], meter)
        return await self._run(self._return, [world.returns(made) for made in sales], meter)

    def _sales(self, count: int) -> list[list[bytes]]:
        return [world.commits(number, count // IN_FLIGHT, self._members) for number in range(IN_FLIGHT)]

    async def _run(self, call: Call, requests: list[list[bytes]], meter: Meter) -> Round:
        """From the first call to the last answer; making the requests beforehand does not count."""
        meter.start()
        started = perf_counter()
        latencies_s = await self._load.run(call, requests)
        rate = len(latencies_s) / (perf_counter() - started)
        return Round(rate, *meter.spent(len(latencies_s)), latencies_s)


async def _measure_rival(dsn: str, bodies: list[bytes], count: int, meter: Meter) -> Round:
    """So many connections, each committing one record after the other."""
    connections = [await asyncpg.connect(dsn) for _ in range(count)]

    async def commit_until(connection: asyncpg.Connection[Any], until: float, keys: Iterator[tuple[UUID, UUID]]) -> int:
        statement = await connection.prepare(_RIVAL)
        done = 0
        while perf_counter() < until:
            await statement.fetch(*next(keys), bodies[done % len(bodies)])
            done += 1
        return done

    for duration in (WARM_S, RIVAL_S):
        keys = _rival_keys(int(duration * RIVAL_PER_S_MAX))
        meter.start()
        started = perf_counter()
        done = sum(await asyncio.gather(*(commit_until(one, started + duration, keys) for one in connections)))
        measured = Round(done / (perf_counter() - started), *meter.spent(done), [])
    for connection in connections:
        await connection.close()
    return measured


def _rival_keys(count: int) -> Iterator[tuple[UUID, UUID]]:
    """(op_id, natural key) as ours are: by a register's clock, and a digest. Made before the rival's time begins."""
    now_us = time.time_ns() // 1000
    return iter([(UUID(bytes=world.op_id(now_us, number // IN_FLIGHT)), uuid4()) for number in range(count)])
