"""Replays the demonstration's baskets against a live server, from all its registers at once.

Every register is a real one: own identity, own key, own connection, own store-and-forward file; its baskets follow one
another, registers run side by side. What happens to a basket is in ``till_day.py``. The result holds what the report,
the command's JSON and the checker need; latencies are of attempts that were answered, as seen on the wire.

Never here: starting servers, publishing rules, loading facts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from altyn.cli.demo.dataset import Basket
from altyn.cli.demo.tally import Tally
from altyn.cli.demo.till_day import Clock, Plan, Till, now_in_store
from altyn.register import TIME_OUTS, Attempt, CallRejected, History, Register, TimeOut

Key = Callable[[str, str], str]

#: All registers are connected, so many of them sell at one moment. More would only queue inside this process, and the
#: latencies would then be its own.
RECEIPTS_AT_ONCE_MAX = 8
SETTLE_ROUNDS_MAX = 20
#: A busy two-core machine is no reason to call a demonstration off: more patience than a real till has.
PATIENT = {
    call: TimeOut(max(time_out.attempt_s * 5, 2.0), max(time_out.call_s * 5, 8.0))
    for call, time_out in TIME_OUTS.items()
}


@dataclass(slots=True)
class Replay:
    """What a replay did. ``latencies_us`` are answered attempts by call, sorted."""

    tally: Tally = field(default_factory=Tally)
    latencies_us: dict[str, list[int]] = field(default_factory=dict)
    attempts_count: int = 0
    answered_count: int = 0
    elapsed_us: int = 0
    left_count: int = 0
    stopped_by: list[str] = field(default_factory=list)

    @property
    def calls_per_s(self) -> int:
        """Answered attempts a second, while registers were selling."""
        return self.answered_count * 1_000_000 // max(1, self.elapsed_us)

    def latency_us(self, call: str, percent: int) -> int | None:
        """The nearest-rank percentile of a call's latency in microseconds; None when it was never answered."""
        seen = self.latencies_us.get(call)
        return seen[max(0, -(-len(seen) * percent // 100) - 1)] if seen else None


async def replay(
    baskets: Sequence[Basket],
    target: str,
    key: Key,
    folder: Path,
    *,
    tls: grpc.ChannelCredentials | None = None,
    plan: Plan | None = None,
    history: History | None = None,
    clock: Clock = now_in_store,
    codes: Sequence[str] = (),
    receipts_at_once_max: int = RECEIPTS_AT_ONCE_MAX,
    on_receipt: Callable[[], None] = lambda: None,
) -> Replay:
    """Send every basket, then close every shift; files of the registers go to ``folder``.

    ``key(store_id, register_id)`` is a register's credential. ``baskets`` must be in order of time, ``codes``
    are unique coupons that customers have. A register whose call is rejected stops and is
    named in ``stopped_by``; the others go on.
    """
    result = Replay()
    queues: dict[tuple[str, str], list[Basket]] = {}
    for basket in baskets:
        queues.setdefault((basket.store_id, basket.register_id), []).append(basket)
    gate, sold = asyncio.Semaphore(receipts_at_once_max), asyncio.Barrier(max(1, len(queues)))

    def watch(attempt: Attempt) -> None:
        result.attempts_count += not attempt.is_of_upload
        if attempt.reply is not None and not attempt.is_of_upload:
            seen = result.latencies_us.setdefault(attempt.call, [])
            seen.append(attempt.replied_us - attempt.invoked_us)
        if history is not None:
            history(attempt)

    async def work(store_id: str, register_id: str, queue: list[Basket]) -> None:
        time_outs = dict(PATIENT)
        async with _register(target, store_id, register_id, key, folder, tls, time_outs, watch) as register:
            till = Till(register, time_outs, plan or Plan(), result.tally, clock, codes)
            try:
                await till.settle()
                for basket in queue:
                    async with gate:
                        await till.sell(basket)
                    on_receipt()
                result.left_count += await _settle(till)
                is_open = True
            except CallRejected as rejected:
                result.stopped_by.append(f"{register_id}: {rejected}")
                is_open = False
            if await sold.wait() == 0:
                result.answered_count = sum(map(len, result.latencies_us.values()))
                result.elapsed_us = (time.monotonic_ns() - begin_ns) // 1000
            try:
                if is_open:
                    async with gate:
                        await till.close_shifts()
            except CallRejected as rejected:
                result.stopped_by.append(f"{register_id}: {rejected}")

    begin_ns = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for (store_id, register_id), queue in queues.items():
            group.create_task(work(store_id, register_id, queue))
    for seen in result.latencies_us.values():
        seen.sort()
    return result


def progress_bar(console: Console) -> Progress:
    """A bar for ``on_receipt``: one step a receipt."""
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _register(
    target: str,
    store_id: str,
    register_id: str,
    key: Key,
    folder: Path,
    tls: grpc.ChannelCredentials | None,
    time_outs: dict[str, TimeOut],
    history: History,
) -> Register:
    return Register(
        target,
        store_id=store_id,
        register_id=register_id,
        key=key(store_id, register_id),
        file=folder / f"{register_id}.saf",
        tls=tls,
        time_outs=time_outs,
        history=history,
    )


async def _settle(till: Till) -> int:
    """Nothing may stay unknown while the server lives: drain until empty, a bounded number of times."""
    left = 0
    for round_no in range(SETTLE_ROUNDS_MAX):
        left = await till.settle()
        if not left:
            break
        await asyncio.sleep(0.05 * (round_no + 1))
    return left
