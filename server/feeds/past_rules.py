"""Releases of a time long ago, brought when a late receipt or a return asks for one.

Which release was in force then is read from PostgreSQL; a return names the one that decided its sale. It is compiled by
the same process as new ones, one at a time, so that a new release waits for one old one at most. Who asks waits, a
bounded time; everybody else goes on. Invariants: what is handed over holds for the whole time told with it; a release
that cannot be taken is passed over for the one below, as it was when it was new; a load goes on when those who asked
have left. Never here: what is in force now.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import asyncpg
import structlog

from altyn.core.engine import CallRefused
from altyn.core.facts import AssetFact
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.database import connect
from altyn.server.feeds.compiler import CompilerFailed, Opened, ReleaseRefused
from altyn.server.feeds.rules import RELEASES_LOOKED_AT_MAX, check_assets

PATIENCE_S = 4.0  # of one call; a register gives an upload ten seconds
SQL_S = 5.0
TRIES_MAX = 3  # of a release over which the compiling process fails, before it is passed over
TIMES_MIN_US, TIMES_MAX_US = -(1 << 63), (1 << 63) - 1
AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

_EFFECTIVE = "(extract(epoch FROM effective_at) * 1000000)::bigint"
_AT = f"""
SELECT version, sha256, {_EFFECTIVE} AS effective_at_us FROM rules_release
 WHERE tenant = $1 AND {_EFFECTIVE} <= $2 AND version <> ALL ($3::bigint[]) ORDER BY version DESC LIMIT 1
"""
_OF_VERSION = "SELECT sha256 FROM rules_release WHERE tenant = $1 AND version = $2"
_NEXT = f"""
SELECT min({_EFFECTIVE}) FROM rules_release WHERE tenant = $1 AND version > $2 AND version <> ALL ($3::bigint[])
"""

log = structlog.get_logger(__name__)


class PastRules(NamedTuple):
    """What was in force in [begin_us, end_us), or with a version that release, whenever it was. Without a ruleset there
    is nothing that could be taken.
    """

    begin_us: int
    end_us: int
    ruleset: Ruleset | None
    sha256: bytes
    version: int = 0


class Wanted(NamedTuple):
    """A time, or a version."""

    time_us: int
    version: int

    def is_served_by(self, found: PastRules) -> bool:
        if self.version or found.version:
            return self.version == found.version
        return found.begin_us <= self.time_us < found.end_us


class Compiler(Protocol):
    """What is needed of the compiling process."""

    async def compile(self, version: int, sha256: bytes) -> Opened: ...


class PastRulesLoader:
    """Brings past releases of one tenant. All of it runs on the loop of the calls that ask."""

    def __init__(
        self,
        dsn: str,
        tenant: str,
        assets: Mapping[str, AssetFact],
        compiler: Compiler,
        on_past: Callable[[PastRules], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`on_past` takes what was found, before those who asked go on; ValueError: it cannot be taken."""
        self.loads_count = 0
        self._dsn = dsn
        self._tenant = tenant
        self._assets = assets
        self._compiler = compiler
        self._on_past = on_past
        self._patience_s = patience_s
        self._wanted: dict[Wanted, asyncio.Future[None]] = {}
        self._refused: set[int] = set()
        self._failures: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[Any] | None = None

    async def bring(self, time_us: int, version: int = 0) -> None:
        """Return when `on_past` has what was in force at that time, or that version. CallRefused: not now."""
        wanted = Wanted(0 if version else time_us, version)
        waiting = self._wanted.get(wanted)
        if waiting is None:
            waiting = self._wanted[wanted] = asyncio.get_running_loop().create_future()
            waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="past-rules")
        try:
            await asyncio.wait_for(asyncio.shield(waiting), self._patience_s)
        except (*AWAY, ReleaseRefused) as error:
            raise CallRefused(
                "UNAVAILABLE", "RETRY", "", "the rules of this receipt's time are not here yet; send it again"
            ) from error

    async def stop(self) -> None:
        """End; whoever waits is told to ask again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._disconnect()

    async def _run(self) -> None:
        """Until nobody wants anything: bring what the first one wants, and answer all whom it serves."""
        try:
            while self._wanted:
                wanted = next(iter(self._wanted))
                try:
                    found = await (self._find_version(wanted.version) if wanted.version else self._find(wanted.time_us))
                except (*AWAY, ReleaseRefused) as error:
                    self._disconnect()
                    log.warning("past_rules_not_brought", error=f"{type(error).__name__}: {error}")
                    self._wanted.pop(wanted).set_exception(error)
                    continue
                self.loads_count += 1
                for served in [one for one in self._wanted if one.is_served_by(found)]:
                    waiting = self._wanted.pop(served)
                    if not waiting.done():
                        waiting.set_result(None)
        finally:
            for waiting in self._wanted.values():
                if not waiting.done():
                    waiting.set_exception(TimeoutError("the server stops"))
            self._wanted.clear()

    async def _find(self, time_us: int) -> PastRules:
        """What was in force then, handed over."""
        connection = await self._connected()
        for _ in range(RELEASES_LOOKED_AT_MAX):
            passed_over = list(self._refused)
            row = await connection.fetchrow(_AT, self._tenant, time_us, passed_over)
            version = row["version"] if row else 0
            end_us = await connection.fetchval(_NEXT, self._tenant, version, passed_over)
            end_us = TIMES_MAX_US if end_us is None else end_us
            if row is None:
                nothing = PastRules(TIMES_MIN_US, end_us, None, b"")
                self._on_past(nothing)
                return nothing
            try:
                ruleset = await self._compile(version, row["sha256"])
                found = PastRules(row["effective_at_us"], end_us, ruleset, row["sha256"])
                self._on_past(found)
            except CompilerFailed as error:
                self._failures[version] += 1
                if self._failures[version] < TRIES_MAX:
                    raise
                self._pass_over(version, error)
            except (ReleaseRefused, ValueError) as error:
                self._pass_over(version, error)
            else:
                log.info("past_rules_brought", version=version, image_bytes=ruleset.image_bytes)
                return found
        raise ReleaseRefused(f"{RELEASES_LOOKED_AT_MAX} releases of that time cannot be taken")

    async def _find_version(self, version: int) -> PastRules:
        """That release, handed over; without its ruleset when it cannot be taken."""
        row = await (await self._connected()).fetchrow(_OF_VERSION, self._tenant, version)
        if row is not None and version not in self._refused:
            try:
                ruleset = await self._compile(version, row["sha256"])
                found = PastRules(0, 0, ruleset, row["sha256"], version)
                self._on_past(found)
            except CompilerFailed as error:
                self._failures[version] += 1
                if self._failures[version] < TRIES_MAX:
                    raise
                self._pass_over(version, error)
            except (ReleaseRefused, ValueError) as error:
                self._pass_over(version, error)
            else:
                log.info("past_rules_brought", version=version, image_bytes=ruleset.image_bytes)
                return found
        nothing = PastRules(0, 0, None, b"", version)
        self._on_past(nothing)
        return nothing

    def _pass_over(self, version: int, error: Exception) -> None:
        log.error("past_rules_refused", version=version, reason=str(error))
        self._refused.add(version)

    async def _compile(self, version: int, sha256: bytes) -> Ruleset:
        opened = await self._compiler.compile(version, sha256)
        check_assets(self._assets, opened)
        return opened.ruleset

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, name="altyn-past-rules", command_timeout_s=SQL_S)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
