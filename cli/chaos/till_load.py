"""Registers that sell without pause, in a thread of their own, through the client library every till is given.

Each has its store-and-forward file; while the server is away it goes on selling into that file and drains it later.
Some receipts are reserved first, some reserved and given up, some sent twice. Invariants: what was told to a register
is kept by op_id in `Told`, the first reply as it came; after `settle` every file is empty, so that the balances follow
from `Told.receipts` alone. The main thread stays free to start and kill processes. It must never look at the journal.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from altyn.cli.chaos.small_world import CARDS, STORE, basket, register_key, register_name
from altyn.infra.errors import Trouble
from altyn.pos.v1 import outcome_pb2, pos_service_pb2
from altyn.register import Attempt, CallRejected, JsonLines, LocalTime, Register

SETTLE_PATIENCE_S = 60.0
OFFLINE_PAUSE_S = 0.1
RESERVED_FIRST, GIVEN_UP, SENT_TWICE = 0.10, 0.05, 0.10

T = TypeVar("T")


class ChaosFailed(Trouble):
    """The experiment itself could not go on: a register could not drain, or a server did not come back."""


class Told:
    """What the registers were told: a History. Written on the load's thread, read when it is settled."""

    def __init__(self, history: JsonLines) -> None:
        self.replies: dict[bytes, bytes] = {}
        """op_id → the first reply."""
        self.uploaded: dict[bytes, int] = {}
        """op_id → the seq an upload named for it."""
        self.differing: set[bytes] = set()
        """Operations that were answered twice, and not with the same bytes."""
        self.receipts: Counter[int] = Counter()
        """Account → receipts committed by it, answered or queued."""
        self.recovery_us = 0
        """From the kill to the first OK after the restart; 0 until then."""
        self._killed_at_us = 0
        self._history = history

    def restarted(self, killed_at_us: int) -> None:
        """What was killed at that moment runs again. Answers in between were the last words of orphans."""
        self._killed_at_us, self.recovery_us = killed_at_us, 0

    def __call__(self, attempt: Attempt) -> None:
        self._history(attempt)
        if attempt.reply is None or not attempt.op_id or attempt.call == "GetOperation":
            return
        if attempt.is_of_upload:
            self.uploaded[attempt.op_id] = pos_service_pb2.UploadResult.FromString(attempt.reply).seq
            return
        if self.replies.setdefault(attempt.op_id, attempt.reply) != attempt.reply:
            self.differing.add(attempt.op_id)
        if not self.recovery_us and attempt.invoked_us > self._killed_at_us > 0 and _is_ok(attempt):
            self.recovery_us = attempt.replied_us - self._killed_at_us

    def close(self) -> None:
        self._history.close()


def _is_ok(attempt: Attempt) -> bool:
    assert attempt.reply is not None
    reply = getattr(pos_service_pb2, attempt.call + "Response").FromString(attempt.reply)
    return bool(reply.status == outcome_pb2.STATUS_OK)


class Till:
    """One register and the cashier at it."""

    def __init__(self, number: int, target: str, folder: Path, told: Told, seed: int) -> None:
        self.settled = asyncio.Event()
        self._name = register_name(number)
        self._random = Random(seed)
        self._told = told
        self._receipt_number = 0
        self.register = Register(
            target,
            store_id=STORE,
            register_id=self._name,
            key=register_key(number),
            file=folder / f"{self._name}.saf",
            history=told,
        )

    async def work(self, selling: asyncio.Event) -> None:
        """Sell while `selling`, else settle and wait; until cancelled."""
        try:
            while True:
                if not selling.is_set():
                    await self._drain_all()
                    self.settled.set()
                    await selling.wait()
                await self._sell()
        finally:
            await self.register.close()

    async def _sell(self) -> None:
        self._receipt_number += 1
        account = self._random.choice(CARDS)
        receipt = basket(self._receipt_number, str(account), self._name)
        luck = self._random.random()
        try:
            if luck < GIVEN_UP:
                await self.register.reserve(receipt)
                answer = await self.register.cancel(
                    shift_number=1, receipt_number=self._receipt_number, at=LocalTime.now()
                )
            else:
                if luck < GIVEN_UP + RESERVED_FIRST:
                    await self.register.reserve(receipt)
                # Counted before it is sent: once saved it will be in the journal, sooner or later.
                self._told.receipts[account] += 1
                answer = await self.register.commit(receipt)
            if not answer.is_queued and self._random.random() < SENT_TWICE:
                await self.register.repeat(answer)
        except CallRejected as rejected:
            raise ChaosFailed(f"{self._name}: a receipt was rejected: {rejected}") from rejected
        if self.register.file.pending():
            await asyncio.sleep(self._random.uniform(0, OFFLINE_PAUSE_S))
            await self.register.drain()

    async def _drain_all(self) -> None:
        while self.register.file.pending():
            drained = await self.register.drain()
            if drained.rejected_count:
                raise ChaosFailed(f"{self._name}: a queued receipt was rejected: {drained.stopped_by}")
            if drained.left_count:
                await asyncio.sleep(self._random.uniform(0, OFFLINE_PAUSE_S))


class TillLoad:
    """All registers. `start`, then `sell` and `settle` in turn, then `stop`; every call is for the main thread."""

    def __init__(self, target: str, folder: Path, registers_count: int, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.history = folder / "history.jsonl"
        self.told = Told(JsonLines(self.history))
        self._target = target
        self._folder = folder
        self._count = registers_count
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tills", daemon=True)
        self._tills: list[Till] = []
        self._work: list[asyncio.Task[None]] = []
        self._selling: asyncio.Event

    def run(self, work: Coroutine[Any, Any, T], patience_s: float = SETTLE_PATIENCE_S) -> T:
        """Run a coroutine on the registers' loop. ChaosFailed when it takes too long."""
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, patience_s), self._loop)
        try:
            return future.result(patience_s + 5.0)
        except TimeoutError as error:
            raise ChaosFailed(f"the registers could not do it in {patience_s:.0f} s: {work!r}") from error

    def start(self) -> None:
        self._thread.start()
        self.run(self._open())

    def sell(self) -> None:
        """Let all registers sell."""
        self.run(self._sell())

    def settle(self, patience_s: float = SETTLE_PATIENCE_S) -> None:
        """Stop selling and wait until every register has sent what it owes. ChaosFailed."""
        self.run(self._settle(), patience_s)

    def check(self) -> None:
        """Raise what a register ended with."""
        for work in self._work:
            if work.done():
                work.result()

    def stop(self) -> None:
        """End; what is unanswered stays in the files. Saying it twice is harmless."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self.run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)
        self._loop.close()
        self.told.close()

    async def _open(self) -> None:
        self._selling = asyncio.Event()
        random = Random(self._seed)
        self._tills = [
            Till(number, self._target, self._folder, self.told, random.getrandbits(32))
            for number in range(1, self._count + 1)
        ]
        self._work = [asyncio.create_task(till.work(self._selling)) for till in self._tills]

    async def _sell(self) -> None:
        for till in self._tills:
            till.settled.clear()
        self._selling.set()

    async def _settle(self) -> None:
        self._selling.clear()
        for till in self._tills:
            settled = asyncio.ensure_future(till.settled.wait())
            await asyncio.wait([settled, *self._work], return_when=asyncio.FIRST_COMPLETED)
            self.check()

    async def _close(self) -> None:
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
