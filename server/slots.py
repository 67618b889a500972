"""Reply slots: answers that wait for the journal.

A slot is a future with the seq its answer depends on. Seqs are handed out in order, so the slots form a queue and
releasing them is a walk from its head. Invariants: a slot is freed only here, by the journal's side; a caller that goes
away (deadline, reset) cancels its future and the operation finishes all the same; a full table refuses before anything
is applied.
"""

from __future__ import annotations

import asyncio
from collections import deque


class ReplySlots:
    """At most `slots_max` answers wait at a time."""

    def __init__(self, slots_max: int) -> None:
        self.slots_max = slots_max
        self._waiting: deque[tuple[int, bytes, asyncio.Future[bytes]]] = deque()
        self._durable_seq = 0

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self.slots_max

    @property
    def waiting_count(self) -> int:
        return len(self._waiting)

    def hold(self, seq: int, reply: bytes) -> bytes | asyncio.Future[bytes]:
        """`reply` at once when everything up to `seq` is durable, else a future of it."""
        if seq <= self._durable_seq:
            return reply
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((seq, reply, future))
        return future

    def release(self, durable_seq: int) -> None:
        """The journal says that everything up to `durable_seq` is durable."""
        self._durable_seq = durable_seq
        waiting = self._waiting
        while waiting and waiting[0][0] <= durable_seq:
            _, reply, future = waiting.popleft()
            if not future.done():
                future.set_result(reply)

    def fail(self, error: Exception) -> None:
        """Nothing that waits will be answered: the process is about to stop."""
        while self._waiting:
            _, _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)
