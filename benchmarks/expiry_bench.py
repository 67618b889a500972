"""A midnight at which every account loses a lot, as those notice it who calculate meanwhile.

Calculations are due at a fixed rate and their latency counts from when they were due, so a turn of the loop that ends
lots is charged to all whom it kept waiting. Lots end at the server's own pace, one turn a second, and are journalled.
A round is normal, normal again, and with lots ending; ratios are taken within a round.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable
from time import perf_counter, process_time
from typing import Any, NamedTuple

from altyn.benchmarks import front_world as world
from altyn.core.engine import Engine, LotSweep, Scope
from altyn.core.ledger.book import Book
from altyn.server.calls import Call
from altyn.server.expiry import EXPIRY_EVERY_S, end_lots
from altyn.server.journal import Journal

ROUNDS = 7
NORMAL_S = 2.0
EXPIRING_S = 4.0
PER_S = 500
_REQUESTS = 512


class Part(NamedTuple):
    """Percentiles of one part of a round, in seconds."""

    p50: float
    p99: float
    worst: float


async def measure_expiry(
    book: Book, engine: Engine, journal: Journal, calculate: Call, midnight_us: int
) -> dict[str, Any]:
    """The figures whose names begin with `expiry_`. The book's lots are over at `midnight_us`, and stay so."""
    scope = Scope(world.TENANT, world.STORE, world.register_id(0))
    requests = world.calculations(0, _REQUESTS)
    sweep, lots_before = LotSweep(engine), book.lots_count
    rounds, turns = [], list[float]()
    await _part(calculate, requests, scope, NORMAL_S)
    for _ in range(ROUNDS):
        normal = await _part(calculate, requests, scope, NORMAL_S)
        again = await _part(calculate, requests, scope, NORMAL_S)
        ending = asyncio.create_task(_end_lots(sweep, journal, midnight_us, turns))
        rounds.append((normal, again, await _part(calculate, requests, scope, EXPIRING_S)))
        ending.cancel()
    bands = [again.p99 / normal.p99 for normal, again, _ in rounds]
    return {
        "expiry_p99_ratio": round(statistics.median(ended.p99 / normal.p99 for normal, _, ended in rounds), 2),
        "expiry_again_quartiles": [round(part, 2) for part in statistics.quantiles(bands, n=4)[::2]],
        "expiry_p99_us": _microseconds(ended.p99 for _, _, ended in rounds),
        "normal_p50_us": _microseconds(normal.p50 for normal, _, _ in rounds),
        "normal_p99_us": _microseconds(normal.p99 for normal, _, _ in rounds),
        "normal_worst_us": _microseconds(normal.worst for normal, _, _ in rounds),
        "expiry_worst_us": _microseconds(ended.worst for _, _, ended in rounds),
        "expiry_turn_cpu_us": _microseconds(turns),
        "expiry_due_lots": book.accounts_count,
        "expiry_lots_per_s": round((lots_before - book.lots_count) / ROUNDS / EXPIRING_S),
        "expiry_rounds": ROUNDS,
    }


def _microseconds(seconds: Iterable[float]) -> float:
    return round(statistics.median(list(seconds)) * 1e6, 1)


async def _end_lots(sweep: LotSweep, journal: Journal, now_us: int, turns: list[float]) -> None:
    """As the server does it, the first turn at once; the processor time of each."""
    while True:
        began = process_time()
        end_lots(sweep, journal, now_us)
        turns.append(process_time() - began)
        await asyncio.sleep(EXPIRY_EVERY_S)


async def _part(calculate: Call, requests: list[bytes], scope: Scope, seconds: float) -> Part:
    """Open loop: one calculation when it is due, else a turn of the loop for all others. Timers are too coarse."""
    times: list[float] = []
    started = perf_counter()
    for number in range(int(seconds * PER_S)):
        due = started + number / PER_S
        await asyncio.sleep(0)
        while perf_counter() < due:  # noqa: ASYNC110
            await asyncio.sleep(0)
        reply = calculate(requests[number % len(requests)], scope)
        assert isinstance(reply, bytes)
        times.append(perf_counter() - due)
    times.sort()
    return Part(times[len(times) // 2], times[len(times) * 99 // 100], times[-1])
