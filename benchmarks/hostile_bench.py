"""What registers wait for while one attacker is at the door: p99 beside an attack ÷ p99 beside a control, by attack.

64 registers calculate in an open loop at a quarter of the capacity, so that latencies count from when a call was due.
The server has one core; the generator and the attacker share the other, so a control takes as much of it as the
attacker did and does nothing with it: what the attack costs the server is told apart from what it costs the generator.
Quiet, controlled and attacked rounds take turns, whoever disturbs standing still in between, and ratios are those of
the medians of the rounds' p99. Generator and server go before everybody else on their cores, attacker and control
after everybody (`front_precedence`): `scheduling` tells what of that the system granted. `same_ratio` and its quartiles
are those of quiet rounds beside quiet ones: a ratio within them says nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_attacker import KINDS
from altyn.benchmarks.front_closed import ClosedLoop, Connection
from altyn.benchmarks.front_precedence import go_first, going_first
from altyn.benchmarks.front_scene import CALCULATE, STATUS_OK, OneServer, one_server, processor_seconds
from altyn.benchmarks.overload_load import OpenLoop, Register

REGISTERS = 64
SHARE = 0.25
DEADLINE_MS = 2_000
LATE_GENERATOR_S = 0.05
ATTACKED_SHARE_MIN = 0.005  # most of the time the door makes it wait
LATE = "the generator itself was late"
STARVED = "the attacker got no processor: its core had more to do"


def run(*, rounds: int = 7, seconds: float = 1.0) -> dict[str, Any]:
    """The figures of `altyn bench hostile`: medians of rounds."""
    with one_server(REGISTERS) as server, going_first() as generator:
        told = _measure(server, rounds, seconds)
        return told | {"scheduling": {"generator": generator, "server": go_first(server.pid)}}


class Rounds:
    """The registers' loop, and what became of its calls."""

    def __init__(self, loop: OpenLoop, calls_per_s: float, seconds: float) -> None:
        self._loop, self._calls_per_s, self._seconds = loop, calls_per_s, seconds
        self.lost = 0

    def p99_ms(self) -> tuple[float, bool]:
        """Of one round; whether the generator was late itself."""
        told = self._loop.run(self._calls_per_s, self._seconds)
        self.lost += sum(slot.refused + slot.late for slot in told.slots)
        p99_s = statistics.quantiles(told.waits_s, n=100, method="inclusive")[98]
        return p99_s * 1000, told.lateness_s > LATE_GENERATOR_S


def _measure(server: OneServer, rounds: int, seconds: float) -> dict[str, Any]:
    requests = [world.calculations(number, 16) for number in range(REGISTERS)]
    keys = [world.register_key(number) for number in range(REGISTERS)]
    address = server.address
    closed = ClosedLoop(
        [
            Connection(address, CALCULATE, key, itertools.cycle(one), STATUS_OK)
            for key, one in zip(keys, requests, strict=True)
        ]
    )
    go_first(server.pid)
    capacity = statistics.median(closed.run(seconds).calls_per_s for _ in range(3))
    closed.close()
    registers = [Register(address, CALCULATE, key, one, DEADLINE_MS) for key, one in zip(keys, requests, strict=True)]
    loop, rate = OpenLoop(registers, DEADLINE_MS / 1000), capacity * SHARE
    registers_rounds = Rounds(loop, rate, seconds)
    same = [registers_rounds.p99_ms()[0] for _ in range(2 * rounds)]
    pairs = [after / before for before, after in zip(same[::2], same[1::2], strict=True)]
    lost = registers_rounds.lost
    attacks = {kind: _beside(kind, address, registers_rounds, rounds, seconds) for kind in KINDS}
    loop.close()
    ratios = [one["ratio"] for one in attacks.values() if one["ratio"] is not None]
    return {
        "worst_ratio": max(ratios, default=None),
        "same_ratio": round(statistics.median(same[1::2]) / statistics.median(same[::2]), 2),
        "same_quartiles": [round(cut, 2) for cut in statistics.quantiles(pairs, n=4, method="inclusive")[::2]],
        "attacks": attacks,
        "not_in_time_or_refused": registers_rounds.lost - lost,
        "calls_per_s": round(rate),
        "capacity_per_s": round(capacity),
        "rounds": rounds,
        "load_average": round(os.getloadavg()[1], 1),
    }


def _beside(kind: str, address: str, registers: Rounds, rounds: int, seconds: float) -> dict[str, Any]:
    """One attack. `ratio` is None where `not_run` says why."""
    figures: dict[str, list[float]] = {"quiet": [], "control": [], "attacked": []}
    late: list[bool] = []

    def measure(name: str) -> None:
        p99_ms, is_late = registers.p99_ms()
        figures[name].append(p99_ms)
        late.append(is_late)

    with standing("altyn.benchmarks.front_attacker", kind, address) as attacker:
        with at_work(attacker) as spent_s:  # what share a control has to take
            registers.p99_ms()
        share = spent_s() / seconds
        taken = 0.0
        with standing("altyn.benchmarks.front_precedence", str(share)) as control:
            for _ in range(rounds):
                measure("quiet")
                with at_work(control):
                    measure("control")
                with at_work(attacker) as spent_s:
                    measure("attacked")
                taken += spent_s()
    attacked_share = taken / (rounds * seconds)
    medians = {f"{name}_p99_ms": round(statistics.median(of), 3) for name, of in figures.items()}
    why = LATE if 2 * sum(late) > len(late) else STARVED if attacked_share < ATTACKED_SHARE_MIN else None
    ratio = None if why else round(medians["attacked_p99_ms"] / medians["control_p99_ms"], 2)
    return medians | {"ratio": ratio, "attacker_share": round(attacked_share, 2), "not_run": why}


@contextmanager
def standing(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be let go on."""
    with subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()


@contextmanager
def at_work(process: subprocess.Popen[bytes]) -> Iterator[Callable[[], float]]:
    """It goes on until the end of the block; yields what tells the processor time it has had since."""
    began = processor_seconds(process.pid)
    process.send_signal(signal.SIGCONT)
    try:
        yield lambda: processor_seconds(process.pid) - began
    finally:
        process.send_signal(signal.SIGSTOP)
