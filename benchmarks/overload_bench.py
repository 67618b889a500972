"""What becomes of a server that is offered more than it can do: calls answered in time, and how soon it is well again.

One server on one core, the generator on the other. Capacity is that of a closed loop; then the same registers offer 1
and 3 times as much in an open loop, each call with the deadline after which a till goes on without an answer, and
half as much afterwards. Receipts are long, because a generator in Python could not offer three times as many short
ones. A reply counts as good when it came before its deadline, counted from when the call was due.
"""

from __future__ import annotations

import itertools
import os
import statistics
from random import Random
from typing import Any

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_load import ClosedLoop, Connection
from altyn.benchmarks.front_scene import CALCULATE, STATUS_OK, one_server
from altyn.benchmarks.overload_load import SLOT_S, OpenLoop, Register, Told
from altyn.pos.v1 import pos_service_pb2 as pos

REGISTERS = 512
CLOSED = 64
LINES = 200
DEADLINE_MS = 300
SETTLE_SLOTS = 4  # of a run at 3 times the capacity: what the server needs to know that it is too much
WELL = 0.99
GENERATOR_LATE_MS_MAX = 100.0
VARIETY = 8


def run(*, rounds: int = 3, seconds: float = 4.0, recovery_s: float = 5.0) -> dict[str, Any]:
    """The figures of `altyn bench overload`: medians of rounds."""
    with one_server(REGISTERS) as server:
        return _measure(server.address, rounds, seconds, recovery_s)


def requests_of(number: int) -> list[bytes]:
    """Varied CalculateReceipt requests of one register, each as long as ten receipts."""
    random, made = Random(number), []
    for turn in range(VARIETY):
        whole = world.receipt(random, number, turn + 1, 1_760_000_000_000_000)
        while len(whole.lines) < LINES:
            whole.lines.extend(world.receipt(random, number, turn + 1, 1_760_000_000_000_000).lines)
        for line_no, line in enumerate(whole.lines, 1):
            line.line_no = line_no
        made.append(pos.CalculateReceiptRequest(receipt=whole).SerializeToString())
    return made


def _measure(address: str, rounds: int, seconds: float, recovery_s: float) -> dict[str, Any]:
    requests = [requests_of(number) for number in range(REGISTERS)]
    closed = ClosedLoop(
        [
            Connection(address, CALCULATE, world.register_key(number), itertools.cycle(requests[number]), STATUS_OK)
            for number in range(CLOSED)
        ]
    )
    closed.run(1.0)
    registers = [
        Register(address, CALCULATE, world.register_key(number), requests[number], DEADLINE_MS)
        for number in range(REGISTERS)
    ]
    offered = OpenLoop(registers, DEADLINE_MS / 1_000)
    rows: list[dict[str, float]] = []
    for _ in range(rounds):
        capacity = closed.run(2.0).calls_per_s
        even = offered.run(capacity, seconds)
        over = offered.run(3 * capacity, seconds)
        after = offered.run(0.5 * capacity, recovery_s)
        rows.append(
            {
                "capacity_per_s": capacity,
                "goodput_1x": even.good_per_s() / capacity,
                "goodput_3x": over.good_per_s(SETTLE_SLOTS) / capacity,
                "refused_share_3x": _share(over, "refused"),
                "late_share_3x": _share(over, "late"),
                "sent_away_3x": over.sent_away,
                "recovery_s": recovered_after_s(after),
                "generator_late_ms": over.lateness_s * 1_000,
            }
        )
    closed.close()
    offered.close()
    medians: dict[str, Any] = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    not_run: dict[str, str] = {}
    if medians["generator_late_ms"] > GENERATOR_LATE_MS_MAX:
        said = "the generator could not offer as much: it was late itself"
        not_run = dict.fromkeys(("goodput_3x", "refused_share_3x", "late_share_3x", "recovery_s"), said)
    about = {"registers": REGISTERS, "lines": LINES, "deadline_ms": DEADLINE_MS, "rounds": rounds}
    return medians | dict.fromkeys(not_run) | about | {"cores": os.cpu_count(), "not_run": not_run}


def _share(told: Told, kind: str) -> float:
    return sum(getattr(slot, kind) for slot in told.slots) / sum(slot.offered for slot in told.slots)


def recovered_after_s(told: Told) -> float:
    """From when on 99 of 100 calls of every quarter of a second were good; all of the run when they never were."""
    ill = [number for number, slot in enumerate(told.slots) if slot.good < WELL * slot.offered]
    return (ill[-1] + 1) * SLOT_S if ill else 0.0
