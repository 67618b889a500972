"""A till with the client library: store-and-forward file, time-outs, repeats, an offline spell, voids.

The register itself works in another process (``till_process``); this user plans, orders and measures. Latency of its
``till CommitReceipt`` holds what the cashier feels: the wait since the planned moment and the file's fsync included.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from random import Random
from typing import Any

import gevent  # type: ignore[import-untyped]
import orjson
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from gevent.fileobject import FileObjectPosix  # type: ignore[import-untyped]
from locust import User, task

from altyn.loadtests.door import Silence, WrongAnswer
from altyn.loadtests.load import Load, current_load
from altyn.loadtests.till_protocol import MISHAPS, Done, Order, decode_done, encode

OFFLINE_RECEIPTS = 5
ORDER_PATIENCE_S = 60.0
START_PATIENCE_S = 60.0
END_PATIENCE_S = 10.0
POLL_S = 0.02


class TillsLost(Exception):
    """The process of the tills has ended or does not answer."""


class TillProcess:
    """The other process, shared by all users of this one."""

    def __init__(self, load: Load) -> None:
        """Start it and wait until it takes orders. Raises TillsLost."""
        self._waiting: dict[int, Any] = {}
        self._count = 0
        settings = load.settings
        told = {
            "target": settings.target,
            "tls": settings.tls,
            "folder": str(settings.out / "registers"),
            "stock": settings.stock,
            "baskets": settings.baskets,
        }
        orders_out, orders_in = os.pipe()
        answers_out, answers_in = os.pipe()
        # Not subprocess: gevent's forks, and gRPC's threads do not survive a fork. A group of its own, because a
        # Ctrl-C is for Locust; it ends when its input does.
        self._pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "altyn.loadtests.till_process", orjson.dumps(told).decode()],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, orders_out, 0), (os.POSIX_SPAWN_DUP2, answers_in, 1)],
            setpgroup=0,
        )
        os.close(orders_out)
        os.close(answers_in)
        self._orders = FileObjectPosix(orders_in, "wb", bufsize=0)
        self._answers = FileObjectPosix(answers_out, "rb")
        ready = AsyncResult()
        self._waiting[0] = ready
        self._reader = gevent.spawn(self._read)
        try:
            ready.get(timeout=START_PATIENCE_S)
        except gevent.Timeout as error:
            raise TillsLost("the process of the tills did not start") from error

    def order(self, do: str, till: int, **what: Any) -> Done:
        """Say it and wait for the answer. Raises TillsLost."""
        self._count += 1
        order = Order(self._count, do, till, **what)
        answer = self._waiting[order.number] = AsyncResult()
        try:
            self._orders.write(encode(order))
            done: Done = answer.get(timeout=ORDER_PATIENCE_S)
        except (OSError, ValueError, gevent.Timeout) as error:
            raise TillsLost(f"the process of the tills: {error!r}") from error
        finally:
            self._waiting.pop(order.number, None)
        return done

    def close(self) -> None:
        """End it; the files keep what is unanswered."""
        self._orders.close()
        give_up_at = time.monotonic() + END_PATIENCE_S
        while not os.waitpid(self._pid, os.WNOHANG)[0]:
            if time.monotonic() > give_up_at:
                os.kill(self._pid, signal.SIGKILL)
            gevent.sleep(POLL_S)
        self._reader.kill()

    def _read(self) -> None:
        for line in self._answers:
            done = decode_done(line)
            answer = self._waiting.get(done.number)
            if answer is not None:
                answer.set(done)
        for answer in list(self._waiting.values()):
            answer.set_exception(TillsLost("the process of the tills has ended"))


class StoreForwardUser(User):
    """One till with a file."""

    def wait_time(self) -> float:
        """The pace waits, not Locust."""
        return 0.0

    def on_start(self) -> None:
        self.load = current_load(self.environment)
        self.tills: TillProcess = self.load.tills
        seed = self.load.new_seed()
        self.till = seed
        self.random = Random(seed)
        self.identity = self.load.take_register(last=True)
        self.place = self.random.randrange(len(self.load.stock))
        self.offline_count = 0
        identity = self.identity
        self.tills.order(
            "open", self.till, store_id=identity.store_id, register_id=identity.register_id, key=identity.key
        )
        self.pace = self.load.new_pace(seed)

    def on_stop(self) -> None:
        """What was due and not begun is owed; the register settles behind the user's back."""
        if not hasattr(self, "pace"):
            return  # stopped before it could begin
        owed = self.pace.owed(self.load.clock.now_us())
        self.load.meter.owed(owed.backlog_count + owed.dropped_count, owed.dropped_count)
        self.load.settling.append(gevent.spawn(self.settle))

    @task
    def sell(self) -> None:
        """One receipt at its planned moment, with or without a mishap."""
        clock, meter = self.load.clock, self.load.meter
        start = self.pace.take(clock.now_us())
        gevent.sleep(max(0, start.planned_us - clock.now_us()) / 1e6)
        meter.begun(clock.now_us(), start.backlog_count, start.dropped_count)
        self.place += 1
        self.note(self.tills.order("sell", self.till, place=self.place, mishap=self.mishap()), start.planned_us)

    def mishap(self) -> str:
        """Drawn for each receipt; an offline spell is several receipts long."""
        if self.offline_count:
            self.offline_count -= 1
            return "offline" if self.offline_count else ""
        if self.random.randrange(1_000_000) >= self.load.settings.faults_ppm:
            return ""
        drawn = self.random.choice(MISHAPS)
        if drawn == "offline":
            self.offline_count = OFFLINE_RECEIPTS
        return drawn

    def settle(self) -> None:
        """Drain the file, for a bounded time, and give the register back."""
        done = self.tills.order("close", self.till)
        self.note(done, 0)
        self.load.meter.unsent_count += done.left_count
        self.load.give_back(self.identity, last=True)

    def note(self, done: Done, planned_us: int) -> None:
        """Tell meter and Locust of each call; the first commit is measured from its planned moment."""
        meter = self.load.meter
        if done.failure:
            meter.failed("till", "wrong", self.load.clock.now_us(), done.failure)
        for name, sent_us, done_us, problem, silent in done.calls:
            first = planned_us and name == "till CommitReceipt"
            begin_us = planned_us if first else sent_us
            planned_us = 0 if first else planned_us
            failure: Exception | None = None
            if problem:
                failure = Silence(problem) if silent else WrongAnswer(problem)
                meter.failed(name, "silent" if silent else "wrong", done_us or self.load.clock.now_us(), problem)
            else:
                meter.answered(name, begin_us, sent_us, done_us)
            self.environment.events.request.fire(
                request_type="register",
                name=name,
                response_time=(done_us - begin_us) / 1000,
                response_length=0,
                exception=failure,
                context={},
            )


def settle_all(load: Load) -> None:
    """When no user runs any more: wait until every register has sent what it owes, and end their process."""
    try:
        gevent.joinall(load.settling, raise_error=True)
    finally:
        load.settling.clear()
        if load.tills is not None:
            load.tills.close()
            load.tills = None
