"""What registers wait for while one attacker is at the door: p99 beside an attack ÷ p99 without, attack by attack.

64 registers calculate in an open loop at a quarter of the capacity, so that latencies count from when a call was due.
Quiet and attacked rounds take turns, the attacker standing still in between; the ratio is that of the medians of the
rounds' p99. A second series of quiet rounds (`same_ratio`) tells what the ratio is when nothing differs. The server has
one core, the generator and the attacker the other, the attacker with the least weight there is.
"""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_attacker import KINDS
from altyn.benchmarks.front_load import ClosedLoop, Connection
from altyn.benchmarks.front_scene import CALCULATE, STATUS_OK, one_server, processor_seconds
from altyn.benchmarks.overload_load import OpenLoop, Register

REGISTERS = 64
SHARE = 0.25
DEADLINE_MS = 2_000
LATE_GENERATOR_S = 0.05
NOTHING = "nothing"


def run(*, rounds: int = 7, seconds: float = 1.0) -> dict[str, Any]:
    """The figures of `altyn bench hostile`: medians of rounds."""
    with one_server(REGISTERS) as address:
        return _measure(address, rounds, seconds)


def _measure(address: str, rounds: int, seconds: float) -> dict[str, Any]:
    requests = [world.calculations(number, 16) for number in range(REGISTERS)]
    keys = [world.register_key(number) for number in range(REGISTERS)]
    closed = ClosedLoop(
        [
            Connection(address, CALCULATE, key, itertools.cycle(one), STATUS_OK)
            for key, one in zip(keys, requests, strict=True)
        ]
    )
    capacity = statistics.median(closed.run(seconds).calls_per_s for _ in range(3))
    closed.close()
    registers = [Register(address, CALCULATE, key, one, DEADLINE_MS) for key, one in zip(keys, requests, strict=True)]
    loop, rate = OpenLoop(registers, DEADLINE_MS / 1000), capacity * SHARE
    refused = 0

    def p99_ms() -> tuple[float, float]:
        nonlocal refused
        told = loop.run(rate, seconds)
        refused += sum(slot.refused + slot.late for slot in told.slots)
        return statistics.quantiles(told.waits_s, n=100, method="inclusive")[98] * 1000, told.lateness_s

    attacks: dict[str, dict[str, float | None]] = {}
    for kind in (NOTHING, *KINDS):
        quiet, beside, late = [], [], []
        with attacker(kind, address) as process:
            began = spent_s(process)
            for _ in range(rounds):
                quiet.append(p99_ms()[0])
                with at_work(process):
                    p99, lateness_s = p99_ms()
                beside.append(p99)
                late.append(lateness_s)
            share = (spent_s(process) - began) / (rounds * seconds)
        median, other = statistics.median(quiet), statistics.median(beside)
        is_late = statistics.median(late) > LATE_GENERATOR_S
        attacks[kind] = {
            "quiet_p99_ms": round(median, 3),
            "p99_ms": round(other, 3),
            "ratio": None if is_late else round(other / median, 2),
            "attacker_share": round(share, 2),
        }
    loop.close()
    same = attacks.pop(NOTHING)["ratio"]
    ratios = [one["ratio"] for one in attacks.values() if one["ratio"] is not None]
    return {
        "worst_ratio": max(ratios, default=None),
        "same_ratio": same,
        "attacks": attacks,
        "not_in_time_or_refused": refused,
        "calls_per_s": round(rate),
        "capacity_per_s": round(capacity),
        "rounds": rounds,
        "load_average": round(os.getloadavg()[1], 1),
    }


def spent_s(process: subprocess.Popen[bytes] | None) -> float:
    """Processor time of the attacker: one that gets none attacks nobody."""
    return processor_seconds(process.pid) if process is not None else 0.0


@contextmanager
def attacker(kind: str, address: str) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that attacks once it is let go on; None for NOTHING."""
    if kind == NOTHING:
        yield None
        return
    command = [sys.executable, "-m", "altyn.benchmarks.front_attacker", kind, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()


@contextmanager
def at_work(process: subprocess.Popen[bytes] | None) -> Iterator[None]:
    if process is None:
        yield
        return
    process.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGSTOP)
