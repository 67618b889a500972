"""The feed: keeps a server's facts and rules at what the back office has published, whatever breaks in between.

A hint in the Redis stream `altyn:<tenant>:feed`, a reconnection, or a few seconds passing makes it compare versions
with PostgreSQL and pull what is newer. Invariants: without Redis changes arrive a few seconds later and nothing else
differs; without PostgreSQL the facts and rules held stay in use, `lag_us` grows, and releases already compiled still
come into force at their time. It must never raise into the server: trouble is logged, reported and tried again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from altyn.core.facts import Facts
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.database import connect
from altyn.infra.redis_stream import HintReader
from altyn.server.feeds.compiler import RulesCompiler
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from altyn.server.feeds.rules import IsReady, OnRuleset, RulesFeed
from altyn.server.pulse import Interval

CHECK_EVERY_S = 3.0
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
STATUS_EVERY_S = 5.0
CANCELS_MAX = 5
CANCEL_PATIENCE_S = 1.0
TIMER_MAX_S = 60.0  # wall clocks are set; a long sleep would not notice

ProgressOf = Callable[[Ruleset], tuple[int, int, int, int]]

AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

STATUS = """
INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, sha256, staged_version, feed_version,
                           durable_seq, refused_version, refused_reason, numbers_asked, numbers_ready, history_seq,
                           history_until_seq, pulse)
VALUES ($1, $2, to_timestamp($3), clock_timestamp(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant, server_id) DO UPDATE SET
    started_at = excluded.started_at, seen_at = excluded.seen_at, rules_version = excluded.rules_version,
    sha256 = excluded.sha256, staged_version = excluded.staged_version, feed_version = excluded.feed_version,
    durable_seq = excluded.durable_seq, refused_version = excluded.refused_version,
    refused_reason = excluded.refused_reason, numbers_asked = excluded.numbers_asked,
    numbers_ready = excluded.numbers_ready, history_seq = excluded.history_seq,
    history_until_seq = excluded.history_until_seq, pulse = excluded.pulse
"""

log = structlog.get_logger(__name__)


def wall_clock_us() -> int:
    return time.time_ns() // 1000


def stream_of(tenant: str) -> str:
    """The Redis stream whose entries wake the servers of a tenant."""
    return f"altyn:{tenant}:feed"


async def end_tasks(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until they have ended: a client library may swallow a cancellation that comes while it reconnects."""
    for _ in range(CANCELS_MAX):
        for task in tasks:
            task.cancel()
        if not tasks or not (await asyncio.wait(tasks, timeout=CANCEL_PATIENCE_S))[1]:
            return
    log.error("feed_tasks_left", count=sum(not task.done() for task in tasks))


class Feeds:
    """One tenant's feed. All of it runs on the loop that called `start`, so nothing changes while a call decides."""

    def __init__(
        self,
        *,
        server_id: str,
        compiler: RulesCompiler | None = None,
        durable_seq: Callable[[], int] = lambda: 0,
        clock: Callable[[], int] = wall_clock_us,
        check_every_s: float = CHECK_EVERY_S,
        pulse: Callable[[], Sequence[Interval]] = tuple,
    ) -> None:
        """`compiler`: one that was started before the doors opened; without it `start` makes one. `pulse`: the calls of
        the last minutes, for people.
        """
        self.credentials = Credentials()
        self._compiler = compiler
        self._server_id = server_id
        self._durable_seq = durable_seq
        self._clock = clock
        self._check_every_s = check_every_s
        self._pulse = pulse
        self._started_s = time.time()
        self._caught_up_at_s = time.monotonic()
        self._caught_up = asyncio.Event()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._facts_feed: FactsFeed | None = None
        self._rules_feed: RulesFeed | None = None
        self._reported: tuple[object, ...] = ()
        self._reported_at_s = 0.0

    async def start(
        self,
        dsn: str,
        redis_url: str,
        tenant: str,
        facts: Facts,
        on_ruleset: OnRuleset,
        is_ready: IsReady = lambda ruleset: True,
        progress: ProgressOf = lambda ruleset: (0, 0, 0, 0),
    ) -> None:
        """Begin to follow; returns at once, see `ready`.

        `on_ruleset(release)` is called on the loop when a release comes into
        force, with growing versions; when it raises, the release is refused. `is_ready(ruleset)`: see RulesFeed; call
        `activate` when its answer may have changed. `progress(ruleset)`: how many numbers of earlier purchases it asks
        for, how many are ready, up to which operation they are counted and up to which they will be; for people.
        """
        assert not self._tasks, "started already"
        self._compiler = self._compiler or RulesCompiler(dsn, tenant)
        self._compiler.start()
        self._tenant = tenant
        self._progress = progress
        self._facts_feed = FactsFeed(tenant, facts, self.credentials)
        self._rules_feed = RulesFeed(tenant, facts.assets, self._compiler, on_ruleset, is_ready)
        self._tasks = [
            asyncio.create_task(self._follow(dsn), name="feed"),
            asyncio.create_task(self._listen(HintReader(redis_url, stream_of(tenant))), name="feed-hints"),
        ]

    async def ready(self) -> None:
        """Wait until everything published by now has been taken, or refused, once."""
        await self._caught_up.wait()

    async def stop(self) -> None:
        """End following; facts and rules stay as they are."""
        await end_tasks(self._tasks)
        self._tasks = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._compiler is not None:
            self._compiler.stop()

    @property
    def lag_us(self) -> int:
        """Since when versions have not been compared with PostgreSQL. A few seconds are normal."""
        return int((time.monotonic() - self._caught_up_at_s) * 1_000_000)

    @property
    def feed_version(self) -> int:
        return self._facts_feed.version if self._facts_feed else 0

    @property
    def rules(self) -> RulesFeed:
        """What is in force, staged, refused. Only after `start`."""
        assert self._rules_feed is not None, "not started"
        return self._rules_feed

    async def _listen(self, reader: HintReader) -> None:
        async for _ in reader.hints():
            self._wake.set()

    async def _follow(self, dsn: str) -> None:
        """Connect, pull, wait; for ever."""
        backoff_s = BACKOFF_FIRST_S
        while True:
            try:
                connection = await connect(dsn, name=f"altyn feed {self._server_id}")
                try:
                    while True:
                        await self._pull(connection)
                        backoff_s = BACKOFF_FIRST_S
                        await self._until_woken()
                finally:
                    connection.terminate()
            except AWAY as error:
                log.warning("feed_interrupted", error=f"{type(error).__name__}: {error}", lag_us=self.lag_us)
            except Exception:
                # A row or an answer nobody foresaw: selling goes on with what is held.
                log.exception("feed_failed", lag_us=self.lag_us)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)

    async def _until_woken(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._check_every_s * random.uniform(0.8, 1.2))
        self._wake.clear()

    async def _pull(self, connection: asyncpg.Connection[Any]) -> None:
        assert self._facts_feed is not None
        newest = await self.rules.newest(connection)
        facts_changed = await self._facts_feed.pull(connection)
        rules_changed = await self.rules.pull(connection, newest, self._clock())
        self.activate()
        if facts_changed or rules_changed:
            log.info("feed_advanced", feed_version=self.feed_version, rules_version=self.rules.version)
        self._caught_up_at_s = time.monotonic()
        self._caught_up.set()
        await self._report(connection)

    def activate(self) -> None:
        """Hand over what is due and set the timer for what is next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.rules.activate(self._clock())
        next_us = self.rules.next_effective_at_us(self._clock())
        if next_us is not None:
            delay_s = min(max((next_us - self._clock()) / 1_000_000, 0.0), TIMER_MAX_S)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.activate)

    async def _report(self, connection: asyncpg.Connection[Any]) -> None:
        """Tell what this server runs: at once when it changed, else every few seconds."""
        rules = self.rules
        told = (rules.version, rules.sha256 or None, rules.staged_version, self.feed_version)
        refused = (rules.refused_version, rules.refused_reason)
        counted = self._progress(rules.waiting[-1].ruleset) if rules.waiting else (0, 0, 0, 0)
        if (told, refused, counted) == self._reported and time.monotonic() - self._reported_at_s < STATUS_EVERY_S:
            return
        whose = (self._tenant, self._server_id, self._started_s)
        await connection.execute(STATUS, *whose, *told, self._durable_seq(), *refused, *counted, self._pulse())
        self._reported, self._reported_at_s = (told, refused, counted), time.monotonic()
