"""Reply slots under asyncio: who waits is answered once, by the journal, and never inside the call that released it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

from altyn.server.slots import PendingReply, ReplySlots

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    runner: Run = request.param
    return runner


def held(slots: ReplySlots, seq: int) -> PendingReply:
    pending = slots.hold(seq, b"reply %d" % seq)
    assert isinstance(pending, PendingReply)
    return pending


def test_replies_are_released_in_order_of_their_seqs(run: Run) -> None:
    async def test() -> None:
        slots = ReplySlots(8)
        waits = [asyncio.ensure_future(_await(held(slots, seq))) for seq in (1, 2, 2, 3)]
        await asyncio.sleep(0)
        assert slots.waiting_count == 4
        slots.release(2)
        assert not waits[0].done()
        assert await asyncio.gather(*waits[:3]) == [b"reply 1", b"reply 2", b"reply 2"]
        assert (waits[3].done(), slots.waiting_count) == (False, 1)
        assert slots.hold(2, b"now") == b"now"
        slots.release(3)
        assert await waits[3] == b"reply 3"

    run(test())


def test_await_after_release_answers_at_once(run: Run) -> None:
    async def test() -> None:
        slots = ReplySlots(8)
        pending = held(slots, 1)
        with pytest.raises(asyncio.InvalidStateError):
            pending.result()
        slots.release(1)
        assert pending.done() and await pending == await pending == b"reply 1"

    run(test())


def test_caller_that_leaves_keeps_its_slot_and_hurts_nobody(run: Run) -> None:
    async def test() -> None:
        slots = ReplySlots(2)
        leaving, staying = (asyncio.ensure_future(_await(held(slots, seq))) for seq in (1, 2))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert slots.is_full
        slots.release(2)
        assert await staying == b"reply 2"
        assert not slots.is_full

    run(test())


def test_deadline_of_asyncio_ends_the_wait(run: Run) -> None:
    async def test() -> None:
        slots = ReplySlots(2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(held(slots, 1), 0.01)
        pending = held(slots, 1)
        done, waiting = await asyncio.wait([asyncio.ensure_future(pending)], timeout=0.01)
        assert (len(done), len(waiting)) == (0, 1)
        slots.release(1)
        assert pending.result() == b"reply 1"

    run(test())


def test_failure_of_the_journal_reaches_everyone_who_waits(run: Run) -> None:
    async def test() -> None:
        slots = ReplySlots(8)
        waits = [asyncio.ensure_future(_await(held(slots, seq))) for seq in (1, 2)]
        await asyncio.sleep(0)
        slots.fail(RuntimeError("stop"))
        assert [str(error) for error in await asyncio.gather(*waits, return_exceptions=True)] == ["stop", "stop"]

    run(test())


def test_callbacks_run_from_the_loop_in_their_context_and_one_that_fails_concerns_nobody_else(run: Run) -> None:
    async def test() -> None:
        name: ContextVar[str] = ContextVar("name")
        name.set("caller")
        heard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(type(context["exception"])))
        slots = ReplySlots(8)
        pending = held(slots, 1)

        def fail(_: PendingReply) -> None:
            raise KeyError

        def removed(_: PendingReply) -> None:
            heard.append("removed")

        def append(future: PendingReply) -> None:
            heard.append((future.result(), name.get()))

        pending.add_done_callback(fail)
        pending.add_done_callback(removed)
        pending.add_done_callback(append)
        assert (pending.remove_done_callback(removed), pending.remove_done_callback(removed)) == (1, 0)
        slots.release(1)
        assert heard == []
        await asyncio.sleep(0)
        pending.add_done_callback(append)
        await asyncio.sleep(0)
        assert heard == [KeyError, (b"reply 1", "caller"), (b"reply 1", "caller")]

    run(test())


async def _await(pending: PendingReply) -> bytes:
    return await pending
