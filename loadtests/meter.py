"""What a run measured: latencies by call, from the planned moment and from sending, and the run second by second.

A latency is kept to three significant digits, so a percentile is right to half a percent and memory is bounded
whatever the run's length. Meters of several processes add up. Percentiles are nearest-rank. It never drops a slow
answer, and what was not answered is no latency: it is counted apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

EXAMPLES_MAX = 5


def rounded_us(latency_us: int, below: int = 1000) -> int:
    """Three significant digits (or as many as ``below`` has zeros), half up; nothing below zero."""
    step = 1
    while latency_us >= below * step:
        step *= 10
    return max(0, (latency_us + step // 2) // step * step)


def percentile_us(latencies: Counter[int], permille: int) -> int | None:
    """Nearest rank: 500 is the median, 990 is p99. None when nothing was measured."""
    total = latencies.total()
    if not total:
        return None
    rank = max(1, -(-total * permille // 1000))
    for latency_us in sorted(latencies):
        rank -= latencies[latency_us]
        if rank <= 0:
            return latency_us
    raise AssertionError("a rank is at most the total")


@dataclass(slots=True)
class CallMeter:
    """One call. ``planned`` and ``sent`` are histograms of answered attempts: microseconds → count."""

    planned: Counter[int] = field(default_factory=Counter)
    sent: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Second:
    """What ended in one second of the run; latencies to two digits, a soak has many seconds."""

    planned: Counter[int] = field(default_factory=Counter)
    failed_count: int = 0
    begun_count: int = 0
    backlog_max: int = 0


@dataclass(slots=True)
class Meter:
    """A run, or one process's part of it. ``owed_count`` receipts were planned and not begun, dropped ones included."""

    calls: dict[str, CallMeter] = field(default_factory=dict)
    seconds: dict[int, Second] = field(default_factory=dict)
    begun_count: int = 0
    owed_count: int = 0
    dropped_count: int = 0
    backlog_max: int = 0
    unsent_count: int = 0
    examples: list[str] = field(default_factory=list)

    def answered(self, name: str, planned_us: int, sent_us: int, done_us: int) -> None:
        """An answer came, as expected."""
        call, latency_us = self._call(name), done_us - planned_us
        call.planned[rounded_us(latency_us)] += 1
        call.sent[rounded_us(done_us - sent_us)] += 1
        self._second(done_us).planned[rounded_us(latency_us, 100)] += 1

    def failed(self, name: str, kind: str, done_us: int, what: str) -> None:
        """``silent``: no answer came; ``wrong``: one came that must not."""
        self._call(name).failed[kind] += 1
        self._second(done_us).failed_count += 1
        if kind == "wrong" and len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"{name}: {what}")

    def begun(self, now_us: int, backlog_count: int, dropped_count: int) -> None:
        """A receipt begins, so many wait behind it, and so many were dropped since the last one."""
        second = self._second(now_us)
        second.begun_count += 1
        second.backlog_max = max(second.backlog_max, backlog_count)
        self.begun_count += 1
        self.backlog_max = max(self.backlog_max, backlog_count)
        self.owed(dropped_count, dropped_count)

    def owed(self, owed_count: int, dropped_count: int) -> None:
        self.owed_count += owed_count
        self.dropped_count += dropped_count

    # RESULTS

    @property
    def answered_count(self) -> int:
        return sum(call.planned.total() for call in self.calls.values())

    @property
    def silent_count(self) -> int:
        return sum(call.failed["silent"] for call in self.calls.values())

    @property
    def wrong_count(self) -> int:
        return sum(call.failed["wrong"] for call in self.calls.values())

    @property
    def error_share(self) -> float:
        """Attempts without the expected answer, of all attempts."""
        failed = self.silent_count + self.wrong_count
        return failed / max(1, failed + self.answered_count)

    @property
    def achieved_share(self) -> float:
        """Receipts begun, of those planned."""
        return self.begun_count / max(1, self.begun_count + self.owed_count)

    # BETWEEN PROCESSES

    def as_json(self) -> dict[str, Any]:
        """Plain values; every key of a mapping is text."""
        return {
            "calls": {
                name: {
                    "planned": _plain(call.planned),
                    "sent": _plain(call.sent),
                    "failed": dict(call.failed),
                }
                for name, call in self.calls.items()
            },
            "seconds": {
                str(at): [_plain(second.planned), second.failed_count, second.begun_count, second.backlog_max]
                for at, second in self.seconds.items()
            },
            "counts": [self.begun_count, self.owed_count, self.dropped_count, self.backlog_max, self.unsent_count],
            "examples": self.examples,
        }

    def add(self, told: dict[str, Any]) -> None:
        """Take in what another process's ``as_json`` gave."""
        for name, parts in told["calls"].items():
            call = self._call(name)
            call.planned.update(_counter(parts["planned"]))
            call.sent.update(_counter(parts["sent"]))
            call.failed.update(parts["failed"])
        for at, (planned, failed_count, begun_count, backlog_max) in told["seconds"].items():
            second = self._second(int(at) * 1_000_000)
            second.planned.update(_counter(planned))
            second.failed_count += failed_count
            second.begun_count += begun_count
            second.backlog_max = max(second.backlog_max, backlog_max)
        begun, owed, dropped, backlog_max, unsent = told["counts"]
        self.begun_count += begun
        self.owed(owed, dropped)
        self.backlog_max = max(self.backlog_max, backlog_max)
        self.unsent_count += unsent
        self.examples = (self.examples + told["examples"])[:EXAMPLES_MAX]

    def clear(self) -> None:
        """Forget what was told; the greatest backlog stays."""
        self.calls, self.seconds, self.examples = {}, {}, []
        self.begun_count = self.owed_count = self.dropped_count = self.unsent_count = 0

    def _call(self, name: str) -> CallMeter:
        return self.calls.setdefault(name, CallMeter())

    def _second(self, at_us: int) -> Second:
        return self.seconds.setdefault(at_us // 1_000_000, Second())


def _plain(counts: Counter[int]) -> dict[str, int]:
    return {str(value): count for value, count in counts.items()}


def _counter(told: dict[str, int]) -> Counter[int]:
    return Counter({int(value): count for value, count in told.items()})
