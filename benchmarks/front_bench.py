"""The registers' door beside its peers: full CalculateReceipt, durable CommitReceipt, and servers that only echo.

Servers stand on one core; the generator, which is this process, and PostgreSQL on the other. All servers are up at
once and measured in turn, so a slow phase of the machine meets all of them; figures are medians of rounds and ratios
are taken within a round. Processor time per call is that of the server's process alone. Storage is embedded, in a
temporary directory, with the durability settings of production.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_load import ClosedLoop, Connection, Load
from altyn.infra.embedded.services import embedded_services
from altyn.infra.processes import Child, start_children, stop_process
from altyn.infra.settings import Settings

SERVICE = "/altyn.pos.v1.PosService/"
CALCULATE, COMMIT = SERVICE + "CalculateReceipt", SERVICE + "CommitReceipt"
ANY_PORT = "127.0.0.1:0"
CONNECTIONS = 64
IDLE_CONNECTIONS = 256
REQUESTS_PER_REGISTER = 64
COMMITS_PER_ROUND = 200  # by register; a round ends when one has no more
STATUS_OK = b"\x08\x01"  # the first field of a reply
NOT_RUN = {
    "ratio_tcp_echo": "the bare TCP echo comes with the compiled front door",
    "ratio_cpp_echo": "no C++ gRPC is built here",
    "ratio_to_one_tx_per_commit": "see `altyn bench ledger`, which measures both without a network",
    "bytes_per_tls_connection": "the portable door serves without TLS",
    "tls_extra_us_64c": "the portable door serves without TLS",
}


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one server."""

    load: Load
    server_us: float


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """This process, and what it starts meanwhile, on one core; with a single core nothing is moved."""
    before = os.sched_getaffinity(0)
    if len(before) > 1:
        os.sched_setaffinity(0, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def processor_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Subject:
    """A server and the connections to it."""

    def __init__(
        self, child: Child, address: str, method: str, requests: Sequence[Iterator[bytes]], expect: bytes
    ) -> None:
        self._pid = child.process.pid
        self._loop = ClosedLoop(
            [
                Connection(address, method, world.register_key(number), stock, expect)
                for number, stock in enumerate(requests)
            ]
        )
        self.rounds: list[Round] = []

    def run(self, seconds: float) -> Round:
        before = processor_seconds(self._pid)
        load = self._loop.run(seconds)
        spent = processor_seconds(self._pid) - before
        return Round(load, spent / load.calls * 1e6)

    def measure(self, seconds: float) -> None:
        self.rounds.append(self.run(seconds))

    def median(self, of: Callable[[Round], float]) -> float:
        return statistics.median(of(one) for one in self.rounds)

    def close(self) -> None:
        self._loop.close()


class Commits(Iterator[bytes]):
    """New operations of one register; it ends when they are used up, and goes on after `refill`."""

    def __init__(self, register: int) -> None:
        self._register = register
        self._waiting: list[bytes] = []

    def refill(self, count: int) -> None:
        self._waiting = world.commits(self._register, count)[::-1]

    def __next__(self) -> bytes:
        if not self._waiting:
            raise StopIteration
        return self._waiting.pop()


def server_settings(folder: Path) -> Settings:
    """Of the bench's world; every door is on a port of the system's choice, so that a server beside it does not
    matter.
    """
    doors = {name: ANY_PORT for name in Settings.model_fields if name.endswith("_listen")}
    given: dict[str, Any] = {"tenant_id": world.TENANT, "tenant_zone": world.ZONE, "pepper": world.PEPPER.hex()}
    return Settings(var=folder, **given, **doors)


def run(*, rounds: int = 9, seconds: float = 1.5, connections: int = CONNECTIONS) -> dict[str, Any]:
    """The figures of `altyn bench front`: calls per second, ratios within a round, milliseconds, bytes."""
    with tempfile.TemporaryDirectory(prefix="altyn-front-") as folder, ExitStack() as stack:
        stack.enter_context(on_core(1))
        settings = server_settings(Path(folder))
        stores = stack.enter_context(embedded_services(settings))
        asyncio.run(world.prepare(stores.postgres_dsn, connections))
        environment = settings.environment() | stores.environment()
        servers = {
            "door": (["-m", "altyn.server"], environment),
            "raw": (["-m", "altyn.benchmarks.front_peers", "raw"], {}),
            "upb": (["-m", "altyn.benchmarks.front_peers", "upb"], {}),
        }
        children: dict[str, Child] = {}
        with on_core(0):
            for name, (argv, variables) in servers.items():
                log = Path(folder) / f"{name}.log"
                children[name] = Child(name, [sys.executable, *argv], log=log, environment=variables)
                stack.callback(stop_process, children[name].process, [(signal.SIGTERM, 10.0)])
        ready = start_children(list(children.values()), 60.0)
        return _measure(children, {name: told["grpc"] for name, told in ready.items()}, rounds, seconds, connections)


def _measure(
    children: dict[str, Child], addresses: dict[str, str], rounds: int, seconds: float, connections: int
) -> dict[str, Any]:
    calculations = [world.calculations(number, REQUESTS_PER_REGISTER) for number in range(connections)]
    stock = [Commits(number) for number in range(connections)]

    def refill(count: int) -> None:
        for commits in stock:
            commits.refill(count)

    def endless() -> list[Iterator[bytes]]:
        return [itertools.cycle(requests) for requests in calculations]

    raw = Subject(children["raw"], addresses["raw"], CALCULATE, endless(), b"")
    upb = Subject(children["upb"], addresses["upb"], CALCULATE, endless(), STATUS_OK)
    calculate = Subject(children["door"], addresses["door"], CALCULATE, endless(), STATUS_OK)
    commit = Subject(
        children["door"],
        addresses["door"],
        COMMIT,
        stock,
        STATUS_OK,
    )
    # Members get their points first, so that replies show balances.
    refill(max(1, 2 * world.MEMBERS // connections))
    commit.run(seconds)
    for subject in (raw, upb, calculate):
        subject.run(0.5)
    for _ in range(rounds):
        for subject in (raw, calculate, upb):
            subject.measure(seconds)
        refill(COMMITS_PER_ROUND)
        commit.measure(seconds)
    for subject in (raw, upb, commit, calculate):
        subject.close()
    request_bytes = statistics.mean(len(request) for requests in calculations for request in requests)
    result = _figures(calculate, commit, raw, upb) | {
        "bytes_per_connection": _bytes_per_connection(children["door"], addresses["door"], calculations[0]),
        "request_bytes": round(request_bytes),
        "rounds": rounds,
        "connections": connections,
        "promotions": world.PROMOTIONS,
        "cores": os.cpu_count(),
    }
    return result | dict.fromkeys(NOT_RUN) | {"not_run": NOT_RUN}


def _figures(calculate: Subject, commit: Subject, raw: Subject, upb: Subject) -> dict[str, Any]:
    def ratio(peer: Subject, of: Callable[[Round], float]) -> float:
        pairs = zip(calculate.rounds, peer.rounds, strict=True)
        return round(statistics.median(of(ours) / of(theirs) for ours, theirs in pairs), 3)

    def rate(one: Round) -> float:
        return one.load.calls_per_s

    def cost(one: Round) -> float:
        return one.server_us

    named = {"calculate": calculate, "commit": commit, "raw_echo": raw, "upb_echo": upb}
    return {
        "calculate_per_s_64c": round(calculate.median(rate)),
        "calculate_p50_ms": round(calculate.median(lambda one: one.load.p50_ms), 3),
        "calculate_p99_ms": round(calculate.median(lambda one: one.load.p99_ms), 3),
        "ratio_grpc_aio_raw": ratio(raw, rate),
        "ratio_grpc_aio_upb": ratio(upb, rate),
        "commit_per_s_64c": round(commit.median(rate)),
        "commit_p50_ms": round(commit.median(lambda one: one.load.p50_ms), 3),
        "commit_p99_ms": round(commit.median(lambda one: one.load.p99_ms), 3),
        "raw_echo_per_s_64c": round(raw.median(rate)),
        "upb_echo_per_s_64c": round(upb.median(rate)),
        "cpu_ratio_grpc_aio_raw": round(1 / ratio(raw, cost), 3),
        "server_us_per_call": {name: round(subject.median(cost), 1) for name, subject in named.items()},
        "generator_share": {
            name: round(subject.median(lambda one: one.load.generator_share), 2) for name, subject in named.items()
        },
        "reply_bytes": round(calculate.median(lambda one: one.load.reply_bytes)),
    }


def _bytes_per_connection(child: Child, address: str, requests: Sequence[bytes]) -> int:
    """What the server grows by for a register that called once and stays connected."""
    key = world.register_key(0)
    before = resident_bytes(child.process.pid)
    loop = ClosedLoop(
        [Connection(address, CALCULATE, key, iter([*requests[:2]]), STATUS_OK) for _ in range(IDLE_CONNECTIONS)]
    )
    loop.run(10.0)
    grown = resident_bytes(child.process.pid) - before
    loop.close()
    return round(grown / IDLE_CONNECTIONS)
