"""The registers' doors beside their peers: full CalculateReceipt, durable CommitReceipt, servers that only echo.

Servers stand on one core; the generator, which is this process, and PostgreSQL on the other. All servers are up at
once and measured in turn, so a slow phase of the machine meets all of them; figures are medians of rounds and ratios
are taken within a round. Processor time per call is that of the server's process alone. Storage is embedded, in a
temporary directory, with the durability settings of production.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.counting import counting_us
from altyn.benchmarks.front_load import ClosedLoop, Connection, EchoConnection, Load
from altyn.benchmarks.front_servers import build_peer, on_core, start_servers
from altyn.infra.embedded.services import create_database, embedded_services
from altyn.infra.processes import Child
from altyn.infra.settings import Settings
from altyn.server.transport.door import built

SERVICE = "/altyn.pos.v1.PosService/"
CALCULATE, COMMIT = SERVICE + "CalculateReceipt", SERVICE + "CommitReceipt"
CONNECTIONS = 64
IDLE_CONNECTIONS = 256
REQUESTS_PER_REGISTER = 64
COMMITS_PER_ROUND = 200  # by register; a round ends when one has no more
STATUS_OK = b"\x08\x01"  # the first field of a reply
NOT_RUN = {
    "ratio_to_one_tx_per_commit": "see `altyn bench ledger`, which measures both without a network",
    "bytes_per_tls_connection": "the generator speaks plaintext only",
    "tls_extra_us_64c": "the generator speaks plaintext only",
}
NO_H2 = "built without libnghttp2"


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one server."""

    load: Load
    server_us: float


def processor_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Subject:
    """A server and the connections to it."""

    def __init__(self, child: Child, connections: Sequence[Connection]) -> None:
        self._pid = child.process.pid
        self._loop = ClosedLoop(connections)
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


def run(*, rounds: int = 9, seconds: float = 1.5, connections: int = CONNECTIONS) -> dict[str, Any]:
    """The figures of `altyn bench front`: calls per second, ratios within a round, milliseconds, bytes."""
    with tempfile.TemporaryDirectory(prefix="altyn-front-") as name, ExitStack() as stack:
        folder = Path(name)
        not_run = dict(NOT_RUN)
        tcp = build_peer("tcp_echo", folder)
        cpp = build_peer("grpc_echo", folder, packages=["grpc++"])
        stack.enter_context(on_core(1))
        settings = Settings(var=folder, tenant_id=world.TENANT, tenant_zone=world.ZONE, pepper=world.PEPPER.hex())
        stores = stack.enter_context(embedded_services(settings))
        asyncio.run(create_database(stores.postgres_dsn, "portable"))
        portable_dsn = stores.postgres.dsn("portable")
        environment: dict[str, dict[str, str]] = {}
        for kind, dsn in (("door", stores.postgres_dsn), ("portable", portable_dsn)):
            asyncio.run(world.prepare(dsn, connections))
            listen = dict.fromkeys(("grpc_listen", "ops_listen", "metrics_listen"), "127.0.0.1:0")
            changed = settings.model_copy(update={**listen, "var": folder / kind})
            environment[kind] = {**changed.environment(), **stores.environment(), "ALTYN_POSTGRES_DSN": dsn}
        environment["portable"]["ALTYN_DOOR"] = "grpc_aio"
        peer = [sys.executable, "-m", "altyn.benchmarks.front_peers"]
        server = [sys.executable, "-m", "altyn.server"]
        commands = {"door": server, "portable": server, "raw": [*peer, "raw"], "upb": [*peer, "upb"]}
        if built("h2"):
            commands["echo"] = [*peer, "h2"]
        else:
            not_run["door_echo_per_s_64c"] = NO_H2
        for key, made in (("tcp", tcp), ("cpp", cpp)):
            if isinstance(made, Path):
                commands[key] = [str(made)]
            else:
                not_run[f"ratio_{key}_echo"] = made
        children, addresses = start_servers(commands, environment, folder, stack)
        result = _measure(children, addresses, rounds, seconds, connections)
        return result | dict.fromkeys(not_run) | {"not_run": not_run}


def _measure(
    children: Mapping[str, Child], addresses: Mapping[str, str], rounds: int, seconds: float, connections: int
) -> dict[str, Any]:
    calculations = [world.calculations(number, REQUESTS_PER_REGISTER) for number in range(connections)]
    stock = [Commits(number) for number in range(connections)]

    def refill(count: int) -> None:
        for commits in stock:
            commits.refill(count)

    def subject(name: str, method: str, requests: Sequence[Iterator[bytes]], expect: bytes) -> Subject:
        address = addresses[name]
        if name == "tcp":
            return Subject(children[name], [EchoConnection(address, one) for one in requests])
        keys = [world.register_key(number) for number in range(connections)]
        calls = [Connection(address, method, key, one, expect) for key, one in zip(keys, requests, strict=True)]
        return Subject(children[name], calls)

    calls = {
        name: subject(
            name,
            CALCULATE,
            [itertools.cycle(requests) for requests in calculations],
            STATUS_OK if name in ("door", "portable", "upb") else b"",
        )
        for name in children
    }
    commit = subject("door", COMMIT, stock, STATUS_OK)
    # Members get their points first, so that replies show balances.
    refill(max(1, 2 * world.MEMBERS // connections))
    commit.run(seconds)
    for one in calls.values():
        one.run(0.5)
    # Before the rounds: what they give back to the allocator would hide what connections take.
    idle_bytes = _bytes_per_connection(children["door"], addresses["door"], calculations[0])
    for number in range(rounds):
        # Neighbours of a measurement differ from round to round.
        order = [*calls.values()]
        for one in order[number % len(order) :] + order[: number % len(order)]:
            one.measure(seconds)
        refill(COMMITS_PER_ROUND)
        commit.measure(seconds)
    for one in (*calls.values(), commit):
        one.close()
    request_bytes = statistics.mean(len(request) for requests in calculations for request in requests)
    return _figures(calls, commit) | {
        "bytes_per_connection": idle_bytes,
        "counting_us": round(counting_us(world.commits(0, 1)[0]), 3),
        "door": "h2" if built("h2") else "grpc_aio",
        "request_bytes": round(request_bytes),
        "rounds": rounds,
        "connections": connections,
        "promotions": world.PROMOTIONS,
        "cores": os.cpu_count(),
    }


def _figures(calls: Mapping[str, Subject], commit: Subject) -> dict[str, Any]:
    def ratio(ours: str, peer: str, of: Callable[[Round], float]) -> float | None:
        if peer not in calls:
            return None
        pairs = zip(calls[ours].rounds, calls[peer].rounds, strict=True)
        return round(statistics.median(of(one) / of(other) for one, other in pairs), 3)

    def rate(one: Round) -> float:
        return one.load.calls_per_s

    def cost(one: Round) -> float:
        return one.server_us

    calculate = calls["door"]
    named = calls | {"commit": commit}
    figures = {
        "calculate_per_s_64c": round(calculate.median(rate)),
        "calculate_p50_ms": round(calculate.median(lambda one: one.load.p50_ms), 3),
        "calculate_p99_ms": round(calculate.median(lambda one: one.load.p99_ms), 3),
        "commit_per_s_64c": round(commit.median(rate)),
        "commit_p50_ms": round(commit.median(lambda one: one.load.p50_ms), 3),
        "commit_p99_ms": round(commit.median(lambda one: one.load.p99_ms), 3),
        "ratio_grpc_aio_upb": ratio("door", "upb", rate),
        "ratio_grpc_aio_raw": ratio("portable", "raw", rate),
        "ratio_tcp_echo": ratio("door", "tcp", rate),
        "ratio_cpp_echo": ratio("door", "cpp", rate),
        "ratio_portable": ratio("door", "portable", rate),
        # The same in processor time of the server per call: the peer's ÷ ours.
        "cpu_ratio": {peer: ratio(peer, "door", cost) for peer in calls if peer != "door"},
        "door_echo_per_s_64c": round(calls["echo"].median(rate)) if "echo" in calls else None,
        "per_s_64c": {name: round(one.median(rate)) for name, one in named.items()},
        "server_us_per_call": {name: round(one.median(cost), 1) for name, one in named.items()},
        "generator_share": {
            name: round(one.median(lambda one: one.load.generator_share), 2) for name, one in named.items()
        },
        "reply_bytes": round(calculate.median(lambda one: one.load.reply_bytes)),
    }
    return figures


def _bytes_per_connection(child: Child, address: str, requests: Sequence[bytes]) -> int | None:
    """What the server grows by for a register that called and stays connected; None: it did not grow."""
    key = world.register_key(0)
    before = resident_bytes(child.process.pid)
    loop = ClosedLoop(
        [Connection(address, CALCULATE, key, iter([*requests[:2]]), STATUS_OK) for _ in range(IDLE_CONNECTIONS)]
    )
    loop.run(10.0)
    grown = resident_bytes(child.process.pid) - before
    loop.close()
    return round(grown / IDLE_CONNECTIONS) if grown > 0 else None
