"""The processing server: recover, follow the facts, open the doors, drain.

Order of a start: take the shard over, recover the engine, load facts and rules, open the doors, say `ready`. Order of
a stop: refuse new
calls, let the running ones finish, write what waits, close. In doubt about the journal the process ends at once with
status 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import structlog

from altyn.core.engine import CallRefused, Engine, find_owed
from altyn.core.facts import Facts
from altyn.infra.errors import Trouble
from altyn.infra.metrics import LoopLag, MetricsDoor, new_registry
from altyn.infra.settings import Secrets, Settings
from altyn.infra.zones import ensure_zone
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.server.authenticate import RegisterAuthenticate
from altyn.server.calls import POS_SERVICE, Calls
from altyn.server.counting import Counting
from altyn.server.expiry import expire
from altyn.server.feeds.compiler import RulesCompiler
from altyn.server.feeds.feeds import Feeds
from altyn.server.feeds.past_rules import PastRules, PastRulesLoader
from altyn.server.feeds.rules import Release
from altyn.server.journal import Journal
from altyn.server.journal_archive import JournalArchive
from altyn.server.journal_reader import JournalDoubt
from altyn.server.meters import clock_us
from altyn.server.metrics import CallMeters, ServerState, StageTimes
from altyn.server.one_time_codes import OneTimeCodes
from altyn.server.ops import OPS_SERVICE, OpsCalls, ops_authenticate
from altyn.server.pace import Pace
from altyn.server.pulse import Pulse
from altyn.server.recovery import recover
from altyn.server.refusals import RefusalLog
from altyn.server.shifts import Shifts
from altyn.server.slots import ReplySlots
from altyn.server.snapshots import Snapshots
from altyn.server.stages import Stages
from altyn.server.transport.door import (
    UNIX,
    Door,
    DoorLimits,
    Service,
    choose,
    new_door,
    new_json_door,
    new_office_door,
)
from altyn.server.transport.tls import Tls

if TYPE_CHECKING:
    from altyn.server.tracing import Tracing

SHARD = 0
SLOTS_MAX = 20_000
RETURNS_EVERY_S = 0.2
DRAIN_S = 5.0

log = structlog.get_logger(__name__)


def new_engine(settings: Settings, secrets: Secrets) -> Engine:
    """An empty engine of this tenant. The snapshot writer makes the same one."""
    facts = Facts()
    ensure_zone(facts.zones, settings.tenant_zone)
    return Engine(
        tenant=settings.tenant_id,
        facts=facts,
        zone=settings.tenant_zone,
        token_key=secrets.token_key,
        pepper=secrets.pepper,
    )


class Server:
    """One processing server. `run` returns when it has been asked to stop and has drained."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        compiler: RulesCompiler,
        tls: Tls | None = None,
        ops_tls: Tls | None = None,
    ) -> None:
        """`tls`: of the registers' doors; `ops_tls`: of the management door. None: plaintext."""
        self._settings = settings
        self._secrets = secrets
        self._tls = tls
        self._ops_tls = ops_tls
        # One name a machine: what a restarted server reports replaces what it reported before.
        self._server_id = f"{socket.gethostname()[:50]}/{SHARD}"
        self._started_at_us = clock_us()
        self._tracing = self._new_tracing()
        self.engine = new_engine(settings, secrets)
        self.slots = ReplySlots(SLOTS_MAX)
        self.snapshots = Snapshots(snapshot_folder(settings))
        self.past_rules = PastRulesLoader(
            settings.postgres_dsn, settings.tenant_id, self.engine.facts.assets, compiler, self._take_past_rules
        )
        self.meters = CallMeters()
        self.feeds = Feeds(
            server_id=self._server_id,
            compiler=compiler,
            durable_seq=lambda: self.journal.durable_seq,
            pulse=Pulse(self.meters).beat,
        )
        self.journal: Journal
        self.counting: Counting
        self._asked: list[str] = []  # by the release in force, of earlier purchases
        self._stopping = asyncio.Event()

    async def run(self, on_ready: Callable[[dict[str, object]], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._start_journal()
        try:
            await self.feeds.start(
                self._settings.postgres_dsn,
                self._settings.redis_url,
                self._settings.tenant_id,
                self.engine.facts,
                self._take_ruleset,
                self.counting.is_ready,
                self.counting.progress,
            )
            if await self._unless_stopped(self.feeds.ready()):
                await self._serve(on_ready)
        finally:
            await self.past_rules.stop()
            await self.feeds.stop()
            await self._close_journal()
            for number in (signal.SIGTERM, signal.SIGINT):
                # Drained already: being asked once more must not turn the exit status into a signal's.
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN)
        log.info("server_stopped", durable_seq=self.journal.durable_seq)

    async def _unless_stopped(self, waited: Coroutine[None, None, None]) -> bool:
        """Wait for something that has no bound of its own; False when the server was asked to stop first."""
        waiting, stop = asyncio.create_task(waited), asyncio.create_task(self._stopping.wait())
        await asyncio.wait({waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        waiting.cancel()
        return waiting.done() and not self._stopping.is_set()

    async def _start_journal(self) -> None:
        self.journal = await Journal.open(
            self._settings.postgres_dsn,
            SHARD,
            f"{self._server_id}-{os.getpid()}",
            unsafe=self._settings.unsafe_durability,
            archive=JournalArchive(archive_folder(self._settings)),
        )
        recovered = await recover(self.engine, self.journal.reader, self.snapshots)
        if self.engine.last_seq != self.journal.durable_seq:
            raise JournalDoubt(
                f"recovered up to seq {self.engine.last_seq}, the journal ends at {self.journal.durable_seq}"
            )
        self.counting = Counting(
            self.engine,
            self.journal.append,
            lambda: self.journal.has_room,
            lambda: self.journal.durable_seq,
            self._names_asked,
            self.feeds.activate,
        )
        self.counting.recover()
        self.slots.release(self.journal.durable_seq)
        self.journal.on_durable(self.slots.release)
        log.info(
            "recovered", seq=self.engine.last_seq, from_snapshot=recovered.snapshot_seq, records=recovered.records_count
        )

    async def _close_journal(self) -> None:
        try:
            await self.journal.close()
        except TimeoutError as late:
            # Nobody was answered for these; registers send them again.
            raise JournalDoubt("PostgreSQL did not take what waited for it before the stop") from late

    def _take_ruleset(self, release: Release) -> None:
        self.engine.take_ruleset(
            release.ruleset, release.sha256, release.effective_at_us, release.emergency, release.follows
        )
        self.engine.look(clock_us())
        self._asked = release.ruleset.read_set["accumulations"]
        log.info(
            "rules_in_force",
            version=release.version,
            sha256=release.sha256.hex(),
            image_sha256=self.engine.rules_sha256,
            emergency=release.emergency,
        )

    def _names_asked(self) -> list[str]:
        waiting = [name for release in self.feeds.rules.waiting for name in release.ruleset.read_set["accumulations"]]
        return [*self._asked, *waiting]

    def _waiting_version(self) -> int:
        """The newest release whose time has come and whose history has not."""
        now_us = clock_us()
        come = [release for release in self.feeds.rules.waiting if release.effective_at_us <= now_us]
        return max((release.version for release in come), default=0)

    def _take_past_rules(self, past: PastRules) -> None:
        if past.version:
            self.engine.take_release(past.version, past.ruleset, past.sha256)
        else:
            self.engine.take_past_ruleset(past.ruleset, past.sha256, past.begin_us, past.end_us)

    async def _serve(self, on_ready: Callable[[dict[str, object]], None]) -> None:
        dsn, directory = self._settings.postgres_dsn, self.engine.facts.directory
        shifts = Shifts(dsn, lambda: self.journal.durable_seq, clock_us)
        codes = OneTimeCodes(dsn, self.engine.tenant, directory, self._secrets.pepper, clock_us)
        calls = Calls(
            self.engine,
            self.journal,
            self.slots,
            beside={"ReconcileShift": shifts.reconcile, "SendOneTimeCode": codes.send},
            bring_rules=lambda wanted: self.past_rules.bring(*wanted),
        )
        ops_calls = OpsCalls(self.engine, calls, self._in_force, clock_us, self._waiting_version)
        meters, refusals = self.meters, RefusalLog()
        kind = choose(self._settings.door)
        pace = Pace(self._settings.register_calls_per_s) if self._settings.register_calls_per_s else None
        stages = Stages()
        pos = Service(POS_SERVICE, stages.over(calls.table()), RegisterAuthenticate(self.feeds.credentials, pace))
        pos = self._tracing.over(pos) if self._tracing is not None else pos
        back_office = Service(OPS_SERVICE, ops_calls.table(), ops_authenticate(self._secrets.ops_key.hex()))
        limits = DoorLimits(
            connections_max=self._settings.connections_max,
            connections_of_address_max=self._settings.connections_of_address_max,
        )
        json_limits = DoorLimits(
            connections_max=self._settings.json_connections_max,
            connections_of_address_max=self._settings.json_connections_of_address_max,
        )
        registers = new_door(kind, [pos], self._settings.grpc_listen, meters, refusals, self._tls, limits)
        office = new_office_door(back_office, self._settings.ops_listen, [POS_SERVICE], meters, refusals, self._ops_tls)
        doors: dict[str, Door] = {"grpc": registers, "ops": office}
        if self._settings.json_listen:
            uds = (self._settings.uds_asset, self._settings.uds_currency)
            listen = self._settings.json_listen
            doors["json"] = new_json_door(pos, listen, meters, refusals, self._tls, json_limits, uds)
        for door in doors.values():
            await door.start()
            await door.say_serving()
        log.info("doors_open", door=kind, tls=self._tls is not None)
        watch = asyncio.create_task(self.journal.watch(), name="journal-watch")
        expiry = asyncio.create_task(expire(self.engine, self.journal), name="expiry")
        returns = asyncio.create_task(self._settle_returns(calls), name="waiting-returns")
        counting = asyncio.create_task(self.counting.run(), name="counting")
        stop = asyncio.create_task(self._stopping.wait(), name="stop")
        files = [tls for tls in (self._tls, self._ops_tls) if tls is not None]
        aside = [asyncio.create_task(tls.watch(), name="tls-files") for tls in files]
        metrics, lag = await self._tell_metrics(meters, stages)
        told: dict[str, object] = {"metrics": metrics.address}
        for name, door in doors.items():
            told[name] = address_of(getattr(self._settings, f"{name}_listen"), door.port)
        on_ready(told)
        try:
            await asyncio.wait({watch, expiry, returns, counting, stop}, return_when=asyncio.FIRST_COMPLETED)
            for ended in (watch, expiry, returns, counting):
                if ended.done():
                    ended.result()
            for door in doors.values():
                await door.say_stopping()
            await asyncio.gather(*(door.stop(DRAIN_S) for door in doors.values()))
        finally:
            await metrics.stop()
            await shifts.close()
            await codes.close()
            if self._tracing is not None:
                await self._tracing.stop()
            tasks = (watch, expiry, returns, counting, stop, lag, *aside)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _new_tracing(self) -> Tracing | None:
        """Where spans of calls go; None: nowhere, and what sends them is not even loaded. Trouble: it is
        not there to be.
        """
        if not self._settings.traces_url:
            return None
        try:
            from altyn.server.tracing import Tracing
        except ModuleNotFoundError as missing:
            raise Trouble(f"ALTYN_TRACES_URL is set, and {missing.name} is not installed: altyn[traces]") from missing
        return Tracing(self._settings.traces_url, self._settings.traces_ppm, self._server_id)

    def _certificates(self) -> dict[str, int]:
        """When those of the doors end."""
        held = {"registers": self._tls, "management": self._ops_tls}
        return {door: tls.ends_at_s for door, tls in held.items() if tls is not None}

    async def _tell_metrics(self, meters: CallMeters, stages: Stages) -> tuple[MetricsDoor, asyncio.Task[None]]:
        """The management listener, and the task that measures how late the loop is."""
        lag = LoopLag()
        state = ServerState(
            self.engine, self.journal, self.slots, self.feeds, self.past_rules, self.snapshots, self._server_id
        )
        times = StageTimes(stages, self.slots, self._certificates)
        registry = new_registry(meters.collect, times.collect, state.collect, lag.collect)
        door = MetricsDoor(registry, self._settings.metrics_listen, is_ready=lambda: not self._stopping.is_set())
        await door.start()
        return door, asyncio.create_task(lag.run(), name="loop-lag")

    async def _settle_returns(self, calls: Calls) -> None:
        """Decide the returns whose sale has come. What the journal cannot be asked now is asked in the next turn."""
        find_owed(self.engine)
        while True:
            await asyncio.sleep(RETURNS_EVERY_S)
            with contextlib.suppress(CallRefused):
                while await calls.settle_waiting():
                    pass

    def _in_force(self) -> ops.GetRulesInForceResponse:
        rules = self.feeds.rules
        return ops.GetRulesInForceResponse(
            rules_version=self.engine.rules_version,
            sha256=rules.sha256.hex(),
            durable_seq=self.journal.durable_seq,
            promotions_count=self.engine.promotions_count,
            server_id=self._server_id,
            feed_version=self.feeds.feed_version,
            refused_version=rules.refused_version,
            refused_reason=rules.refused_reason,
            started_at_us=self._started_at_us,
        )


def snapshot_folder(settings: Settings) -> Path:
    return settings.var / "snapshots"


def archive_folder(settings: Settings) -> Path:
    return settings.var / "archive"


def address_of(listen: str, port: int) -> str:
    """The address listened on, with the port the system chose."""
    if listen.startswith(UNIX):
        return listen
    return f"{listen.rpartition(':')[0]}:{port}"


def say_ready(doors: dict[str, object]) -> None:
    """The one line on stdout by which whoever started this process knows where it listens."""
    sys.stdout.write("ready " + orjson.dumps(doors).decode() + "\n")
    sys.stdout.flush()
