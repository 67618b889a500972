"""What counting costs a call: the meters of a door and the stages of the call table, around a call that does nothing.

The clock is the thread's processor time; rounds with and without alternate, and their difference is the cost.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from altyn.core.engine import Scope
from altyn.server.meters import CallMeter
from altyn.server.stages import Stages

CALLS = 20_000
ROUNDS = 15
REPLY = b"\x08\x01"
SCOPE = Scope("bench", "M001", "K0001")


def counting_us(request: bytes) -> float:
    """Microseconds a call, median of rounds. `request`: of CommitReceipt, as one in some is decoded to be timed."""

    def call(request: bytes, scope: Scope) -> bytes:
        return REPLY

    counted, meter = Stages().over({"CommitReceipt": call})["CommitReceipt"], CallMeter("bench", "CommitReceipt")

    def bare() -> None:
        for _ in range(CALLS):
            call(request, SCOPE)

    def measured() -> None:
        for _ in range(CALLS):
            begun_ns = meter.begin()
            counted(request, SCOPE)
            meter.answered(begun_ns, REPLY)

    return statistics.median(_spent_ns(measured) - _spent_ns(bare) for _ in range(ROUNDS)) / CALLS / 1_000


def _spent_ns(work: Callable[[], None]) -> int:
    begun_ns = time.thread_time_ns()
    work()
    return time.thread_time_ns() - begun_ns
