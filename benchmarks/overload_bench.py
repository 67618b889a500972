"""What becomes of a server that is offered more than it can do: calls answered in time, and how soon it is well again.

One server with its stores on one core, the generator on the other. Capacity is that of a closed loop; then the same
registers offer 1 and 3 times as much in an open loop, each call with the deadline after which a till goes on without an
answer, and half as much afterwards: first forecasts, then durable commits, every one a new operation. Receipts are
long, because a generator in Python could not offer three times as many short ones. A reply counts as good when it came
before its deadline, counted from when the call was due.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, overload

from altyn.benchmarks import front_world as world
from altyn.benchmarks.front_closed import ClosedLoop, Connection
from altyn.benchmarks.front_precedence import going_first
from altyn.benchmarks.front_scene import CALCULATE, COMMIT, STATUS_OK, one_server
from altyn.benchmarks.overload_load import SLOT_S, OpenLoop, Register, Told
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2

REGISTERS = 512
CLOSED = 64
LINES = 200
DEADLINE_MS = 300
SETTLE_SLOTS = 4  # of a run at 3 times the capacity: what the server needs to know that it is too much
WELL = 0.99
GENERATOR_LATE_MS_MAX = 100.0
VARIETY = 8
NUMBER_AT_FIRST = 1 << 29  # of receipts: further ones take as many bytes for long


def run(*, rounds: int = 3, seconds: float = 4.0, recovery_s: float = 5.0) -> dict[str, Any]:
    """The figures of `altyn bench overload`: medians of rounds; those of commits under `commit`."""
    with one_server(REGISTERS, stores_core=0) as server, going_first() as generator:
        calculated = _measure(server.address, CALCULATE, calculations_of, rounds, seconds, recovery_s)
        committed = _measure(server.address, COMMIT, NewCommits, rounds, seconds, recovery_s)
    about = {"registers": REGISTERS, "lines": LINES, "deadline_ms": DEADLINE_MS, "rounds": rounds}
    return calculated | about | {"commit": committed, "cores": os.cpu_count(), "generator": generator}


class NewCommits(Sequence[bytes]):
    """CommitReceipt requests of one register: each a new operation and a new receipt, made when it is asked for.

    A request is one made before with other numbers in place: they take as many bytes.
    """

    def __init__(self, number: int) -> None:
        self._now_us, self._count = time.time_ns() // 1000, 0
        made = receipts_of(number, self._now_us)[0]
        made.receipt_number = NUMBER_AT_FIRST
        request = pos.CommitReceiptRequest(op_id=bytes(16), register_seq=self._now_us, receipt=made)
        whole = request.SerializeToString()
        self._tag, _, rest = whole.partition(bytes(16))
        self._before, _, rest = rest.partition(_varint(self._now_us))
        self._between, _, self._after = rest.partition(_varint(NUMBER_AT_FIRST))

    def __len__(self) -> int:
        return NUMBER_AT_FIRST

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        """A new one, whichever is asked for."""
        self._count += 1
        begin = self._tag + os.urandom(16) + self._before + _varint(self._now_us + self._count)
        return begin + self._between + _varint(NUMBER_AT_FIRST + self._count) + self._after


def _varint(value: int) -> bytes:
    """As protobuf writes it."""
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def receipts_of(number: int, now_us: int) -> list[receipt_pb2.Receipt]:
    """Varied receipts of one register, each as long as ten."""
    random, made = Random(number), []
    for turn in range(VARIETY):
        whole = world.receipt(random, number, turn + 1, now_us)
        while len(whole.lines) < LINES:
            whole.lines.extend(world.receipt(random, number, turn + 1, now_us).lines)
        for line_no, line in enumerate(whole.lines, 1):
            line.line_no = line_no
        made.append(whole)
    return made


def calculations_of(number: int) -> list[bytes]:
    """CalculateReceipt requests of one register."""
    receipts = receipts_of(number, 1_760_000_000_000_000)
    return [pos.CalculateReceiptRequest(receipt=receipt).SerializeToString() for receipt in receipts]


def again(requests: Sequence[bytes]) -> Iterator[bytes]:
    for number in itertools.count():
        yield requests[number % len(requests)]


def _measure(
    address: str,
    method: str,
    requests_of: Callable[[int], Sequence[bytes]],
    rounds: int,
    seconds: float,
    recovery_s: float,
) -> dict[str, Any]:
    requests = [requests_of(number) for number in range(REGISTERS)]
    closed = ClosedLoop(
        [
            Connection(address, method, world.register_key(number), again(requests[number]), STATUS_OK)
            for number in range(CLOSED)
        ]
    )
    closed.run(1.0)
    registers = [
        Register(address, method, world.register_key(number), requests[number], DEADLINE_MS)
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
    return medians | dict.fromkeys(not_run) | {"not_run": not_run}


def _share(told: Told, kind: str) -> float:
    return sum(getattr(slot, kind) for slot in told.slots) / sum(slot.offered for slot in told.slots)


def recovered_after_s(told: Told) -> float:
    """From when on 99 of 100 calls of every quarter of a second were good; all of the run when they never were."""
    ill = [number for number, slot in enumerate(told.slots) if slot.good < WELL * slot.offered]
    return (ill[-1] + 1) * SLOT_S if ill else 0.0
