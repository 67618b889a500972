"""The tills of StoreForwardUsers: real ``altyn.register`` registers in a process of their own, ordered about by Locust.

Each has its store-and-forward file, its connection and its history, as in a shop. A mishap changes how the register is
used, never what it promises: whatever was saved is sent until answered, a repeat must bring the same bytes. Ends when
its input ends; it draws nothing and paces nothing, the orders say what and when.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import orjson

from altyn.loadtests.ledger import Ledger
from altyn.loadtests.receipts import Numbering, Stock
from altyn.loadtests.settings import tls_credentials
from altyn.loadtests.till_protocol import Done, Order, decode_order, encode
from altyn.pos.v1 import receipt_pb2
from altyn.register import (
    TIME_OUTS,
    Answer,
    Attempt,
    CallRejected,
    FileFailed,
    FileFull,
    LocalTime,
    NoAnswer,
    Register,
    TimeOut,
)

#: Shorter than any answer takes: the register gives up, and the operation waits in its file.
HOPELESS = TimeOut(0.001, 0.001)
SETTLE_PATIENCE_S = 30.0
DRAIN_PAUSE_S = 0.2
DRAIN_AT_ONCE = asyncio.Semaphore(16)


class Till:
    """One register and what it does with a receipt."""

    def __init__(self, order: Order, target: str, tls: str, folder: Path, ledger: Ledger, stock: Stock) -> None:
        self._time_outs = dict(TIME_OUTS)
        self._ledger = ledger
        self._stock = stock
        self._numbering = Numbering(order.store_id, order.register_id)
        self._receipt_keys: dict[bytes, str] = {}
        self._first_replies: dict[bytes, bytes] = {}
        self._calls: list[tuple[str, int, int, str, bool]] = []
        self._register = Register(
            target,
            store_id=order.store_id,
            register_id=order.register_id,
            key=order.key,
            file=folder / f"{order.store_id}-{order.register_id}.saf",
            tls=tls_credentials(tls),
            time_outs=self._time_outs,
            history=self._watch,
        )

    async def sell(self, order: Order) -> Done:
        """One receipt, from the forecast to the commit or the void."""
        receipt = self._stock.receipt(order.place, LocalTime.now())
        self._numbering.next_receipt(receipt)
        hopeless = order.mishap in ("time_out", "offline")
        token = b""
        if not hopeless:
            token = await self._forecast(receipt)
        usual = dict(self._time_outs)
        if hopeless:
            self._time_outs["CommitReceipt"] = HOPELESS
        try:
            answer = await self._register.commit(receipt, calc_token=token)
        finally:
            self._time_outs.update(usual)
        if order.mishap == "duplicate" and not answer.is_queued:
            await self._repeat(answer)
        if order.mishap == "void":
            await self._register.cancel(
                shift_number=receipt.shift_number, receipt_number=receipt.receipt_number, at=LocalTime.now(), wait=False
            )
        elif order.mishap != "offline" and self._register.file.pending():
            await self._register.drain()
        return self._done(order)

    async def close(self, order: Order) -> Done:
        """Send what is still owed, for a bounded time, and give the file back."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SETTLE_PATIENCE_S
        while self._register.file.pending() and loop.time() < give_up_at:
            async with DRAIN_AT_ONCE:
                drained = await self._register.drain()
            if drained.left_count:
                await asyncio.sleep(DRAIN_PAUSE_S)
        done = self._done(order)
        await self._register.close()
        return done

    async def _forecast(self, receipt: receipt_pb2.Receipt) -> bytes:
        try:
            shown = await self._register.calculate(receipt)
        except NoAnswer:
            return b""
        return bytes(shown.calc_token)

    async def _repeat(self, answer: Answer) -> None:
        again = await asyncio.gather(self._register.repeat(answer), self._register.repeat(answer))
        if any(reply is not None and reply != answer.reply for reply in again):
            self._calls.append(("till repeat", 0, 0, "not the bytes of the first reply", False))

    def _done(self, order: Order) -> Done:
        calls, self._calls = self._calls, []
        return Done(order.number, calls, len(self._register.file.pending()))

    def _watch(self, attempt: Attempt) -> None:
        """Each attempt, as the wire saw it; what was given up on purpose is no failure."""
        self._ledger(attempt)
        if attempt.is_of_upload:
            return
        problem, silent = "", attempt.reply is None
        if silent:
            problem = attempt.error
        elif attempt.op_id:
            assert attempt.reply is not None
            if self._first_replies.setdefault(attempt.op_id, attempt.reply) != attempt.reply:
                problem = "not the bytes of the first reply"
        on_purpose = silent and self._time_outs.get(attempt.call) is HOPELESS
        name = f"till {attempt.call}" + (" in 1 ms" if on_purpose else "")
        self._calls.append((name, attempt.invoked_us, attempt.replied_us, "" if on_purpose else problem, silent))


class Tills:
    """All of them; one order of one till at a time, tills side by side."""

    def __init__(self, target: str, tls: str, folder: Path, stock: Stock) -> None:
        self._target, self._tls, self._folder, self._stock = target, tls, folder, stock
        self._ledger = Ledger(folder.parent / "told", f"tills-{os.getpid()}")
        self._tills: dict[int, Till] = {}

    async def follow(self, order: Order) -> None:
        """Do it and say so. A register that cannot go on says why; the others do."""
        try:
            done = await self._do(order)
        except (CallRejected, FileFull, FileFailed) as failure:
            done = Done(order.number, failure=f"{order.store_id} {order.register_id}: {failure}")
        self._ledger.flush()
        self.say(done)

    def say(self, done: Done) -> None:
        """Answer an order; number 0 says that orders are taken."""
        sys.stdout.buffer.write(encode(done))
        sys.stdout.buffer.flush()

    async def _do(self, order: Order) -> Done:
        if order.do == "open":
            self._tills[order.till] = Till(order, self._target, self._tls, self._folder, self._ledger, self._stock)
            return Done(order.number)
        till = self._tills[order.till]
        if order.do == "sell":
            return await till.sell(order)
        del self._tills[order.till]
        return await till.close(order)


async def run(target: str, tls: str, folder: Path, stock: Stock) -> None:
    """Follow orders until the input ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tills = Tills(target, tls, folder, stock)
    at_work: set[asyncio.Task[None]] = set()
    tills.say(Done(0))
    while line := await reader.readline():
        task = asyncio.create_task(tills.follow(decode_order(line)))
        at_work.add(task)
        task.add_done_callback(at_work.discard)
    for task in at_work:
        task.cancel()


if __name__ == "__main__":
    told = orjson.loads(sys.argv[1])
    asyncio.run(run(told["target"], told["tls"], Path(told["folder"]), Stock.open(told["stock"], told["baskets"])))
