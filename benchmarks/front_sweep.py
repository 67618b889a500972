"""The doors and their peers at 1, 512 and 4,000 connections, and in an open loop.

A closed loop tells the rate at saturation; its latency is then connections ÷ rate, whatever the server. What a till
waits for at a given load is told by the open loop: calls begin when they are due and their latency counts from then,
so that a late server makes nobody wait unseen. Shares of the load are those of each server's own closed loop of 64
connections, measured just before. Connections are opened for each measurement: all servers' at once would be more than
a process may have.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_closed import ClosedLoop, Connection, EchoConnection
from altyn.benchmarks.front_load import Load, LoadFailed
from altyn.benchmarks.front_scene import CALCULATE, COMMIT, STATUS_OK, Round, Scene
from altyn.benchmarks.overload_load import OpenLoop, Register, Told

SIZES = (1, 512, 4_000)
ROUNDS = 3
SECONDS = 1.0
OF_MANY = ("door", "echo", "cpp", "tcp")  # grpc.aio would need longer than a round to answer all once
MANY = 1_000
REQUESTS_OF_ALL = 4_096
COMMITS_PER_ROUND = 6_000
OPEN_CONNECTIONS = 64
OPEN_SHARES = (0.25, 0.5, 0.75, 0.9)
OPEN_DEADLINE_MS = 1_000
LATE_GENERATOR_S = 0.05
REFUSAL_CHARS = 200
NOT_RUN = {
    "sizes.4000 of grpc.aio, portable door and TLS": "one call on each connection takes longer than a round",
    "sizes.4000 of commits": "so many at once would wait longer than the door lets them: it sheds some",
}


def run(stage: Scene, sizes: Sequence[int], rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """`sizes`: connections → server → figures; `open_loop`: server → share of its capacity → figures.

    A server that refuses some of so many at once has no figures for that size, and `not_run` says what it answered.
    """
    return {
        "sizes": {str(size): _of_size(stage, size, rounds, seconds) for size in sizes},
        "open_loop": _open(stage, rounds, seconds),
    }


def _connections(stage: Scene, name: str, method: str, requests: Sequence[Iterable[bytes]]) -> list[Connection]:
    address, tls = stage.addresses[name], stage.tls if name == "tls" else None
    if name == "tcp":
        return [EchoConnection(address, iter(one)) for one in requests]
    expect = STATUS_OK if method == COMMIT else stage.expected(name)
    return [
        Connection(address, method, world.register_key(number), iter(one), expect, tls)
        for number, one in enumerate(requests)
    ]


def _once(stage: Scene, name: str, method: str, requests: Sequence[Iterable[bytes]], seconds: float) -> Round:
    loop = ClosedLoop(_connections(stage, name, method, requests), awake=method == CALCULATE)
    try:
        if method == CALCULATE:
            loop.warm()
        before = stage.spent_s(name)
        load = loop.run(seconds)
        return Round(load, (stage.spent_s(name) - before) / load.calls * 1e6)
    finally:
        loop.close()


def _unless_refused(
    stage: Scene, size: int, name: str, method: str, requests: Sequence[Iterable[bytes]], seconds: float
) -> list[Round]:
    try:
        return [_once(stage, "door" if name == "commit" else name, method, requests, seconds)]
    except LoadFailed as refused:
        stage.not_run[f"sizes.{size}.{name}"] = str(refused)[:REFUSAL_CHARS]
        return []


def _of_size(stage: Scene, size: int, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    each = max(1, REQUESTS_OF_ALL // size)
    names = [name for name in stage.children if size < MANY or name in OF_MANY]
    told: dict[str, list[Round]] = {name: [] for name in names}
    if size < MANY:
        told["commit"] = []
    calculations = [world.calculations(number, each) for number in range(size)]
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            requests = [itertools.cycle(one) for one in calculations]
            told[name] += _unless_refused(stage, size, name, CALCULATE, requests, seconds)
        if "commit" in told:
            commits = [world.commits(register, max(2, COMMITS_PER_ROUND // size)) for register in range(size)]
            told["commit"] += _unless_refused(stage, size, "commit", COMMIT, commits, seconds)
    return {name: _told(of) for name, of in told.items() if f"sizes.{size}.{name}" not in stage.not_run}


def _told(rounds: Sequence[Round]) -> dict[str, float]:
    def median(of: Callable[[Load], float]) -> float:
        return statistics.median(of(one.load) for one in rounds)

    return {
        "per_s": round(median(lambda load: load.calls_per_s)),
        "p50_ms": round(median(lambda load: load.p50_ms), 3),
        "p99_ms": round(median(lambda load: load.p99_ms), 3),
        "p999_ms": round(median(lambda load: load.p999_ms), 3),
        "server_us": round(statistics.median(one.server_us for one in rounds), 1),
    }


def _open(stage: Scene, rounds: int, seconds: float) -> dict[str, dict[str, dict[str, float] | None]]:
    """None: the generator itself was late, and what it saw is not the server's."""
    names = [name for name in ("door", "portable", "cpp") if name in stage.children]
    requests = [world.calculations(number, 16) for number in range(OPEN_CONNECTIONS)]
    told: dict[str, dict[float, list[tuple[float, Told]]]] = {
        name: {share: [] for share in OPEN_SHARES} for name in names
    }
    for _ in range(rounds):
        for name in names:
            closed = _once(stage, name, CALCULATE, [itertools.cycle(one) for one in requests], seconds)
            loop = OpenLoop(
                [
                    Register(stage.addresses[name], CALCULATE, world.register_key(number), one, OPEN_DEADLINE_MS)
                    for number, one in enumerate(requests)
                ],
                OPEN_DEADLINE_MS / 1000,
            )
            for share in OPEN_SHARES:
                rate = closed.load.calls_per_s * share
                told[name][share].append((rate, loop.run(rate, seconds)))
            loop.close()
    return {name: {str(share): _waits(runs) for share, runs in by.items()} for name, by in told.items()}


def _waits(runs: Sequence[tuple[float, Told]]) -> dict[str, float] | None:
    if statistics.median(told.lateness_s for _, told in runs) > LATE_GENERATOR_S:
        return None
    cuts = [statistics.quantiles(told.waits_s, n=1000, method="inclusive") for _, told in runs if len(told.waits_s) > 1]
    if not cuts:
        return None
    offered = sum(slot.offered for _, told in runs for slot in told.slots)
    good = sum(slot.good for _, told in runs for slot in told.slots)
    at: Mapping[str, int] = {"p50_ms": 499, "p99_ms": 989, "p999_ms": 998}
    figures = {key: round(statistics.median(cut[index] for cut in cuts) * 1000, 3) for key, index in at.items()}
    figures["offered_per_s"] = round(statistics.median(rate for rate, _ in runs))
    figures["not_in_time_share"] = round(1 - good / offered, 5)
    return figures
