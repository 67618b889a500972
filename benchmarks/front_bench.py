"""The registers' doors beside their peers: full CalculateReceipt, durable CommitReceipt, servers that only echo.

All servers are up at once and measured in turn (`front_scene`), so a slow phase of the machine meets all of them;
figures are medians of rounds and ratios are taken within a round. Processor time per call is that of the server's
process alone. First 64 connections in a closed loop, which the goals are stated for; then what `front_sweep` adds.
"""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from altyn.benchmarks import front_sweep
from altyn.benchmarks import front_world as world
from altyn.benchmarks.counting import counting_us
from altyn.benchmarks.front_closed import ClosedLoop, Connection, EchoConnection
from altyn.benchmarks.front_scene import CALCULATE, COMMIT, STATUS_OK, Round, Scene, scene
from altyn.server.transport.door import built

CONNECTIONS = 64
IDLE_CONNECTIONS = 256
REQUESTS_PER_REGISTER = 64
COMMITS_PER_ROUND = 200  # by register; a round ends when one has no more
ONE_TX = "see `altyn bench ledger`, which measures both without a network"
NEEDS = {  # figure → the server it needs
    "ratio_tcp_echo": "tcp",
    "ratio_cpp_echo": "cpp",
    "door_echo_per_s_64c": "echo",
    "bytes_per_tls_connection": "tls",
    "tls_extra_us_64c": "tls",
}


class Subject:
    """A server and the connections to it. `awake`: of the generator, which else leaves its core to PostgreSQL."""

    def __init__(self, stage: Scene, name: str, connections: Sequence[Connection], *, awake: bool) -> None:
        self._stage, self._name = stage, name
        self._loop = ClosedLoop(connections, awake)
        self.rounds: list[Round] = []

    def run(self, seconds: float) -> Round:
        before = self._stage.spent_s(self._name)
        load = self._loop.run(seconds)
        return Round(load, (self._stage.spent_s(self._name) - before) / load.calls * 1e6)

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


def run(
    *, rounds: int = 9, seconds: float = 1.5, connections: int = CONNECTIONS, sizes: Sequence[int] = front_sweep.SIZES
) -> dict[str, Any]:
    """The figures of `altyn bench front`: calls per second, ratios within a round, milliseconds, bytes."""
    with scene(max(connections, *sizes)) as stage:
        result = _measure(stage, rounds, seconds, connections)
        result |= front_sweep.run(stage, sizes)
        absent = {figure: stage.not_run[name] for figure, name in NEEDS.items() if name in stage.not_run}
        not_run = stage.not_run | absent | front_sweep.NOT_RUN | {"ratio_to_one_tx_per_commit": ONE_TX}
        return result | {figure: None for figure in (*absent, "ratio_to_one_tx_per_commit")} | {"not_run": not_run}


def _measure(stage: Scene, rounds: int, seconds: float, connections: int) -> dict[str, Any]:
    calculations = [world.calculations(number, REQUESTS_PER_REGISTER) for number in range(connections)]
    stock = [Commits(number) for number in range(connections)]
    keys = [world.register_key(number) for number in range(connections)]

    def refill(count: int) -> None:
        for commits in stock:
            commits.refill(count)

    def subject(name: str, method: str, requests: Sequence[Iterator[bytes]], expect: bytes) -> Subject:
        address, awake = stage.addresses[name], method == CALCULATE
        if name == "tcp":
            return Subject(stage, name, [EchoConnection(address, one) for one in requests], awake=awake)
        tls = stage.tls if name == "tls" else None
        calls = [Connection(address, method, key, one, expect, tls) for key, one in zip(keys, requests, strict=True)]
        return Subject(stage, name, calls, awake=awake)

    calls = {
        name: subject(name, CALCULATE, [itertools.cycle(requests) for requests in calculations], stage.expected(name))
        for name in stage.children
    }
    commit = subject("door", COMMIT, stock, STATUS_OK)
    # Members get their points first, so that replies show balances.
    refill(max(1, 2 * world.MEMBERS // connections))
    commit.run(seconds)
    for one in calls.values():
        one.run(0.5)
    # Before the rounds: what they give back to the allocator would hide what connections take.
    idle_bytes = {
        name: _bytes_per_connection(stage, name, calculations[0]) for name in ("door", "tls") if name in calls
    }
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
        "bytes_per_connection": idle_bytes["door"],
        "bytes_per_tls_connection": idle_bytes.get("tls"),
        "counting_us": round(counting_us(world.commits(0, 1)[0]), 3),
        "door": "h2" if built("h2") else "grpc_aio",
        "request_bytes": round(request_bytes),
        "rounds": rounds,
        "connections": connections,
        "promotions": world.PROMOTIONS,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[1], 1),
    }


def _figures(calls: Mapping[str, Subject], commit: Subject) -> dict[str, Any]:
    def paired(ours: str, peer: str, of: Callable[[Round, Round], float]) -> float | None:
        if peer not in calls:
            return None
        return statistics.median(map(of, calls[ours].rounds, calls[peer].rounds))

    def ratio(ours: str, peer: str, of: Callable[[Round], float]) -> float | None:
        found = paired(ours, peer, lambda one, other: of(one) / of(other))
        return None if found is None else round(found, 3)

    def rate(one: Round) -> float:
        return one.load.calls_per_s

    def cost(one: Round) -> float:
        return one.server_us

    calculate = calls["door"]
    named = {**calls, "commit": commit}
    tls_extra = paired("door", "tls", lambda plain, tls: tls.server_us - plain.server_us)
    return {
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
        "tls_extra_us_64c": None if tls_extra is None else round(tls_extra, 1),
        "door_echo_per_s_64c": round(calls["echo"].median(rate)) if "echo" in calls else None,
        "per_s_64c": {name: round(one.median(rate)) for name, one in named.items()},
        "p99_ms_64c": {name: round(one.median(lambda one: one.load.p99_ms), 3) for name, one in named.items()},
        "p999_ms_64c": {name: round(one.median(lambda one: one.load.p999_ms), 3) for name, one in named.items()},
        "server_us_per_call": {name: round(one.median(cost), 1) for name, one in named.items()},
        "generator_share": {
            name: round(one.median(lambda one: one.load.generator_share), 2) for name, one in named.items()
        },
        "reply_bytes": round(calculate.median(lambda one: one.load.reply_bytes)),
    }


def _bytes_per_connection(stage: Scene, name: str, requests: Sequence[bytes]) -> int | None:
    """What the server grows by for a register that called and stays connected; None: it did not grow."""
    key, tls = world.register_key(0), stage.tls if name == "tls" else None
    before = stage.resident_bytes(name)
    loop = ClosedLoop(
        [
            Connection(stage.addresses[name], CALCULATE, key, iter([*requests[:2]]), STATUS_OK, tls)
            for _ in range(IDLE_CONNECTIONS)
        ]
    )
    loop.run(10.0)
    grown = stage.resident_bytes(name) - before
    loop.close()
    return round(grown / IDLE_CONNECTIONS) if grown > 0 else None
